"""Whatever happens to a process, every effect is there once; and windows may be cut anywhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_core.definitions import read_catalog
from crm_core.model import Catalog
from crm_core.records import Event, create, delete, on_written
from flows.active import active_flows
from flows.manual import run_flow
from flows.runner import Runner, run_once
from flows.runs import RUNS
from flows.staging import Window
from flows.window import stage_window
from flows.windows import next_window
from lake import Lake, Transaction
from tests.flows.conftest import NewLake
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, leaf, rows, run, states

TASK = {"create_task": {"title": "{{ subject }}"}}
MAIL = {"send_email": {"to": "{{ email }}", "subject": "{{ subject }}", "body": "b"}}


class _Fault:
    """Lets writes of records fail while it is armed: between the effects of a window and its commit."""

    def __init__(self) -> None:
        self.armed = False
        on_written(self)

    def __call__(self, tx: Transaction, catalog: Catalog, event: Event) -> None:
        if self.armed:
            raise RuntimeError("the disk is on fire")


fault = _Fault()


def test_a_window_that_fails_at_its_end_did_nothing(crm: Lake) -> None:
    activate(crm, flow("f", TASK, MAIL, {"set_field": {"note": "x"}}))
    inquiry(crm, subject="A", email="a@x.example")
    fault.armed = True
    with pytest.raises(RuntimeError):
        run(crm)
    fault.armed = False
    assert rows(crm, "tasks", "id") == [] and rows(crm, "inquiries", "note") == [None] and states(crm) == []
    run(crm)
    assert rows(crm, "tasks", "title") == ["A"] and rows(crm, "inquiries", "note") == ["x"]
    assert states(crm) == ["done"] and len(rows(crm, "communications", "id")) == 1


def test_what_fails_beside_a_run_by_hand_undoes_it(crm: Lake) -> None:
    activate(crm, flow("f", TASK))
    record = inquiry(crm)

    def refuse(tx: Transaction, command: str) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        run_flow(crm, "f", ids=[record], actor=ADMIN, also=refuse)
    assert rows(crm, "tasks", "id") == [] and states(crm) == []


def test_two_runners_on_one_window_do_it_once(crm: Lake) -> None:
    activate(crm, flow("f", TASK))
    for number in range(3):
        inquiry(crm, subject=f"s{number}")
    # Both work it through from the same cursor, as after a lease that two believe to hold.
    threads = [threading.Thread(target=_all_windows, args=(crm,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows(crm, "tasks", "title") == ["s0", "s1", "s2"] and states(crm) == ["done"] * 3


def _all_windows(lake: Lake) -> None:
    after = 0
    while (report := run_once(lake, after=after)) is not None:
        after = report.until


def test_the_runner_acts_within_a_moment_and_stops_when_it_is_told(crm: Lake) -> None:
    activate(crm, flow("f", TASK))
    runner = Runner(crm)
    runner.start()
    inquiry(crm, subject="A")
    runner.wake()
    for _ in range(600):
        if rows(crm, "tasks", "title"):
            break
        time.sleep(0.1)
    runner.stop()
    assert rows(crm, "tasks", "title") == ["A"] and runner.last_error is None


def test_only_one_runner_works(crm: Lake) -> None:
    first, second = Runner(crm), Runner(crm)
    first.start()
    for _ in range(100):
        if first.working:
            break
        time.sleep(0.05)
    second.start()
    time.sleep(0.3)
    assert first.working and not second.working
    first.stop()
    second.stop()


@pytest.fixture(scope="module")
def history(new_lake: NewLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake in which much happened and no flow ran yet."""
    with Lake.open(new_lake(tmp_path_factory.mktemp("history"))) as lake:
        activate(
            lake,
            flow("born", TASK, when=leaf("amount", "ge", 2)),
            flow("moved", TASK, on={"fields": ["status"], "is": ["won", "closed"]}),
            flow("grew", TASK, on={"fields": ["amount"]}, when=leaf("amount", "changed")),
            flow("gone", TASK, on="deleted"),
        )
        values = [{"subject": f"s{number}", "amount": number} for number in range(4)]
        ids = list(create(lake, module="inquiries", values=values, actor=ADMIN).ids)
        for number, record in enumerate(ids):
            change(lake, record, status="won", amount=number + 1)
            change(lake, record, status="closed", subject=f"t{number}")
        delete(lake, module="inquiries", record_id=ids[0], actor=ADMIN)
        yield lake


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.sets(st.integers(min_value=0, max_value=14), max_size=5))
def test_a_window_may_be_cut_anywhere(history: Lake, cuts: set[int]) -> None:
    whole = next_window(history, after=read_catalog(history).version)
    assert whole is not None
    window, catalog = whole
    ends = sorted({window.after + cut for cut in cuts} | {window.until})
    found, after = set(), window.after
    for end in (end for end in ends if window.after < end <= window.until):
        found |= set(_effects(history, catalog, replace(window, after=after, until=end, at=end)))
        after = end
    assert found == set(_effects(history, catalog, window)) and len(found) == 15


def _effects(lake: Lake, catalog: Catalog, window: Window) -> list[tuple[Any, ...]]:
    """Who was set off by what, and the title of the task that comes of it."""
    with lake.session() as session:
        stage_window(session, lake, catalog, active_flows(catalog), window)
        runs = session.read(f"SELECT id, flow, record_id, snapshot FROM {RUNS} WHERE state = 'done'")
        if not runs.height:
            return []
        titles = session.read('SELECT _run AS id, title FROM "flow_inserts__tasks"')
        return list(runs.join(titles, on="id").select("flow", "record_id", "snapshot", "title").iter_rows())
