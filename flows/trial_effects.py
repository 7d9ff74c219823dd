"""What a trial found, read from the transaction before it is rolled back."""

import json
from dataclasses import dataclass
from typing import Any

from flows.commit import EFFECTS, Prepared
from flows.merging import merged_table
from flows.run_history import TraceLeaf
from flows.runs import RUNS
from lake import Transaction, ident


@dataclass(frozen=True)
class TrialStep:
    """What a step would do to which record. `values` are those of a new one, or (old, new) of each changed field."""

    step: int
    action: str
    module: str
    outcome: str
    detail: str | None
    values: dict[str, Any]
    record: str | None = None


@dataclass(frozen=True)
class TrialRecord:
    """One record in a trial: whether the condition held, what each leaf saw, and what would be done."""

    record_id: str
    state: str
    error: str | None
    leaves: tuple[TraceLeaf, ...]
    steps: tuple[TrialStep, ...]


@dataclass(frozen=True)
class Trial:
    """What a flow would do to some records."""

    flow: str
    records: tuple[TrialRecord, ...]


def read_trial(tx: Transaction, prepared: Prepared) -> Trial:
    """Read a trial from what its transaction has staged and written."""
    runs = tx.read(
        f"SELECT id, record_id, state, error, trace FROM {ident(RUNS)} ORDER BY record_id"
    ).to_dicts()
    made, changed = _made(tx, prepared), _changed(tx, prepared)
    steps: dict[str, list[TrialStep]] = {run["id"]: [] for run in runs}
    for row in tx.read(f"SELECT * FROM {ident(EFFECTS)} ORDER BY run, step").to_dicts():
        values = made.get(str(row["record"])) if row["module"] in prepared.inserts else None
        if values is None:
            all_changed = changed.get(str(row["record"]), {})
            values = {name: all_changed[name] for name in row["fields"] or () if name in all_changed}
        steps[row["run"]].append(
            TrialStep(
                row["step"],
                row["action"],
                row["module"],
                row["outcome"],
                row["detail"],
                values,
                None if row["record"] is None else str(row["record"]),
            )
        )
    flow = prepared.staged.flows[0].slug
    return Trial(flow, tuple(_record(run, steps[run["id"]]) for run in runs))


def _record(run: dict[str, Any], steps: list[TrialStep]) -> TrialRecord:
    leaves = tuple(TraceLeaf(**leaf) for leaf in json.loads(run["trace"] or "[]"))
    return TrialRecord(run["record_id"], run["state"], run["error"], leaves, tuple(steps))


def _made(tx: Transaction, prepared: Prepared) -> dict[str, dict[str, Any]]:
    """The new records by id: the columns that have a value."""
    found = {}
    for module, ready in prepared.inserts.items():
        columns = ", ".join(ident(name) for name in prepared.staged.catalog.columns(module))
        for row in tx.read(f"SELECT {columns} FROM {ident(ready.table)}").to_dicts():
            found[str(row["id"])] = {name: value for name, value in row.items() if value not in (None, [])}
    return found


def _changed(tx: Transaction, prepared: Prepared) -> dict[str, dict[str, tuple[Any, Any]]]:
    """Record → column → (old, new), of every column that became other than it was."""
    found: dict[str, dict[str, tuple[Any, Any]]] = {}
    for module in prepared.staged.effects.updates:
        rows = f"{merged_table(module)}__rows"
        before = {row["id"]: row for row in tx.read(f"SELECT * FROM {ident(rows + '__before')}").to_dicts()}
        for row in tx.read(f"SELECT * FROM {ident(rows)}").to_dicts():
            old = before[row["id"]]
            found[row["id"]] = {name: (old[name], row[name]) for name in old if old[name] != row[name]}
    return found
