"""The page Calendar: whose time is looked at, and the calendar below."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from crm_core import calendar_feed, calendars, people
from pages._ui import calendar_board, feedback, html, nav, words
from pages._ui.calendar_board import Board
from pages._ui.layout import begin_parts, page, part, redraw, toolbar
from pages._ui.nothing import nothing
from pages._ui.pulse import pulse
from pages._ui.session import Here, here
from pages._ui.state import page_state, set_url, slug_in_url

MINE, TEAM, EVERYBODY = "mine", "team", "everybody"
WHOSE = {MINE: "Mine", TEAM: "My team's", EVERYBODY: "Everybody's"}
PART = "calendar"


@dataclass
class CalendarState:
    """What the page remembers: whose calendar, narrowed to whom, and what is open in it."""

    whose: str = MINE
    people: tuple[str, ...] = ()
    within: dict[str, Any] = field(default_factory=dict)
    address: str = ""
    """The private address that was just made: it is never told again."""


def draw() -> None:
    """Draw the page; it is no page where nothing has a time."""
    nav.follow()
    now = here()
    state = page_state(CalendarState, page="calendar")
    if not calendars.sources(now.catalog):
        nothing("Nothing here has a time", "This lake keeps no appointments.", icon_name="calendar_month")
        return
    state.whose = slug_in_url("whose", among=list(_offered(now))) or state.whose
    begin_parts()
    with page("Calendar", wide=True):
        part(PART, lambda: _draw(state))


def _draw(state: CalendarState) -> None:
    nav.follow()
    now = here()
    seen = now.lake.known_snapshot()
    pulse(seen, on_move=lambda: redraw(PART), key="pulse:calendar")
    with toolbar(key="calendar_whose"):
        offered = _offered(now)
        chosen = state.whose if state.whose in offered else MINE
        st.segmented_control(
            "Whose", list(offered), default=chosen, required=True, format_func=WHOSE.__getitem__, key="calendar:whose",
            label_visibility="collapsed", on_change=_chosen, args=(state,),
        )  # fmt: skip
        if chosen != MINE:
            _narrow(now, state, offered[chosen])
        _subscribe(now, state)
    calendar_board.draw(
        Board(
            now, key="calendar:all", within=state.within, locked=now.actor.role == "viewer",
            people=_people(state, offered[chosen]),
        )
    )  # fmt: skip


def _offered(now: Here) -> dict[str, tuple[str, ...] | None]:
    """Whose calendars there are, with the users of each; None is whoever there is."""
    mine, teams = now.actor.user, set(now.actor.teams)
    found: dict[str, tuple[str, ...] | None] = {MINE: (mine,)}
    if teams:
        active = people.read_directory(now.lake).active
        found[TEAM] = tuple(user.slug for user in active if teams & set(user.teams))
    return {**found, EVERYBODY: None}


def _people(state: CalendarState, among: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The users whose calendar is shown: those chosen, as far as they are among these."""
    chosen = tuple(one for one in state.people if among is None or one in among)
    return chosen or among


def _narrow(now: Here, state: CalendarState, among: tuple[str, ...] | None) -> None:
    names = {
        user.slug: user.name
        for user in people.read_directory(now.lake).active
        if among is None or user.slug in among
    }
    st.multiselect(
        "People", list(names), default=[one for one in state.people if one in names], format_func=names.__getitem__,
        key=f"calendar:people:{state.whose}", placeholder="Everyone", label_visibility="collapsed", width=320,
        on_change=_narrowed, args=(state,),
    )  # fmt: skip


def _subscribe(now: Here, state: CalendarState) -> None:
    """The private address of one's own calendar, for the calendar of a phone: told once, taken back at any time."""
    box = st.popover(
        "Subscribe", icon=":material/rss_feed:", type="tertiary", on_change="rerun", key="calendar:feed"
    )
    if not box.open:
        state.address = ""
        return
    with box:
        since = calendar_feed.feed_since(now.lake, actor=now.actor)
        if state.address:
            st.html(html.note("This is told only now. Whoever knows it reads your calendar.", color="orange"))
            st.code(state.address, language=None, wrap_lines=True)
        else:
            text = "An address for other calendars, which shows what you work on. Nobody else knows it."
            made = f"You made one on {words.day(calendars.wall(since, now.zone))}." if since else ""
            st.html(html.Html('<div class="m-sub">{} {}</div>').format(text, made))
        label = "Make another one; the first ends" if since else "Make a private address"
        st.button(label, key="calendar:feed:make", on_click=make_address, args=(now, state))
        if since:
            st.button("Take it back", key="calendar:feed:revoke", type="tertiary", on_click=revoke_address,
                      args=(now, state))  # fmt: skip


def make_address(now: Here, state: CalendarState) -> None:
    """Make a private address, to be told now."""
    token = feedback.run(lambda: calendar_feed.make_feed(now.lake, actor=now.actor))
    if token is not None:
        settings = now.workspace.settings
        server = settings.public_url or f"http://{settings.host}:{settings.port}"
        state.address = server.rstrip("/") + calendar_feed.feed_path(token)


def revoke_address(now: Here, state: CalendarState) -> None:
    """Take the private address back."""
    state.address = ""
    feedback.run(
        lambda: calendar_feed.revoke_feed(now.lake, actor=now.actor), done="The address is worth nothing now"
    )


def _chosen(state: CalendarState) -> None:
    state.whose = st.session_state["calendar:whose"]
    set_url(whose=None if state.whose == MINE else state.whose)


def _narrowed(state: CalendarState) -> None:
    state.people = tuple(st.session_state[f"calendar:people:{state.whose}"])
