"""What is covered today, and open claims."""

from __future__ import annotations

from decimal import Decimal

from tests.crm_core.figures.conftest import NOW, Book


def test_only_policies_in_force_cover(book: Book) -> None:
    spans = ((None, None), ("2026-01-01", "2026-11-20"), ("2026-11-21", None), (None, "2026-11-19"))
    for number, (begin, end) in enumerate(spans):
        book.add("policies", number=f"{number} {book.customer}", coverage=f"{10**number} EUR", valid_from=begin,
                 valid_until=end)  # fmt: skip
    book.add("policies", number=f"x {book.customer}", coverage="5000 EUR", status="cancelled")
    claim = book.add("claims", title="Wet", amount="300 EUR")
    book.add("claims", title="Done", amount="70 EUR", status="paid")
    today, told = NOW.date(), book.ask("insurance")
    plain = sum(
        row["coverage"]
        for row in book.rows("policies")
        if row["status"] == "active"
        and (row["valid_from"] or today) <= today <= (row["valid_until"] or today)
    )
    assert told.coverage == {"EUR": plain} == {"EUR": Decimal(11)}
    assert (told.policies, told.open_claims, told.claimed) == (2, 1, {"EUR": Decimal(300)})
    book.change("claims", claim, status="refused")
    assert ("Open claims", 0, "") in book.shown("insurance")
