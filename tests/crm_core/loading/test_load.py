"""A file becomes records: every row inserted, changed, unchanged or rejected."""

from __future__ import annotations

import datetime as dt
import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from crm_core import records
from crm_core.errors import Forbidden
from crm_core.loading import Cancel, LoadOptions, load
from crm_core.loading.errors import KeyMissing, LoadCancelled, NothingMapped, StrictFailure, WouldDeleteAll
from lake.ingest import EmptyInputError
from tests.crm_core.conftest import ADMIN, AGENT, VIEWER
from tests.crm_core.loading.conftest import Loading

PEOPLE = """Tax Id;Name;E-Mail;Phone;Country;Credit;Home Street;Home City;Born;VIP;Langs;Shoe size
DE1;Anna Müller;Anna@Example.COM;030 1234567;Deutschland;1.234,50;Hauptstr. 1;Berlin;31.12.1980;ja;German, en;38
DE2;Bob;;+33 1 23 45 67 89;FR;12,00 USD;;;01.02.1990;no;;41
"""


def test_a_file_becomes_records_with_their_source_rows(loading: Loading) -> None:
    result = loading.load(PEOPLE, key=("tax_id",), source="erp")
    assert (result.read, result.inserted, result.rejected, result.values_rejected) == (2, 2, 0, 0)
    columns = "tax_id, name, email, phone, country, credit, credit__currency, home__street, born, vip, langs, source"
    assert loading.rows(columns) == [
        ("DE1", "Anna Müller", "Anna@example.com", "+49301234567", "DE", Decimal("1234.5000"), "EUR", "Hauptstr. 1",
         dt.date(1980, 12, 31), True, ["de", "en"], "erp"),
        ("DE2", "Bob", None, "+33123456789", "FR", Decimal("12.0000"), "USD", None, dt.date(1990, 2, 1), False, None,
         "erp"),
    ]  # fmt: skip
    given = "source, source_key, line, email, phone, born, extra"
    assert loading.rows(given, "customers__source", "true") == [
        ("erp", "DE1", 2, "Anna@Example.COM", "030 1234567", "31.12.1980", '{"Shoe size":"38"}'),
        ("erp", "DE2", 3, None, "+33 1 23 45 67 89", "01.02.1990", '{"Shoe size":"41"}'),
    ]
    assert result.proposed == (("Shoe size", "shoe_size", "integer"),)


def test_new_records_have_numbers_statuses_and_contact_points(loading: Loading) -> None:
    loading.load(PEOPLE, key=("tax_id",))
    assert loading.rows("number, status, folder") == [("C-0001", "new", "leads"), ("C-0002", "new", "leads")]
    assert loading.crm.points(loading.id_of("DE1")) == [
        ("email", "Anna@example.com", True),
        ("phone", "+49301234567", True),
    ]


@pytest.mark.parametrize("key", [("tax_id",), ()], ids=["upsert", "insert"])
def test_the_same_file_twice_changes_nothing(loading: Loading, key: tuple[str, ...]) -> None:
    loading.load(PEOPLE, key=key)
    before = loading.tables("customers", "customers__source", "contact_points")
    again = loading.load(PEOPLE, key=key, name="again.csv", source="file")
    assert (again.unchanged, again.snapshot) == (2, None)
    assert loading.tables("customers", "customers__source", "contact_points") == before


def test_a_changed_value_updates_its_record_alone(loading: Loading) -> None:
    loading.load(PEOPLE, key=("tax_id",))
    versions = dict(loading.rows("tax_id, version"))
    result = loading.load(PEOPLE.replace("Bob", "Robert"), key=("tax_id",))
    assert (result.updated, result.unchanged) == (1, 1)
    assert dict(loading.rows("tax_id, version")) == {"DE1": versions["DE1"], "DE2": result.snapshot}


def test_a_field_that_a_person_edited_stays_until_the_source_changes_it(loading: Loading) -> None:
    loading.load(PEOPLE, key=("tax_id",))
    edited = {"name": "Bobby", "home": {"city": "Paris"}}
    records.update(
        loading.crm.lake, module="customers", record_id=loading.id_of("DE2"), values=edited, actor=ADMIN
    )
    loading.load(PEOPLE.replace("FR", "IT"), key=("tax_id",))
    assert loading.rows("name, country, home__city", where="tax_id = 'DE2'") == [("Bobby", "IT", "Paris")]
    loading.load(PEOPLE.replace("FR", "IT").replace("Bob;", "Robert;"), key=("tax_id",))
    assert loading.rows("name", where="tax_id = 'DE2'") == [("Robert",)]


def test_a_record_stays_known_to_its_source_when_a_person_changes_its_key(loading: Loading) -> None:
    loading.load(PEOPLE, key=("tax_id",))
    record_id = loading.id_of("DE2")
    records.update(
        loading.crm.lake, module="customers", record_id=record_id, values={"tax_id": "FR9"}, actor=ADMIN
    )
    result = loading.load(PEOPLE.replace("Bob", "Robert"), key=("tax_id",))
    assert (result.updated, result.inserted) == (1, 0)
    assert loading.rows("tax_id, name", where=f"id = '{record_id}'") == [("FR9", "Robert")]


@pytest.mark.parametrize(("empty", "email"), [(None, "a@tests.example"), ("clear", None)])
def test_an_empty_cell_keeps_or_clears(loading: Loading, empty: str | None, email: str | None) -> None:
    loading.load("tax id,name,email\nDE1,Anna,a@tests.example\n", key=("tax_id",))
    loading.load("tax id,name,email\nDE1,Anna,\n", key=("tax_id",), empty=empty)
    assert loading.rows("email") == [(email,)]


def test_an_empty_required_cell_is_no_way_to_clear_it(loading: Loading) -> None:
    loading.load("tax id,name\nDE1,Anna\n", key=("tax_id",))
    result = loading.load("tax id,name\nDE1,\n", key=("tax_id",), empty="clear")
    assert loading.rejects(result) == [(2, "name", "", "required", False)]
    assert loading.rows("name") == [("Anna",)]


def test_what_cannot_be_taken_is_told_with_line_column_and_value(loading: Loading) -> None:
    result = loading.load(
        "Tax id,Name,E-mail,Age,Kind,Tier,Born\n"
        "DE1,Anna,nobody,200,person,platinum,2000-13-01\n"
        "DE2,,b@tests.example,5,person,,2000-01-01\n"
        "x,Cora,,,,,\n"
        ",Dora,,,,,\n"
        "DE5,Eve,,,alien,,\n"
        "DE6,Fay,,,person,,,surplus\n",
        key=("tax_id",),
    )
    assert loading.rejects(result) == [
        (2, "Age", "200", "range", True),
        (2, "Born", "2000-13-01", "not_a_date", True),
        (2, "E-mail", "nobody", "type", True),
        (2, "Tier", "platinum", "option", True),
        (3, "Name", "", "required", False),
        (4, "Tax id", "x", "pattern", False),
        (5, "Tax id", "", "key_missing", False),
        (6, "Kind", "alien", "option", True),
        (7, None, "DE6,Fay,,,person,,,surplus", "too_many_cells", False),
    ]
    assert (result.inserted, result.rejected, result.values_rejected) == (2, 4, 5)
    assert loading.rows("name, age, kind, tier, born, email") == [
        ("Anna", None, "person", None, None, None),
        ("Eve", None, None, None, None, None),
    ]


def test_a_bad_value_leaves_the_stored_one(loading: Loading) -> None:
    loading.load("tax id,name,age,born\nDE1,Anna,30,2000-01-01\n", key=("tax_id",))
    result = loading.load("tax id,name,age,born\nDE1,Annie,old,soon\n", key=("tax_id",), empty="clear")
    assert (result.updated, result.values_rejected) == (1, 2)
    assert loading.rows("name, age, born") == [("Annie", 30, dt.date(2000, 1, 1))]


def test_of_a_key_that_comes_twice_the_last_row_wins(loading: Loading) -> None:
    result = loading.load(
        'tax id,name,notes\nDE1,Anna,x\nDE2,Bob,"two\nlines"\nDE1,Anne,x\nDE2,Bob,"two\nlines"\n',
        key=("tax_id",),
    )
    assert (result.inserted, result.unchanged, result.rejected) == (2, 1, 1)
    assert loading.rejects(result) == [(2, "tax id", "DE1", "superseded", False)]
    assert loading.rows("name") == [("Anne",), ("Bob",)]


def test_update_changes_only_records_that_are_there(loading: Loading) -> None:
    loading.load("tax id,name\nDE1,Anna\n", key=("tax_id",))
    result = loading.load("tax id,name\nDE1,Anne\nDE2,Bob\n", key=("tax_id",), mode="update")
    assert (result.updated, loading.rejects(result)) == (1, [(3, "tax id", "DE2", "not_found", False)])


def test_insert_rejects_a_unique_value_that_is_taken(loading: Loading) -> None:
    loading.load("tax id,name\nDE1,Anna\n")
    result = loading.load("tax id,name\nDE1,Other\nDE2,Bob\nDE2,Twin\n", name="more.csv")
    assert result.inserted == 1
    assert [(line, code) for line, _, _, code, _ in loading.rejects(result)] == [(2, "unique"), (4, "unique")]


def test_a_mirror_deletes_what_a_full_extract_has_no_more(loading: Loading) -> None:
    loading.crm.create(name="By hand", tax_id="DE9")
    loading.load("tax id,name\nDE1,Anna\nDE2,Bob\nDE3,Cora\n", key=("tax_id",), mode="mirror")
    result = loading.load(f"tax id,name\nDE1,Anna\nDE3,{'x' * 99}\n", key=("tax_id",), mode="mirror")
    assert (result.deleted, result.unchanged, result.rejected) == (1, 1, 1)
    assert loading.rows("name") == [("Anna",), ("By hand",), ("Cora",)]
    with pytest.raises(WouldDeleteAll):
        loading.load("tax id,name\n,x\n", key=("tax_id",), mode="mirror")


def test_a_deleted_record_is_inserted_anew(loading: Loading) -> None:
    loading.load("tax id,name\nDE1,Anna\n", key=("tax_id",))
    records.delete(loading.crm.lake, module="customers", record_id=loading.id_of("DE1"), actor=ADMIN)
    result = loading.load("tax id,name\nDE1,Anna\n", key=("tax_id",))
    assert result.inserted == 1
    assert any("deleted" in note for note in result.notes)
    assert len(loading.rows("id", where="true")) == 2


def test_a_folder_is_one_load_in_one_commit(loading: Loading) -> None:
    loading.write("tax id,name\nDE1,Anna\n", "in/a.csv")
    loading.write(gzip.compress(b"name;tax id\nBob;DE2\n"), "in/b.csv.gz")
    before = loading.crm.lake.snapshot()
    result = load(
        loading.crm.lake, [loading.folder / "in"], module="customers", actor=ADMIN,
        options=LoadOptions(source="drop", key=("tax_id",)),
    )  # fmt: skip
    assert (result.files, result.inserted, loading.crm.lake.snapshot()) == (2, 2, before + 1)


def test_an_unknown_column_becomes_a_field_when_asked_for(loading: Loading) -> None:
    result = loading.load("name,Shoe size,Joined\nAnna,38,2024-01-31\n", evolve=True)
    assert loading.rows("name, shoe_size, joined") == [("Anna", 38, dt.date(2024, 1, 31))]
    assert result.proposed == ()


def test_strict_takes_all_or_nothing(loading: Loading) -> None:
    before = loading.crm.lake.snapshot()
    with pytest.raises(StrictFailure) as raised:
        loading.load("name,age\nAnna,30\nBob,old\n", strict=True)
    assert raised.value.values_rejected == 1
    assert loading.crm.lake.snapshot() == before


@pytest.mark.parametrize(
    ("text", "more", "error"),
    [
        ("", {}, EmptyInputError),
        ("foo,bar\n1,2\n", {}, NothingMapped),
        ("name\nAnna\n", {"key": ("tax_id",)}, KeyMissing),
        ("name\nAnna\n", {"mode": "upsert"}, KeyMissing),
    ],
    ids=["empty file", "no column known", "key not in the file", "no key"],
)
def test_a_load_that_cannot_be_meant_is_refused(
    looking: Loading, text: str, more: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        looking.load(text, **more)


def test_a_header_alone_loads_nothing(loading: Loading) -> None:
    result = loading.load("name,email\n")
    assert (result.read, result.snapshot) == (0, None)


def test_who_only_looks_loads_nothing_and_an_agent_changes_what_he_sees(loading: Loading) -> None:
    with pytest.raises(Forbidden):
        loading.load("name\nAnna\n", actor=VIEWER)
    loading.crm.create(name="Hidden", tax_id="DE7", folder="leads", status="new")
    result = loading.load("tax id,name\nDE1,Mine\n", actor=AGENT, key=("tax_id",))
    assert result.inserted == 1
    assert loading.rows("owner", where="tax_id = 'DE1'") == [("bob",)]


@pytest.mark.parametrize("phase", ["scan", "type", "match", "write"])
def test_a_cancelled_load_leaves_no_trace(loading: Loading, phase: str) -> None:
    cancel, before = Cancel(), loading.crm.lake.snapshot()

    def progress(now: str, done: int, total: int) -> None:
        if now == phase:
            cancel.cancel()

    with pytest.raises(LoadCancelled):
        load(
            loading.crm.lake, [loading.write(PEOPLE)], module="customers", actor=ADMIN, progress=progress,
            cancel=cancel,
        )  # fmt: skip
    assert loading.crm.lake.snapshot() == before
    assert not list(Path(loading.crm.lake.config.data_path).rglob("load-*.parquet"))


@pytest.mark.parametrize(
    "text",
    [
        "Robert'); DROP TABLE customers;--",
        "<script>alert(1)</script>",
        "$now $change ${x} {0}",
        "=1+1",
        "%s ' \" \\",
    ],
)
def test_text_is_text_in_headers_and_cells(loading: Loading, text: str) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    loading.load(f"tax id,name,{quoted}\nDE1,{quoted},{quoted}\n", key=("tax_id",), source=text)
    assert loading.rows("name, source") == [(text, text)]
