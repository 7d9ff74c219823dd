"""Working time: a timer that is started and stopped, and entries made afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import streamlit as st

from crm_core.figures import rows
from crm_core.figures import time as figure
from crm_core.figures.reading import Row
from crm_core.model.condition import All, Leaf
from crm_core.query import read_page
from pages._ui import html, words
from pages._ui.components import Click
from pages._ui.sections.acting import Ask, Form, asked, change, create, offer, question, strip, users, word
from pages._ui.sections.base import ProfileSection, Spot

MODULE = "time_entries"


def draw(spot: Spot) -> None:
    """Draw the time worked, the timer, the form, and the entries."""
    st.html(strip(figure.read(**question(spot)).figure))
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    asks = (Ask("title"), Ask("started_at", now - timedelta(hours=1)), Ask("ended_at", now), Ask("billable"))
    timer = (Ask("title"), Ask("billable"))
    entries, running = rows.time_entries(asked(spot)), _my_timer(spot)
    here = {row["id"] for row in entries}
    forms = [Form("add", "Add an entry", MODULE, asks, partial(create, spot, MODULE), "Entry added")]
    if running is None:
        forms.insert(
            0,
            Form("start", "Start a timer", MODULE, timer, partial(_start, spot), "Timer started", "timer"),
        )
    offer(spot, *forms)
    if running is not None and running["id"] not in here:
        st.html(_told_elsewhere(spot, running))
    people = users(spot)

    def who(row: Row) -> list[str]:
        return [
            part
            for part in (people.get(row["owner"], row["owner"]), "billable" if row["billable"] else "")
            if part
        ]

    def cells(row: Row) -> list[html.Text]:
        runs = row["ended_at"] is None
        ended = row["ended_at"] or spot.then or datetime.now(UTC)
        minutes = int((ended - row["started_at"]).total_seconds() // 60)
        stop = word("Stop", "stop", row["id"]) if runs and not spot.locked else ""
        return [
            html.titled(row["title"] or "Without a name", html.join(who(row), between=" · ")),
            words.brief(row["started_at"], zone=spot.here.zone),
            html.badge(f"Running · {words.span(minutes)}", color="teal", dot=True) if runs else words.span(minutes),
            stop,
        ]  # fmt: skip

    listed = [html.Row(cells(row), html.click("open", MODULE, row["id"])) for row in entries]
    st.html(
        html.table_card(
            "Working time", ["What", "From", "How long", ""], listed, empty="No working time yet."
        )
    )


def _my_timer(spot: Spot) -> Row | None:
    """The timer that runs for whoever looks, on whatever record: nothing else can be entered from its start on."""
    here, me = spot.here, spot.here.actor.user
    if spot.locked:
        return None
    mine = All(all=(Leaf(field="owner", op="eq", value=me), Leaf(field="ended_at", op="is_empty")))
    found = read_page(here.lake, here.catalog, module=MODULE, actor=here.actor, condition=mine, limit=1)
    return found.items[0] if found.items else None


def _told_elsewhere(spot: Spot, timer: Row) -> html.Html:
    since = words.brief(timer["started_at"], zone=spot.here.zone)
    what = html.link(timer["title"] or "Without a name", click=html.click("open", MODULE, timer["id"]))
    told = html.Html("Your timer {} has been running since {}. {}")
    return html.note(told.format(what, since, word("Stop", "stop", timer["id"])), color="orange")


def _start(spot: Spot, values: dict[str, object]) -> object:
    return create(spot, MODULE, {**values, "started_at": datetime.now(UTC)})


def clicked(spot: Spot, click: Click) -> bool:
    """Stop a timer."""
    if click.verb != "stop" or len(click.values) != 1:
        return False
    change(spot, MODULE, click.values[0], {"ended_at": datetime.now(UTC)}, done="Timer stopped")
    return True


SECTION = ProfileSection("time", draw, clicked)
