"""Waits whose end has come: their runs are gone on with, each once."""

import time
from datetime import UTC, datetime

from crm_core.definitions import read_catalog
from crm_core.model import Catalog
from flows.commit import Committed, commit_window
from flows.resume import stage_resumed
from flows.waits import TIMERS
from lake import Lake

MOST = 100_000
"""Waits that are gone on with in one commit at most."""

LOOK_EVERY = 1.0
"""Seconds between two looks at which wait ends next."""


def resume_due(lake: Lake, *, now: datetime | None = None) -> Committed | None:
    """Go on with the runs whose wait has ended, in one commit; None when there are none. Holds the lease `runner`.

    Flows that are switched off wait until they are on again. A run whose record was deleted is cancelled.
    """
    moment = now or datetime.now(UTC)
    catalog = read_catalog(lake)
    with lake.session(bulk=True) as session:
        staged = stage_resumed(
            session,
            lake,
            going=f"SELECT run_id, CASE WHEN by_event AND NOT coalesce(came, false) THEN 'timeout:' ELSE 'after:' END "
            f"|| step AS start, id AS timer, 'waiting' AS expects, 1 AS attempt FROM {TIMERS} "
            "WHERE due_at <= $now AND list_contains($flows, flow) ORDER BY due_at, id LIMIT $most",
            values={"now": moment, "flows": _running(catalog), "most": MOST},
            now=moment,
        )
        return None if staged is None else commit_window(session, lake, staged, None)


def _running(catalog: Catalog) -> list[str]:
    """The flows whose runs go on: those that are on, and removed ones, whose runs end."""
    gone = [slug for slug, one in catalog.live.items() if one.state == "retired"]
    return [*catalog.flows, *gone]


class Clock:
    """Knows when the next wait of a lake ends, without asking the lake again and again."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._looked = float("-inf")
        self._seen = -1
        self._due: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether a wait has ended by now."""
        if time.monotonic() - self._looked >= LOOK_EVERY:
            self.look()
        return self._due is not None and self._due <= now

    def look(self) -> None:
        """Ask the lake, unless nothing was committed since."""
        self._looked, snapshot = time.monotonic(), self._lake.snapshot()
        if snapshot == self._seen:
            return
        self._seen = snapshot
        flows = _running(read_catalog(self._lake))
        found = self._lake.read(
            f"SELECT min(due_at) AS due FROM {TIMERS} WHERE list_contains($flows, flow)", {"flows": flows}
        )
        self._due = found["due"][0]
