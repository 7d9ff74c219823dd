"""What surrounds a record: related records, timeline, badges, search, facets, the profile, the SQL door."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlglot import exp

from crm_core.badges import inquiry_velocity, read_badges
from crm_core.explore import run_query
from crm_core.facets import read_facets, read_tags
from crm_core.profile import read_profile
from crm_core.reading import ReadMarks
from crm_core.related import read_related
from crm_core.relations import relations_for, served_tables
from crm_core.search import search_all, search_module
from crm_core.timeline import CHANGES, TimelinePage, read_timeline, routes_to
from crm_core.trees import text
from lake import Change
from tests.crm_core.views.conftest import ADMIN, AGENT, NOW, SELLER, Small


def test_the_timeline_reaches_over_links_and_pages_through_everything_once(small: Small) -> None:
    (who,) = small.put("customers", {"name": "A"})
    (bill,) = small.put("invoices", {"number": "I", "customer": who, "issued": NOW})
    small.put("payments", {"number": "P", "invoice": bill, "paid_at": NOW + timedelta(days=1)})
    small.put(
        "tasks",
        *[{"title": f"T{i}", "customer": who} for i in range(4)],
        {"title": "about", "about": bill, "about__module": "invoices"},
    )
    seen: list[str] = []
    after = None
    while True:
        page = read_timeline(
            small.lake, small.catalog, module="customers", record_id=who, actor=ADMIN, limit=2, after=after
        )
        seen += [entry.title for entry in page.entries]
        after = page.next
        if after is None:
            break
    assert seen[0] == "P"
    assert sorted(seen) == ["I", "P", "T0", "T1", "T2", "T3"]


def test_routes_are_the_shortest_and_lead_over_references_only(small: Small) -> None:
    routes = routes_to(small.catalog, "customers")
    assert {slug: min(len(route) for route in found) for slug, found in routes.items()} == {
        "communications": 1, "inquiries": 1, "invoices": 1, "payments": 2, "tasks": 1,
    }  # fmt: skip


def test_an_inquiry_and_the_message_that_brought_it_are_told_once(small: Small) -> None:
    (who,) = small.put("customers", {"name": "A"})
    (asked,) = small.put("inquiries", {"subject": "Rates", "message": "To Oslo?", "customer": who})
    about = {"customer": who, "direction": "in"}
    first = {"subject": "Rates", "text": "To Oslo?", "occurred_at": NOW, **about}
    later = {"subject": "Rates", "text": "And to Bergen?", "occurred_at": NOW + timedelta(hours=1), **about}
    small.put("communications", first, later)

    def read(*kinds: str, limit: int = 30, after: str | None = None) -> TimelinePage:
        return read_timeline(
            small.lake, small.catalog, module="customers", record_id=who, actor=ADMIN, kinds=kinds, limit=limit,
            after=after,
        )  # fmt: skip

    assert sorted(entry.text for entry in read().entries) == ["And to Bergen?", "To Oslo?"]
    assert asked in [entry.id for entry in read().entries]
    assert len(read("communications").entries) == 2
    half = read(limit=1)
    assert len(half.entries + read(limit=1, after=half.next).entries) == 2
    assert read(limit=1, after=half.next).next is None


def test_field_changes_stand_in_the_timeline_with_who_and_what(small: Small) -> None:
    (who,) = small.put("customers", {"name": "Before", "country": "DE"})
    small.change("customers", who, name="After")
    page = read_timeline(
        small.lake, small.catalog, module="customers", record_id=who, actor=ADMIN, kinds=(CHANGES,)
    )
    assert [(c["field"], c["old"], c["new"]) for c in page.entries[0].fields] == [("name", "Before", "After")]


def test_related_records_are_counted_and_hidden_like_any_other(small: Small) -> None:
    who, secret = small.put("customers", {"name": "A"}, {"name": "Secret", "folder": "key"})
    small.put("invoices", *[{"number": str(i), "customer": who} for i in range(7)])
    row = "INSERT INTO lake.crm.customers__related (id, from_id, to_id) VALUES (uuid(), ?, ?)"
    small.lake.commit(lambda tx: tx.execute(row, [who, secret]), Change(actor="test", door="test"))
    found = {
        r.link.slug: r
        for r in read_related(small.lake, small.catalog, module="customers", record_id=who, actor=AGENT)
    }
    assert (found["invoices"].total, len(found["invoices"].rows)) == (7, 5)
    assert found["related"].total == 0
    seen = {
        r.link.slug: r
        for r in read_related(small.lake, small.catalog, module="customers", record_id=who, actor=SELLER)
    }
    assert [row.title for row in seen["related"].rows] == ["Secret"]


def test_badges_count_what_is_unread_open_and_sudden(small: Small) -> None:
    (who,) = small.put("customers", {"name": "A"})
    mail = {"customer": who, "direction": "in"}
    small.put(
        "communications",
        {**mail, "subject": "one", "occurred_at": NOW},
        {**mail, "subject": "two", "occurred_at": NOW + timedelta(hours=1)},
    )
    small.put(
        "tasks", {"title": "open", "customer": who}, {"title": "closed", "customer": who, "status": "done"}
    )
    small.put(
        "inquiries",
        *[{"subject": "x", "customer": who, "created_at": NOW - timedelta(days=d)} for d in (1, 2, 20)],
    )
    badges = read_badges(small.lake, small.catalog, module="customers", ids=[who], actor=ADMIN, now=NOW)[who]
    assert (badges.unread, badges.open_tasks, badges.preview) == (2, 1, "two")
    assert badges.velocity == 8


def test_messages_count_as_read_for_the_whole_team_and_no_other(small: Small) -> None:
    (who,) = small.put("customers", {"name": "A"})
    small.put("communications", {"customer": who, "direction": "in", "subject": "one", "occurred_at": NOW})
    marks = ReadMarks(small.lake)
    marks.mark(record_id=who, actor=AGENT, now=NOW + timedelta(minutes=1))
    marks.flush()
    unread = {
        actor.user: read_badges(small.lake, small.catalog, module="customers", ids=[who], actor=actor)[
            who
        ].unread
        for actor in (AGENT, SELLER)
    }
    assert unread == {"bob": 0, "sue": 1}


def test_marks_are_written_a_moment_later_together_and_at_the_end_at_the_latest(small: Small) -> None:
    (who, other) = small.put("customers", {"name": "A"}, {"name": "B"})
    before = small.lake.snapshot()
    marks = ReadMarks(small.lake, every=60)
    marks.mark(record_id=who, actor=AGENT, now=NOW)
    marks.mark(record_id=other, actor=AGENT, now=NOW)
    assert small.lake.snapshot() == before
    marks.close()
    assert small.lake.snapshot() == before + 1
    quick = ReadMarks(small.lake, every=0.01)
    quick.mark(record_id=who, actor=AGENT, now=NOW + timedelta(hours=1))
    for _ in range(500):
        if small.lake.snapshot() > before + 1:
            break
        time.sleep(0.02)
    assert small.lake.snapshot() == before + 2


@pytest.mark.parametrize(
    ("last_week", "before", "velocity"),
    [(1, 0, None), (2, 0, 4.0), (2, 4, 2.0), (2, 8, None), (10, 4, 10.0), (0, 0, None)],
)
def test_velocity_shows_from_two_inquiries_and_twice_the_usual(
    last_week: int, before: int, velocity: float | None
) -> None:
    assert inquiry_velocity(last_week, before) == velocity


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("anna", 1), ("ANNA web", 1), ("weber acme", 1), ("second@mail", 1), ("4571", 1), ("030 4571", 1),
        ("%", 0), ("_", 0), ("zzz", 0), ("", 2),
    ],
    ids=[
        "name", "letters without case", "two columns", "another address", "digits", "spaced digits",
        "percent", "underscore", "nothing", "everything",
    ],
)  # fmt: skip
def test_search_looks_into_names_companies_and_every_contact_point(
    small: Small, words: str, found: int
) -> None:
    anna, _ = small.put(
        "customers", {"name": "Anna Weber", "company": "Acme", "phone": "+49304571"}, {"name": "Tom"}
    )
    small.put(
        "contact_points",
        {"value": "Second@Mail.example", "standardised": "second@mail.example", "customer": anna},
    )
    small.put("contact_points", {"value": "030 4571", "standardised": "+49304571", "customer": anna})
    hits = search_module(small.lake, small.catalog, module="customers", actor=ADMIN, words=words)
    assert hits.total == found


def test_search_over_all_modules_shows_what_may_be_seen(small: Small) -> None:
    small.put("customers", {"name": "Zebra open"}, {"name": "Zebra secret", "folder": "key"})
    small.put("tasks", {"title": "Feed the zebra"})
    found = search_all(small.lake, small.catalog, words="zebra", actor=AGENT)
    assert [(hit.module, hit.title) for hit in found] == [
        ("customers", "Zebra open"),
        ("tasks", "Feed the zebra"),
    ]


def test_facets_count_every_choice_and_all_together(small: Small) -> None:
    small.put("customers", {"name": "A"}, {"name": "B", "status": "done"}, {"name": "C", "folder": "key"})
    facets = read_facets(small.lake, small.catalog, module="customers", by=["folder", "status"], actor=AGENT)
    assert facets == {"": {None: 2}, "folder": {"open": 2}, "status": {"new": 1, "done": 1}}


def test_tags_are_those_of_visible_records(small: Small) -> None:
    small.put(
        "customers",
        {"name": "A", "tags": ["vip", "eu"]},
        {"name": "B", "tags": ["vip"]},
        {"name": "C", "tags": ["secret"], "folder": "key"},
    )
    assert read_tags(small.lake, small.catalog, module="customers", actor=AGENT) == {"vip": 2, "eu": 1}


def test_a_profile_holds_together_what_its_parts_say(small: Small) -> None:
    (who,) = small.put("customers", {"name": "Anna", "company": "Acme"})
    small.put("invoices", {"number": "I1", "customer": who, "issued": NOW})
    profile = read_profile(small.lake, small.catalog, module="customers", record_id=who, actor=AGENT)
    assert (profile.title, profile.subtitle) == ("Anna", "Acme")
    assert [entry.title for entry in profile.timeline.entries] == ["I1"]
    assert {r.link.slug: r.total for r in profile.related}["invoices"] == 1


def test_the_serving_copy_gives_the_same_answers_after_every_change(small: Small) -> None:
    who, _ = small.put("customers", {"name": "Anna"}, {"name": "Tom"})
    mirror = small.lake.start_mirror()
    mirror.follow(served_tables(small.catalog), label=small.catalog.version)
    assert small.lake.serving() == "mirror"
    small.change("customers", who, name="Berta")
    small.put("customers", {"name": "Carl"})
    small.lake.commit(lambda tx: tx.execute("DELETE FROM lake.crm.customers WHERE name = 'Tom'"), _change())
    served = [
        hit.title
        for hit in search_module(
            small.lake, small.catalog, module="customers", actor=ADMIN, sort="name"
        ).items
    ]
    assert served == ["Berta", "Carl"]


@pytest.mark.parametrize("many", [False, True], ids=["one id", "several ids"])
def test_the_serving_copy_finds_by_ids_what_a_walk_over_all_rows_finds(small: Small, many: bool) -> None:
    people = small.put("customers", *[{"name": f"P{n}"} for n in range(30)])
    for who in people:
        small.put("tasks", {"title": "both", "customer": who, "about": who, "about__module": "customers"})
    small.put("tasks", {"title": "none"})
    wanted = people[3:9] if many else people[3:4]
    small.lake.start_mirror()
    relations = relations_for(small.lake, small.catalog, ADMIN)
    found = relations.narrowed("tasks", "t", {"customer": wanted, "about": wanted})
    rows = small.lake.read(text(exp.select("CAST(t.customer AS VARCHAR) AS who").from_(found)))
    assert relations.copied
    assert sorted(rows["who"]) == sorted(wanted)


def _change() -> Change:
    return Change(actor="test", door="test")


def test_the_sql_door_shows_an_actor_his_records_under_their_slugs(small: Small) -> None:
    small.put("customers", {"name": "A"}, {"name": "Secret", "folder": "key"})

    def query(actor):
        return run_query(
            small.lake, small.catalog, sql="SELECT name FROM customers ORDER BY name", actor=actor
        )

    assert query(AGENT).table.column("name").to_pylist() == ["A"]
    assert query(SELLER).table.column("name").to_pylist() == ["A", "Secret"]
