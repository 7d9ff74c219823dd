"""The history of a record: what changed, counted by reading the record at every snapshot, and from where it came."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crm_core import records
from crm_core.errors import RecordNotFound
from crm_core.figures.history import RecordHistory, read
from crm_core.undo import undo_change
from lake import Change, new_id
from tests.crm_core.conftest import ADMIN, AGENT, Crm
from tests.crm_core.figures.conftest import NOW, Book


def change(book: Book, days: int, actor: str = "ann", **values: Any) -> str:
    """Change the customer as if so many days ago; gives the id of the change."""
    made = Change(actor=actor, door="test", reason="because", occurred_at=NOW - timedelta(days=days))
    records.update(
        book.crm.lake, module="customers", record_id=book.customer, values=values, actor=ADMIN, change=made
    )
    return made.id


def history(book: Book, **asked: Any) -> RecordHistory:
    return read(
        book.crm.lake, book.crm.catalog, module="customers", record_id=book.customer, actor=ADMIN, now=NOW, **asked
    )  # fmt: skip


def versions(crm: Crm, record_id: str) -> list[dict[str, Any]]:
    """The record as each snapshot has it, one after the other."""
    found = []
    for snapshot in range(1, crm.lake.snapshot() + 1):
        place = crm.lake.history.as_of("crm", "customers", snapshot)
        try:
            found += crm.lake.read(f"SELECT * FROM {place} WHERE id = ?::UUID", [record_id]).to_dicts()
        except Exception as error:  # The table was not there yet.
            assert "does not exist" in str(error)
    return [one for one, before in zip(found, [None, *found], strict=False) if one != before]


def test_the_changes_of_thirty_days_are_those_that_the_snapshots_show(book: Book) -> None:
    change(book, 40, city="Bonn")
    change(book, 20, city="Mainz", company="Rivers")
    change(book, 1, city="Trier")
    seen = versions(book.crm, book.customer)
    found = history(book)
    assert found.total == len(seen)
    # The one of 40 days ago is too old; the record itself was made while the test ran, which is after `NOW`.
    assert {one.label: one.value for one in found.figure}["Changes in 30 days"] == len(seen) - 1
    newest, before = seen[-1], seen[-2]
    told = {one.field: (one.old, one.new) for one in found.changes[0].fields}
    assert told == {"city": (before["city"], newest["city"])}


def test_changes_are_narrowed_by_field_and_person_and_paged(book: Book) -> None:
    change(book, 3, city="Bonn")
    change(book, 2, actor="bob", company="Rivers")
    change(book, 1, actor="bob", city="Mainz")
    assert [one.fields[0].new for one in history(book, field="city", person="bob").changes] == ["Mainz"]
    assert history(book, person="bob").total == 2
    page = history(book, limit=1)
    assert len(page.changes) == 1 and page.total == 4
    assert {"ann", "bob"} <= set(page.people) and {"city", "company"} <= set(page.fields)


def test_a_change_says_from_which_load_or_flow_it_came(book: Book) -> None:
    load, run = new_id(), new_id()
    for number, cause in enumerate(({"load_id": load}, {"flow_run_id": run})):
        made = Change(actor="ann", door="test", reason="r", **cause)
        records.update(
            book.crm.lake, module="customers", record_id=book.customer, values={"city": f"C{number}"}, actor=ADMIN,
            change=made,
        )  # fmt: skip
    flow, loaded = history(book).changes[:2]
    assert (loaded.load_id, loaded.flow_run_id) == (load, None)
    assert (flow.load_id, flow.flow_run_id) == (None, run)


def test_an_undone_change_is_a_change_with_its_reason(book: Book) -> None:
    change(book, 5, city="Bonn")
    wrong = change(book, 1, city="Mainz")
    undo_change(book.crm.lake, wrong, actor=ADMIN, reason="a mix-up")
    newest = history(book).changes[0]
    assert [(one.field, one.old, one.new) for one in newest.fields] == [("city", "Mainz", "Bonn")]
    assert (newest.reason, newest.door) == ("a mix-up", "undo")


def test_whoever_sees_no_such_record_is_told_of_none(book: Book) -> None:
    with pytest.raises(RecordNotFound):
        read(book.crm.lake, book.crm.catalog, module="customers", record_id=new_id(), actor=AGENT)
