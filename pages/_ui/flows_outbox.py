"""The outbox: messages of flows that are to leave the house, and what a person decides about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import streamlit as st

from flows import outbox, outbox_reading, store
from flows.delivery import DeliveryConfig
from flows.outbox import OutboxMessage
from flows.outbox_reading import Shown
from flows.store import FlowInfo
from pages._ui import feedback, flow_mend, flow_message, html, nav, words
from pages._ui.flows_state import FlowsState
from pages._ui.grid import Column, record_grid
from pages._ui.layout import redraw
from pages._ui.session import Here

SHOWN = 200
STATES: dict[str, tuple[str, str]] = {
    "queued": ("Queued", "blue"),
    "held": ("Held", "orange"),
    "sending": ("Sending", "blue"),
    "unknown": ("Outcome unknown", "yellow"),
    "sent": ("Sent", "green"),
    "dead": ("Failed", "red"),
    "dropped": ("Dropped", "gray"),
}
DECISIONS: Mapping[str, tuple[str, tuple[str, ...], Callable[..., int]]] = {
    "Release": ("lets held messages go", ("held",), outbox.release),
    "Retry": ("tries again now", ("dead", "queued", "unknown", "dropped"), outbox.retry),
    "Drop": ("decides against what has not left", ("held", "queued", "dead", "unknown"), outbox.drop),
}
"""What can be decided: in words, for messages in which states, and the command."""
COLUMNS = (
    Column("state", "State", sortable=False, colors=dict(STATES.values()), width=92),
    Column("recipient", "To", sortable=False, width=150),
    Column("subject", "Subject", sortable=False, width=170),
    Column("flow", "Flow", sortable=False, width=110),
    Column("attempts", "Tries", numeric=True, sortable=False, width=60),
    Column("created", "Written", sortable=False, width=76),
    Column("why", "Why", sortable=False, width=160, share=2),
)


def draw(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    """Draw the messages of all flows, and what can be decided about those that are ticked."""
    counts = outbox.count_messages(now.lake, actor=now.actor)
    if any(counts.values()):
        _states(state, counts)
    messages = outbox.list_messages(
        now.lake,
        actor=now.actor,
        state=state.box or None,
        limit=SHOWN,
        missing=DeliveryConfig.from_settings(now.workspace.settings).missing,
    )
    if not now.workspace.settings.smtp_url and any(counts.get(one) for one in outbox.WAITING):
        st.html(
            html.note(
                "No mail server is set (MERGANSER_SMTP_URL): mail stays queued until there is one.",
                color="blue",
            )
        )
    if not messages:
        text = "A step that sends an e-mail puts it here, and it leaves after the commit."
        st.html(html.empty_state("No messages", text, icon_name="outbox"))
        return
    ticked = [message for message in messages if message.id in state.chosen]
    shown = _shown(now, ticked)
    _decisions(now, state, ticked, shown, counts)
    known = {message.id: message for message in messages}
    titles = {one.flow: one.title for one in store.list_flows(now.lake, retired=True)}
    record_grid(
        [_row(now, message, titles) for message in messages], COLUMNS, key=f"outbox:{state.box}",
        nouns=("message", "messages"),
        total=min(counts.get(state.box, 0), SHOWN) if state.box else len(messages), page_size=SHOWN,
        on_select=lambda ids: _tick(state, ids),
        on_open=lambda chosen: _open(known[chosen]),
    )  # fmt: skip


def _states(state: FlowsState, counts: Mapping[str, int]) -> None:
    def chosen() -> None:
        state.box, state.chosen = st.session_state["outbox:state"] or "", ()
        redraw("centre")

    labels = {"": f"All {words.number(sum(counts.values()))}"}
    labels |= {slug: f"{label} {counts[slug]:,}" for slug, (label, _) in STATES.items() if counts.get(slug)}
    st.session_state["outbox:state"] = state.box if state.box in labels else ""
    with st.container(key="folders_outbox"):
        st.pills("State", list(labels), required=True, key="outbox:state", on_change=chosen,
                 format_func=labels.__getitem__, label_visibility="collapsed")  # fmt: skip


def _shown(now: Here, ticked: Sequence[OutboxMessage]) -> Shown | None:
    """All that is known of a message that is ticked by itself."""
    if len(ticked) != 1:
        return None
    return feedback.run(lambda: outbox_reading.show(now.lake, ticked[0].id, actor=now.actor), at="here")


def _decisions(
    now: Here, state: FlowsState, ticked: Sequence[OutboxMessage], shown: Shown | None, counts: Mapping[str, int]
) -> None:  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="outbox_bar"):
        for name, (help_, allowed, command) in DECISIONS.items():
            ids = [message.id for message in ticked if message.state in allowed]
            label = f"{name} {len(ids)}" if ids else name
            st.button(label, key=f"outbox:{name}", disabled=not ids, help=f"{name} {help_}",
                      on_click=_decide, args=(state, partial(command, now.lake, actor=now.actor, ids=ids)))  # fmt: skip
        if shown is not None:
            flow_message.draw(now, shown)
            flow_mend.draw(now, shown)
        held = counts.get("held", 0)
        if held:
            with st.popover(f"Release all {held:,} held", key="outbox:all"):
                st.markdown(
                    f"{held:,} will leave as soon as the other side takes them: mail, texts and calls."
                )
                st.button("Release them", type="primary", key="outbox:release_all", on_click=_decide,
                          args=(state, partial(outbox.release, now.lake, actor=now.actor)))  # fmt: skip
        if not ticked:
            st.html(html.Html('<span class="m-sub">Tick one to look into it, several to decide.</span>'))


def _open(message: OutboxMessage) -> None:
    """Go to the message, or to the record that a call is about."""
    if message.communication_id is not None:
        nav.go("communications", message.communication_id)
    elif message.module is not None and message.record_id is not None:
        nav.go(message.module, message.record_id)


def _tick(state: FlowsState, ids: tuple[str, ...]) -> None:
    state.chosen = ids


def _decide(state: FlowsState, command: Callable[[], int]) -> None:
    feedback.run(command, done=lambda count: f"Done for {words.plural(count, 'message')}")
    state.chosen = ()
    redraw("centre")


def _row(now: Here, message: OutboxMessage, titles: Mapping[str, str]) -> dict[str, str]:
    return {
        "id": message.id,
        "state": STATES.get(message.state, (message.state, ""))[0],
        "recipient": message.recipient,
        "subject": message.subject,
        "flow": titles.get(message.flow or "", message.flow or ""),
        "attempts": str(message.attempts),
        "created": words.ago(message.created_at, zone=now.zone),
        "why": message.why,
    }
