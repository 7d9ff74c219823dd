"""What somebody is writing is kept for him alone, wherever he goes, until it is sent or thrown away."""

from __future__ import annotations

import pytest

from crm_core.access import Actor
from crm_core.drafts import LARGEST, Draft, Drafts, DraftTooLong, drafts_of
from crm_core.errors import Forbidden
from lake import new_id
from tests.crm_core.conftest import Crm

ANNA, BEN = Actor("anna", "agent"), Actor("ben", "agent")


def written(crm: Crm, record: str, actor: Actor = ANNA) -> list[tuple[str, object]]:
    """What another process reads: only what stands in the lake."""
    return [(one.place, one.content["text"]) for one in Drafts(crm.lake).read(record, actor=actor)]


def test_a_draft_is_seen_at_once_and_stands_in_the_lake_a_moment_later(crm: Crm) -> None:
    drafts, record = drafts_of(crm.lake), new_id()
    drafts.keep(Draft(record, "note", {"text": "Rang"}), actor=ANNA)
    drafts.keep(Draft(record, "note", {"text": "Rang twice"}), actor=ANNA)
    [seen] = drafts.read(record, actor=ANNA)
    assert seen.content == {"text": "Rang twice"} and not written(crm, record)
    assert drafts.flush() == 1 and written(crm, record) == [("note", "Rang twice")]
    assert drafts.flush() == 0


def test_nobody_else_reads_it_and_each_place_has_its_own(crm: Crm) -> None:
    drafts, record = drafts_of(crm.lake), new_id()
    drafts.keep(Draft(record, "mail:new", {"text": "Dear"}), actor=ANNA)
    drafts.keep(Draft(record, "note", {"text": "größe ' \" 🦆"}), actor=ANNA)
    drafts.flush()
    assert written(crm, record, BEN) == [] and written(crm, new_id()) == []
    assert written(crm, record) == [("note", "größe ' \" 🦆"), ("mail:new", "Dear")]


@pytest.mark.parametrize("stored", [True, False], ids=["after it was stored", "before it was stored"])
def test_what_is_sent_or_thrown_away_is_gone(crm: Crm, stored: bool) -> None:
    drafts, record = drafts_of(crm.lake), new_id()
    for place in ("note", "mail:new"):
        drafts.keep(Draft(record, place, {"text": place}), actor=ANNA)
    if stored:
        drafts.flush()
    drafts.drop(record, "note", actor=ANNA)
    assert [one.place for one in drafts.read(record, actor=ANNA)] == ["mail:new"]
    drafts.flush()
    assert written(crm, record) == [("mail:new", "mail:new")]


def test_nothing_is_written_for_what_was_never_kept(crm: Crm) -> None:
    drafts = drafts_of(crm.lake)
    drafts.drop(new_id(), "note", actor=ANNA)
    assert drafts.flush() == 0


def test_who_only_looks_keeps_none_and_no_draft_is_endless(crm: Crm) -> None:
    drafts = drafts_of(crm.lake)
    with pytest.raises(Forbidden):
        drafts.keep(Draft(new_id(), "note", {"text": "x"}), actor=Actor("vera", "viewer"))
    with pytest.raises(DraftTooLong, match="attach it as a file"):
        drafts.keep(Draft(new_id(), "note", {"text": "x" * LARGEST}), actor=ANNA)
