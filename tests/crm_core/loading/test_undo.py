"""Undoing a load: exactly what it did, and nothing that others did since."""

from __future__ import annotations

import pytest

from crm_core import records
from crm_core.errors import Forbidden
from crm_core.loading import on_undo, read_loads, undo
from crm_core.loading.errors import AlreadyUndone, UnknownLoad
from lake import Change
from tests.crm_core.conftest import ADMIN, AGENT
from tests.crm_core.loading.conftest import Loading

FIRST = (
    "tax id,name,email,credit,langs\nDE1,Anna,a@tests.example,5 EUR,en\n"
    "DE2,Bob,b@tests.example,,\nDE3,Cora,,7 USD,de\n"
)
SECOND = (
    FIRST.replace("Anna", "Anne")
    .replace("a@tests", "anne@tests")
    .replace("7 USD", "8 USD")
    .replace("DE2", "DE4")
)
TABLES = ("customers", "customers__source", "contact_points")


def test_undo_brings_back_every_table_as_it_was(loading: Loading) -> None:
    loading.load(FIRST, key=("tax_id",))
    before = loading.tables(*TABLES)
    result = loading.load(SECOND, key=("tax_id",))
    assert (result.inserted, result.updated) == (1, 2)
    undone = loading.undo(result)
    assert (undone.restored, undone.deleted, undone.conflicts) == (2, 1, ())
    assert loading.tables(*TABLES) == before


def test_undo_of_a_first_load_leaves_nothing_and_lets_the_file_be_loaded_again(loading: Loading) -> None:
    first = loading.load(FIRST)
    assert loading.undo(first).deleted == 3
    assert loading.tables(*TABLES) == {name: [] for name in TABLES}
    assert loading.load(FIRST).inserted == 3


def test_later_edits_of_a_cell_stay_and_are_conflicts(loading: Loading) -> None:
    loading.load(FIRST, key=("tax_id",))
    result = loading.load(SECOND, key=("tax_id",))
    anna, new = loading.id_of("DE1"), loading.id_of("DE4")
    lake = loading.crm.lake
    records.update(lake, module="customers", record_id=anna, values={"name": "Annette"}, actor=AGENT)
    records.update(lake, module="customers", record_id=anna, values={"notes": "called"}, actor=ADMIN)
    records.update(lake, module="customers", record_id=new, values={"age": 40}, actor=ADMIN)
    undone = loading.undo(result)
    told = {(c["id"], c["field"]): (c["loaded"], c["current"], c["by"]) for c in undone.conflicts}
    assert told == {(anna, "name"): ("Anne", "Annette", "bob"), (new, "age"): (None, 40, "ann")}
    assert loading.rows("name, email, notes", where=f"id = '{anna}'") == [
        ("Annette", "a@tests.example", "called")
    ]
    assert loading.rows("id", where=f"id = '{new}'") == []


def test_an_edit_that_was_taken_back_is_no_conflict(loading: Loading) -> None:
    loading.load(FIRST, key=("tax_id",))
    result = loading.load(SECOND, key=("tax_id",))
    for name in ("Other", "Anne"):
        records.update(
            loading.crm.lake,
            module="customers",
            record_id=loading.id_of("DE1"),
            values={"name": name},
            actor=ADMIN,
        )
    assert loading.undo(result).conflicts == ()
    assert loading.rows("name", where="tax_id = 'DE1'") == [("Anna",)]


def test_loads_are_undone_one_upon_the_other(loading: Loading) -> None:
    states, results = [], []
    for text in (FIRST, SECOND, FIRST):
        states.append(loading.tables(*TABLES))
        results.append(loading.load(text, key=("tax_id",)))
    for state, result in zip(reversed(states), reversed(results), strict=True):
        assert loading.undo(result).conflicts == ()
        assert loading.tables(*TABLES) == state


def test_what_flows_did_because_of_a_load_is_undone_with_it(loading: Loading) -> None:
    result = loading.load(FIRST, key=("tax_id",))
    anna, lake = loading.id_of("DE1"), loading.crm.lake
    change = Change(actor="system", door="flow", load_id=result.load_id, depth=1)
    records.create(
        lake, module="tasks", values={"title": "Call", "customer": anna}, actor=ADMIN, change=change
    )
    records.create(lake, module="tasks", values={"title": "By hand"}, actor=ADMIN)
    assert loading.undo(result).deleted == 3
    assert loading.rows("title", "tasks") == [("By hand",)]


def test_a_load_is_undone_once_and_by_whom_it_concerns(loading: Loading) -> None:
    result = loading.load(FIRST)
    with pytest.raises(UnknownLoad):
        undo(loading.crm.lake, result.load_id, actor=AGENT)
    mine = loading.load("name\nMine\n", actor=AGENT, name="mine.csv")
    assert undo(loading.crm.lake, mine.load_id, actor=AGENT).deleted == 1
    loading.undo(result)
    with pytest.raises(AlreadyUndone):
        loading.undo(result)
    assert [entry.state for entry in read_loads(loading.crm.lake, actor=ADMIN)] == ["undone", "undone"]
    assert Forbidden.status == 403


def test_what_has_left_the_house_is_told(loading: Loading) -> None:
    seen = []

    def revoke(tx: object, lake: object, load_id: str) -> list[str]:
        seen.append(load_id)
        return ["message 1"]

    on_undo(revoke)
    try:
        result = loading.load(FIRST)
        assert loading.undo(result).irreversible == ("message 1",)
        assert seen == [result.load_id]
    finally:
        from crm_core.loading.undo import _revokers

        _revokers.remove(revoke)
