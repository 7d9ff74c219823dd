"""Auto-numbers: none is given twice, whoever else counts, and whatever becomes of a commit."""

from __future__ import annotations

import pytest

from crm_core import records
from crm_core.people import read_directory_in
from crm_core.records.create import create_in
from crm_core.records.writer import Writer
from lake import Change, Lake, Transaction, table
from tests.crm_core.conftest import ADMIN, Crm

COUNTERS = table("ops", "counters")


def numbers(crm: Crm) -> list[str]:
    return crm.lake.read("SELECT number FROM lake.crm.customers ORDER BY number")["number"].to_list()


def test_a_counter_that_another_process_has_moved_is_read_anew(crm: Crm) -> None:
    crm.create(name="A")
    with Lake.open(crm.lake.config) as other:
        records.create(other, module="customers", values={"name": "B"}, actor=ADMIN)
    crm.create(name="C")
    assert numbers(crm) == ["C-0001", "C-0002", "C-0003"]


def test_a_counter_that_a_plain_commit_has_moved_is_read_anew(crm: Crm) -> None:
    crm.create(name="A")
    change = Change(actor="admin", door="test")
    crm.lake.commit(lambda tx: tx.execute(f"UPDATE {COUNTERS} SET value = 40"), change)
    crm.create(name="B")
    assert numbers(crm) == ["C-0001", "C-0041"]


def test_a_transaction_that_failed_has_counted_nothing(crm: Crm) -> None:
    crm.create(name="A")

    def work(tx: Transaction) -> None:
        writer = Writer(crm.catalog, read_directory_in(tx, crm.lake), ADMIN, "test")
        create_in(tx, writer, module="customers", values=[{"name": "B"}, {"name": "C"}])
        create_in(tx, writer, module="customers", values=[{"name": "D"}])
        raise LookupError

    with pytest.raises(LookupError):
        crm.lake.commit(work, Change(actor="admin", door="test"))
    crm.create(name="E")
    assert numbers(crm) == ["C-0001", "C-0002"]


def test_one_transaction_counts_on_from_its_own_numbers(crm: Crm) -> None:
    def work(tx: Transaction) -> None:
        writer = Writer(crm.catalog, read_directory_in(tx, crm.lake), ADMIN, "test")
        create_in(tx, writer, module="customers", values=[{"name": "A"}, {"name": "B"}])
        create_in(tx, writer, module="customers", values=[{"name": "C"}])

    crm.lake.commit(work, Change(actor="admin", door="test"))
    crm.create(name="D")
    assert numbers(crm) == ["C-0001", "C-0002", "C-0003", "C-0004"]
