"""Definitions between their two forms: plain documents as YAML and the lake have them, and frozen models."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from crm_core.definition_versions import live_flows, newest
from crm_core.errors import CrmError, DefinitionInvalid
from crm_core.model import (
    FIELD_KINDS,
    Catalog,
    CustomerEvent,
    Dashboard,
    Module,
    Offered,
    Relationship,
    Report,
    SavedFilter,
    Stored,
    Team,
    Template,
    WorkspaceSettings,
)
from crm_core.model.base import DashedSlug
from crm_core.model.documents import Document, DocumentKind

KINDS: tuple[DocumentKind, ...] = get_args(DocumentKind)
MODELS: dict[str, type[BaseModel]] = {
    "workspace": WorkspaceSettings,
    "team": Team,
    "module": Module,
    "relationship": Relationship,
    "template": Template,
    "saved_filter": SavedFilter,
    "report": Report,
    "dashboard": Dashboard,
    "event": CustomerEvent,
}
"""Kind → model; a flow's document belongs to the automation and stays plain data here."""

_SLUG: TypeAdapter[str] = TypeAdapter(DashedSlug)


def parse_document(kind: str, document: Any) -> tuple[str, Document]:
    """Check one document by itself and give its slug and its plain form, defaults left out.

    Args:
        kind: one of `KINDS`.
        document: plain data, or the model itself.

    Raises:
        DefinitionInvalid: With everything wrong in it.
    """
    if kind not in KINDS:
        raise DefinitionInvalid(f"“{kind}”", [f"it is no kind of definition; there are {', '.join(KINDS)}"])
    if kind == "flow":
        return _flow_slug(document), dict(document)
    model = MODELS[kind]
    try:
        parsed = document if isinstance(document, model) else model.model_validate(document)
    except ValidationError as error:
        raise DefinitionInvalid(_title(kind, document), problems_of(error)) from error
    except CrmError as error:
        raise DefinitionInvalid(_title(kind, document), [str(error)]) from error
    return slug_of(kind, parsed), plain(parsed)


def slug_of(kind: str, model: BaseModel) -> str:
    """The slug under which a definition is stored."""
    if isinstance(model, Relationship):
        return model.key
    return "workspace" if kind == "workspace" else str(model.slug)  # type: ignore[attr-defined]


def plain(model: BaseModel) -> Document:
    """The model as plain data without its defaults, so that what was written is what is read again."""
    document: Document = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if isinstance(model, (Module, Relationship)) and model.fields:
        # The kind of a field is a default of its class, and the one thing that tells the classes apart.
        document["fields"] = [
            {"slug": field.slug, "kind": field.kind} | own
            for field, own in zip(model.fields, document["fields"], strict=True)
        ]
    return document


def kind_of(offered: Offered) -> DocumentKind:
    """The kind of definition that something offered is."""
    return next(kind for kind in KINDS if MODELS.get(kind) is type(offered))


def problems_of(error: ValidationError) -> list[str]:
    """What pydantic found, one sentence each, with the place in the document."""
    lines = []
    for found in error.errors():
        place = ".".join(str(part) for part in found["loc"] if not _is_tag(part))
        words = found["msg"].removeprefix("Value error, ")
        if found["type"] == "extra_forbidden":
            words = "there is no such key"
        lines.append(f"{place}: {words}" if place else words)
    return lines


def build_catalog(stored: Iterable[Stored], *, version: int) -> Catalog:
    """Put stored definitions together; drafts, paused and retired ones are only listed.

    Args:
        stored: the newest version of each, and of a flow also the newest that is no draft; older ones do no harm.
        version: of the catalog.

    Raises:
        DefinitionInvalid: A stored document does not fit its model.
    """
    given = list(stored)
    every, live = newest(given), live_flows(given)
    active = [one for one in every.values() if one.state == "active" and one.kind != "flow"]
    return Catalog(
        version=version,
        workspace=_all(active, "workspace", WorkspaceSettings).get("workspace", WorkspaceSettings()),
        modules=_all(active, "module", Module),
        relationships=tuple(_all(active, "relationship", Relationship).values()),
        templates=_all(active, "template", Template),
        saved_filters=_all(active, "saved_filter", SavedFilter),
        reports=_all(active, "report", Report),
        dashboards=_all(active, "dashboard", Dashboard),
        teams=_all(active, "team", Team),
        events=_all(active, "event", CustomerEvent),
        flows={slug: one.document for slug, one in live.items() if one.state == "active"},
        stored=every,
        live=live,
    )


def _all(active: Sequence[Stored], kind: str, model: Callable[..., Any]) -> dict[str, Any]:
    found = {}
    for one in active:
        if one.kind == kind:
            try:
                found[one.slug] = model.model_validate(one.document)  # type: ignore[attr-defined]
            except ValidationError as error:
                raise DefinitionInvalid(f"The stored {kind} “{one.slug}”", problems_of(error)) from error
    return found


def _flow_slug(document: Any) -> str:
    try:
        return _SLUG.validate_python(document.get("flow") if isinstance(document, Mapping) else None)
    except ValidationError as error:
        wanted = "it needs `flow`, its slug: lower case letters, digits and dashes"
        raise DefinitionInvalid(_title("flow", document), [wanted]) from error


def _title(kind: str, document: Any) -> str:
    known = document if isinstance(document, Mapping) else {}
    name = next((known[key] for key in ("slug", "name", "flow") if key in known), "")
    return f"The {kind.replace('_', ' ')} “{name}”" if name else f"A {kind.replace('_', ' ')}"


def _is_tag(part: int | str) -> bool:
    """Whether a place's part is the name of a union's branch, which nobody wrote."""
    return part in _TAGS


_TAGS = frozenset(FIELD_KINDS) | {"all", "any", "not", "field"}
