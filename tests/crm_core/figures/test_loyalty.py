"""Points are the sum of their entries."""

from __future__ import annotations

import pytest

from tests.crm_core.figures.conftest import Book


@pytest.mark.parametrize("entries", [[], [50], [50, 70, -30], [-5]], ids=str)
def test_points_are_what_entries_add_up_to(book: Book, entries: list[int]) -> None:
    for points in entries:
        book.add("loyalty_entries", reason="x", points=points)
    told = book.ask("loyalty")
    assert told.points == sum(row["points"] for row in book.rows("loyalty_entries")) == sum(entries)
    assert told.spent == -sum(one for one in entries if one < 0)
    book.add("loyalty_entries", reason="more", points=7)
    assert book.ask("loyalty").figure[0].value == sum(entries) + 7
