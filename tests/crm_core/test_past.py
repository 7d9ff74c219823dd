"""Looking back: a record as it was, by the definitions of then, and plain words where nothing can be seen any more."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from crm_core import definitions, records
from crm_core.badges import Badges
from crm_core.errors import RecordNotFound
from crm_core.history import read_history
from crm_core.past import head_then, read_past
from crm_core.timeline import read_timeline
from lake import Change, retention
from tests.crm_core.conftest import ADMIN, AGENT, OTHER, Crm

NEW = {"slug": "hobby", "kind": "text"}
BOATS = {
    "slug": "boats",
    "title": "name",
    "timeline": {"date": "created_at"},
    "fields": [{"slug": "name", "kind": "text"}],
}


@dataclass(frozen=True)
class Story:
    """A customer made ten days ago; a field and a module that came later; a change of today."""

    crm: Crm
    customer: str
    before: datetime
    between: datetime


@pytest.fixture(scope="module")
def story(shared: Crm) -> Story:
    now = datetime.now(UTC)
    made = Change(actor="ann", door="test", occurred_at=now - timedelta(days=10))
    values = {"name": "Then", "folder": "active", "team": "service"}
    customer = records.create(shared.lake, module="customers", values=values, actor=ADMIN, change=made).id
    customers = copy.deepcopy(shared.catalog.stored["module", "customers"].document)
    customers["fields"] = [*customers["fields"], NEW]
    definitions.save(shared.lake, [("module", customers), ("module", BOATS)], actor=ADMIN)
    given = {"name": "Now", "hobby": "chess"}
    records.update(shared.lake, module="customers", record_id=customer, values=given, actor=ADMIN)
    return Story(shared, customer, now - timedelta(days=11), now - timedelta(days=5))


def test_a_record_is_read_by_the_fields_of_then(story: Story) -> None:
    crm, past = story.crm, read_past(story.crm.lake, story.between)
    asked = {"module": "customers", "record_id": story.customer, "actor": ADMIN, "at": past.snapshot}
    head = head_then(crm.lake, past.catalog, **asked)
    assert head is not None and head.title == "Then" and head.badges == Badges()
    assert "hobby" not in head.record and "boats" not in past.catalog.modules
    assert read_timeline(crm.lake, past.catalog, kinds=("changes",), **asked).entries[0].fields == ()
    assert crm.read(story.customer)["hobby"] == "chess"


def test_what_was_not_there_yet_or_is_hidden_is_not_found(story: Story) -> None:
    crm, past = story.crm, read_past(story.crm.lake, story.between)
    assert read_past(crm.lake, story.before).empty
    asked = {"record_id": story.customer, "at": past.snapshot}
    assert head_then(crm.lake, past.catalog, module="boats", actor=ADMIN, **asked) is None
    assert head_then(crm.lake, past.catalog, module="customers", actor=OTHER, **asked) is None


def test_what_is_closed_to_somebody_today_is_closed_to_him_in_the_past_as_well(crm: Crm) -> None:
    now = datetime.now(UTC)
    made = Change(actor="ann", door="test", occurred_at=now - timedelta(days=10))
    values = {"name": "Then", "folder": "leads"}
    key = records.create(crm.lake, module="customers", values=values, actor=ADMIN, change=made).id
    customers = copy.deepcopy(crm.catalog.stored["module", "customers"].document)
    customers["folders"][0]["teams"] = ["sales"]
    definitions.save(crm.lake, [("module", customers)], actor=ADMIN)
    past = read_past(crm.lake, now - timedelta(days=5))
    asked = {"module": "customers", "record_id": key}
    seen = {
        actor.user: head_then(crm.lake, past.catalog, actor=actor, at=past.snapshot, **asked) is not None
        for actor in (ADMIN, OTHER, AGENT)
    }
    assert seen == {"ann": True, "sue": True, "bob": False}
    with pytest.raises(RecordNotFound):
        read_history(crm.lake, past.catalog, actor=AGENT, **asked)


def test_definitions_of_then_are_read_once_and_those_of_now_are_the_same_object(story: Story) -> None:
    crm, past = story.crm, read_past(story.crm.lake, story.between)
    assert definitions.read_catalog_at(crm.lake, past.snapshot) is past.catalog
    assert definitions.read_catalog_at(crm.lake, crm.lake.snapshot()) is crm.catalog


def test_a_look_back_leaves_the_serving_copy_as_it_is(story: Story) -> None:
    crm, past = story.crm, read_past(story.crm.lake, story.between)
    mirror = crm.lake.start_mirror()
    crm.read(story.customer)
    head_then(
        crm.lake, past.catalog, module="customers", record_id=story.customer, actor=ADMIN, at=past.snapshot
    )
    assert mirror.label == crm.catalog.version != past.catalog.version


def test_a_day_that_is_no_longer_kept_says_since_when_one_can_look_back(crm: Crm) -> None:
    made = crm.create(name="Old")
    then = datetime.now(UTC)
    records.update(crm.lake, module="customers", record_id=made, values={"name": "New"}, actor=ADMIN)
    crm.create(name="Another")
    retention.expire(crm.lake, keep=timedelta(0))
    past = read_past(crm.lake, then)
    assert past.kept_since is not None and past.kept_since > then
    assert read_past(crm.lake, datetime.now(UTC)).kept_since is None
