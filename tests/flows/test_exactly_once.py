"""Whatever happens to a process, every effect is there once. These run on PostgreSQL as well."""

from __future__ import annotations

import threading
import time

import pytest

from crm_core.model import Catalog
from crm_core.records import Event, on_written
from flows.manual import run_flow
from flows.runner import Runner, run_once, run_until_current
from flows.windows import pass_over_silence, read_cursor
from lake import Change, Lake, Transaction, table
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, rows, run, states

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


def test_what_cannot_set_off_a_flow_is_passed_over_and_nothing_else_is(crm: Lake) -> None:
    activate(crm, flow("f", TASK))
    assert pass_over_silence(crm) and read_cursor(crm) == crm.snapshot()
    assert not pass_over_silence(crm)
    inquiry(crm, subject="A")
    activate(crm, flow("g"))
    assert not pass_over_silence(crm)
    run(crm)
    assert rows(crm, "tasks", "title") == ["A"]
    run_until_current(crm)
    crm.commit(lambda tx: tx.execute(f"INSERT INTO {table('crm', 'inquiries')} (id) VALUES (uuid())"),
               Change(actor="program", door="program"))  # fmt: skip
    assert not pass_over_silence(crm)
