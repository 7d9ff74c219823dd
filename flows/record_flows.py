"""What flows do with one record: where runs wait, which step comes next, and what ran; for whoever sees the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_core.access import Actor
from crm_core.figures import Figure
from crm_core.model import Catalog
from crm_core.query import read_record
from flows.active import active_flows
from flows.run_history import Run, list_runs
from lake import Lake, table

MOST = 50


@dataclass(frozen=True)
class Waiting:
    """A run that waits: the step at which it stands (from 0), and until when, at the latest if for something."""

    run_id: str
    flow: str
    version: int
    step: int
    due_at: datetime
    by_event: bool


@dataclass(frozen=True)
class RecordFlows:
    """Runs of a record that wait, the nearest first, and its last runs, the newest first; titles by a flow's slug."""

    waiting: tuple[Waiting, ...]
    runs: tuple[Run, ...]
    titles: dict[str, str]
    total: int = 0
    failed: int = 0
    """How many runs there are in all, and how many failed and were not gone on with."""

    @property
    def figure(self) -> tuple[Figure, ...]:
        """What stands above the section."""
        return (
            Figure("Waiting", len(self.waiting)),
            Figure("Runs", self.total),
            Figure("Failed", self.failed, tone="bad" if self.failed else ""),
        )


def read_record_flows(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None
) -> RecordFlows:
    """Read what flows do with a record, or as of a snapshot what they did with it until then.

    Raises:
        RecordNotFound: There is no such record, or none that the actor may see.
    """
    known = str(read_record(lake, catalog, module=module, record_id=record_id, actor=actor, at=at)["id"])
    here = {"module": module, "record": known}
    timers, runs_then = (_as_of(lake, name, at) for name in ("flow_timers", "flow_runs"))
    rows = lake.read(
        "SELECT CAST(run_id AS VARCHAR) AS run_id, flow, flow_version AS version, step, due_at, by_event "
        f"FROM {timers} WHERE module = $module AND record_id = CAST($record AS UUID) ORDER BY due_at, id",
        here,
    ).to_dicts()
    runs = list_runs(lake, actor=actor, module=module, record_id=known, limit=MOST, at=at)
    [counted] = lake.read(
        "SELECT count(*) AS total, count(*) FILTER (WHERE state = 'failed') AS failed "
        f"FROM {runs_then} WHERE module = $module AND record_id = CAST($record AS UUID)",
        here,
    ).to_dicts()
    waiting = tuple(Waiting(**row) for row in rows)
    return RecordFlows(waiting, tuple(runs), _titles(catalog, runs, rows), **counted)


def _as_of(lake: Lake, name: str, at: int | None) -> str:
    return lake.history.as_of("ops", name, at) if at is not None else table("ops", name)


def _titles(catalog: Catalog, runs: Sequence[Run], rows: list[dict[str, Any]]) -> dict[str, str]:
    titles = {flow.slug: flow.definition.title for flow in active_flows(catalog)}
    named = {run.flow for run in runs} | {row["flow"] for row in rows}
    return {slug: titles.get(slug, slug.replace("-", " ").capitalize()) for slug in named}
