"""Flows for tests, written in the fewest words."""

from __future__ import annotations

from typing import Any

from crm_core.access import Actor
from crm_core.definitions import save
from crm_core.records import create, update
from flows.run_history import list_runs
from flows.runner import run_until_current
from lake import Lake, ident, table

ADMIN = Actor.local_admin()


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


def run(lake: Lake) -> None:
    """Let the flows see everything there is, and what they set off themselves."""
    run_until_current(lake)


def inquiry(lake: Lake, **values: Any) -> str:
    """A new inquiry by a person; returns its id."""
    return create(lake, module="inquiries", values={"subject": "S", **values}, actor=ADMIN).id


def change(lake: Lake, record_id: str, module: str = "inquiries", **values: Any) -> None:
    """Change a record as a person does."""
    update(lake, module=module, record_id=record_id, values=values, actor=ADMIN)


def rows(lake: Lake, module: str, *columns: str) -> list[Any]:
    """The live records of a module: one value each, or tuples of several."""
    names = ", ".join(ident(name) for name in columns)
    found = lake.read(
        f"SELECT {names} FROM {table('crm', module)} WHERE deleted_at IS NULL ORDER BY ALL"
    ).rows()
    return [row[0] for row in found] if len(columns) == 1 else found


def states(lake: Lake, flow_slug: str | None = None) -> list[str]:
    """The states of all runs, in the order in which they began."""
    found = list_runs(lake, actor=ADMIN, flow=flow_slug)
    return [one.state for one in sorted(found, key=lambda one: (one.snapshot, one.flow))]
