"""Why a flow that waits for a link or for the clock did something with a record, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_core.records import create, link, unlink
from flows.runner import run_until_current
from flows.schedule import run_due
from flows.why import Why, why
from lake import Lake
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, leaf

BERLIN = ZoneInfo("Europe/Berlin")


def asked(lake: Lake, slug: str, record: str) -> Why:
    return why(lake, slug, record_id=record, actor=ADMIN)


def on(slug: str, when: Any = None, **trigger: Any) -> dict[str, Any]:
    return flow(slug, when=when) | {"trigger": trigger}


def nine(days: int) -> datetime:
    """Nine in the morning in Berlin, so many days from today."""
    day = datetime.now(BERLIN).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, 9, tzinfo=BERLIN).astimezone(UTC)


def test_a_link_is_told_of_though_other_things_happened_to_the_record_since(crm: Lake) -> None:
    activate(crm, on("near", event="linked", link="partners"), on("far", event="unlinked", link="partners"))
    one, two = inquiry(crm), inquiry(crm)
    ann = create(crm, module="customers", values={"name": "Ann"}, actor=ADMIN).id
    link(crm, module="inquiries", record_id=one, relationship="partners", to=[ann], actor=ADMIN)
    came = crm.snapshot()
    change(crm, one, amount=3)
    told = asked(crm, "near", one)
    assert (told.fired, told.event, told.snapshot, told.changed) == (True, "linked", came, ("partners",))
    assert told.matched and "came last, which is what it waits for" in told.told
    assert "came last, and it waits for one that goes" in asked(crm, "far", one).told
    assert not asked(crm, "far", one).fired
    unlink(crm, module="inquiries", record_id=one, relationship="partners", to=[ann], actor=ADMIN)
    assert asked(crm, "far", one).fired and not asked(crm, "near", one).fired
    assert "Nothing was ever linked" in asked(crm, "near", two).told


def test_a_reference_is_told_of_when_it_was_set_cleared_or_led_elsewhere(crm: Lake) -> None:
    activate(crm, on("came", event="linked", link="customer"), on("went", event="unlinked", link="customer"))
    ann, bob = (create(crm, module="customers", values={"name": name}, actor=ADMIN).id for name in "ab")
    one, bare = inquiry(crm, customer=ann), inquiry(crm)
    change(crm, one, note="other")
    assert (asked(crm, "came", one).fired, asked(crm, "went", one).fired) == (True, False)
    change(crm, one, customer=bob)
    assert (asked(crm, "came", one).fired, asked(crm, "went", one).fired) == (True, True)
    change(crm, one, customer=None)
    assert (asked(crm, "came", one).fired, asked(crm, "went", one).fired) == (False, True)
    assert "Nothing was ever linked" in asked(crm, "came", bare).told


def test_a_schedule_says_when_it_looked_last_and_whether_the_record_was_among_them(crm: Lake) -> None:
    activate(crm, on("tick", leaf("amount", "ge", 5), event="schedule", cron="0 9 * * *"))
    large, small = inquiry(crm, amount=9), inquiry(crm, amount=1)
    assert "It has not looked yet. It looks next on 20" in asked(crm, "tick", large).told
    run_due(crm, now=nine(2))
    told, not_told = asked(crm, "tick", large), asked(crm, "tick", small)
    day = nine(2).astimezone(BERLIN).date()
    assert told.fired and f"It looked last on {day} at 09:00: this record was among those" in told.told
    assert not not_told.fired and "was not among those" in not_told.told
    assert (told.matched, not_told.matched) == (True, False)


@pytest.mark.parametrize("yearly", [False, True], ids=["once", "each year"])
def test_a_date_says_when_its_moment_comes_or_came(crm: Lake, yearly: bool) -> None:
    trigger = {"event": "date", "field": "due", "at": "09:00"} | ({"yearly": True} if yearly else {})
    activate(crm, on("due", **trigger))
    there = nine(3).astimezone(BERLIN).date()
    ahead = inquiry(crm, due=(there.replace(year=there.year - 4) if yearly else there).isoformat())
    none = inquiry(crm)
    told = asked(crm, "due", ahead)
    assert not told.fired
    assert f"comes {'again on' if yearly else 'on'} {there} at 09:00." in told.told
    assert "It has no moment, since “due” is empty." in asked(crm, "due", none).told
    past = nine(-3).astimezone(BERLIN).date()
    before = inquiry(crm, due=(past.replace(year=past.year - 4) if yearly else past).isoformat())
    told = asked(crm, "due", before)
    assert not told.fired and told.told.startswith(f"Its moment was on {past} at 09:00")
    assert "The flow did nothing with it then" in told.told


def test_a_date_whose_moment_came_while_the_flow_was_active_was_taken_up(crm: Lake) -> None:
    activate(crm, on("hour", event="date", field="answered_at", offset="-1d"))
    one = inquiry(crm, answered_at=(datetime.now(UTC) + timedelta(days=1, milliseconds=1)).isoformat())
    run_until_current(crm, now=datetime.now(UTC) + timedelta(minutes=2))
    told = asked(crm, "hour", one)
    assert told.fired and told.told.startswith("Its moment was on ")


def test_who_waits_for_changes_a_person_or_another_system_is_told_of_as_such(shared: Lake) -> None:
    hook = {"event": "webhook", "map": {"subject": "s"}}
    activate(shared, flow("made"), on("hand", event="manual"), on("hook", **hook))
    one = inquiry(shared)
    assert asked(shared, "made", one).told == "The last change of this record is one that it waits for."
    assert (
        "by hand" in asked(shared, "hand", one).told and "another system" in asked(shared, "hook", one).told
    )
