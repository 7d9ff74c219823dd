"""Flows that wait for a time or for a date: each moment once, whatever the clock does."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_core.definitions import read_catalog
from flows import store
from flows.check import check_flow
from flows.cron import cron_problem, next_firing
from flows.model import parse_flow
from flows.moments import next_moment
from flows.run_history import list_runs
from flows.runner import Runner, run_until_current
from flows.schedule import Schedule, run_due
from lake import Change, Lake, table
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, leaf, rows

DEFINITIONS = table("meta", "definitions")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    """A time in Berlin, as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def timed(slug: str = "tick", cron: str = "0 9 * * *", **more: Any) -> dict[str, Any]:
    return flow(slug, **more) | {"trigger": {"event": "schedule", "cron": cron}}


def dated(slug: str = "due", field: str = "due", **more: Any) -> dict[str, Any]:
    return flow(slug) | {"trigger": {"event": "date", "field": field, **more}}


def runs(lake: Lake, slug: str | None = None) -> list[str | None]:
    return [one.record_id for one in list_runs(lake, actor=ADMIN, flow=slug)]


def ticks(lake: Lake) -> int:
    return int(lake.read(f"SELECT count(*) AS n FROM {table('ops', 'flow_ticks')}")["n"][0])


def next_nine(days: int = 1) -> datetime:
    """The ``days``-th nine o'clock from now in Berlin: at four in the morning the first is still today's."""
    day = (datetime.now(BERLIN) - timedelta(hours=9)).date() + timedelta(days=days)
    return at(f"{day}T09:00")


@pytest.mark.parametrize(
    ("line", "after", "fires"),
    [
        pytest.param("30 2 * * *", "2026-03-28T12:00", "2026-03-29T03:00", id="in the hour that is skipped"),
        pytest.param("30 2 * * *", "2026-03-29T03:00", "2026-03-30T02:30", id="and not once more"),
        pytest.param("30 2 * * *", "2026-10-24T12:00", "2026-10-25T02:30", id="in the hour that comes twice"),
        pytest.param("0 0 31 * *", "2026-03-31T00:00", "2026-05-31T00:00", id="the 31st"),
        pytest.param("0 8 L * *", "2026-02-01T00:00", "2026-02-28T08:00", id="the end of a month"),
        pytest.param("0 0 29 2 *", "2026-01-01T00:00", "2028-02-29T00:00", id="a leap day"),
        pytest.param("0 9 13 * FRI", "2026-11-01T00:00", "2026-11-06T09:00", id="a day or a weekday"),
    ],
)
def test_a_cron_line_fires_by_the_clock_on_the_wall(line: str, after: str, fires: str) -> None:
    assert next_firing(line, at(after), BERLIN) == at(fires)


def test_an_hour_that_comes_twice_is_one_for_what_has_its_time_and_two_for_what_is_always() -> None:
    day = at("2026-10-25T00:00")
    assert _fired("30 2 * * *", day) == ["00:30"]
    assert _fired("*/30 2 * * *", day) == ["00:00", "00:30", "01:00", "01:30"]
    assert cron_problem("0 0 30 2 *") and cron_problem("0 0 29 2 *") is None


def _fired(line: str, day: datetime) -> list[str]:
    found, here = [], day
    while (here := next_firing(line, here, BERLIN) or day) < day + timedelta(days=1):
        found.append(f"{here:%H:%M}")
    return found


def test_a_schedule_sets_off_all_that_match_then_once_each_time(crm: Lake) -> None:
    activate(crm, timed(when=leaf("amount", "ge", 5), folders=["inbox"]))
    one, *_ = inquiry(crm, amount=9), inquiry(crm, amount=1), inquiry(crm, amount=9, folder="claims")
    nine = next_nine()
    assert run_due(crm, now=nine - timedelta(seconds=1)) == [] and ticks(crm) == 0
    [fired] = run_due(crm, now=nine)
    assert (fired.records, fired.stored.done) == (1, 1)
    assert [(run.record_id, run.event, run.state) for run in list_runs(crm, actor=ADMIN)] == [
        (one, "schedule", "done")
    ]
    assert rows(crm, "inquiries", "amount", "note") == [(1, None), (9, "tick"), (9, None)]
    assert run_due(crm, now=nine) == [] == run_due(crm, now=nine + timedelta(hours=23))
    assert len(run_due(crm, now=nine + timedelta(days=1))) == 1


def test_several_times_that_were_missed_are_one(crm: Lake) -> None:
    activate(crm, timed())
    inquiry(crm)
    assert [one.records for one in run_due(crm, now=next_nine(5))] == [1]
    assert len(runs(crm)) == 1 and run_due(crm, now=next_nine(5)) == []


def test_a_clock_that_is_put_back_sets_off_nothing_twice(crm: Lake) -> None:
    activate(crm, timed())
    inquiry(crm)
    schedule, nine = Schedule(crm), next_nine(2)
    assert len(schedule.run(nine)) == 1
    for who in (schedule, Schedule(crm)):
        assert who.run(nine - timedelta(hours=20)) == [] == who.run(nine)
    assert len(schedule.run(nine + timedelta(days=1))) == 1


def test_a_clock_that_ran_ahead_is_forgotten_by_a_new_activation(crm: Lake) -> None:
    activate(crm, timed())
    inquiry(crm)
    assert len(run_due(crm, now=next_nine(4000))) == 1
    assert run_due(crm, now=next_nine(2)) == []
    store.pause(crm, "tick", actor=ADMIN)
    store.activate(crm, "tick", actor=ADMIN)
    assert len(run_due(crm, now=next_nine(2))) == 1


def test_a_flow_that_is_off_is_not_due_and_begins_when_it_is_on(crm: Lake) -> None:
    activate(crm, timed(cron="* * * * *"))
    inquiry(crm)
    soon = datetime.now(UTC) + timedelta(minutes=2)
    store.pause(crm, "tick", actor=ADMIN)
    assert run_due(crm, now=soon) == []
    store.activate(crm, "tick", actor=ADMIN)
    assert run_due(crm, now=datetime.now(UTC)) == [], "what came before counts for nothing"
    assert len(run_due(crm, now=soon + timedelta(minutes=5))) == 1


@pytest.mark.parametrize(
    ("queue", "ticked", "due"),
    [pytest.param(True, 1, {2, 3}, id="with a queue"), pytest.param(False, 0, set(), id="without one")],
)
def test_what_was_due_during_a_pause_is_caught_up_or_passed_over(
    crm: Lake, queue: bool, ticked: int, due: set[int]
) -> None:
    """Five days ago both began, and four days ago they were paused until now."""
    activate(crm, timed(), dated(at="00:00"))
    for slug in ("tick", "due"):
        store.pause(crm, slug, queue=queue, actor=ADMIN)
    crm.commit(
        lambda tx: tx.execute(
            f"UPDATE {DEFINITIONS} SET occurred_at = occurred_at - INTERVAL 4 DAY - INTERVAL 1 DAY * "
            "(CASE WHEN state = 'active' THEN 1 ELSE 0 END) WHERE kind = 'flow'"
        ),
        Change(actor="t", door="t"),
    )
    for days in (-6, -3, -2, 4):
        inquiry(crm, amount=-days, due=str(next_nine(days).date()))
    assert run_due(crm) == []
    for slug in ("tick", "due"):
        store.activate(crm, slug, actor=ADMIN)
    run_due(crm)
    assert len(runs(crm, "tick")) == 4 * ticked and run_due(crm) == []
    found = {number for number, note in rows(crm, "inquiries", "amount", "note") if note}
    noted = {one.record_id for one in list_runs(crm, actor=ADMIN, flow="due")}
    assert len(noted) == len(due) and found == ({6, 3, 2, -4} if ticked else set())


def test_a_flow_that_is_edited_goes_on_where_it_was(crm: Lake) -> None:
    activate(crm, timed())
    inquiry(crm)
    nine = next_nine()
    run_due(crm, now=nine)
    activate(crm, timed(name="other"))
    assert run_due(crm, now=nine + timedelta(hours=1)) == []
    assert len(run_due(crm, now=nine + timedelta(days=1))) == 1


def test_two_processes_do_it_once(crm: Lake) -> None:
    activate(crm, timed())
    inquiry(crm)
    one, other, nine = Schedule(crm), Schedule(crm), next_nine()
    assert one.is_due(nine) and other.is_due(nine)
    assert len(one.run(nine)) == 1 and other.run(nine) == []
    assert len(runs(crm)) == 1 and ticks(crm) == 1


@pytest.mark.parametrize(
    ("trigger", "reached"),
    [
        pytest.param({}, "2030-01-31T00:00", id="the day"),
        pytest.param({"at": "09:00"}, "2030-01-31T09:00", id="at nine"),
        pytest.param({"offset": "-2d", "at": "09:00"}, "2030-01-29T09:00", id="two days before"),
        pytest.param({"offset": "3h"}, "2030-01-31T03:00", id="three hours after"),
        pytest.param({"offset": "1mo"}, "2030-02-28T00:00", id="a month after its end"),
        pytest.param({"offset": "-1y"}, "2029-01-31T00:00", id="a year before"),
        pytest.param({"offset": "59d", "at": "02:30"}, "2030-03-31T03:30", id="a time that is skipped"),
    ],
)
def test_a_date_is_reached_at_its_moment(crm: Lake, trigger: dict[str, str], reached: str) -> None:
    activate(crm, dated(**trigger))
    one = inquiry(crm, due="2030-01-31")
    inquiry(crm)
    schedule = Schedule(crm)
    assert schedule.run(at(reached) - timedelta(minutes=1)) == []
    [fired] = schedule.run(at(reached))
    assert (fired.event, fired.records, runs(crm)) == ("date", 1, [one])
    assert schedule.run(at(reached) + timedelta(days=400)) == []


def test_every_record_whose_moment_was_missed_has_its_turn_and_none_before_the_flow(crm: Lake) -> None:
    inquiry(crm, due="2026-01-01")
    activate(crm, dated(at="09:00"))
    late = [inquiry(crm, due=str(next_nine(days).date())) for days in (1, 3, 4)]
    assert [one.records for one in run_due(crm, now=next_nine(3))] == [2]
    assert set(runs(crm)) == set(late[:2])
    change(crm, late[0], due=str(next_nine(6).date()))
    change(crm, late[2], due="2026-01-01")
    assert [one.records for one in run_due(crm, now=next_nine(8))] == [1], "a new date is a new moment"


def test_a_time_is_looked_at_every_minute_and_stored_now_and_then(crm: Lake) -> None:
    activate(crm, dated(field="answered_at", offset="-1h"))
    there = datetime.now(UTC) + timedelta(hours=3)
    one = inquiry(crm, answered_at=there.isoformat())
    schedule, here, stored = Schedule(crm), datetime.now(UTC), 0
    while not runs(crm):
        here += timedelta(minutes=10)
        assert schedule.is_due(here)
        schedule.run(here)
        stored = ticks(crm)
    assert runs(crm) == [one] and timedelta() <= here - (there - timedelta(hours=1)) < timedelta(minutes=10)
    assert stored <= 3 and not schedule.is_due(here + timedelta(seconds=30))


def test_a_flow_that_cannot_be_asked_any_more_says_so_and_harms_no_other(crm: Lake) -> None:
    activate(crm, timed("broken", when=leaf("amount", "gt", 0)), timed("sound"))
    one = inquiry(crm, amount=1)
    names = "kind, id, slug, version + 1, state, replace(document, 'amount', 'nope'), change_id, occurred_at"
    change = Change(actor="somebody", door="definitions", reason="by hand")
    crm.commit(
        lambda tx: tx.execute(
            f"INSERT INTO {DEFINITIONS} SELECT {names}, ? FROM {DEFINITIONS} WHERE slug = 'broken'",
            [tx.snapshot],
        ),
        change,
    )
    assert {one.flow for one in run_due(crm, now=next_nine())} == {"broken", "sound"}
    told = {run.flow: (run.record_id, run.state, run.error) for run in list_runs(crm, actor=ADMIN)}
    assert told["sound"] == (one, "done", None)
    assert told["broken"][:2] == (None, "failed") and "nope" in str(told["broken"][2])
    assert run_due(crm, now=next_nine()) == []


def test_the_server_does_what_is_due(crm: Lake) -> None:
    activate(crm, timed(cron="* * * * *"))
    inquiry(crm)
    since = f"UPDATE {DEFINITIONS} SET occurred_at = ? WHERE slug = 'tick'"
    yesterday = datetime.now(UTC) - timedelta(days=1)
    crm.commit(lambda tx: tx.execute(since, [yesterday]), Change(actor="a", door="definitions", reason=""))
    runner = Runner(crm)
    runner.start()
    try:
        ended = time.monotonic() + 30
        while not runs(crm) and time.monotonic() < ended:
            time.sleep(0.1)
    finally:
        runner.stop()
    assert len(runs(crm)) == 1 and runner.last_error is None


def test_the_runner_looks_at_the_clock_between_windows_and_goes_on_with_what_follows(crm: Lake) -> None:
    activate(crm, timed(), flow("then", {"set_field": {"tags": {"add": ["seen"]}}}, on={"fields": ["note"]}))
    inquiry(crm)
    run_until_current(crm)
    reports = run_until_current(crm, now=next_nine())
    assert sum(report.runs for report in reports) == 2 and len(runs(crm, "tick")) == 1
    assert rows(crm, "inquiries", "note", "tags") == [("tick", ["seen"])]


def test_where_nothing_waits_for_the_clock_nothing_is_stored(shared: Lake) -> None:
    schedule, now, asked = Schedule(shared), datetime.now(UTC), 0
    for _ in range(1000):
        asked += schedule.is_due(now)
    assert asked == 0 and ticks(shared) == 0


@pytest.mark.parametrize("moment", ["2026-03-29T01:59", "2026-10-25T02:10", "2026-12-31T23:59"])
def test_the_next_moment_is_never_after_the_one_that_is_reached(crm: Lake, moment: str) -> None:
    def after(clock: str) -> datetime:
        found: datetime = next_moment(at(moment), column_type="DATE", offset="0", at=clock, zone=BERLIN)
        return found

    for clock in ("00:00", "02:30", "03:00", "09:00"):
        day = after(clock).astimezone(BERLIN).date()
        sql = "SELECT timezone('Europe/Berlin', CAST(? AS TIMESTAMP)) AS m"
        assert crm.read(sql, [f"{date.isoformat(day)} {clock}"])["m"][0] == after(clock) > at(moment)


@pytest.mark.parametrize(
    ("born", "trigger", "reached"),
    [
        pytest.param("1990-06-15", {}, ["2030-06-15T00:00", "2031-06-15T00:00"], id="each year"),
        pytest.param(
            "1992-02-29", {"at": "08:00"}, ["2030-02-28T08:00", "2032-02-29T08:00"], id="a leap day"
        ),
        pytest.param(
            "1990-01-01", {"offset": "-2d"}, ["2029-12-30T00:00", "2030-12-30T00:00"], id="over a year's end"
        ),
        pytest.param("2030-03-01", {}, ["2031-03-01T00:00"], id="from the year after on"),
    ],
)
def test_a_date_comes_back_each_year(
    crm: Lake, born: str, trigger: dict[str, str], reached: list[str]
) -> None:
    activate(crm, dated(yearly=True, **trigger))
    inquiry(crm, due=born)
    for moment in map(at, reached):
        schedule = Schedule(crm)
        schedule.run(moment - timedelta(minutes=1))
        before = len(runs(crm))
        [fired] = schedule.run(moment)
        assert (fired.records, len(runs(crm))) == (1, before + 1)


def test_only_a_date_comes_back_each_year(shared: Lake) -> None:
    document = dated(field="answered_at", yearly=True)
    [problem] = check_flow(read_catalog(shared), parse_flow(document))
    assert "only a date comes back each year" in str(problem)
