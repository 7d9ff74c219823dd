"""The form in which a message that has not left is mended: its address, its words, where a call goes."""

from __future__ import annotations

import streamlit as st

from flows import outbox, outbox_reading
from flows.outbox_reading import OutboxMessage, Shown
from pages._ui import feedback
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


def draw(now: Here, message: OutboxMessage) -> None:
    """A button that opens the form; nothing for a message that has left."""
    if message.state not in MENDABLE or message.channel not in _PARTS:
        return
    with st.popover("Edit", icon=":material/edit:", key=f"outbox:edit:{message.id}"):
        shown = feedback.run(lambda: outbox_reading.show(now.lake, message.id, actor=now.actor), at="here")
        if shown is not None:
            _form(now, shown)


def _form(now: Here, shown: Shown) -> None:
    message = shown.message
    before = {
        "recipient": message.recipient, "subject": message.subject, "text": shown.text or "",
        "url": message.url or "", "payload": shown.payload or "",
    }  # fmt: skip
    with st.form(f"outbox:form:{message.id}", border=False):
        given: dict[str, str] = {}
        for part in _PARTS[message.channel]:
            draw_part = st.text_area if part in ("text", "payload") else st.text_input
            key = f"outbox:{message.id}:{part}"
            given[part] = str(draw_part(_LABELS[part], value=before[part], key=key) or "")
        sent = st.form_submit_button("Save", type="primary")
    changed = {part: value for part, value in given.items() if value != before[part]}
    if sent and changed:
        feedback.run(
            lambda: outbox.edit(now.lake, message.id, actor=now.actor, **changed),
            done="It is mended. Retry sends it." if message.state == "dead" else "It is mended",
        )
