"""Flows in the lake: listed, applied from YAML, switched on and off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_core import yaml
from crm_core.access import Actor
from crm_core.definitions import read_catalog, read_versions, save
from crm_core.errors import DefinitionInvalid
from crm_core.model import Catalog, Stored
from crm_core.model.documents import State
from crm_core.people import read_directory
from flows.active import ActiveFlow, stored_flow
from flows.check import check_flow, read_flow
from flows.cycles import cycle_warnings
from flows.errors import UnknownFlow
from flows.model import FlowDefinition, parse_flow, to_flow_document
from lake import Lake


@dataclass(frozen=True)
class FlowInfo:
    """A flow as the lake has it. `state` is draft, active or retired; `problems` keep it from running."""

    flow: str
    id: str
    version: int
    state: State
    definition: FlowDefinition
    problems: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What people read."""
        return self.definition.title


@dataclass(frozen=True)
class Applied:
    """What saving did: slug → what became of it (created, changed, unchanged), and what is to be known."""

    flows: Mapping[str, str]
    warnings: tuple[str, ...]


def list_flows(lake: Lake, *, module: str | None = None, retired: bool = False) -> list[FlowInfo]:
    """The flows there are, by slug; those of one module only, when it is named."""
    catalog = read_catalog(lake)
    found = [_info(catalog, one) for (kind, _), one in sorted(catalog.stored.items()) if kind == "flow"]
    return [
        info
        for info in found
        if (retired or info.state != "retired") and (module is None or info.definition.module == module)
    ]


def show_flow(lake: Lake, flow: str) -> FlowInfo:
    """One flow, by its slug or id.

    Raises:
        UnknownFlow: When there is none.
    """
    catalog = read_catalog(lake)
    return _info(catalog, find_stored(catalog, flow))


def flow_yaml(lake: Lake, flow: str) -> str:
    """One flow as YAML, as `apply_flows` reads it."""
    return yaml.dump(to_flow_document(show_flow(lake, flow).definition))


def flow_versions(lake: Lake, flow: str) -> list[ActiveFlow]:
    """Every version of a flow, the newest first."""
    stored = find_stored(read_catalog(lake), flow)
    return [stored_flow(one) for one in read_versions(lake, "flow", stored.slug)]


def find_stored(catalog: Catalog, flow: str) -> Stored:
    """The newest version of a flow, by its slug, the lake's id, or the id that its document brings.

    Raises:
        UnknownFlow: When there is none.
    """
    flows = {slug: one for (kind, slug), one in catalog.stored.items() if kind == "flow"}
    if flow in flows:
        return flows[flow]
    for one in flows.values():
        if flow and flow in (one.id, one.document.get("id")):
            return one
    raise UnknownFlow(flow, sorted(flows))


def _info(catalog: Catalog, stored: Stored) -> FlowInfo:
    flow = stored_flow(stored)
    problems = tuple(check_flow(catalog, flow.definition)) if stored.state != "retired" else ()
    return FlowInfo(flow.slug, flow.id, flow.version, stored.state, flow.definition, problems)


def read_flow_documents(source: str | Path | Sequence[Any] | Mapping[str, Any]) -> list[dict[str, Any]]:
    """The flow documents of a YAML file, a folder of them, YAML text, or plain data.

    One document is a flow, a list of flows, or a mapping with the key `flows`.
    """
    if isinstance(source, Path):
        files = sorted([*source.glob("*.yaml"), *source.glob("*.yml")]) if source.is_dir() else [source]
        return [document for file in files for document in _listed(yaml.load_file(file))]
    return _listed(yaml.load(source) if isinstance(source, str) else source)


def _listed(document: Any) -> list[dict[str, Any]]:
    if isinstance(document, Mapping) and "flows" in document and "flow" not in document:
        document = document["flows"]
    if document is None:
        return []
    return list(document) if isinstance(document, Sequence) and not isinstance(document, str) else [document]


def apply_flows(
    lake: Lake, source: str | Path | Sequence[Any] | Mapping[str, Any], *, actor: Actor, reason: str = ""
) -> Applied:
    """Save flows from YAML or plain data: new ones as drafts, others in the state they are in.

    A document may say otherwise with `state: active` or `state: draft`.

    Raises:
        Forbidden: The actor is no administrator.
        DefinitionInvalid: With every problem of every flow; nothing was saved.
    """
    actor.require_admin("flows")
    catalog = read_catalog(lake)
    documents = []
    problems: list[str] = []
    for given in read_flow_documents(source):
        try:
            documents.append(("flow", _document(lake, catalog, given)))
        except DefinitionInvalid as error:
            problems += [f"{error.what}: {problem}" for problem in error.problems]
    if problems:
        raise DefinitionInvalid("The flows", problems)
    plan = save(lake, documents, actor=actor, reason=reason or "flows applied")
    done = {change.slug: change.what for change in plan.changes if change.kind == "flow"}
    slugs = [document["flow"] for _, document in documents]
    return Applied({slug: done.get(slug, "unchanged") for slug in slugs}, _warnings(lake, slugs))


def _document(lake: Lake, catalog: Catalog, given: Any) -> dict[str, Any]:
    state = given.get("state") if isinstance(given, Mapping) else None
    plain = (
        {key: value for key, value in given.items() if key != "state"}
        if isinstance(given, Mapping)
        else given
    )
    flow = parse_flow(plain)
    problems = check_flow(catalog, flow, users=known_users(lake))
    if problems:
        raise DefinitionInvalid(f"The flow {flow.flow}", problems)
    stored = catalog.stored.get(("flow", flow.flow))
    return to_flow_document(flow) | {"state": state or (stored.state if stored else "draft")}


def known_users(lake: Lake) -> frozenset[str]:
    """The slugs of the users who can be given work."""
    return frozenset(user.slug for user in read_directory(lake).active)


def _warnings(lake: Lake, slugs: Sequence[str]) -> tuple[str, ...]:
    """The circles in which at least one of these flows stands, drafts included."""
    catalog = read_catalog(lake)
    flows = [
        read_flow(one.document)
        for (kind, _), one in catalog.stored.items()
        if kind == "flow" and one.state != "retired"
    ]
    return tuple(line for line in cycle_warnings(catalog, flows) if set(line.split()) & set(slugs))


def activate(lake: Lake, flow: str, *, actor: Actor) -> Applied:
    """Let a flow run from now on; changes made before do not set it off.

    Raises:
        UnknownFlow: When there is none.
        DefinitionInvalid: It cannot run; with every problem.
    """
    return _switch(lake, flow, "active", actor)


def pause(lake: Lake, flow: str, *, actor: Actor) -> Applied:
    """Make a flow a draft again: what changes from now on does not set it off."""
    return _switch(lake, flow, "draft", actor)


def retire(lake: Lake, flow: str, *, actor: Actor) -> Applied:
    """Take a flow away; its versions and runs stay."""
    return _switch(lake, flow, "retired", actor)


def _switch(lake: Lake, flow: str, state: State, actor: Actor) -> Applied:
    actor.require_admin("flows")
    catalog = read_catalog(lake)
    stored = find_stored(catalog, flow)
    if state == "active":
        problems = check_flow(catalog, read_flow(stored.document), users=known_users(lake))
        if problems:
            raise DefinitionInvalid(f"The flow {stored.slug}", problems)
    document = dict(stored.document) | {"state": state}
    plan = save(lake, [("flow", document)], actor=actor, reason=f"flow {stored.slug}: {state}")
    what = plan.changes[0].what if plan.changes else "unchanged"
    return Applied({stored.slug: what}, _warnings(lake, [stored.slug]) if state == "active" else ())
