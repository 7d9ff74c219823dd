"""Inquiries: what was asked, where it stands and since when it waits; answered, closed and taken down here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from crm_core import records
from crm_core.conversations import MESSAGES, read_conversations
from crm_core.figures import inquiries as figure
from crm_core.figures.reading import Row
from crm_core.profile import Head, read_head
from pages._ui import composer, feedback, html, inbox_actions, mailing, words
from pages._ui.components import Click
from pages._ui.record_words import status_badge
from pages._ui.sections.acting import Ask, Form, change, create, offer, question, strip, word
from pages._ui.sections.base import ProfileSection, Spot

_ASKED = ("subject", "message", "service", "topic", "priority", "channel")
_CLOSING = "closing"


def draw(spot: Spot) -> None:
    """Draw the figures, the forms, a mail that is being written, and the inquiries, the open ones first."""
    found = figure.read(**question(spot))
    st.html(strip(found.figure))
    module = spot.here.catalog.module(_slug(spot))
    new = Form("new", f"New {module.one.lower()}", module.slug,
               tuple(Ask(slug) for slug in _ASKED if module.field(slug) is not None),
               lambda values: _new(spot, values), f"{module.one} noted")  # fmt: skip
    offer(spot, new, *_closing(spot))
    if not spot.locked:
        composer.draw(spot.here, record=spot.record_id)
    listed = [html.Row(_cells(spot, row), html.click("open", row["module"], row["id"])) for row in found.rows]
    st.html(
        html.table_card(
            module.name, ["Subject", "State", "First answer", ""], listed,
            count=words.number(len(found.rows)), empty=f"No {module.name.lower()} yet.",
        )
    )  # fmt: skip


def _slug(spot: Spot) -> str:
    return spot.panel.links[0].module


def _cells(spot: Spot, row: Row) -> list[html.Text]:
    module = spot.here.catalog.module(row["module"])
    acts: list[html.Text] = []
    if row["open"] and not spot.locked:
        acts = [word("Answer", "answer", row["id"])] if MESSAGES in spot.here.catalog.modules else []
        acts.append(word("Close", "close", row["id"]))
    return [
        html.titled(
            row["subject"] or "Without a subject", f"Came {words.ago(row['created_at'], zone=spot.here.zone)}"
        ),
        status_badge(module, row["folder"], row["status"]),
        _answered(row),
        html.join(acts, between=" "),
    ]


def _answered(row: Row) -> html.Text:
    if row["first_answer_at"] is not None:
        return words.span(max(0, int((row["first_answer_at"] - row["created_at"]).total_seconds() // 60)))
    return html.badge("Waits", color="orange") if row["open"] else html.missing()


def _new(spot: Spot, values: Mapping[str, Any]) -> object:
    module = spot.here.catalog.module(_slug(spot))
    own = {"email": mailing.address_of(spot.seen), "name": spot.seen.title}
    known = {name: value for name, value in own.items() if value and module.field(name) is not None}
    return create(spot, module.slug, {**known, **values})


def _closing(spot: Spot) -> Sequence[Form]:
    """The form for what a closed inquiry must have, where one is being closed."""
    inquiry = spot.state.within.get(_CLOSING)
    seen = None if inquiry is None else _read(spot, inquiry)
    if seen is None:
        return ()
    end = inbox_actions.end_of(seen)
    if end is None:
        return ()
    asks = tuple(Ask(field.slug) for field in inbox_actions.missing_to_close(spot.here, seen, end))
    name = f"Close {seen.title[:40]}"
    form = Form(
        "close", name, seen.module.slug, asks, lambda values: _close(spot, seen, end.slug, values), end.name, "check",
        {**seen.record, "status": end.slug},
    )  # fmt: skip
    return (form,)


def _close(spot: Spot, seen: Head, status: str, values: Mapping[str, Any]) -> object:
    done = records.update(
        spot.here.lake, module=seen.module.slug, record_id=str(seen.record["id"]),
        values={"status": status, **values}, actor=spot.here.actor, door="browser",
    )  # fmt: skip
    spot.state.within[_CLOSING] = None
    return done


def _read(spot: Spot, inquiry: str) -> Head | None:
    here = spot.here
    return feedback.run(
        lambda: read_head(here.lake, here.catalog, module=_slug(spot), record_id=inquiry, actor=here.actor)
    )


def clicked(spot: Spot, click: Click) -> bool:
    """Answer an inquiry, or close it; what a closed one must have is asked for first."""
    if click.verb not in ("answer", "close") or len(click.values) != 1:
        return False
    if spot.locked:
        return True
    seen = _read(spot, click.values[0])
    if seen is None:
        return True
    inquiry, here, end = str(seen.record["id"]), spot.here, inbox_actions.end_of(seen)
    if click.verb == "answer":
        found = read_conversations(
            here.lake, here.catalog, module=seen.module.slug, record_id=inquiry, actor=here.actor
        )
        mailing.answer(here, seen, found, record=spot.record_id)
    elif end is not None and inbox_actions.missing_to_close(here, seen, end):
        within = spot.state.within
        within.update({_CLOSING: inquiry, "form": "close", "forms": within.get("forms", 0) + 1})
    elif end is not None:
        change(spot, seen.module.slug, inquiry, {"status": end.slug}, done=end.name)
    return True


SECTION = ProfileSection("inquiries", draw, clicked)
