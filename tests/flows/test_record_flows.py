"""What flows do with one record: counted as the lake's own tables have it, now and as of a snapshot."""

from __future__ import annotations

import pytest

from crm_core import definitions
from crm_core.access import Actor
from crm_core.errors import RecordNotFound
from flows.cancelling import cancel_runs
from flows.record_flows import RecordFlows, read_record_flows
from lake import Lake, new_id
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, run

NOTE = {"set_field": {"note": "went on"}}


def of(crm: Lake, record: str, at: int | None = None) -> RecordFlows:
    catalog = definitions.read_catalog(crm)
    return read_record_flows(crm, catalog, module="inquiries", record_id=record, actor=ADMIN, at=at)


def counted(crm: Lake, record: str) -> list[int]:
    """Waiting, runs and failures, by plain SQL."""
    runs = crm.read("SELECT state FROM lake.ops.flow_runs WHERE record_id = ?::UUID", [record])[
        "state"
    ].to_list()
    timers = crm.read("SELECT count(*) AS n FROM lake.ops.flow_timers WHERE record_id = ?::UUID", [record])
    return [int(timers.item()), len(runs), runs.count("failed")]


def test_waiting_and_failed_runs_of_a_record_are_counted_and_one_is_cancelled(crm: Lake) -> None:
    activate(
        crm,
        flow("waits", NOTE, {"wait": {"for": "3d"}}, NOTE),
        flow("fails", {"wait": {"until": "due"}}, NOTE),
    )
    before = crm.snapshot()
    mine, other = inquiry(crm), inquiry(crm)
    made = crm.snapshot()
    run(crm)
    found = of(crm, mine)
    assert [one.value for one in found.figure] == counted(crm, mine) == [1, 2, 1]
    [waiting] = found.waiting
    assert (waiting.flow, waiting.step, waiting.version) == ("waits", 1, 1)
    assert [one.value for one in of(crm, mine, at=made).figure] == [0, 0, 0]
    cancel_runs(crm, waiting.run_id, actor=ADMIN)
    assert [one.value for one in of(crm, mine).figure] == counted(crm, mine) == [0, 2, 1]
    assert [one.value for one in of(crm, other).figure] == [1, 2, 1]
    with pytest.raises(RecordNotFound):
        of(crm, mine, at=before)


def test_of_a_record_that_one_does_not_see_nothing_is_told(crm: Lake) -> None:
    mine = inquiry(crm)
    change(crm, mine, note="x")
    catalog = definitions.read_catalog(crm)
    for actor, record in ((ADMIN, new_id()), (Actor("eve", "agent", ("nobody",)), new_id())):
        with pytest.raises(RecordNotFound):
            read_record_flows(crm, catalog, module="inquiries", record_id=record, actor=actor)
