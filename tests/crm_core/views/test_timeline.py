"""The timeline as one scrolls through it: nothing lost or doubled, searched, pinned, and quick when it is long."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_core import feed
from crm_core.errors import Forbidden, RecordNotFound
from crm_core.pins import pin
from crm_core.reading import ReadMarks
from crm_core.timeline import CHANGES, TimelinePage, read_timeline
from tests.crm_core.views.conftest import ADMIN, AGENT, NOW, SELLER, VIEWER, Small


def reader(small: Small, who: str, **asked: object) -> feed.Read:
    return partial(
        read_timeline, small.lake, small.catalog, module="customers", record_id=who, actor=ADMIN, **asked
    )


def in_twos(read: feed.Read) -> feed.Read:
    """The same reading, a page of which has two entries."""
    return lambda *, limit, after=None: read(limit=max(2, limit // feed.PAGE * 2), after=after)


arrivals = st.lists(st.lists(st.integers(-30, 30), max_size=3), min_size=1, max_size=5)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(there=st.lists(st.integers(-30, 30), min_size=1, max_size=7), arriving=arrivals)
def test_no_entry_is_lost_or_doubled_while_new_ones_arrive(
    small: Small, there: list[int], arriving: list[list[int]]
) -> None:
    (who,) = small.put("customers", {"name": "A"})

    def put(minutes: list[int]) -> set[str]:
        rows = [{"customer": who, "occurred_at": NOW + timedelta(minutes=one)} for one in minutes]
        return set(small.put("communications", *rows)) if rows else set()

    first, read = put(there), in_twos(reader(small, who))
    shown, later = feed.begin(read), iter(arriving)
    came: set[str] = set()
    while shown.next is not None:
        came |= put(next(later, []))
        shown = feed.longer(shown, read)
    ids = [entry.id for entry in shown.entries]
    assert len(ids) == len(set(ids)) and first <= set(ids) <= first | came
    now = feed.again(shown, read)
    assert now.entries == read_timeline(
        small.lake, small.catalog, module="customers", record_id=who, actor=ADMIN,
        limit=2 * max(1, len(shown.pages)),
    ).entries  # fmt: skip


def test_an_entry_moved_down_meanwhile_is_shown_once(small: Small) -> None:
    (who,) = small.put("customers", {"name": "A"})
    mails = small.put(
        "communications",
        *[{"customer": who, "occurred_at": NOW - timedelta(hours=n)} for n in range(5)],
    )
    read = in_twos(reader(small, who))
    shown = feed.begin(read)
    small.change("communications", mails[0], occurred_at=NOW - timedelta(days=9))
    while shown.next:
        shown = feed.longer(shown, read)
    assert sorted(entry.id for entry in shown.entries) == sorted(mails)


@pytest.mark.parametrize(
    ("words", "found"),
    [("OSLO", {"Rates"}), ("oslo rates", {"Rates"}), ("müller", {"Muller"}), ("oslo müller", set()), ("%", set())],
    ids=["any case", "words in title and text", "without accents", "each word counts", "no wildcard"],
)  # fmt: skip
def test_titles_and_texts_are_searched(small: Small, words: str, found: set[str]) -> None:
    (who,) = small.put("customers", {"name": "A"})
    small.put(
        "communications",
        {"subject": "Rates", "text": "How much to Oslo?", "customer": who, "occurred_at": NOW},
        {"subject": "Muller", "text": None, "customer": who, "occurred_at": NOW},
    )
    page = reader(small, who, words=words)()
    assert {entry.title for entry in page.entries} == found


def test_words_are_looked_for_in_changed_fields_as_well(small: Small) -> None:
    (who,) = small.put("customers", {"name": "Before"})
    small.change("customers", who, name="After")
    read = reader(small, who, kinds=(CHANGES,))
    assert [entry.kind for entry in read(words="after").entries] == [CHANGES]
    assert not read(words="never").entries


def test_pinned_entries_stand_on_top_and_in_their_place(small: Small) -> None:
    (who,) = small.put("customers", {"name": "A"})
    mails = small.put(
        "communications",
        *[{"customer": who, "subject": str(n), "occurred_at": NOW - timedelta(hours=n)} for n in range(4)],
    )
    to = {"module": "customers", "record_id": who, "kind": "communications", "entry_id": mails[3]}
    pin(small.lake, small.catalog, actor=AGENT, **to)
    pin(small.lake, small.catalog, actor=ADMIN, **to)
    page: TimelinePage = reader(small, who)(limit=2)
    assert [e.id for e in page.pinned] == [mails[3]] and [e.id for e in page.entries] == mails[:2]
    rest = reader(small, who)(limit=2, after=page.next)
    assert [(e.id, e.pinned) for e in rest.entries] == [(mails[2], False), (mails[3], True)]
    assert rest.pinned == ()
    pin(small.lake, small.catalog, actor=AGENT, pinned=False, **to)
    assert reader(small, who)().pinned == ()


def test_who_may_not_change_or_see_pins_nothing(small: Small) -> None:
    who, hidden = small.put("customers", {"name": "A"}, {"name": "B", "folder": "key"})
    [mail] = small.put("communications", {"customer": who, "occurred_at": NOW})
    of_mail = {"module": "customers", "kind": "communications", "entry_id": mail}
    with pytest.raises(Forbidden):
        pin(small.lake, small.catalog, record_id=who, actor=VIEWER, **of_mail)
    with pytest.raises(RecordNotFound):
        pin(small.lake, small.catalog, record_id=hidden, actor=AGENT, **of_mail)
    with pytest.raises(RecordNotFound):
        pin(small.lake, small.catalog, record_id=who, actor=ADMIN, **{**of_mail, "entry_id": str(uuid4())})


def test_when_somebody_looked_last_is_his_own_and_known_at_once(small: Small) -> None:
    (who,) = small.put("customers", {"name": "A"})
    marks = ReadMarks(small.lake, every=3600)
    assert marks.looked(small.catalog, record_id=who, actor=AGENT) is None
    marks.mark_looked(record_id=who, actor=AGENT, now=NOW)
    assert marks.looked(small.catalog, record_id=who, actor=AGENT) == NOW
    marks.close()
    assert ReadMarks(small.lake).looked(small.catalog, record_id=who, actor=AGENT) == NOW
    assert ReadMarks(small.lake).looked(small.catalog, record_id=who, actor=SELLER) is None


def test_a_timeline_of_ten_thousand_entries_has_all_of_them_in_pages(small: Small) -> None:
    (who,) = small.put("customers", {"name": "A"})
    start = date(2020, 1, 1)
    rows = [
        {"customer": who, "occurred_at": f"{start + timedelta(days=n // 5)} 0{n % 5}:00:00+00"}
        for n in range(10_000)
    ]
    small.put("communications", *rows)
    read = reader(small, who)
    shown = feed.begin(read, pages=200)
    assert len(shown.entries) == 200 * feed.PAGE and shown.next
    assert len(feed.longer(shown, read).entries) == 201 * feed.PAGE
