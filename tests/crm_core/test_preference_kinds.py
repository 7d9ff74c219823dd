"""What programs may set of a person's preferences: those that pages read, of the kind that they take."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.preference_kinds import (
    PreferenceUnknown,
    known_preferences,
    read_known,
    remove_preference,
    set_preference,
)
from crm_core.preferences import PreferenceInvalid, read_preferences
from flows import noticing
from pages._ui import home, report_board
from tests.crm_core.conftest import Crm

ANNA, BEN = Actor("anna"), Actor("ben", "viewer")
GOOD: dict[str, Any] = {
    "fold.left": True,
    "fold.right": False,
    "fold.folders.customers": ["leads"],
    "columns.tasks": ["title", "due"],
    report_board.PINNED: ["service"],
    home.CHOSEN: home.EVERYBODY,
    home.LOOKED: datetime(2026, 11, 23, 8, tzinfo=UTC).isoformat(),
    noticing.PREFERENCE: ["due"],
}
"""A value that each page may keep, under the key by which that page reads it."""


def test_every_preference_of_the_pages_is_set_read_and_taken_back_by_its_person_alone(shared: Crm) -> None:
    for key, value in GOOD.items():
        set_preference(shared.lake, shared.catalog, key, value, actor=BEN)
    assert read_known(shared.lake, actor=BEN) == {"chosen": GOOD, "known": known_preferences()}
    assert read_known(shared.lake, actor=ANNA)["chosen"] == {}
    for key in GOOD:
        remove_preference(shared.lake, shared.catalog, key, actor=BEN)
        remove_preference(shared.lake, shared.catalog, key, actor=BEN)
    assert read_preferences(shared.lake, actor=BEN) == {}


@pytest.mark.parametrize(
    "key", ["fold", "fold.middle", "columns.", "columns.cars", "columns.{module}", "", "FOLD.LEFT"]
)
def test_a_preference_that_no_page_reads_is_not_there(shared: Crm, key: str) -> None:
    with pytest.raises(PreferenceUnknown, match="There are: fold"):
        set_preference(shared.lake, shared.catalog, key, True, actor=ANNA)
    with pytest.raises(PreferenceUnknown):
        remove_preference(shared.lake, shared.catalog, key, actor=ANNA)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("fold.left", "yes", "takes true or false, not 'yes'"),
        ("fold.left", None, "not nothing"),
        ("fold.left", 1, "not 1"),
        ("columns.tasks", "title", "a list of up to 500 texts"),
        ("columns.tasks", ["title", 3], "a list"),
        ("columns.tasks", ["x"] * 501, "up to 500"),
        ("columns.tasks", ["x" * 201], "up to 200 characters"),
        ("columns.tasks", ["a\0", "\ud800"], "a list"),
        ("home.whose", "theirs", "“mine” or “everybody”"),
        ("home.looked", "2026-11-23", "an instant"),
        ("home.looked", "yesterday", "an instant"),
    ],
)
def test_a_value_of_another_kind_or_size_is_refused_in_words(
    shared: Crm, key: str, value: Any, told: str
) -> None:
    with pytest.raises(PreferenceInvalid, match=told):
        set_preference(shared.lake, shared.catalog, key, value, actor=ANNA)
    assert read_preferences(shared.lake, actor=ANNA) == {}
