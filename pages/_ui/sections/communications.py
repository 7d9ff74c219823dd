"""Messages with somebody: conversations, what waits for an answer, and the composer."""

from __future__ import annotations

import streamlit as st

from crm_core.conversations import Conversations, Message, read_conversations
from pages._ui import composer, conversation, html, mailing, words
from pages._ui.components import Click
from pages._ui.frames import frames
from pages._ui.sections.base import ProfileSection, Spot

NOTHING = "Nothing was written yet. Mail that comes in or goes out stands here as it happens."


def draw(spot: Spot) -> None:
    """Draw the figures, the composer, and the conversations, the newest first."""
    found = _read(spot)
    newest = found.items[0].messages[-1].moment if found.items else None
    st.html(
        html.kpi_strip(
            [
                html.Kpi(
                    "Unanswered", words.number(found.unanswered), tone="bad" if found.unanswered else ""
                ),
                html.Kpi("Unread", words.number(spot.seen.badges.unread)),
                html.Kpi("Messages", words.number(found.messages)),
                html.Kpi("Last message", words.ago(newest, zone=spot.here.zone) if newest else "–"),
            ]
        )
    )
    if not spot.locked:
        if composer.begun(spot.here, spot.record_id) is None:
            st.button("New mail", key=spot.key("new"), icon=":material/edit:", on_click=mailing.write,
                      args=(spot.seen,))  # fmt: skip
        composer.draw(spot.here, record=spot.record_id)
    if not found.items:
        st.html(html.empty_state("No messages", NOTHING, icon_name="forum"))
        return
    formatted = spot.state.within.get("formatted", set())
    st.html(conversation.cards(spot.here, found.items, locked=spot.locked, formatted=formatted))
    if formatted:
        frames(key=spot.key("mail"))
    shown = sum(len(one.messages) for one in found.items)
    if shown < found.messages:
        st.html(html.note(f"The newest {shown} of {words.number(found.messages)} messages.", color="gray"))


def _read(spot: Spot) -> Conversations:
    return read_conversations(
        spot.here.lake, spot.here.catalog, module=spot.module, record_id=spot.record_id, actor=spot.here.actor,
        links=spot.panel.links, at=spot.at,
    )  # fmt: skip


def clicked(spot: Spot, click: Click) -> bool:
    """Answer or forward a message, or show it with its markup."""
    messages: dict[str, Message] = {one.id: one for talk in _read(spot).items for one in talk.messages}
    formatted = spot.state.within.setdefault("formatted", set())
    return mailing.clicked(
        spot.here, click, messages, record=spot.record_id, formatted=formatted, locked=spot.locked
    )


SECTION = ProfileSection("communications", draw, clicked)
