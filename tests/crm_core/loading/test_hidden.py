"""What a load by somebody tells of records that he does not see."""

from __future__ import annotations

import pytest

from tests.crm_core.conftest import OTHER
from tests.crm_core.loading.conftest import Loading

HIDDEN = "tax id,name,email,folder\nDE1,Anna,anna@x.example,active\nDE2,Bob,bob@x.example,active\n"


@pytest.mark.parametrize("key", ["tax_id", "email"])
@pytest.mark.parametrize(
    ("mode", "code"), [("upsert", "not_usable"), ("insert", "not_usable"), ("update", "not_found")]
)
def test_a_row_with_the_key_of_a_hidden_record_is_refused_and_told_no_more(
    loading: Loading, key: str, mode: str, code: str
) -> None:
    loading.load(HIDDEN, key=("tax_id",), source="erp")
    before = loading.tables("customers")
    text = "tax id,name,email\nDE1,Eve,anna@x.example\n"
    result = loading.load(text, actor=OTHER, key=(key,), mode=mode, source="mine", name="mine.csv")
    assert (result.read, result.rejected) == (1, 1)
    told = loading.crm.lake.read(
        "SELECT code, reason FROM lake.ops.rejects WHERE load_id = CAST(? AS UUID)", [result.load_id]
    ).rows()
    assert [one[0] for one in told] == [code]
    assert not any(word in told[0][1] for word in ("Anna", "there already", "Several"))
    assert loading.tables("customers") == before


def test_several_hidden_records_of_a_key_are_told_as_one(loading: Loading) -> None:
    loading.load("tax id,name,folder\nDE1,Anna,active\nDE2,Anna,active\n", key=("tax_id",))
    result = loading.load("name,notes\nAnna,x\n", actor=OTHER, key=("name",), source="mine", name="mine.csv")
    codes = loading.crm.lake.read(
        "SELECT code FROM lake.ops.rejects WHERE load_id = CAST(? AS UUID)", [result.load_id]
    )
    assert codes["code"].to_list() == ["not_usable"]


def test_who_sees_the_record_is_told_that_it_is_there(loading: Loading) -> None:
    loading.load("tax id,name\nDE1,Anna\n", key=("tax_id",))
    result = loading.load("tax id,name\nDE1,Eve\n", actor=OTHER, key=("tax_id",), mode="insert", name="b.csv")
    codes = loading.crm.lake.read(
        "SELECT code FROM lake.ops.rejects WHERE load_id = CAST(? AS UUID)", [result.load_id]
    )
    assert codes["code"].to_list() == ["exists"]
