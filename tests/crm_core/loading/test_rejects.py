"""Rejects are downloaded, mended and loaded again; a dry run shows all and writes nothing; contracts are YAML."""

from __future__ import annotations

import pytest

from crm_core.loading import (
    Contract,
    Formats,
    apply_source,
    download_rejects,
    parse_contract,
    read_rejects,
    read_sources,
    show_source,
)
from crm_core.loading.errors import ContractInvalid, NewColumns, UnknownLoad, UnknownSource
from tests.crm_core.conftest import ADMIN, AGENT
from tests.crm_core.loading.conftest import Loading

BAD = "tax id,name,age,born\nDE1,Anna,old,2000-01-01\nDE2,,5,2000-01-01\nDE3,Cora,7,2001-01-01\n"


@pytest.mark.parametrize("key", [("tax_id",), ()], ids=["upsert", "insert"])
def test_mended_rejects_complete_what_was_loaded(loading: Loading, key: tuple[str, ...]) -> None:
    first = loading.load(BAD, key=key, source="erp")
    rows = download_rejects(loading.crm.lake, first.load_id, actor=ADMIN).decode()
    assert rows.count("\n") == 3
    mended = rows.replace("Anna,old", "Anna,41").replace('DE2,"",5', "DE2,Bob,5")
    again = loading.load(mended, key=key, source="erp", name="mended.csv")
    assert (again.inserted, again.updated, again.rejected) == (1, 1, 0)
    assert loading.rows("name, age") == [("Anna", 41), ("Bob", 5), ("Cora", 7)]


def test_mended_rejects_leave_alone_what_was_not_wrong(loading: Loading) -> None:
    from crm_core import records

    first = loading.load(BAD, source="erp")
    records.update(
        loading.crm.lake,
        module="customers",
        record_id=loading.id_of("DE1"),
        values={"name": "Anja"},
        actor=ADMIN,
    )
    rows = download_rejects(loading.crm.lake, first.load_id, actor=ADMIN).decode()
    loading.load(rows.replace("old", "41"), source="erp", name="mended.csv")
    assert loading.rows("name, age", where="tax_id = 'DE1'") == [("Anja", 41)]


def test_rejects_are_told_to_whoever_loaded_and_to_administrators(loading: Loading) -> None:
    result = loading.load(BAD)
    with pytest.raises(UnknownLoad):
        read_rejects(loading.crm.lake, result.load_id, actor=AGENT)
    with pytest.raises(UnknownLoad):
        download_rejects(loading.crm.lake, "nonsense", actor=ADMIN)


def test_a_dry_run_shows_what_would_be_and_writes_nothing(loading: Loading) -> None:
    loading.load("tax id,name,age\nDE1,Anna,30\n", key=("tax_id",))
    before = loading.crm.lake.snapshot()
    found = loading.preview("tax id,name,age,Foo\nDE1,Anne,31,x\nDE2,Bob,old,y\n,Cora,1,z\n", key=("tax_id",))
    assert loading.crm.lake.snapshot() == before
    counts = found.result
    assert (counts.read, counts.inserted, counts.updated, counts.rejected, counts.values_rejected) == (
        3,
        1,
        1,
        1,
        1,
    )
    assert found.inserts == ({"tax_id": "DE2", "name": "Bob", "age": None},)
    assert [(c["field"], c["old"], c["new"]) for c in found.changes] == [
        ("age", "30", "31"),
        ("name", "Anna", "Anne"),
    ]
    assert [(r["line"], r["code"]) for r in found.rejects] == [(3, "not_a_number"), (4, "key_missing")]
    assert [(c.header, c.target) for c in found.columns] == [
        ("tax id", "tax_id"), ("name", "name"), ("age", "age"), ("Foo", None)
    ]  # fmt: skip


def test_a_mapping_is_remembered_for_its_source(loading: Loading) -> None:
    contract = Contract(
        source="erp", module="customers", key=("tax_id",), columns={"A": "tax_id", "B": "name", "C": "born"},
        formats=Formats(day_first=False),
    )  # fmt: skip
    loading.load("A,B,C\nDE1,Anna,3/4/2024\n", source="erp", contract=contract)
    again = loading.load("A,B,C\nDE1,Anna,3/5/2024\n", source="erp")
    assert (again.updated, loading.rows("name, born::VARCHAR")) == (1, [("Anna", "2024-03-05")])
    assert [(one.source, one.module) for one in read_sources(loading.crm.lake)] == [("erp", "customers")]


def test_a_contract_is_yaml_that_can_be_shown_and_applied(loading: Loading) -> None:
    text = "source: erp\nmodule: customers\nkey: [tax_id]\ncolumns: {No.: tax_id, Wer: name}\nnew_columns: freeze\n"
    apply_source(loading.crm.lake, text, actor=ADMIN)
    shown = show_source(loading.crm.lake, "erp")
    assert parse_contract(shown) == parse_contract(text)
    assert loading.load("No.,Wer\nDE1,Anna\n", source="erp").inserted == 1
    with pytest.raises(NewColumns, match="Foo"):
        loading.load("No.,Wer,Foo\nDE1,Anna,1\n", source="erp")


@pytest.mark.parametrize(
    "text",
    [
        "source: erp\nmodule: customers\ncolumns: {A: nonsense}",
        "source: erp\nmodule: customers\nkey: [nonsense]",
        "source: erp\nmodule: customers\nmode: replace",
        "just words",
    ],
)
def test_a_contract_that_cannot_be_meant_is_refused(looking: Loading, text: str) -> None:
    with pytest.raises(ContractInvalid):
        apply_source(looking.crm.lake, text, actor=ADMIN)


def test_a_source_that_nobody_knows_is_said(looking: Loading) -> None:
    with pytest.raises(UnknownSource):
        show_source(looking.crm.lake, "nobody")
