"""References resolve by a key of the other module, in any order of files."""

from __future__ import annotations

import itertools

import pytest

from crm_core import records
from crm_core.loading import LoadOptions, load
from lake import Change, Lake, Transaction
from tests.crm_core.conftest import ADMIN
from tests.crm_core.loading.conftest import Loading

CUSTOMERS = "tax id,name\nDE1,Anna\nDE2,Bob\n"
TASKS = "title,customer tax id\nCall,DE1\nWrite,DE2\nRest,\n"
LINKS = "customer,related,type,since\nDE1,DE2,family,2024-01-31\nDE2,DE1,parent,\n"
LINKED = (
    "SELECT f.name, t.name AS other, l.type, l.since::VARCHAR AS since FROM lake.crm.customers__related l "
    "JOIN lake.crm.customers f ON f.id = l.from_id JOIN lake.crm.customers t ON t.id = l.to_id ORDER BY ALL"
)


def tasks(loading: Loading) -> list[tuple[object, ...]]:
    sql = (
        "SELECT t.title, c.name FROM lake.crm.tasks t "
        "LEFT JOIN lake.crm.customers c ON c.id = t.customer ORDER BY ALL"
    )
    return loading.crm.lake.read(sql).rows()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_files_in_any_order_end_in_the_same_tables(loading: Loading, order: tuple[int, ...]) -> None:
    files = [
        (CUSTOMERS, "customers", {"key": ("tax_id",)}),
        (TASKS, "tasks", {"key": ("title",)}),
        (LINKS, "customers.related", {}),
    ]
    for place in order:
        text, module, more = files[place]
        loading.load(text, module, name=f"{place}.csv", **more)  # type: ignore[arg-type]
    assert tasks(loading) == [("Call", "Anna"), ("Rest", None), ("Write", "Bob")]
    assert loading.crm.lake.read(LINKED).rows() == [
        ("Anna", "Bob", "family", "2024-01-31"),
        ("Bob", "Anna", "parent", None),
    ]
    assert (
        loading.crm.lake.read(
            "SELECT count(*) AS n FROM lake.ops.pending_references WHERE resolved_at IS NULL"
        ).item()
        == 0
    )


def test_a_reference_waits_and_a_record_made_by_hand_brings_it(loading: Loading) -> None:
    result = loading.load(TASKS, "tasks")
    assert (result.inserted, result.pending_references, result.rejected) == (3, 2, 0)
    loading.crm.create(name="Anna", tax_id="DE1")
    assert tasks(loading) == [("Call", "Anna"), ("Rest", None), ("Write", None)]


def test_undo_lets_what_a_load_resolved_wait_again(loading: Loading) -> None:
    loading.load(TASKS, "tasks")
    customers = loading.load(CUSTOMERS, key=("tax_id",))
    loading.undo(customers)
    assert tasks(loading) == [("Call", None), ("Rest", None), ("Write", None)]
    loading.load(CUSTOMERS, key=("tax_id",), name="again.csv")
    assert tasks(loading) == [("Call", "Anna"), ("Rest", None), ("Write", "Bob")]


def test_a_reference_may_be_named_by_id_by_number_or_by_the_key_of_its_source(loading: Loading) -> None:
    loading.load("name,email\nAnna,a@tests.example\nBob,b@tests.example\n", key=("email",))
    by_id = loading.rows("id", where="name = 'Anna'")[0][0]
    number = loading.rows("number", where="name = 'Bob'")[0][0]
    loading.load(f"title,customer\n1,{by_id}\n2,{number}\n3,b@tests.example\n", "tasks", key=("title",))
    assert tasks(loading) == [("1", "Anna"), ("2", "Bob"), ("3", "Bob")]


def test_a_reference_to_one_of_several_modules_finds_its_own(loading: Loading) -> None:
    loading.load(CUSTOMERS, key=("tax_id",))
    first = records.create(loading.crm.lake, module="tasks", values={"title": "First"}, actor=ADMIN).id
    loading.load(f"title,about,about module\nA,DE1,\nB,{first},tasks\nC,DE2,tasks\n", "tasks")
    found = loading.rows("title, about__module", "tasks", "title IN ('A', 'B', 'C')")
    assert found == [("A", "customers"), ("B", "tasks"), ("C", None)]


def test_an_empty_reference_keeps_and_a_new_one_replaces(loading: Loading) -> None:
    loading.load(CUSTOMERS, key=("tax_id",))
    loading.load(TASKS, "tasks", key=("title",), source="t")
    loading.load("title,customer tax id\nCall,\nWrite,DE1\n", "tasks", key=("title",), source="t")
    assert tasks(loading) == [("Call", "Anna"), ("Rest", None), ("Write", "Anna")]


def test_links_are_told_by_their_two_keys(loading: Loading) -> None:
    loading.load(CUSTOMERS, key=("tax_id",))
    first = loading.load(LINKS, "customers.related")
    again = loading.load(LINKS, "customers.related")
    changed = loading.load(LINKS.replace("parent", "family"), "customers__related")
    assert (first.inserted, again.unchanged, changed.updated, changed.unchanged) == (2, 2, 1, 1)
    result = loading.load(
        "customer,related,type\nDE1,,family\nDE1,DE2,enemy\n", "customers.related", name="bad.csv"
    )
    assert [(line, code) for line, _, _, code, _ in loading.rejects(result)] == [
        (2, "required"),
        (3, "option"),
    ]
    loading.undo(changed)
    assert [row[2] for row in loading.crm.lake.read(LINKED).rows()] == ["family", "parent"]


def test_references_that_a_dead_process_left_waiting_are_resolved_by_the_next_load(loading: Loading) -> None:
    loading.load(TASKS, "tasks", key=("title",), name="tasks.csv")
    loading.load(CUSTOMERS, key=("tax_id",), name="customers.csv")

    def as_left_behind(tx: Transaction) -> None:
        """As if the process had died after the records were written and before what follows."""
        tx.execute("UPDATE lake.crm.tasks SET customer = NULL")
        tx.execute("UPDATE lake.ops.pending_references SET resolved_at = NULL, resolved_by = NULL")

    loading.crm.lake.commit(as_left_behind, Change(actor="ann", door="test"))
    assert tasks(loading) == [("Call", None), ("Rest", None), ("Write", None)]
    with Lake.open(loading.crm.lake.config) as lake:
        path = loading.write("tax id,name\nDE9,Zoe\n", "other.csv")
        load(lake, [path], module="customers", actor=ADMIN, options=LoadOptions(key=("tax_id",)))
    assert tasks(loading) == [("Call", "Anna"), ("Rest", None), ("Write", "Bob")]
