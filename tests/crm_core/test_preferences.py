"""What a person chose for the pages is kept, theirs alone, and no change is missed."""

from __future__ import annotations

import pytest

from crm_core.access import Actor
from crm_core.preferences import LARGEST, PreferenceInvalid, keep_preference, read_preferences
from tests.crm_core.conftest import Crm

ANNA, BEN = Actor("anna"), Actor("ben", "viewer")


def test_a_choice_is_kept_in_place_of_the_one_before_and_seen_by_nobody_else(crm: Crm) -> None:
    keep_preference(crm.lake, "fold.left", True, actor=ANNA)
    keep_preference(crm.lake, "columns.customers", ["name", "größe"], actor=BEN)
    keep_preference(crm.lake, "fold.left", {"wide": [1, 2.5]}, actor=ANNA)
    assert read_preferences(crm.lake, actor=ANNA) == {"fold.left": {"wide": [1, 2.5]}}
    assert read_preferences(crm.lake, actor=BEN) == {"columns.customers": ["name", "größe"]}


def test_a_forgotten_choice_is_gone_and_one_made_again_is_seen(crm: Crm) -> None:
    for chosen in ("a", None, "a", "b"):
        keep_preference(crm.lake, "home.dashboards", chosen, actor=ANNA)
        assert read_preferences(crm.lake, actor=ANNA).get("home.dashboards") == chosen


def test_the_same_choice_again_makes_no_snapshot(crm: Crm) -> None:
    keep_preference(crm.lake, "fold.right", True, actor=BEN)
    before = crm.lake.snapshot()
    keep_preference(crm.lake, "fold.right", True, actor=BEN)
    assert crm.lake.snapshot() == before


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        pytest.param("Fold Left", True, "small letters", id="a key that is no name"),
        pytest.param("fold.left", float("nan"), "JSON", id="not a number"),
        pytest.param("fold.left", {1, 2}, "JSON", id="a set"),
        pytest.param("fold.left", "x" * LARGEST, "100,000", id="too long"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_words(crm: Crm, key: str, value: object, told: str) -> None:
    with pytest.raises(PreferenceInvalid, match=told):
        keep_preference(crm.lake, key, value, actor=ANNA)
    assert "Fold Left" not in read_preferences(crm.lake, actor=ANNA)
