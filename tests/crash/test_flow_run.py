"""Whenever a runner dies, every change has set off its flows once, and every effect is there once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lake import Lake, LakeConfig, table
from tests.crash.nursery import nursery
from tests.flows.conftest import fill
from tests.flows.flows_of import activate, flow, inquiry, rows, run, states

KILLS = 6
FIRST = 8

# One commit a window, so that there are many moments to die in.
IMPORTS = "from flows.runner import LEASE, run_once"
BODY = """
with lake.lease(LEASE):
    after = 0
    while (report := run_once(lake, after=after, max_snapshots=1)) is not None:
        after = report.until"""

FLOWS = (
    flow(
        "received",
        {"create_task": {"title": "{{ subject }}"}},
        {"send_email": {"to": "{{ email }}", "subject": "{{ subject }}", "body": "b"}},
        {"set_field": {"note": "{{ subject }}", "tags": {"add": ["seen"]}}},
    ),
    flow("noted", {"set_field": {"amount": 1}}, on={"fields": ["note"]}),
    flow("asked", {"set_field": {"notes": "{{ title }}"}}, module="tasks"),
)


@pytest.fixture
def config(tmp_path: Path, new_catalog: Callable[[Path], str]) -> LakeConfig:
    """A lake with the flows, and inquiries that they have not seen."""
    config = LakeConfig(catalog=new_catalog(tmp_path), data_path=str(tmp_path / "data"), threads=1)
    with Lake.open(config) as lake:
        fill(lake)
        activate(lake, *FLOWS)
        for number in range(FIRST):
            inquiry(lake, subject=f"s{number:02}", email=f"s{number:02}@x.example")
    return config


def test_a_runner_killed_at_any_moment_did_everything_once(config: LakeConfig) -> None:
    with Lake.open(config) as lake, nursery(config, imports=IMPORTS, body=BODY) as children:
        for number in range(FIRST, FIRST + KILLS):
            child = children.born()
            time.sleep(random.uniform(0, 0.6))
            inquiry(lake, subject=f"s{number:02}", email=f"s{number:02}@x.example")
            time.sleep(random.uniform(0, 0.3))
            children.killed(child)
        run(lake)
        wanted = [f"s{number:02}" for number in range(FIRST + KILLS)]
        assert rows(lake, "tasks", "title", "notes") == [(one, one) for one in wanted]
        assert rows(lake, "inquiries", "note", "amount", "tags") == [(one, 1, ["seen"]) for one in wanted]
        assert rows(lake, "communications", "subject") == wanted
        outbox = lake.read(f"SELECT recipient, communication_id FROM {table('ops', 'outbox')}")
        assert sorted(outbox["recipient"]) == [f"{one}@x.example" for one in wanted]
        assert outbox["communication_id"].n_unique() == len(wanted)
        assert states(lake) == ["done"] * 3 * len(wanted)
        assert ran_more_than_once(lake) == 0 and ran_without_a_cause(lake) == 0


def ran_more_than_once(lake: Lake) -> int:
    """Runs of one flow for one record and commit, beyond the first; one may be called by several."""
    runs = table("ops", "flow_runs")
    found = lake.read(
        f"SELECT count(*) - count(DISTINCT (flow, record_id, snapshot)) AS n FROM {runs} WHERE event <> 'called'"
    )
    return int(found["n"][0])


def ran_without_a_cause(lake: Lake) -> int:
    """Runs whose change is not there, and changes of flows whose run is not there."""
    runs, changes = table("ops", "flow_runs"), table("ops", "changes")
    found = lake.read(
        f"SELECT (SELECT count(*) FROM {runs} WHERE change_id NOT IN (SELECT id FROM {changes})) + "
        f"(SELECT count(*) FROM {changes} WHERE flow_run_id NOT IN (SELECT id FROM {runs})) AS n"
    )
    return int(found["n"][0])
