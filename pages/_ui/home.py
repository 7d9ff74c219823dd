"""Home: what waits for me today, drawn a card at a time, and again when something of a card changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import streamlit as st

from crm_core import my_work, records
from crm_core.preferences import keep_preference, read_preferences
from crm_core.reports.store import dashboards_of
from crm_core.undo import undo_change
from pages._ui import begin, feedback, home_cards, nav, words
from pages._ui.components import Click, clicks
from pages._ui.home_cards import Done, Visit
from pages._ui.layout import begin_parts, page, part, redraw
from pages._ui.pulse import pulse
from pages._ui.report_board import draw_dashboard, pin, pinned_of
from pages._ui.session import Here, here
from pages._ui.state import page_state, record_id

EAR = "home_ear"
LOOKED = "home.looked"
"""The preference that says when a person last looked at Home."""
CHOSEN, MINE, EVERYBODY = "home.whose", "mine", "everybody"
WHOSE = {MINE: "Mine", EVERYBODY: "Everybody's"}
AWAY = timedelta(minutes=5)
DUE, ACTIVITY, APPOINTMENTS, WAITING = "due", "activity", "appointments", "waiting"
_READS: dict[str, Callable[..., my_work.Card]] = {
    DUE: my_work.read_due,
    APPOINTMENTS: my_work.read_appointments,
    WAITING: my_work.read_waiting,
    ACTIVITY: my_work.read_activity,
}
COLUMNS = ((DUE, APPOINTMENTS), (WAITING, ACTIVITY))


@dataclass
class HomeState(Visit):
    """What Home remembers beside the visit: up to where its cards were read, and when they were drawn last."""

    seen: int = -1
    version: int = -1
    drawn: datetime | None = None
    decided: bool = False
    """Whether it is known whose work is looked at."""
    read: dict[str, my_work.Card] = field(default_factory=dict)
    """Cards that were read to know that, until they are drawn."""


def draw() -> None:
    """Draw Home; in a lake without modules or records, how to begin."""
    nav.follow()
    now = here()
    if not now.catalog.modules:
        begin.draw()
        return
    state = page_state(HomeState, page="home")
    state.seen, state.version = now.lake.known_snapshot(), now.catalog.version
    if state.drawn is None or datetime.now(UTC) - state.drawn > AWAY:
        before = read_preferences(now.lake, actor=now.actor).get(LOOKED)
        state.looked = words.to_instant(before) if before else None
    filled = my_work.has_records(now.lake, now.catalog)
    decide(now, state, filled=filled)
    begin_parts()
    with page(greeting(now), subtitle=today(now)):
        st.segmented_control(
            "Whose work", list(WHOSE), default=EVERYBODY if state.everybody else MINE, required=True, key="home:whose",
            format_func=WHOSE.__getitem__, label_visibility="collapsed", on_change=_chosen, args=(state,),
        )  # fmt: skip
        if not filled:
            begin.first_steps(now)
        with st.container(horizontal=True, gap="small", vertical_alignment="top", key="home"):
            for at, column in enumerate(COLUMNS):
                with st.container(key=f"home_column_{at}", gap="small"):
                    for name in column:
                        part(_part(name), partial(_card, name, state))
        _boards(now)
        part(EAR, partial(_listen, state))
    _remember(now, state)


def _boards(now: Here) -> None:
    """The dashboards that one has put here, and the choice of them."""
    offered = {board.slug: board.title for board in dashboards_of(now.catalog, actor=now.actor)}
    if not offered:
        return
    pinned = [slug for slug in pinned_of(now) if slug in offered]
    for slug in pinned:
        draw_dashboard(slug, key="home")
    opened = st.popover(
        "Dashboards on Home", icon=":material/keep:", type="tertiary", key="home:pin", on_change="rerun"
    )
    if opened.open:
        with opened:
            st.pills(
                "Shown here", list(offered), selection_mode="multi", default=pinned, key="home:boards",
                format_func=offered.__getitem__, on_change=_pinned,
            )  # fmt: skip


def _pinned() -> None:
    pin(here(), st.session_state["home:boards"] or [])


def _remember(now: Here, state: HomeState) -> None:
    """Note when Home was looked at; after a while away it is another visit, and what came meanwhile is new."""
    moment = datetime.now(UTC)
    if state.drawn is None or moment - state.drawn > AWAY:
        keep_preference(now.lake, LOOKED, moment.isoformat(), actor=now.actor)
    state.drawn = moment


def decide(now: Here, state: HomeState, *, filled: bool) -> None:
    """Whose work is shown: as chosen, else one's own where there is any; what is read to know that is drawn."""
    if state.decided:
        return
    chosen = read_preferences(now.lake, actor=now.actor).get(CHOSEN)
    if chosen is None and filled:
        state.read = {name: read(now.lake, now.catalog, actor=now.actor) for name, read in _READS.items()}
    mine = chosen == MINE or any(card.total for card in state.read.values())
    state.decided, state.everybody, state.read = True, not mine, state.read if mine else {}


def _chosen(state: HomeState) -> None:
    now, chosen = here(), st.session_state["home:whose"]
    state.everybody, state.read = chosen == EVERYBODY, {}
    keep_preference(now.lake, CHOSEN, chosen, actor=now.actor)


def greeting(now: Here, moment: datetime | None = None) -> str:
    """A word for the hour that it is where the person is."""
    hour = (moment or datetime.now(UTC)).astimezone(ZoneInfo(now.zone)).hour
    word = "Good morning" if 4 <= hour < 12 else "Good afternoon" if 12 <= hour < 18 else "Good evening"
    name = (now.actor.name or now.actor.user).split(" ")[0]
    return f"{word}, {name}"


def today(now: Here) -> str:
    """The day that it is where the person is."""
    local = datetime.now(UTC).astimezone(ZoneInfo(now.zone))
    return f"{local:%A}, {local.day} {local:%B}"


def _part(name: str) -> str:
    return f"home_{name}"


def _card(name: str, state: HomeState) -> None:
    now = here()
    found = state.read.pop(name, None) or feedback.run(
        lambda: _READS[name](now.lake, now.catalog, actor=now.actor, everybody=state.everybody), at="here"
    )
    if found is not None:
        with st.container(key=f"card_{name}"):
            st.html(home_cards.CARDS[name](now, found, state))


def _listen(state: HomeState) -> None:
    """The ear of the page, and its watch."""
    nav.follow()
    clicks(lambda click: _clicked(state, click), key="clicks:home")
    pulse(state.seen, on_move=lambda: _moved(state), key="pulse:home")


def _moved(state: HomeState) -> None:
    """Draw again the cards whose tables changed since they were read."""
    now = here()
    after, state.seen = state.seen, now.lake.known_snapshot()
    if now.catalog.version != state.version:
        st.rerun("app")
    changed = now.lake.feed.tables_changed(after, state.seen)
    asked = my_work.tables_of(now.catalog)
    redraw(*[_part(name) for name in _READS if asked[name] & changed], EAR)


def _clicked(state: HomeState, click: Click) -> None:
    now = here()
    match click.verb, click.values:
        case "open", (module, target, *section) if record_id(target):
            nav.go(module, target, **({"section": section[0]} if section else {}))
        case "list", (module,):
            nav.go(module)
        case "done", (module, target) if record_id(target):
            tick_off(now, state, module, target)
            redraw(_part(DUE), EAR)
        case "undo", ():
            undo(now, state)
            redraw(_part(DUE), EAR)
    redraw(EAR)


def tick_off(now: Here, state: HomeState, module: str, target: str) -> None:
    """Do what is due; it can be taken back until something else is done."""
    known = {one.slug: one for one in my_work.due_modules(now.catalog)}
    if module not in known or now.actor.role == "viewer":
        return

    def finish() -> None:
        record = records.read_record(now.lake, now.catalog, module=module, record_id=target, actor=now.actor)
        values = my_work.finished(known[module], record["folder"])
        saved = records.update(
            now.lake, module=module, record_id=target, values=values, actor=now.actor, door="browser"
        )
        title = str(record.get(known[module].title) or words.readable(known[module].one))
        state.done = Done(saved.change_id, title) if saved.ids else None

    feedback.run(finish)


def undo(now: Here, state: HomeState) -> None:
    """Take back what was just ticked off."""
    done, state.done = state.done, None
    if done is not None:
        feedback.run(
            lambda: undo_change(now.lake, done.change_id, actor=now.actor),
            done=f"“{done.title}” is open again",
        )
