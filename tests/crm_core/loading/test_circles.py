"""References that a load brings to a tree of records: none closes a circle, whenever the other end comes."""

from __future__ import annotations

import pytest

from crm_core import records
from crm_core.definitions import save
from tests.crm_core.conftest import ADMIN
from tests.crm_core.loading.conftest import Loading

BOSS = {
    "module": "customers", "slug": "boss", "kind": "many_to_one", "to": "customers", "inverse": "reports_of",
    "tree": {},
}  # fmt: skip


@pytest.fixture
def staff(loading: Loading) -> Loading:
    """A workspace in which customers have a boss among them, and nobody is his own."""
    save(loading.crm.lake, [("relationship", BOSS)], actor=ADMIN)
    return loading


def bosses(staff: Loading) -> dict[str, str | None]:
    sql = (
        "SELECT c.name, b.name AS boss FROM lake.crm.customers c LEFT JOIN lake.crm.customers b ON b.id = c.boss "
        "WHERE c.deleted_at IS NULL"
    )
    return dict(staff.crm.lake.read(sql).rows())


def waiting(staff: Loading) -> list[str]:
    """The keys that references wait for."""
    sql = "SELECT key FROM lake.ops.pending_references WHERE resolved_at IS NULL ORDER BY 1"
    return [str(one) for one in staff.crm.lake.read(sql)["key"]]


def test_rows_of_one_file_that_lead_to_each_other_are_left_out(staff: Loading) -> None:
    text = (
        "tax id,name,boss tax id\nDE1,Ann,DE2\nDE2,Ben,DE1\nDE3,Cid,DE3\nDE4,Dan,\nDE5,Eve,DE4\nDE6,Fay,DE1\n"
    )
    done = staff.load(text, key=("tax_id",))
    assert (done.inserted, done.rejected, done.pending_references) == (3, 3, 1)
    assert bosses(staff) == {"Dan": None, "Eve": "Dan", "Fay": None} and waiting(staff) == ["DE1"]
    assert staff.rows("name", where="boss IS NULL") == [("Dan",), ("Fay",)]
    staff.load("tax id,name\nDE1,Ann\n", key=("tax_id",), name="mended.csv")
    assert bosses(staff)["Fay"] == "Ann" and waiting(staff) == []


def test_a_file_that_changes_records_brings_no_circle_either(staff: Loading) -> None:
    staff.load("tax id,name,boss tax id\nDE1,Ann,\nDE2,Ben,DE1\nDE3,Cid,\n", key=("tax_id",), name="1.csv")
    text = "tax id,name,boss tax id\nDE1,Ann,DE2\nDE3,Cid,DE1\n"
    done = staff.load(text, key=("tax_id",), name="2.csv")
    assert (done.updated, done.rejected) == (1, 1)
    assert bosses(staff) == {"Ann": None, "Ben": "Ann", "Cid": "Ann"}


def test_a_reference_that_waited_stays_open_when_its_target_would_close_a_circle(staff: Loading) -> None:
    first = staff.load("tax id,name,boss tax id\nDE1,Ann,DE3\nDE4,Dan,DE3\n", key=("tax_id",), name="1.csv")
    assert (first.inserted, first.pending_references) == (2, 2)
    staff.load("tax id,name,boss tax id\nDE2,Ben,DE1\nDE3,Cid,DE2\n", key=("tax_id",), name="2.csv")
    # Cid stands below Ben and Ben below Ann: Ann cannot stand below Cid, Dan can.
    assert bosses(staff) == {"Ann": None, "Ben": "Ann", "Cid": "Ben", "Dan": "Cid"}
    assert waiting(staff) == ["DE3"]


def test_it_is_taken_as_soon_as_no_circle_comes_of_it(staff: Loading) -> None:
    staff.load("tax id,name,boss tax id\nDE1,Ann,DE2\n", key=("tax_id",), name="1.csv")
    staff.load("tax id,name,boss tax id\nDE2,Ben,DE1\n", key=("tax_id",), name="2.csv")
    assert bosses(staff) == {"Ann": None, "Ben": "Ann"} and waiting(staff) == ["DE2"]
    [ben] = [row[0] for row in staff.rows("id", where="name = 'Ben'")]
    records.update(staff.crm.lake, module="customers", record_id=str(ben), values={"boss": None}, actor=ADMIN)
    assert bosses(staff) == {"Ann": "Ben", "Ben": None} and waiting(staff) == []
