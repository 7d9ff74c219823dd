"""What flows do with one record: where runs wait, which step comes next, and what ran; for whoever sees the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_core.access import Actor
from crm_core.figures import Figure
from crm_core.model import Catalog
from flows.active import active_flows
from flows.manual import visible_ids
from flows.run_history import Run, list_runs
from flows.waits import TIMERS
from lake import Lake

MOST = 50


@dataclass(frozen=True)
class Waiting:
    """A run that waits: the step at which it stands (from 0), and until when, at the latest if for something."""

    run_id: str
    flow: str
    step: int
    due_at: datetime
    by_event: bool


@dataclass(frozen=True)
class RecordFlows:
    """Runs of a record that wait, the nearest first, and its last runs, the newest first; titles by a flow's slug."""

    waiting: tuple[Waiting, ...]
    runs: tuple[Run, ...]
    titles: dict[str, str]

    @property
    def figure(self) -> tuple[Figure, ...]:
        """What stands above the section."""
        failed = sum(run.state == "failed" for run in self.runs)
        shown = f"{MOST} or more" if len(self.runs) == MOST else len(self.runs)
        return (
            Figure("Waiting", len(self.waiting)),
            Figure("Runs", shown),
            Figure("Failed", failed, tone="bad" if failed else ""),
        )


def read_record_flows(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor
) -> RecordFlows:
    """Read what flows do with a record.

    Raises:
        RecordNotFound: There is no such record, or none that the actor may see.
    """
    [known] = visible_ids(lake, catalog, module, [record_id], actor)
    rows = lake.read(
        "SELECT CAST(run_id AS VARCHAR) AS run_id, flow, step, due_at, by_event "
        f"FROM {TIMERS} WHERE module = ? AND record_id = CAST(? AS UUID) ORDER BY due_at, id",
        [module, known],
    ).to_dicts()
    runs = list_runs(lake, actor=actor, module=module, record_id=known, limit=MOST)
    return RecordFlows(tuple(Waiting(**row) for row in rows), tuple(runs), _titles(catalog, runs, rows))


def _titles(catalog: Catalog, runs: Sequence[Run], rows: list[dict[str, str]]) -> dict[str, str]:
    titles = {flow.slug: flow.definition.title for flow in active_flows(catalog)}
    named = {run.flow for run in runs} | {row["flow"] for row in rows}
    return {slug: titles.get(slug, slug.replace("-", " ").capitalize()) for slug in named}
