"""The form in which a message that has not left is mended: its address, its words, where a call goes."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from flows import outbox
from flows.outbox_reading import OutboxMessage, Shown
from pages._ui import feedback
from pages._ui.layout import redraw
from pages._ui.session import Here

MENDABLE = ("dead", "held", "queued")
_LABELS = {
    "recipient": "To",
    "subject": "Subject",
    "text": "Text",
    "url": "Address",
    "payload": "What is sent",
}
_PARTS = {
    "email": ("recipient", "subject", "text"),
    "sms": ("recipient", "text"),
    "whatsapp": ("recipient", "text"),
    "webhook": ("url", "payload"),
}
"""Channel → what can be mended."""


def draw(now: Here, shown: Shown) -> None:
    """A button that opens the form; nothing for a message that has left."""
    message = shown.message
    if message.state not in MENDABLE or message.channel not in _PARTS:
        return
    # Another key once it is mended, or was tried again: the form shuts, and begins with what stands there then.
    with st.popover("Edit", icon=":material/edit:", key=f"outbox:edit:{message.id}:{message.updated_at}"):
        _form(now, shown)


def _form(now: Here, shown: Shown) -> None:
    message = shown.message
    before = {
        "recipient": message.recipient, "subject": message.subject, "text": shown.text or "",
        "url": message.url or "", "payload": shown.payload or "",
    }  # fmt: skip
    keys = {part: f"outbox:{message.id}:{message.updated_at}:{part}" for part in _PARTS[message.channel]}
    with st.form(f"outbox:form:{message.id}", border=False):
        for part, key in keys.items():
            draw_part = st.text_area if part in ("text", "payload") else st.text_input
            draw_part(_LABELS[part], value=before[part], key=key)
        st.form_submit_button("Save", type="primary", on_click=_keep, args=(now, message, before, keys))


def _keep(now: Here, message: OutboxMessage, before: Mapping[str, str], keys: Mapping[str, str]) -> None:
    given = {part: str(st.session_state[key] or "") for part, key in keys.items()}
    changed = {part: value for part, value in given.items() if value != before[part]}
    if changed:
        done = "It is mended. Retry sends it." if message.state == "dead" else "It is mended"
        feedback.run(
            lambda: outbox.edit(now.lake, message.id, actor=now.actor, **changed), done=lambda _: done
        )
    redraw("centre")
