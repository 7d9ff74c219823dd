"""The endless part of a timeline: pages in a fragment of their own, the next one read when the end comes near."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from crm_core.feed import Feed, Read, again, begin, longer
from crm_core.reading import marks_of
from crm_core.timeline import read_timeline
from pages._ui import html, timeline_html
from pages._ui.near_end import near_end
from pages._ui.sections.base import Spot
from pages._ui.timeline_html import Look

_SHOWN = "feed"


@dataclass
class Shown:
    """What a timeline shows: what was asked, the lake's snapshot then, the pages, and how each was drawn."""

    asked: Any
    snapshot: int
    feed: Feed
    drawn: list[tuple[Any, html.Html]] = field(default_factory=list)


def draw(spot: Spot, *, kinds: tuple[str, ...], words: str, empty: str) -> None:
    """Draw the pinned entries, and the pages that were scrolled to.

    Args:
        spot: where.
        kinds: the kinds of entries that are shown; all but changed fields by default.
        words: what is looked for.
        empty: what is said where nothing is.
    """
    read: Read = partial(
        read_timeline, spot.here.lake, spot.here.catalog, module=spot.module, record_id=spot.record_id,
        actor=spot.here.actor, kinds=kinds, words=words, at=spot.at,
    )  # fmt: skip
    shown = _shown(spot, (kinds, words), read)
    look = _look(spot, shown.feed)
    module = spot.seen.module
    if shown.feed.pinned:
        st.html(timeline_html.pinned(spot.here, module, shown.feed.pinned, look))
    if not shown.feed.entries:
        st.html(html.card("Timeline", html.Html('<div class="m-none">{}</div>').format(empty)))
        return

    def pages() -> None:
        for drawn in _drawn(spot, shown, look):
            st.html(drawn)
        more = partial(_more, shown, read)
        near_end(shown.feed.next or "", key=spot.key("near"), on_near=more)

    with st.container(gap=None, key="feed"):
        st.fragment(pages, key=spot.key("pages"))()


def _shown(spot: Spot, asked: tuple[Any, ...], read: Read) -> Shown:
    """What is shown, read anew where something else is asked, or the lake has moved since."""
    snapshot = spot.here.lake.known_snapshot()
    whole = (*asked, spot.here.actor, spot.here.catalog.version, spot.at)
    kept: Shown | None = spot.state.within.get(_SHOWN)
    if kept is None or kept.asked != whole:
        kept = Shown(whole, snapshot, begin(read))
    elif kept.snapshot != snapshot:
        kept.snapshot, kept.feed = snapshot, again(kept.feed, read)
    spot.state.within[_SHOWN] = kept
    return kept


def _more(shown: Shown, read: Read) -> None:
    shown.feed = longer(shown.feed, read)


def _drawn(spot: Spot, shown: Shown, look: Look) -> list[html.Html]:
    """The HTML of each page; what has been drawn is drawn again only where it is not the same any more."""
    before = None
    for place, page in enumerate(shown.feed.pages):
        key = (page, look, before)
        if place >= len(shown.drawn) or shown.drawn[place][0] != key:
            drawn = timeline_html.page(spot.here, spot.seen.module, page, look, before=before)
            shown.drawn[place:] = [(key, drawn)]
        before = page[-1] if page else before
    return [drawn for _, drawn in shown.drawn[: len(shown.feed.pages)]]


def _look(spot: Spot, feed: Feed) -> Look:
    """How the timeline is looked at; that it was is noted where there is something new to the reader."""
    now = datetime.now(UTC)
    today = now.astimezone(ZoneInfo(spot.here.zone)).date()
    if spot.at is not None:
        return Look(today)
    marks = marks_of(spot.here.lake)
    state, newest = spot.state, timeline_html.newest_passed(feed.entries, now)
    if state.looked is None:
        state.looked = (marks.looked(spot.here.catalog, record_id=spot.record_id, actor=spot.here.actor),)
    [before] = state.looked
    new = newest is not None and (before is None or newest > before)
    if newest is not None and new and (state.marked is None or newest > state.marked):
        state.marked = now
        marks.mark_looked(record_id=spot.record_id, actor=spot.here.actor, now=now)
    return Look(today, before if new else None, pins=not spot.locked)
