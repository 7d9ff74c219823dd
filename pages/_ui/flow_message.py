"""One message of the outbox: where it goes, what it says, and what became of each attempt to deliver it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from flows.outbox_reading import Attempt, Shown
from pages._ui import html, words
from pages._ui.session import Here

ATTEMPTS: Mapping[str, tuple[str, str]] = {
    "sent": ("Sent", "green"),
    "refused": ("Refused", "red"),
    "failed": ("Not taken", "orange"),
    "unknown": ("Outcome unknown", "yellow"),
    "sending": ("On its way", "blue"),
}


def draw(now: Here, shown: Shown) -> None:
    """A button that shows the message, over what stands there: a list that moves while it is ticked is missed."""
    with (
        st.popover("Look into it", icon=":material/visibility:", key=f"outbox:look:{shown.message.id}"),
        st.container(key="outbox_message"),
    ):
        st.html(_told(now, shown))


def _told(now: Here, shown: Shown) -> html.Html:
    message = shown.message
    when = words.moment(message.created_at, zone=now.zone)
    rows: list[tuple[str, html.Text | None]] = [
        ("Goes to", message.url or message.recipient),
        ("Why", message.why or None),
        ("Written", f"{when}, purpose {message.purpose}" if message.purpose else when),
        ("Text", _long(shown.text or shown.payload)),
    ]
    if message.run_id:
        rows.insert(2, ("Run", html.link("What the flow did", click=html.click("run", message.run_id))))
    tried = _attempts(now, shown.attempts)
    return html.stack([html.kv_card(message.subject or "Without a subject", rows), tried])


def _attempts(now: Here, attempts: Sequence[Attempt]) -> html.Html:
    rows = [
        html.Row([
            _outcome(one), html.Html('<span class="m-wrap">{}</span>').format(one.answer or "–"),
            words.moment(one.started_at, zone=now.zone),
        ])
        for one in reversed(attempts)
    ]  # fmt: skip
    return html.table_card("Attempts", ["Outcome", "Answer", "When"], rows, count=str(len(rows) or ""),
                           right_aligned=(2,), empty="It was not tried yet.")  # fmt: skip


def _outcome(one: Attempt) -> html.Html:
    label, color = ATTEMPTS.get(one.state, (words.readable(one.state), "gray"))
    return html.badge(label, color=color)


def _long(text: str | None) -> html.Html | None:
    return html.Html('<span class="m-long">{}</span>').format(text) if text else None
