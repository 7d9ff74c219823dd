"""Open and overdue tasks."""

from __future__ import annotations

from datetime import timedelta

from tests.crm_core.figures.conftest import NOW, Book

ENDS = ("done", "cancelled")


def test_tasks_are_open_until_they_end(book: Book) -> None:
    for days, status in ((-2, "open"), (3, "open"), (-1, "waiting"), (-9, "done")):
        book.add("tasks", title="x", due=NOW + timedelta(days=days), status=status)
    late = book.add("tasks", title="no day")
    rows = [row for row in book.rows("tasks") if row["status"] not in ENDS]
    overdue = [row for row in rows if row["due"] is not None and row["due"] < NOW]
    told = book.ask("tasks")
    assert (told.open, told.overdue) == (len(rows), len(overdue)) == (4, 2)
    book.change("tasks", late, status="done")
    assert book.shown("tasks") == [("Open tasks", 3, ""), ("Overdue", 2, "")]
