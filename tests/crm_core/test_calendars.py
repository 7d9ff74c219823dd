"""What stands in a calendar: which records, for whom, and what the clocks of a zone show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_core import calendars, definitions, records
from crm_core.access import Actor
from crm_core.calendar_feed import record_file
from crm_core.calendars import Entry, Source
from crm_core.errors import DefinitionInvalid, ValuesInvalid
from crm_core.loading import load, read_options, read_rejects
from tests.crm_core.conftest import ADMIN, AGENT, OTHER, Crm

BERLIN = "Europe/Berlin"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MEETING = Source("appointments", "starts_at", "ends_at")
TASK = Source("tasks", "due", all_day=True)


@pytest.fixture
def customer(freight: Crm) -> str:
    return freight.create(name="Ada")


Meet = Callable[..., str]


@pytest.fixture
def meet(freight: Crm, customer: str) -> Meet:
    """Make an appointment at noon, an hour long unless told otherwise."""

    def make(title: str, **values: Any) -> str:
        given = {"starts_at": NOON, "ends_at": NOON + HOUR, "customer": customer} | values
        return freight.create("appointments", title=title, **given)

    return make


def entries(crm: Crm, customer: str | None = None, *, actor: Actor = ADMIN, **more: Any) -> list[Entry]:
    span = {"starts": NOON - 2 * HOUR, "ends": NOON + 12 * HOUR} | more
    about = ("customers", customer) if customer else None
    return list(calendars.read_entries(crm.lake, crm.catalog, actor=actor, about=about, **span))


def test_what_reaches_into_the_span_is_in_it_once(freight: Crm, customer: str, meet: Meet) -> None:
    span = {"starts": NOON, "ends": NOON + HOUR}
    meet("within", about={"module": "customers", "id": customer})
    meet("ends as it begins", starts_at=NOON - HOUR, ends_at=NOON)
    meet("begins as it ends", starts_at=NOON + HOUR, ends_at=NOON + 2 * HOUR)
    meet("around", starts_at=NOON - HOUR, ends_at=NOON + 2 * HOUR)
    meet("a moment", ends_at=None)
    freight.create("tasks", title="due", due=NOON, customer=customer)
    freight.create("tasks", title="done", due=NOON, customer=customer, status="done")
    freight.create("reservations", what="gate", starts_at=NOON, ends_at=NOON + HOUR, customer=customer)
    found = entries(freight, customer, **span)
    assert sorted(one.title for one in found) == ["a moment", "around", "due", "gate", "within"]
    assert [one.title for one in found if one.all_day] == ["due"]


def test_who_works_on_two_things_at_once_clashes(freight: Crm, customer: str, meet: Meet) -> None:
    meet("one", owner="bob")
    meet("two", owner="bob", starts_at=NOON + HOUR / 2)
    meet("after", owner="bob", starts_at=NOON + HOUR, ends_at=NOON + 2 * HOUR)
    meet("hers", owner="sue")
    meet("called off", owner="sue", status="cancelled")
    assert {one.title: one.clashes for one in entries(freight, customer)} == {
        "one": True, "two": True, "after": False, "hers": False, "called off": False,
    }  # fmt: skip


def test_a_calendar_of_some_people_has_what_they_work_on(freight: Crm, meet: Meet) -> None:
    meet("his", owner="bob")
    meet("theirs", owner="sue", workers=["sue", "bob"])
    meet("hers", owner="sue")

    def titles(*people: str) -> set[str]:
        found = entries(freight, people=people, modules=["appointments"])
        return {one.title for one in found} & {"his", "theirs", "hers"}

    assert titles("bob") == {"his", "theirs"}
    assert titles("sue") == {"theirs", "hers"}
    assert titles("old") == set()


def test_nobody_sees_in_a_calendar_what_he_does_not_see_elsewhere(freight: Crm, meet: Meet) -> None:
    stranger = Actor("eve", "agent")
    theirs = freight.create(name="Bea", folder="key_accounts")
    meet("private", customer=theirs)
    for actor in (ADMIN, AGENT, OTHER, stranger):
        page = records.read_page(freight.lake, freight.catalog, module="appointments", actor=actor, limit=200)
        shown = {one.title for one in entries(freight, actor=actor, modules=["appointments"])}
        assert ("private" in shown) == ("private" in {row["title"] for row in page.items})
        assert ("private" in shown) == (actor in (ADMIN, OTHER))


@pytest.mark.parametrize(
    ("shown", "utc"),
    [
        pytest.param(datetime(2026, 7, 1, 9), datetime(2026, 7, 1, 7), id="summer"),
        pytest.param(datetime(2026, 12, 1, 9), datetime(2026, 12, 1, 8), id="winter"),
        pytest.param(datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 0, 30), id="the first of two"),
        pytest.param(datetime(2026, 3, 29, 2, 30), datetime(2026, 3, 29, 1, 30), id="in the gap"),
    ],
)
def test_clocks_are_read_in_their_zone(shown: datetime, utc: datetime) -> None:
    assert calendars.instant(shown, BERLIN) == utc.replace(tzinfo=UTC)


def test_a_month_begins_and_ends_by_the_clocks_of_the_zone() -> None:
    first, last = calendars.month_span(date(2026, 3, 31), BERLIN)
    assert first == datetime(2026, 2, 21, 23, tzinfo=UTC)
    assert last == datetime(2026, 4, 14, 22, tzinfo=UTC)


def test_what_is_moved_over_a_change_of_the_clocks_keeps_its_time_of_day() -> None:
    record = {
        "starts_at": datetime(2026, 10, 24, 7, tzinfo=UTC),
        "ends_at": datetime(2026, 10, 24, 8, tzinfo=UTC),
    }
    to, until = datetime(2026, 10, 26, 9), datetime(2026, 10, 26, 10)
    values = calendars.moved(MEETING, record, starts=to, ends=until, zone=BERLIN)
    assert values == {
        "starts_at": datetime(2026, 10, 26, 8, tzinfo=UTC),
        "ends_at": datetime(2026, 10, 26, 9, tzinfo=UTC),
    }


def test_an_edge_that_is_not_moved_stays_in_the_hour_that_comes_twice() -> None:
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    record = {"starts_at": second, "ends_at": second + HOUR}
    values = calendars.moved(
        MEETING, record, starts=datetime(2026, 10, 25, 2, 30), ends=datetime(2026, 10, 25, 4), zone=BERLIN
    )
    assert values == {"ends_at": datetime(2026, 10, 25, 3, tzinfo=UTC)}


@pytest.mark.parametrize(("zone", "day"), [(BERLIN, "20260311"), ("America/New_York", "20260310")])
def test_a_task_stands_in_a_calendar_file_on_the_day_that_its_reader_sees(
    freight: Crm, customer: str, zone: str, day: str
) -> None:
    task = freight.create(
        "tasks", title="due", due=datetime(2026, 3, 10, 23, 30, tzinfo=UTC), customer=customer
    )
    reader = replace(ADMIN, time_zone=zone)
    file = record_file(freight.lake, freight.catalog, module="tasks", record_id=task, actor=reader)
    assert f"DTSTART;VALUE=DATE:{day}" in file.decode() and b"DTEND" not in file


def test_a_task_is_moved_to_another_day_at_its_time() -> None:
    record = {"due": datetime(2026, 3, 28, 16, tzinfo=UTC)}
    values = calendars.moved(TASK, record, starts=datetime(2026, 3, 30), ends=None, zone=BERLIN)
    assert values == {"due": datetime(2026, 3, 30, 15, tzinfo=UTC)}
    assert not calendars.moved(TASK, record, starts=datetime(2026, 3, 28), ends=None, zone=BERLIN)


@pytest.mark.parametrize("module", ["appointments", "reservations"])
def test_nothing_in_a_calendar_ends_before_it_begins(freight: Crm, customer: str, module: str) -> None:
    title = "title" if module == "appointments" else "what"
    given = {title: "Talk", "customer": customer, "starts_at": NOON, "ends_at": NOON - HOUR}
    with pytest.raises(ValuesInvalid) as refused:
        records.create(freight.lake, module=module, values=given, actor=ADMIN)
    assert [(one.field, one.code) for one in refused.value.problems] == [("ends_at", "backwards")]
    made = records.create(freight.lake, module=module, values=given | {"ends_at": NOON}, actor=ADMIN).id
    with pytest.raises(ValuesInvalid):
        records.update(
            freight.lake, module=module, record_id=made, values={"starts_at": NOON + HOUR}, actor=ADMIN
        )
    later = {"starts_at": NOON + HOUR, "ends_at": NOON + 2 * HOUR}
    records.update(freight.lake, module=module, record_id=made, values=later, actor=ADMIN)


def test_a_load_leaves_out_what_ends_before_it_begins(freight: Crm, customer: str, tmp_path: Path) -> None:
    file = tmp_path / "appointments.csv"
    file.write_text(
        f"title,customer,starts_at,ends_at\nGood,{customer},2026-03-10T12:00:00Z,2026-03-10T13:00:00Z\n"
        f"Wrong,{customer},2026-03-10T12:00:00Z,2026-03-10T11:00:00Z\n"
    )
    options = read_options(module="appointments")
    done = load(freight.lake, [str(file)], actor=ADMIN, module="appointments", options=options)
    assert (done.inserted, done.rejected) == (1, 1)
    [told] = read_rejects(freight.lake, done.load_id, actor=ADMIN)
    assert (told["line"], "before it begins" in told["reason"]) == (3, True)


def test_a_module_of_ones_own_stands_in_the_calendar_when_it_says_so(crm: Crm) -> None:
    fields = [
        {"slug": "name", "kind": "text"},
        *({"slug": one, "kind": "datetime"} for one in ("begins", "ends")),
    ]
    module = {"slug": "visits", "title": "name", "fields": fields}
    definitions.save(crm.lake, [("module", module)], actor=ADMIN)
    values = {"name": "Harbour", "begins": NOON, "ends": NOON + HOUR}
    records.create(crm.lake, module="visits", values=values, actor=ADMIN)
    span = {"actor": ADMIN, "starts": NOON, "ends": NOON + HOUR}
    assert calendars.read_entries(crm.lake, crm.catalog, **span) == ()
    place = {"starts": "begins", "ends": "ends"}
    definitions.save(crm.lake, [("module", {**module, "calendar": place})], actor=ADMIN)
    [entry] = calendars.read_entries(crm.lake, crm.catalog, **span)
    assert (entry.module, entry.title, entry.ends) == ("visits", "Harbour", NOON + HOUR)


@pytest.mark.parametrize(
    ("place", "told"),
    [
        pytest.param({"starts": "name"}, "datetime, which “name” is not", id="no time"),
        pytest.param(
            {"starts": "begins", "ends": "nope"}, "which “nope” is not", id="an end that is not there"
        ),
        pytest.param(
            {"starts": "begins", "place": "room"}, "unknown field “room”", id="a place that is not there"
        ),
    ],
)
def test_a_calendar_of_fields_that_do_not_fit_is_refused(crm: Crm, place: dict[str, str], told: str) -> None:
    fields = [{"slug": "name", "kind": "text"}, {"slug": "begins", "kind": "datetime"}]
    module = {"slug": "talks", "title": "name", "fields": fields, "calendar": place}
    with pytest.raises(DefinitionInvalid, match=told):
        definitions.save(crm.lake, [("module", module)], actor=ADMIN)
