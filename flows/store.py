"""Flows in the lake: listed, applied from YAML, switched on and off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_core import yaml
from crm_core.access import Actor
from crm_core.definition_versions import QUEUE, without_queue
from crm_core.definitions import read_catalog, read_versions, save
from crm_core.model import Catalog, Stored
from crm_core.model.documents import Document, State
from crm_core.people import read_directory
from flows.active import ActiveFlow, stored_flow
from flows.check import check_flow, read_flow, require_valid
from flows.cycles import cycle_warnings
from flows.document import Source, read_flows
from flows.errors import UnknownFlow, UnknownVersion
from flows.model import FlowDefinition, to_flow_document
from flows.pauses import settle
from lake import Lake


@dataclass(frozen=True)
class FlowInfo:
    """A flow as the lake has it. `state` is active, draft, paused or retired; `problems` keep it from running.

    `definition` and `version` are the newest, an edit in the making where there is one. `live_version` is what runs, or
    ran until it was paused; `draft_version` the edit; None without. `queue` says that what changes while it is paused
    is worked off when it is active again.
    """

    flow: str
    id: str
    version: int
    state: State
    definition: FlowDefinition
    problems: tuple[str, ...] = ()
    live_version: int | None = None
    draft_version: int | None = None
    queue: bool = False

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


def flow_yaml(lake: Lake, flow: str, *, version: int | None = None) -> str:
    """One flow as YAML, as `apply_flows` reads it: its newest version, or the one that is named.

    Raises:
        UnknownFlow, UnknownVersion: When there is none.
    """
    stored = find_stored(read_catalog(lake), flow)
    chosen = stored if version is None else find_version(lake, stored.slug, version)
    return yaml.dump(to_flow_document(read_flow(chosen.document)))


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


def find_live(catalog: Catalog, flow: str) -> Stored:
    """The version of a flow that runs, or ran until it was paused; its draft when it never did.

    Raises:
        UnknownFlow: When there is no such flow.
    """
    newest = find_stored(catalog, flow)
    live = catalog.live.get(newest.slug)
    return newest if live is None or live.state == "retired" else live


def _info(catalog: Catalog, newest: Stored) -> FlowInfo:
    flow, live = stored_flow(newest), find_live(catalog, newest.slug)
    problems = tuple(check_flow(catalog, flow.definition)) if newest.state != "retired" else ()
    return FlowInfo(
        flow.slug,
        flow.id,
        flow.version,
        live.state,
        flow.definition,
        problems,
        live_version=live.version if live.state in ("active", "paused") else None,
        draft_version=newest.version if newest.state == "draft" else None,
        queue=live.state == "paused" and bool(live.document.get(QUEUE)),
    )


def apply_flows(
    lake: Lake,
    source: Source,
    *,
    actor: Actor,
    reason: str = "",
    as_draft: bool = False,
) -> Applied:
    """Save flows from YAML or plain data: new ones as drafts, others in the state they are in.

    A document may say otherwise with `state: active`, `state: draft` or `state: paused`. What is live goes on beside a
    draft until that is activated; a draft that is no other than what is live is none.

    Args:
        lake: the lake.
        source: a file, a folder of them, YAML text, or plain data.
        actor: an administrator.
        reason: why, for the history.
        as_draft: save all of them as drafts, whatever their state and what they say.

    Raises:
        Forbidden: The actor is no administrator.
        YamlInvalid: A text is no YAML, or a file cannot be read.
        DefinitionInvalid: With every problem of every flow, in YAML with its line; nothing was saved.
    """
    actor.require_admin("flows")
    catalog = read_catalog(lake)
    found = read_flows(catalog, source, users=known_users(lake))
    documents = [("flow", _document(catalog, *one, as_draft=as_draft)) for one in found]
    plan = save(lake, documents, actor=actor, reason=reason or "flows applied", also=settle)
    done = {change.slug: change.what for change in plan.changes if change.kind == "flow"}
    slugs = [document["flow"] for _, document in documents]
    return Applied({slug: done.get(slug, "unchanged") for slug in slugs}, _warnings(lake, slugs))


def _document(
    catalog: Catalog, flow: FlowDefinition, given: Mapping[str, Any], *, as_draft: bool
) -> dict[str, Any]:
    state = given.get("state")
    live = catalog.live.get(flow.flow)
    standing = "draft" if live is None or live.state == "retired" else live.state
    return _in_state(to_flow_document(flow), "draft" if as_draft else state or standing, live)


def _in_state(document: Document, state: State, live: Stored | None) -> Document:
    """A flow's document as `save` takes it; one that stays paused keeps its queue, or that it has none."""
    queue = live is not None and live.state == "paused" and bool(live.document.get(QUEUE))
    return without_queue(document) | {"state": state} | ({QUEUE: queue} if state == "paused" else {})


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
    return tuple(cycle_warnings(catalog, flows, about=slugs))


def activate(lake: Lake, flow: str, *, actor: Actor, version: int | None = None) -> Applied:
    """Let the newest version of a flow run from now on, or the one that is named; what changed before does not count.

    What changed while it was paused with a queue is worked off by the runner, under this version.

    Raises:
        UnknownFlow, UnknownVersion: When there is none.
        DefinitionInvalid: It cannot run; with every problem.
    """
    actor.require_admin("flows")
    catalog = read_catalog(lake)
    newest = find_stored(catalog, flow)
    chosen = newest if version is None else find_version(lake, newest.slug, version)
    require_valid(catalog, read_flow(chosen.document), users=known_users(lake))
    return switch(
        lake, newest.slug, chosen.document, "active", actor=actor, reason=f"flow {newest.slug}: active"
    )


def pause(lake: Lake, flow: str, *, actor: Actor, queue: bool = False) -> Applied:
    """Let a flow rest: what changes from now on does not set it off. A draft stays beside it.

    Args:
        lake: the lake.
        flow: a slug or id.
        actor: an administrator.
        queue: whether what changes meanwhile is worked off when it is active again; else it is passed over.

    Raises:
        UnknownFlow: When there is none.
    """
    actor.require_admin("flows")
    live = find_live(read_catalog(lake), flow)
    if live.state not in ("active", "paused"):
        return Applied({live.slug: "unchanged"}, ())
    document = without_queue(live.document) | {QUEUE: queue}
    how = "paused, what changes waits" if queue else "paused"
    return switch(lake, live.slug, document, "paused", actor=actor, reason=f"flow {live.slug}: {how}")


def retire(lake: Lake, flow: str, *, actor: Actor) -> Applied:
    """Take a flow away; its versions and runs stay."""
    actor.require_admin("flows")
    newest = find_stored(read_catalog(lake), flow)
    reason = f"flow {newest.slug}: retired"
    return switch(lake, newest.slug, newest.document, "retired", actor=actor, reason=reason)


def find_version(lake: Lake, flow: str, version: int) -> Stored:
    """One version of a flow, by its slug.

    Raises:
        UnknownVersion: When there is none.
    """
    versions = read_versions(lake, "flow", flow)
    for one in versions:
        if one.version == version:
            return one
    raise UnknownVersion(flow, version, max((one.version for one in versions), default=0))


def switch(lake: Lake, slug: str, document: Document, state: State, *, actor: Actor, reason: str) -> Applied:
    """Save one flow in a state; a queue is begun or ended in the same commit."""
    plain = document if state == "paused" else without_queue(document)
    plan = save(lake, [("flow", plain | {"state": state})], actor=actor, reason=reason, also=settle)
    what = plan.changes[0].what if plan.changes else "unchanged"
    return Applied({slug: what}, _warnings(lake, [slug]) if state == "active" else ())
