"""A file of many rows makes what the same rows make in several small ones, however it is written."""

from __future__ import annotations

import pytest

from crm_core.loading.files import LARGE
from lake import maintenance
from tests.crm_core.loading.conftest import Loading

HEADER = "tax id,name,email,phone,country,status,credit,born\n"
ROWS = LARGE + 500
HALF = ROWS // 2
RECORDS = (
    "tax_id, number, name, email, phone, country, status, folder, credit, source, owner, workers, team, tags, "
    "born::VARCHAR"
)
POINTS = 'p.kind, p.value, p.standardised, p."primary", p.invalid, p.source, p.owner, c.tax_id'
SAID = "source_key, tax_id, name, email, phone, country, credit, born, extra"


def row(n: int, dirt: str) -> str:
    """A row; some have nothing wrong, and some what `dirt` says."""
    name, status, country = f"Person {n}", "", ("DE", "Frankreich", "AT")[n % 3]
    email = f"Person.{n}@X.example" if n % 4 else ""
    if n % 97 == 5 and "rejected" in dirt:
        name = ""
    if n % 89 == 3 and "values" in dirt:
        email, country = "no address", "Nowhere"
    if n % 83 == 2 and "rules" in dirt:
        status = "no status"
    # Few amounts and days, which are read once each.
    credit, born = f"{n % 300}.5 USD", f"{n % 28 + 1}.02.1990"
    if n % 79 == 1 and "values" in dirt:
        credit, born = "much", "31.02.1990"
    return f"AA{n},{name},{email},0049 30 {1_000_000 + n},{country},{status},{credit},{born}\n"


def made(loading: Loading) -> list[list[tuple[object, ...]]]:
    """All that was made of the rows, without ids and times."""
    points = loading.crm.lake.read(
        f"SELECT {POINTS} FROM lake.crm.contact_points p JOIN lake.crm.customers c ON c.id = p.customer ORDER BY ALL"
    )
    stamped = "count(*), count(DISTINCT id), count(DISTINCT created_at), count(version), count(change_id)"
    return [
        loading.rows(RECORDS),
        points.rows(),
        loading.rows(SAID, "customers__source", "true"),
        [(counts[0], counts[1], counts[3], counts[4]) for counts in loading.rows(stamped)],
    ]


@pytest.mark.parametrize("dirt", ["none", "rejected", "rejected values rules"])
def test_a_large_file_makes_what_small_ones_make(loading: Loading, dirt: str) -> None:
    rows = [row(n, dirt) for n in range(ROWS)]
    large = loading.load(HEADER + "".join(rows), key=("tax_id",), source="erp")
    as_large = made(loading)
    assert loading.undo(large).deleted == large.inserted
    assert loading.rows("id") == loading.rows("id", "contact_points") == []
    # The numbers that were given are not given again.
    given = large.inserted
    assert ROWS * 0.98 < given <= ROWS
    small = [
        loading.load(HEADER + "".join(part), key=("tax_id",), source="erp", name=f"{n}.csv")
        for n, part in enumerate((rows[:HALF], rows[HALF:]))
    ]
    for count in ("inserted", "rejected", "values_rejected", "unchanged"):
        assert getattr(large, count) == sum(getattr(one, count) for one in small)
    as_small = made(loading)
    renumbered = [(one[0], f"C-{int(str(one[1])[2:]) - given:04}", *one[2:]) for one in as_small[0]]
    assert as_large == [renumbered, *as_small[1:]]


def test_what_a_large_load_left_empty_is_empty_also_after_maintenance(loading: Loading) -> None:
    loading.load(HEADER + "".join(row(n, "none") for n in range(ROWS)), key=("tax_id",), source="erp")
    empty = "count(*) FILTER (langs IS NULL AND tags IS NULL AND deleted_at IS NULL)"
    assert loading.rows(empty) == [(ROWS,)]
    maintenance.run(loading.crm.lake, everything=True)
    assert loading.rows(empty) == [(ROWS,)]
    assert loading.rows("count(*)", where="langs IS NOT NULL OR tags IS NOT NULL") == [(0,)]
