"""Statements about one record, which are compiled once and asked about others."""

from __future__ import annotations

import pytest

from crm_core.access import Actor
from crm_core.errors import RecordNotFound
from crm_core.profile import Profile, read_profile
from crm_core.timeline import read_timeline
from tests.crm_core.views.conftest import ADMIN, AGENT, NOW, Small


@pytest.fixture(params=["lake", "serving copy"])
def two(small: Small, request: pytest.FixtureRequest) -> list[str]:
    """Two customers with an invoice, a task and a message each; only the second is seen by everybody."""
    people = small.put("customers", {"name": "Anna", "folder": "key"}, {"name": "Berta", "folder": "open"})
    for number, who in enumerate(people):
        small.put("invoices", {"number": f"I{number}", "customer": who, "issued": NOW})
        small.put("tasks", {"title": f"T{number}", "customer": who})
    if request.param == "serving copy":
        small.lake.start_mirror()
    return people


def profile_of(small: Small, who: str, actor: Actor = ADMIN) -> Profile:
    return read_profile(small.lake, small.catalog, module="customers", record_id=who, actor=actor)


def test_each_record_has_a_profile_of_its_own(small: Small, two: list[str]) -> None:
    for number, who in [*enumerate(two), *enumerate(two)]:
        seen = profile_of(small, who)
        assert seen.title == ["Anna", "Berta"][number]
        assert {entry.title for entry in seen.timeline.entries} == {f"I{number}", f"T{number}"}
        assert {row.title for related in seen.related for row in related.rows} >= {f"I{number}"}
        assert seen.badges.open_tasks == 1


def test_what_one_may_see_is_not_told_to_another(small: Small, two: list[str]) -> None:
    assert profile_of(small, two[0]).title == "Anna"
    with pytest.raises(RecordNotFound):
        profile_of(small, two[0], AGENT)
    assert profile_of(small, two[1], AGENT).title == "Berta"


def test_the_past_of_a_record_is_its_own(small: Small, two: list[str]) -> None:
    then = small.lake.snapshot()
    small.change("customers", two[1], name="Berta B.")
    assert profile_of(small, two[1]).title == "Berta B."
    seen = read_profile(small.lake, small.catalog, module="customers", record_id=two[1], actor=ADMIN, at=then)
    assert seen.title == "Berta"


def test_pages_of_a_timeline_follow_their_own_cursors(small: Small, two: list[str]) -> None:
    for who in two:
        titles, after = set(), None
        for _ in range(2):
            page = read_timeline(
                small.lake,
                small.catalog,
                module="customers",
                record_id=who,
                actor=ADMIN,
                limit=1,
                after=after,
            )
            titles |= {entry.title for entry in page.entries}
            after = page.next
        assert titles == {f"I{two.index(who)}", f"T{two.index(who)}"} and after is None


@pytest.mark.parametrize("id_", ["", "no id", "018f", "'; DROP TABLE x; --", "281474976710655"])
def test_what_is_no_id_is_found_nowhere(small: Small, two: list[str], id_: str) -> None:
    with pytest.raises(RecordNotFound):
        profile_of(small, id_)
