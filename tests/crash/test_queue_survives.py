"""Whoever works off what waited for paused flows may die at any moment: all of it is done, and once."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows import store
from flows.pauses import due
from flows.runner import run_until_current
from flows.schedule import run_due
from lake import Lake, LakeConfig
from tests.crash.nursery import nursery
from tests.crash.test_flow_run import ran_more_than_once
from tests.flows.conftest import fill
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, rows

KILLS = 8
WAITING = 12
LATER = datetime.now(UTC) + timedelta(days=3)
IMPORTS = """
from datetime import datetime
from flows.runner import LEASE, run_once
from flows.schedule import Schedule
from flows.windows import read_cursor"""
BODY = """
with lake.lease(LEASE):
    cursor = after = read_cursor(lake)
    schedule, later = Schedule(lake), datetime.fromisoformat(more[0])
    while True:
        report = run_once(lake, cursor=cursor, after=after, max_snapshots=2)
        if report is None:
            schedule.run(later)
        else:
            after, cursor = report.until, report.cursor"""

FLOWS = (
    flow("changed", {"create_task": {"title": "c {{ subject }}"}}),
    flow("daily", {"create_task": {"title": "s {{ subject }}"}})
    | {"trigger": {"event": "schedule", "cron": "0 9 * * *"}},
    flow("reached", {"create_task": {"title": "d {{ subject }}"}})
    | {"trigger": {"event": "date", "field": "due"}},
)


def test_a_queue_is_worked_off_once_however_often_its_worker_dies(
    tmp_path: Path, new_catalog: Callable[[Path], str]
) -> None:
    config = LakeConfig(catalog=new_catalog(tmp_path), data_path=str(tmp_path / "data"), threads=1)
    tomorrow = str((datetime.now(UTC) + timedelta(days=1)).date())
    with Lake.open(config) as lake:
        fill(lake)
        activate(lake, *FLOWS)
        for one in FLOWS:
            store.pause(lake, one["flow"], queue=True, actor=ADMIN)
        for number in range(WAITING):
            inquiry(lake, subject=f"{number:02}", due=tomorrow)
        for one in FLOWS:
            store.activate(lake, one["flow"], actor=ADMIN)
        with nursery(config, LATER.isoformat(), imports=IMPORTS, body=BODY) as children:
            for _ in range(KILLS):
                child = children.born()
                time.sleep(random.uniform(0, 0.4))
                children.killed(child)
        run_until_current(lake)
        run_due(lake, now=LATER)
        made = Counter(rows(lake, "tasks", "title"))
        assert made == {f"{kind} {number:02}": 1 for kind in "csd" for number in range(WAITING)}
        assert due(lake, read=lake.snapshot()) is None and ran_more_than_once(lake) == 0
