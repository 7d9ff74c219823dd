"""Inquiries of a customer: how many are open and wait, and the median of first answers."""

from __future__ import annotations

from datetime import timedelta
from statistics import median

from crm_core import records
from tests.crm_core.conftest import ADMIN
from tests.crm_core.figures.conftest import Book


def test_open_and_waiting_inquiries_and_the_median_answer(book: Book) -> None:
    assert [value for _, value, _ in book.shown("inquiries")] == [0, 0, "–"]
    made = [book.add("inquiries", subject=f"Inquiry {number}") for number in range(5)]
    came = {str(row["id"]): row["created_at"] for row in book.rows("inquiries")}
    for inquiry, minutes in zip(made, (10, 60, 500), strict=False):
        book.change("inquiries", inquiry, first_answer_at=came[inquiry] + timedelta(minutes=minutes))
    book.change("inquiries", made[2], status="closed", outcome="solved")
    book.change("inquiries", made[4], status="spam")
    gone = book.add("inquiries", subject="Gone")
    records.delete(book.crm.lake, module="inquiries", record_id=gone, actor=ADMIN)
    rows = book.rows("inquiries")
    still = [row for row in rows if row["status"] not in ("closed", "spam")]
    took = [row["first_answer_at"] - row["created_at"] for row in rows if row["first_answer_at"]]
    assert [value for _, value, _ in book.shown("inquiries")] == [
        len(still), len([row for row in still if not row["first_answer_at"]]), median(took) // timedelta(minutes=1),
    ] == [3, 1, 60]  # fmt: skip
    assert [row["open"] for row in book.ask("inquiries").rows] == [True] * 3 + [False] * 2
