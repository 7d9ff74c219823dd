"""Open steps, list by list."""

from __future__ import annotations

from tests.crm_core.figures.conftest import Book


def test_steps_are_counted_by_list(book: Book) -> None:
    lists = [book.add("checklists", title=title) for title in ("One", "Two", "Empty")]
    steps = {
        made: [book.crm.create("checklist_steps", title=str(n), checklist=made, place=n) for n in range(size)]
        for made, size in zip(lists, (3, 1, 0), strict=True)
    }
    book.change("checklist_steps", steps[lists[0]][0], done=True)
    done = {steps[lists[0]][0]}
    told = book.ask("checklists")
    assert {one.id: (one.open, one.total) for one in told.lists} == {
        made: (len(set(own) - done), len(own)) for made, own in steps.items()
    }
    assert told.open_steps == 3
    book.change("checklist_steps", steps[lists[1]][0], done=True)
    assert book.shown("checklists") == [("Open steps", 2, ""), ("Lists done", "1 of 3", "")]
