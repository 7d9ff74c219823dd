"""Laws of loading, on generated dirt: rows are accounted for, twice is once, undo restores, order does not matter."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_core.loading import LoadResult
from crm_core.loading.errors import WouldDeleteAll
from crm_core.loading.model import MODES, Mode
from tests.crm_core.loading.conftest import Loading

TABLES = ("customers", "customers__source", "contact_points", "tasks", "tasks__source")
FEW = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
HEADER = ["tax id", "name", "email", "phone", "age", "credit", "born", "tier"]
ROW = st.tuples(
    st.sampled_from(["DE1", "DE2", "DE3", "DE4", " DE1 ", "x", ""]),
    st.sampled_from(["Anna", "Bob", "Zoë; “x”", "=1+1", "", "n" * 81]),
    st.sampled_from(["a@x.example", "B@X.example", "nobody", ""]),
    st.sampled_from(["030 1234567", "+33 1 23 45 67 89", "12", ""]),
    st.sampled_from(["1", "200", "old", ""]),
    st.sampled_from(["1.5", "2 USD", "3 FOO", "-1", ""]),
    st.sampled_from(["2000-01-31", "2000-13-01", ""]),
    st.sampled_from(["basic", "platinum", "iron", ""]),
)
# Some rows are too long, too short or empty.
RAGGED = st.builds(lambda row, width: [*row, "surplus"][:width], ROW, st.sampled_from([9, 8, 8, 8, 8, 3]))
FILE = st.lists(st.one_of(RAGGED, st.just([])), min_size=1, max_size=12)
_names = (f"file{number}.csv" for number in itertools.count(1))


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([HEADER, *rows])
    return out.getvalue()


@pytest.fixture(scope="module")
def used(looking: Loading) -> Loading:
    """One lake for all examples: each takes back what it did, and sees that it is gone."""
    return looking


def try_to_load(used: Loading, text: str, mode: Mode, name: str) -> LoadResult | None:
    """Load a file of the source `erp`; None when a mirror refuses to delete everything."""
    key = () if mode == "insert" else ("tax_id",)
    try:
        return used.load(text, key=key, mode=mode, source="erp", name=name)
    except WouldDeleteAll:
        return None


@FEW
@given(files=st.lists(st.tuples(FILE, st.sampled_from(MODES)), min_size=1, max_size=2))
def test_rows_are_accounted_for_twice_is_once_and_undo_restores(
    used: Loading, files: list[tuple[list[list[str]], Mode]]
) -> None:
    lake, done = used.crm.lake, []
    for rows, mode in files:
        before, name = used.tables(*TABLES), next(_names)
        result = try_to_load(used, as_csv(rows), mode, name)
        if result is None:
            assert used.tables(*TABLES) == before
            continue
        done.append((result, before))
        assert result.read == sum(any(row) for row in rows)
        after, snapshot = used.tables(*TABLES), lake.snapshot()
        again = try_to_load(used, as_csv(rows), mode, name)
        assert again is not None
        assert (again.inserted, again.updated, again.deleted, again.snapshot) == (0, 0, 0, None)
        assert used.tables(*TABLES) == after
        assert not {name for name in lake.feed.tables_changed(snapshot, lake.snapshot()) if name[0] == "crm"}
    for result, before in reversed(done):
        assert used.undo(result).conflicts == ()
        assert used.tables(*TABLES) == before


CUSTOMERS = st.lists(st.sampled_from(["DE1", "DE2", "DE3"]), unique=True)
TASKS = st.lists(st.sampled_from(["DE1", "DE2", "DE3", "DE9", ""]), min_size=1, max_size=6)


@FEW
@given(customers=CUSTOMERS, tasks=TASKS, first=st.booleans())
def test_what_refers_may_come_before_or_after_what_it_refers_to(
    used: Loading, customers: list[str], tasks: list[str], first: bool
) -> None:
    people = "tax id,name\n" + "".join(f"{one},Name of {one}\n" for one in customers)
    work = "title,customer tax id\n" + "".join(f"{number},{one}\n" for number, one in enumerate(tasks))
    files = [(people, "customers", ("tax_id",)), (work, "tasks", ("title",))]
    done = [
        used.load(text, module, key=key, name=next(_names))
        for text, module, key in files[:: 1 if first else -1]
    ]
    found = used.crm.lake.read(
        "SELECT t.title::INTEGER AS title, c.tax_id, p.key FROM lake.crm.tasks t "
        "LEFT JOIN lake.crm.customers c ON c.id = t.customer "
        "LEFT JOIN lake.ops.pending_references p ON p.record_id = t.id AND p.resolved_at IS NULL ORDER BY 1"
    )
    wanted = [
        (number, one if one in customers else None, one if one and one not in customers else None)
        for number, one in enumerate(tasks)
    ]
    assert found.rows() == wanted
    for result in reversed(done):
        if result.snapshot is not None:
            used.undo(result)
    assert used.tables("customers", "tasks") == {"customers": [], "tasks": []}
