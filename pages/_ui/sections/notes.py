"""Notes, preferences and feedback: pinned ones first."""

from __future__ import annotations

from functools import partial

import streamlit as st

from crm_core.figures import notes
from crm_core.figures.reading import Row
from pages._ui import html, words
from pages._ui.components import Click
from pages._ui.sections.acting import Ask, Form, change, create, offer, question, strip, users, word
from pages._ui.sections.base import ProfileSection, Spot


def draw(spot: Spot) -> None:
    """Draw how many there are, the form, and the notes."""
    found = notes.read(**question(spot))
    st.html(strip(found.figure))
    asks = (Ask("text"), Ask("kind"), Ask("rating"), Ask("pinned"))
    offer(
        spot, Form("add", "Add a note", notes.MODULE, asks, partial(create, spot, notes.MODULE), "Note added")
    )
    events = [_event(spot, row) for row in found.rows]
    st.html(html.timeline_card("Notes", events, count=words.number(found.total), empty="No notes yet."))


def _event(spot: Spot, row: Row) -> html.Event:
    module = spot.here.catalog.module(notes.MODULE)
    kinds = {option.value: option for option in getattr(module.field("kind"), "options", None) or ()}
    kind = kinds.get(row["kind"])
    marks: list[html.Text] = [html.badge(kind.text, color=kind.color or "gray")] if kind else []
    if row["rating"] is not None:
        marks.append(html.badge(f"{row['rating']} of 5", color="yellow"))
    if row["pinned"]:
        marks.append(html.badge("Pinned", color="violet"))
    if not spot.locked:
        marks.append(word("Unpin", "unpin", row["id"]) if row["pinned"] else word("Pin", "pin", row["id"]))
    who = users(spot).get(row["owner"], row["owner"] or "")
    when = " · ".join(part for part in (who, words.ago(row["created_at"], zone=spot.here.zone)) if part)
    text = html.link(row["text"] or "", click=html.click("open", notes.MODULE, row["id"]))
    return html.Event(
        "push_pin" if row["pinned"] else "sticky_note_2", "yellow", text, when, inner=html.chips(marks)
    )


def clicked(spot: Spot, click: Click) -> bool:
    """Pin a note, or unpin it."""
    if click.verb not in ("pin", "unpin") or len(click.values) != 1:
        return False
    pinned = click.verb == "pin"
    change(spot, notes.MODULE, click.values[0], {"pinned": pinned}, done="Pinned" if pinned else "Unpinned")
    return True


SECTION = ProfileSection("notes", draw, clicked)
