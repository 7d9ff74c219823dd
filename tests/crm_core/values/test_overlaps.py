"""Times that records must not share: of one worker, of one resource; asked of single rows, sets, loads and restores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_core import records
from crm_core.definitions import save
from crm_core.errors import DefinitionInvalid, ValuesInvalid
from crm_core.loading import LoadOptions, load
from crm_core.model import All
from crm_core.overlapping import read_overlaps
from tests.crm_core.conftest import ADMIN, AGENT, OTHER, Crm

DAY = datetime(2026, 11, 2, tzinfo=UTC)


def at(hour: float | None) -> datetime | None:
    return None if hour is None else DAY + timedelta(hours=hour)


@pytest.fixture
def worked(freight: Crm) -> Any:
    """Makes time entries of one user, of a day that is his alone: `(from hour, to hour)` pairs."""
    customer = freight.create(name="Somebody")
    records.delete_where(freight.lake, module="time_entries", condition=All(), actor=ADMIN)

    def make(*hours: tuple[float, float | None], owner: str = "ann", **more: Any) -> tuple[str, ...]:
        rows = [
            {"title": "Work", "customer": customer, "owner": owner, "started_at": at(a), "ended_at": at(b)}
            | more
            for a, b in hours
        ]
        return records.create(freight.lake, module="time_entries", values=rows, actor=ADMIN).ids

    return make


def codes(error: pytest.ExceptionInfo[ValuesInvalid]) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.field, problem.code) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("second", "fits"),
    [((10, 11), True), ((8, 9), True), ((9.5, 10.5), False), ((8, 12), False), ((9.2, 9.4), False),
     ((9, 10), False), ((8, None), False), ((10, None), True)],
    ids=["after", "before", "into its end", "around", "within", "the same", "a timer before", "a timer after"],
)  # fmt: skip
def test_times_are_half_open(worked: Any, second: tuple[float, float | None], fits: bool) -> None:
    worked((9, 10))
    if fits:
        worked(second)
        return
    with pytest.raises(ValuesInvalid, match="overlaps another time entry of the same owner") as error:
        worked(second)
    assert codes(error) == [(0, "started_at", "overlap")]


def test_a_running_timer_takes_all_that_follows(worked: Any) -> None:
    worked((9, None))
    with pytest.raises(ValuesInvalid):
        worked((300, 301))
    worked((300, 301), owner="bob")


def test_rows_of_one_write_are_judged_together(worked: Any) -> None:
    with pytest.raises(ValuesInvalid) as error:
        worked((14, 16), (15, 17), (9, 10))
    assert codes(error) == [(1, "started_at", "overlap")]
    assert len(worked((14, 15), (15, 17), (9, 10))) == 3


def test_what_ends_before_it_begins_is_refused(worked: Any) -> None:
    with pytest.raises(ValuesInvalid) as error:
        worked((9, 8))
    assert codes(error) == [(0, "ended_at", "backwards")]


def test_a_move_is_judged_and_other_changes_are_not(freight: Crm, worked: Any) -> None:
    first, second = worked((9, 10), (10, 11))

    def change(record_id: str, **values: Any) -> None:
        records.update(freight.lake, module="time_entries", record_id=record_id, values=values, actor=ADMIN)

    with pytest.raises(ValuesInvalid):
        change(first, ended_at=at(10.5))
    change(first, ended_at=at(9.5), note="shorter")
    with pytest.raises(ValuesInvalid):
        change(second, started_at=at(9))
    with pytest.raises(ValuesInvalid):
        worked((9.2, 9.3))
    change(second, note="The time stays as it is.")


def test_many_can_be_moved_at_once_into_each_others_place(freight: Crm, worked: Any) -> None:
    first, second = worked((9, 10), (10, 11))
    both = {
        first: {"started_at": at(10), "ended_at": at(11)},
        second: {"started_at": at(9), "ended_at": at(10)},
    }
    done = records.update_each(freight.lake, module="time_entries", values=both, actor=ADMIN)
    assert done.count == 2


def test_a_record_does_not_come_back_into_a_time_that_was_taken_since(freight: Crm, worked: Any) -> None:
    (gone,) = worked((9, 10))
    records.delete(freight.lake, module="time_entries", record_id=gone, actor=ADMIN)
    worked((9.5, 10))
    with pytest.raises(ValuesInvalid, match="overlaps"):
        records.restore(freight.lake, module="time_entries", record_id=gone, actor=ADMIN)


def test_a_load_leaves_out_rows_that_overlap(freight: Crm, worked: Any, tmp_path: Path) -> None:
    worked((9, 10))
    file = tmp_path / "time.csv"
    lines = ["2026-11-02T09:30:00Z,2026-11-02T09:40:00Z", "2026-11-02T12:00:00Z,2026-11-02T13:00:00Z",
             "2026-11-02T12:30:00Z,2026-11-02T14:00:00Z", "2026-11-02T15:00:00Z,2026-11-02T16:00:00Z"]  # fmt: skip
    file.write_text("title,owner,started_at,ended_at\n" + "\n".join(f"Load,ann,{line}" for line in lines))
    done = load(freight.lake, [file], module="time_entries", actor=ADMIN, options=LoadOptions())
    assert (done.read, done.inserted, done.rejected) == (4, 2, 2)


def test_a_status_that_is_ignored_takes_no_time(freight: Crm) -> None:
    customer = freight.create(name="Guest")

    def reserve(**more: Any) -> str:
        values = {
            "what": "Slot",
            "customer": customer,
            "resource": "Gate 9",
            "starts_at": at(9),
            "ends_at": at(10),
        }
        return freight.create("reservations", **values | more)

    first = reserve(status="cancelled")
    reserve()
    with pytest.raises(ValuesInvalid, match="of the same resource"):
        records.update(
            freight.lake, module="reservations", record_id=first, values={"status": "booked"}, actor=ADMIN
        )
    reserve(resource="Gate 10")
    reserve(resource=None)


def test_a_rule_that_warns_lets_pass_and_tells(freight: Crm) -> None:
    customer = freight.create(name="Busy")

    def book(title: str, begin: float, end: float | None, owner: str = "bob") -> str:
        values = {"title": title, "starts_at": at(begin), "ends_at": at(end), "owner": owner}
        return freight.create("appointments", customer=customer, **values)

    first, second = book("One", 9, 10), book("Two", 9.5, None)
    book("Other's", 9, 10, owner="sue")
    found = read_overlaps(
        freight.lake, freight.catalog, module="appointments", record=freight.read(first, "appointments"), actor=ADMIN
    )  # fmt: skip
    assert [(one.id, one.title, one.starts, one.ends, one.refused) for one in found] == [
        (second, "Two", at(9.5), None, False)
    ]
    wanted = {"owner": "bob", "starts_at": at(9.9), "ends_at": at(12)}
    for actor, titles in ((ADMIN, ["One"]), (AGENT, ["One"]), (OTHER, ["One"])):
        seen = read_overlaps(freight.lake, freight.catalog, module="appointments", record=wanted, actor=actor)
        assert [one.title for one in seen] == titles, actor.user


def test_a_rule_must_name_times_and_single_values(freight: Crm) -> None:
    document = freight.catalog.module("reservations").model_dump(mode="json", by_alias=True)
    document["exclusive"] = [{"start": "what", "end": "ends_at", "per": ["tags"], "ignore": ["lost"]}]
    with pytest.raises(DefinitionInvalid) as error:
        save(freight.lake, [("module", document)], actor=ADMIN)
    assert len(error.value.problems) == 3
