"""The demo in a lake: 24 months in 24 commits, every page with something to show."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from crm_core.access import Actor
from crm_core.badges import read_badges
from crm_core.definitions import read_catalog
from crm_core.demo import DemoRefused, make_demo
from crm_core.model import Leaf
from crm_core.people import read_directory
from crm_core.profile import read_profile
from crm_core.query import count, read_page
from lake import Lake, table
from tests.crm_core.demo.conftest import SIZE, UNTIL, Demo

ADMIN = Actor.local_admin()
CLAIMS = Leaf(field="folder", op="eq", value="claims")


def number(lake: Lake, sql: str) -> int:
    return int(lake.read(sql).item())


def test_each_month_is_one_commit_that_counts_for_its_end(demo: Demo) -> None:
    changes = demo.lake.read(
        "SELECT occurred_at, snapshot FROM lake.ops.changes WHERE door = 'demo' ORDER BY snapshot"
    )
    moments = changes["occurred_at"].to_list()
    assert demo.made.commits == changes.height == changes["snapshot"].n_unique() == 24
    assert moments == sorted(moments)
    assert moments[-1] == UNTIL
    assert timedelta(days=690) < moments[-1] - moments[0] < timedelta(days=710)


def test_no_module_and_no_link_is_empty(demo: Demo) -> None:
    catalog = read_catalog(demo.lake)
    names = [*catalog.modules, *(rel.link_table for rel in catalog.link_relationships)]
    stored = {name: number(demo.lake, f"SELECT count(*) FROM {table('crm', name)}") for name in names}
    assert stored == dict(demo.made.records)
    assert min(stored.values()) > 0
    assert stored["customers"] == SIZE


def test_every_record_stands_in_a_folder_with_a_status_of_it(demo: Demo) -> None:
    for module in read_catalog(demo.lake).modules.values():
        found = demo.lake.read(f"SELECT DISTINCT folder, status FROM {table('crm', module.slug)}")
        for folder, status in found.rows():
            here = module.folder(folder or module.default_folder.slug)
            assert here is not None, (module.slug, folder)
            assert status is None or status in {s.slug for s in here.statuses}, (module.slug, folder, status)


def test_every_select_holds_one_of_its_options(demo: Demo) -> None:
    for module in read_catalog(demo.lake).modules.values():
        for field in module.fields:
            if field.kind == "select":
                values = demo.lake.read(
                    f"SELECT DISTINCT {field.slug} FROM {table('crm', module.slug)}"
                ).to_series()
                assert set(values.drop_nulls()) <= {option.value for option in field.options}, (
                    module.slug,
                    field.slug,
                )


def test_every_reference_resolves(demo: Demo) -> None:
    catalog = read_catalog(demo.lake)
    for slug in catalog.modules:
        for reference in catalog.references(slug):
            for target in reference.targets:
                only = f"AND {reference.module_column} = '{target}'" if reference.polymorphic else ""
                lost = number(
                    demo.lake,
                    f"SELECT count(*) FROM {table('crm', slug)} AS r WHERE {reference.slug} IS NOT NULL {only} "
                    f"AND {reference.slug} NOT IN (SELECT id FROM {table('crm', target)})",
                )
                assert lost == 0, (slug, reference.slug, target)


def test_auto_numbers_are_given_once_and_the_counter_knows_the_last(demo: Demo) -> None:
    given = demo.lake.read(f"SELECT number FROM {table('crm', 'invoices')} ORDER BY number")[
        "number"
    ].to_list()
    assert len(set(given)) == len(given)
    last = number(demo.lake, "SELECT value FROM lake.ops.counters WHERE name = 'invoices.number'")
    assert given[-1] == f"INV-{last:05d}"


def test_the_past_has_less_and_looked_different(demo: Demo) -> None:
    months = [UNTIL - timedelta(days=days) for days in (660, 400, 200, 0)]
    snapshots = [demo.lake.snapshot_at(month) for month in months]
    catalog = read_catalog(demo.lake)
    counts = [
        read_page(demo.lake, catalog, module="inquiries", actor=ADMIN, limit=1, at=then).total
        for then in snapshots
    ]
    assert counts == sorted(set(counts))
    assert counts[-1] == count(demo.lake, catalog, module="inquiries", actor=ADMIN)
    moved = number(
        demo.lake,
        f"SELECT count(*) FROM {table('crm', 'customers')} AS o AT (VERSION => {snapshots[1]}) "
        f"JOIN {table('crm', 'customers')} AS n USING (id) WHERE o.status <> n.status",
    )
    assert moved > 0


def test_lists_look_alive(demo: Demo) -> None:
    ids = demo.lake.read(f"SELECT CAST(id AS VARCHAR) AS id FROM {table('crm', 'customers')}")["id"].to_list()
    catalog = read_catalog(demo.lake)
    badges = read_badges(demo.lake, catalog, module="customers", ids=ids, actor=ADMIN, now=UNTIL).values()
    assert 0 < sum(badge.unread > 0 for badge in badges) < SIZE / 2
    assert any(badge.open_tasks for badge in badges)
    assert any(badge.velocity for badge in badges)


def test_a_busy_customer_has_a_full_profile(demo: Demo) -> None:
    invoices, catalog = table("crm", "invoices"), read_catalog(demo.lake)
    by_number = (
        f"SELECT CAST(customer AS VARCHAR) FROM {invoices} GROUP BY customer ORDER BY count(*) DESC, 1"
    )
    busiest = str(demo.lake.read(f"{by_number} LIMIT 1").item())
    profile = read_profile(demo.lake, catalog, module="customers", record_id=busiest, actor=ADMIN)
    filled = {related.link.module for related in profile.related if related.total}
    assert {"contact_points", "inquiries", "communications", "shipments", "invoices"} <= filled
    assert len(profile.timeline.entries) == 20


def test_some_records_are_kept_from_some_people(demo: Demo) -> None:
    catalog, directory = read_catalog(demo.lake), read_directory(demo.lake)
    assert len(directory.active) == 8 and len(catalog.teams) == 3
    assert {user.role for user in directory.active} == {"admin", "agent", "viewer"}
    seen = {
        user.slug: count(demo.lake, catalog, module="inquiries", actor=user.actor)
        for user in directory.active
    }
    assert 0 < seen["hugo"] < seen["grace"] == demo.made.records["inquiries"]


def test_a_message_is_hidden_with_the_inquiry_that_it_is_about(demo: Demo) -> None:
    catalog, david = read_catalog(demo.lake), read_directory(demo.lake).users["david"].actor
    claims = read_page(
        demo.lake, catalog, module="inquiries", actor=ADMIN, condition=CLAIMS, limit=1000
    ).items
    about_claims = Leaf(field="thread", op="in", value=[claim["reference"] for claim in claims])
    for actor, sees in ((ADMIN, True), (david, False)):
        found = count(demo.lake, catalog, module="communications", actor=actor, condition=about_claims)
        assert (found > 0) is sees, actor.user


def test_every_file_has_its_bytes(demo: Demo) -> None:
    for digest, size in demo.lake.read(f"SELECT sha256, size FROM {table('crm', 'files')}").rows():
        content = (demo.files / digest[:2] / digest).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert len(content) == size


def test_progress_is_told_month_by_month(demo: Demo) -> None:
    assert demo.told[0] == ("simulate", 0, 24)
    assert demo.told[1:] == [("write", done, 24) for done in range(25)]


def test_a_second_demo_is_refused(demo: Demo, tmp_path: Path) -> None:
    with pytest.raises(DemoRefused, match="120 customers already"):
        make_demo(demo.lake, size=50, until=UNTIL, files=tmp_path)
    assert list(tmp_path.iterdir()) == []
