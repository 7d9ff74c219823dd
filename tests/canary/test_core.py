"""What counts, badges, facets, tags, titles and searches are made of leaves the forbidden records out."""

from __future__ import annotations

import pytest

from crm_core import facets, query, search
from crm_core.access import Actor
from crm_core.badges import read_badges
from crm_core.history import read_changes
from crm_core.linked import read_linked
from crm_core.loading import read_loads
from crm_core.loading.errors import UnknownSource
from crm_core.related import read_related
from crm_core.sources import read_sources, show_source
from flows import outbox, run_history
from tests.canary.world import CANARY, World


def test_lists_and_counts_have_what_is_seen_and_nothing_else(world: World, who: str) -> None:
    lake, catalog, actor = world.workspace.lake, world.catalog, world.actor(who)
    for slug in catalog.modules:
        page = query.read_page(lake, catalog, module=slug, actor=actor, limit=1000)
        assert {item["id"] for item in page.items} == set(world.seen[slug]), slug
        assert page.total == len(world.seen[slug]) == query.count(lake, catalog, module=slug, actor=actor), (
            slug
        )
    counted = query.count_modules(lake, catalog, actor=actor)
    assert {one["slug"]: one["records"] for one in counted} == {
        slug: len(ids) for slug, ids in world.seen.items()
    }


def test_facets_and_tags_count_what_is_seen(world: World, who: str) -> None:
    lake, catalog, actor = world.workspace.lake, world.catalog, world.actor(who)
    for slug in catalog.modules:
        found = facets.read_facets(
            lake, catalog, module=slug, by=["folder", "status", "team", "owner"], actor=actor
        )
        assert [sum(values.values()) for values in found.values()] == [len(world.seen[slug])] * 5, slug
        tags = facets.read_tags(lake, catalog, module=slug, actor=actor)
        assert 0 < sum(tags.values()) <= len(world.seen[slug]) and CANARY not in str(tags), slug


def test_badges_of_a_customer_count_only_what_is_seen(world: World, who: str) -> None:
    lake, catalog, actor = world.workspace.lake, world.catalog, world.actor(who)
    customer = world.seen["customers"][0]
    found = read_badges(
        lake, catalog, module="customers", ids=[customer, *world.hidden["customers"]], actor=actor
    )
    assert found[customer].unread == 1 and found[customer].open_tasks == 1
    assert found[customer].velocity is None and CANARY not in str(found)


def test_related_records_and_links_leave_out_the_forbidden(world: World, who: str) -> None:
    lake, catalog, actor = world.workspace.lake, world.catalog, world.actor(who)
    for slug in ("customers", "shipments", "business"):
        record = world.seen[slug][0]
        for one in read_related(lake, catalog, module=slug, record_id=record, actor=actor, limit=1000):
            linked = read_linked(
                lake, catalog, module=slug, record_id=record, link=one.link.slug, actor=actor, limit=1000
            )
            ids = {row.id for row in one.rows}
            assert ids <= set(world.seen[one.link.module]) and one.total == len(ids) == linked.total
            assert CANARY not in str(linked).lower()


def test_search_finds_nothing_that_is_forbidden(world: World, who: str) -> None:
    lake, catalog, actor = world.workspace.lake, world.catalog, world.actor(who)
    assert search.search_all(lake, catalog, words=CANARY, actor=actor) == ()
    for slug in catalog.modules:
        hits = search.search_module(lake, catalog, module=slug, actor=actor, words=CANARY, sort="-updated_at")
        assert hits.total == 0 and hits.items == (), slug


def test_titles_of_forbidden_records_are_not_told(world: World, who: str) -> None:
    found = query.titles(world.workspace.lake, world.catalog, wanted=world.hidden, actor=world.actor(who))
    assert found == {}


def test_names_of_sources_are_told_with_the_records_that_they_brought(world: World, who: str) -> None:
    lake, actor = world.workspace.lake, world.actor(who)
    told = {one.source for one in read_sources(lake, actor=actor)}
    assert {"known"} <= told and CANARY not in str(told)
    assert f"{CANARY}-erp" in {one.source for one in read_sources(lake, actor=Actor.local_admin())}
    assert "external_id" in show_source(lake, "known", actor=actor)
    with pytest.raises(UnknownSource) as refused:
        show_source(lake, f"{CANARY}-erp", actor=actor)
    assert CANARY not in str(refused.value.known)


def test_runs_messages_loads_and_changes_of_forbidden_records_are_not_told(world: World, who: str) -> None:
    lake, actor = world.workspace.lake, world.actor(who)
    assert run_history.list_runs(lake, actor=actor) == [] and run_history.count_runs(lake, actor=actor) == {}
    assert outbox.list_messages(lake, actor=actor) == []
    assert outbox.count_messages(lake, actor=actor) == {}
    assert [one for one in read_loads(lake, actor=actor) if one.actor != who] == []
    assert CANARY not in str(read_changes(lake, actor=actor))
