"""Flows for tests, written in the fewest words."""

from __future__ import annotations

from typing import Any

from crm_core.access import Actor
from crm_core.definitions import save
from lake import Lake


def flow(
    slug: str = "try",
    *do: dict[str, Any],
    module: str = "inquiries",
    on: str | dict[str, Any] = "created",
    when: Any = None,
    **more: Any,
) -> dict[str, Any]:
    """A flow's document; without actions it sets the note to its slug."""
    trigger = {"event": on} if isinstance(on, str) else {"event": "updated", **on}
    document = {"flow": slug, "module": module, "trigger": trigger, "do": list(do), **more}
    if not do:
        document["do"] = [{"set_field": {"note": slug}}]
    return document | ({"when": when} if when else {})


def leaf(field: str, op: str, value: Any = None) -> dict[str, Any]:
    """One comparison."""
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


def activate(lake: Lake, *documents: dict[str, Any]) -> None:
    """Let the flows run from now on."""
    save(lake, [("flow", document) for document in documents], actor=Actor.system())
