"""Flows of the clock tried on the past: each moment with the lake as it was then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_core.records import create
from flows.backtest import Backtest, backtest, backtest_matches
from flows.errors import CommandInvalid
from flows.model import parse_flow
from flows.schedule import Schedule
from lake import Change, Lake, table
from tests.flows.conftest import NewLake
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, leaf

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = {"event": "schedule", "cron": "0 9 * * *"}
DUE = {"event": "date", "field": "due", "offset": "-1d", "at": "09:00"}


def on(slug: str, trigger: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A flow of the clock that touches nothing that any condition asks about."""
    return flow(slug, {"set_field": {"note": slug}}, **more) | {"trigger": trigger}


FLOWS = (
    on("large", DAILY, when=leaf("amount", "ge", 2), folders=["inbox"]),
    on("soon", DAILY, when={"all": [leaf("due", "within_next", "2d"), leaf("customer.country", "eq", "DE")]}),
    on("due", DUE, when={"not": leaf("amount", "eq", 0)}),
    on("hour", {"event": "date", "field": "answered_at", "offset": "2h"}),
    on(
        "yearly",
        {"event": "date", "field": "due", "yearly": True, "at": "09:00"},
        when=leaf("amount", "le", 2),
    ),
)


def moment(day: int, hour: int) -> datetime:
    """An hour in Berlin, so many days from today: after whatever a test makes now."""
    there = datetime.now(BERLIN).date() + timedelta(days=day)
    return datetime(there.year, there.month, there.day, hour, tzinfo=BERLIN).astimezone(UTC)


def write(lake: Lake, when: datetime, record: str, module: str = "inquiries", **sets: Any) -> None:
    """Change a record in a commit that counts for a moment."""
    assigned = ", ".join(f"{name} = ${name}" for name in sets)
    stamps = "updated_at = $t, version = $v, change_id = $c::UUID"
    lake.commit(
        lambda tx: tx.execute(
            f"UPDATE {table('crm', module)} SET {assigned}, {stamps} WHERE id = $id",
            {**sets, "t": when, "v": tx.snapshot, "c": tx.change_id, "id": record},
        ),
        Change(actor="test", door="test", occurred_at=when),
    )


@dataclass
class Busy:
    """A lake in which flows of the clock are active, with how far its clock was moved."""

    lake: Lake
    schedule: Schedule
    records: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    day: int = 1


@pytest.fixture(scope="module")
def busy(new_lake: NewLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    with Lake.open(new_lake(tmp_path_factory.mktemp("busy"))) as lake:
        activate(lake, *FLOWS)
        made = Busy(lake, Schedule(lake))
        for country in ("DE", "FR"):
            given = {"name": country, "country": country}
            made.customers.append(create(lake, module="customers", values=given, actor=ADMIN).id)
            made.records += [inquiry(lake, customer=made.customers[-1], amount=n) for n in (1, 2)]
        yield made


def ran(lake: Lake, slug: str, after: datetime) -> set[tuple[str, datetime]]:
    """The records and moments of what a flow did; its commit counts for the moment."""
    runs, changes = table("ops", "flow_runs"), table("ops", "changes")
    found = lake.read(
        f"SELECT CAST(r.record_id AS VARCHAR), c.occurred_at FROM {runs} r JOIN {changes} c ON c.id = r.change_id "
        "WHERE r.flow = ? AND r.state = 'done' AND c.occurred_at > ?",
        [slug, after],
    )
    return set(found.iter_rows())


_CHANGE = st.one_of(
    st.tuples(st.just("amount"), st.integers(0, 3)),
    st.tuples(st.just("due"), st.integers(-366, 3)),
    st.tuples(st.just("answered_at"), st.integers(6, 9)),
    st.tuples(st.just("folder"), st.sampled_from(["inbox", "claims"])),
    st.tuples(st.just("deleted_at"), st.sampled_from([None, 0])),
    st.tuples(st.just("country"), st.sampled_from(["DE", "FR"])),
)
_DAY = st.lists(st.tuples(st.sampled_from([8, 10]), _CHANGE, st.integers(0, 3)), max_size=4)


def _change(busy: Busy, when: datetime, what: str, value: Any, which: int) -> None:
    if what == "country":
        write(busy.lake, when, busy.customers[which % 2], "customers", country=value)
        return
    if what == "due":
        value = (moment(busy.day, 12) + timedelta(days=value)).date()
    elif what == "answered_at":
        value = moment(busy.day, value)
    elif what == "deleted_at":
        value = None if value is None else when
    write(busy.lake, when, busy.records[which], **{what: value})


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(_DAY, min_size=2, max_size=4))
def test_a_flow_that_was_active_did_what_its_backtest_names(busy: Busy, days: list[Any]) -> None:
    start = moment(busy.day, 0)
    busy.schedule.run(start)
    for changes in days:
        for hour in range(8, 12):
            # What is due at an hour is done before anything is changed within it.
            busy.schedule.run(moment(busy.day, hour))
            for number, (at, (what, value), which) in enumerate(changes):
                if at == hour:
                    when = moment(busy.day, hour) + timedelta(minutes=number + 1)
                    _change(busy, when, what, value, which)
        busy.day += 1
    end = moment(busy.day, 0)
    busy.schedule.run(end)
    for one in FLOWS:
        found = backtest_matches(busy.lake, one["flow"], actor=ADMIN, since=start, until=end, now=end)
        named = set(found.select("record_id", "occurred_at").iter_rows())
        assert named == ran(busy.lake, one["flow"], start), one["flow"]


def tried(lake: Lake, trigger: dict[str, Any], *do: dict[str, Any], days: int, **more: Any) -> Backtest:
    """A flow that is not saved, tried from today's beginning on, as if so many days had gone by."""
    draft = parse_flow(flow("draft", *do, **more) | {"trigger": trigger})
    now = moment(days, 23)
    return backtest(lake, draft, actor=ADMIN, since=moment(1, 0), until=now, now=now)


def test_a_schedule_sees_each_day_what_the_record_was_then_and_changes_it_from_there(crm: Lake) -> None:
    one = inquiry(crm, amount=1, subject="A")
    write(crm, moment(2, 12), one, amount=5)
    write(crm, moment(4, 12), one, amount=6)
    there = crm.snapshot()
    put, task = (
        {"set_field": {"score": "{{ amount }}"}},
        {"create_task": {"title": "{{ subject }} {{ amount }}"}},
    )
    found = tried(crm, DAILY, put, task, days=6, when=leaf("amount", "ge", 5))
    assert (found.matched, found.records, found.worked_out, len(found.days)) == (4, 1, 4, 4)
    assert (found.count("changed"), found.count("created")) == (4, 4)
    assert [day.day for day in found.days] == [moment(day, 9).date().isoformat() for day in (3, 4, 5, 6)]
    told = {sample.occurred_at: sample.steps for sample in found.samples}
    assert told[moment(4, 9)][0].values == {"score": (None, 5)}
    assert told[moment(5, 9)][1].values["title"] == "A 6"
    assert "match more than once" in " ".join(found.notes) and crm.snapshot() == there


def test_a_date_is_reached_once_with_the_value_that_it_had_then(crm: Lake) -> None:
    def day(number: int) -> str:
        return moment(number, 12).astimezone(BERLIN).date().isoformat()

    kept, moved, gone, far = (inquiry(crm, due=day(4)) for _ in range(4))
    write(crm, moment(2, 12), moved, due=day(6))
    write(crm, moment(2, 12), gone, deleted_at=moment(2, 12))
    write(crm, moment(2, 13), far, due="9999-12-31")
    write(crm, moment(5, 12), kept, due=day(1))
    mail = {"send_email": {"to": "a@x.example", "subject": "S", "body": "B", "purpose": "service"}}
    found = tried(crm, DUE, mail, days=8)
    assert {(one.record_id, one.occurred_at) for one in found.samples} == {
        (kept, moment(3, 9)), (moved, moment(5, 9)),
    }  # fmt: skip
    assert (found.matched, found.count("sent"), found.failed) == (2, 2, 0)


def test_related_records_are_read_as_they_were_at_each_moment(crm: Lake) -> None:
    german = create(crm, module="customers", values={"name": "A", "country": "DE"}, actor=ADMIN).id
    inquiry(crm, customer=german)
    write(crm, moment(2, 12), german, "customers", country="FR")
    put = {"set_field": {"note": "{{ customer.country }}"}}
    found = tried(crm, DAILY, put, days=4, when=leaf("customer.country", "eq", "DE"))
    assert [one.occurred_at for one in found.samples] == [moment(2, 9), moment(1, 9)]
    assert [one.steps[0].values for one in found.samples] == [{"note": (None, "DE")}] * 2


def test_a_schedule_that_fires_too_often_for_a_span_is_refused_with_the_moment_up_to_which_it_could_be(
    shared: Lake,
) -> None:
    with pytest.raises(CommandInvalid, match=r"more than 1,000 times in this span.*it has done so by 20"):
        tried(shared, {"event": "schedule", "cron": "* * * * *"}, days=3)


def test_a_span_is_given_by_commits_as_well_and_ends_with_what_has_come(crm: Lake) -> None:
    one = inquiry(crm)
    for day in (2, 4):
        write(crm, moment(day, 12), one, amount=day)
    last = crm.snapshot()
    draft, now = parse_flow(on("draft", DAILY)), moment(6, 12)
    found = backtest(crm, draft, actor=ADMIN, since=last - 1, until=last, now=now)
    assert sorted(sample.occurred_at for sample in found.samples) == [moment(3, 9), moment(4, 9)]
    assert backtest(crm, draft, actor=ADMIN, since=last, until=moment(9, 0), now=now).matched == 2
    with pytest.raises(CommandInvalid, match="begins before it ends"):
        backtest(crm, draft, actor=ADMIN, since=last, until=last - 1, now=now)


@pytest.mark.parametrize("trigger", [{"event": "manual"}, {"event": "webhook", "map": {"subject": "s"}}])
def test_what_another_decides_has_no_past_and_is_tried_on_a_record(shared: Lake, trigger: Any) -> None:
    with pytest.raises(CommandInvalid, match=r"nothing tells of the times.*try it on a record"):
        tried(shared, trigger, days=1)
