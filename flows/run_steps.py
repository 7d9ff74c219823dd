"""What each step of a run was told to do, what it found, and what it made of it, read from the lake's past."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.trees import column, lake_table, text
from flows.run_history import show_run
from flows.statements import used
from flows.steps_reading import step_as_document
from flows.store import flow_versions
from lake import Lake, table
from lake.errors import StatementError

_EFFECTS = table("ops", "flow_effects")
_OUTBOX = table("ops", "outbox")
_DELIVERIES = table("ops", "deliveries")


@dataclass(frozen=True)
class Delivered:
    """One attempt to deliver what a step sent; instants are UTC."""

    attempt: int
    state: str
    answer: str | None
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class RunStep:
    """One step of a run.

    Attributes:
        step: its number, from 0.
        action: its key.
        given: the step as it stands in the version that ran.
        module, record_id: what it wrote.
        outcome, detail: what it came to (see `docs/flows.md`), and why.
        before: the values that it changed, as they were; empty for a new record, or where the past has expired.
        after: the values that it gave.
        attempt: which time it was tried.
        seconds: how long it took, its share of what was done together.
        deliveries: the attempts to deliver what it sent.
    """

    step: int
    action: str
    given: Mapping[str, Any]
    module: str
    record_id: str | None
    outcome: str
    detail: str | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    attempt: int
    seconds: float | None
    deliveries: tuple[Delivered, ...] = field(default=())


def read_run_steps(lake: Lake, run_id: str, *, actor: Actor) -> tuple[RunStep, ...]:
    """The steps of a run in their order; values only of records that the actor may see.

    Raises:
        UnknownRun: There is none, or none of a record that the actor may see.
    """
    run = show_run(lake, run_id, actor=actor)
    catalog = read_catalog(lake)
    version = next((one for one in flow_versions(lake, run.flow) if one.version == run.flow_version), None)
    steps = {one.number: one.step for one in version.definition.steps} if version else {}
    rows = lake.read(
        "SELECT step, action, module, record_id, outcome, fields, detail, attempt, seconds, committed "
        f"FROM {_EFFECTS} WHERE run_id = CAST(? AS UUID) ORDER BY committed, step",
        [run_id],
    ).to_dicts()
    sent = _deliveries(lake, run_id)
    found = []
    for row in rows:
        before, after = _values(lake, catalog, row, actor)
        given = step_as_document(steps[row["step"]]) if row["step"] in steps else {}
        found.append(
            RunStep(
                row["step"], row["action"], given, row["module"], row["record_id"], row["outcome"], row["detail"],
                before, after, row["attempt"] or 1, row["seconds"], tuple(sent.get(str(row["record_id"]), ())),
            )
        )  # fmt: skip
    return tuple(found)


def _values(
    lake: Lake, catalog: Catalog, row: Mapping[str, Any], actor: Actor
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values before and after a step, from the record as of the commit before it and its own."""
    if row["outcome"] not in ("written", "queued", "held") or row["module"] not in catalog.modules:
        return {}, {}
    after = _record(lake, catalog, row, actor, int(row["committed"]))
    if not row["fields"]:
        kept = {slug for slug in after if slug not in _MACHINERY}
        return {}, {slug: after[slug] for slug in sorted(kept) if after[slug] not in (None, [])}
    before = _record(lake, catalog, row, actor, int(row["committed"]) - 1)
    names = [name for name in row["fields"] if name in after]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


_MACHINERY = frozenset({"id", "change_id", "version", "created_at", "updated_at", "deleted_at"})


def _record(
    lake: Lake, catalog: Catalog, row: Mapping[str, Any], actor: Actor, snapshot: int
) -> dict[str, Any]:
    """A record as of a snapshot; nothing where it may not be seen, or that past has expired."""
    if row["record_id"] is None:
        return {}
    relations = Relations(catalog, actor, Params(), snapshot)
    columns = [column(name, "r") for name in catalog.columns(row["module"])]
    select = exp.select(*columns).from_(lake_table(row["module"], alias="r", at=snapshot)).where(
        relations.predicate(row["module"], "r"),
        column("id", "r").eq(exp.cast(relations.params.bind(str(row["record_id"])), "UUID", dialect="duckdb")),
    )  # fmt: skip
    try:
        rows = lake.read(text(select), used(select, relations.params)).to_dicts()
    except StatementError:
        # A column that the module did not have then, or a snapshot that has expired.
        return {}
    return dict(rows[0]) if rows else {}


def _deliveries(lake: Lake, run_id: str) -> dict[str, list[Delivered]]:
    """The attempts to deliver what a run sent, by the id of the message."""
    rows = lake.read(
        "SELECT CAST(coalesce(o.communication_id, o.id) AS VARCHAR) AS message, d.attempt, d.state, d.answer, "
        f"d.started_at, d.finished_at FROM {_DELIVERIES} d JOIN {_OUTBOX} o ON o.id = d.outbox_id "
        "WHERE o.run_id = CAST(? AS UUID) ORDER BY d.started_at, d.attempt",
        [run_id],
    )
    found: dict[str, list[Delivered]] = {}
    for row in rows.to_dicts():
        found.setdefault(row.pop("message"), []).append(Delivered(**row))
    return found
