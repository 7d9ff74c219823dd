"""What somebody said to our messages, in the heading: marks of it, and a form to write down what he says now."""

from __future__ import annotations

import streamlit as st

from crm_core import consents
from crm_core.consents import CHANNELS, STATES, Consent
from crm_core.profile import Head
from pages._ui import feedback, html, words
from pages._ui.components import Click
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.surroundings import field_context
from pages._ui.workspace_state import WorkspaceState

OPEN = "consents"
MOST_MARKS = 3
NAMES = {"granted": "Agreed", "withdrawn": "Withdrawn", "objected": "Objected", "denied": "Denied"}
PLACES = {"email": "e-mail", "phone": "phone", "sms": "text message", "whatsapp": "WhatsApp"}


def marks(now: Here, seen: Head, *, locked: bool, at: int | None) -> list[html.Html]:
    """A mark for each purpose and channel that somebody spoke about, and a word that opens all of it."""
    if not consents.addresses_of(seen.module, seen.record):
        return []
    found = consents.read_consents(
        now.lake, now.catalog, module=seen.module.slug, record=seen.record, actor=now.actor, at=at
    )
    shown = [_mark(one) for one in found[:MOST_MARKS]]
    if len(found) > MOST_MARKS:
        shown.append(html.Html('<span class="m-sub">+{}</span>').format(len(found) - MOST_MARKS))
    if not locked:
        shown.append(html.link("Consents", click=html.click(OPEN)))
    return shown


def _mark(one: Consent) -> html.Html:
    told = f"{words.readable(one.purpose)}: {PLACES.get(one.channel, one.channel)}"
    sign = "check" if one.allows else "block"
    return html.Html('<span title="{}">{}</span>').format(
        f"{NAMES.get(one.state, one.state)} on {words.day(one.occurred_at)}",
        html.badge(html.join([html.icon(sign), told]), color="green" if one.allows else "red"),
    )


def clicked(state: WorkspaceState, click: Click) -> bool:
    """Open all that was said, or close it again."""
    if click.verb != OPEN or click.values:
        return False
    state.head = "" if state.head == OPEN else OPEN
    return True


def draw(now: Here, seen: Head, state: WorkspaceState) -> None:
    """What was said by whom, and the form, where that is open."""
    if state.head != OPEN:
        return
    said = consents.read_consent_history(
        now.lake, now.catalog, module=seen.module.slug, record_id=str(seen.record["id"]), actor=now.actor
    )
    with st.container(border=True, key="consents"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.html(html.title("Consents", small=True), width="content")
            st.button("Close", key="consents:close", type="tertiary", on_click=_close, args=(state,))
        st.html(_told(now, said))
        _form(now, seen, state)


def _told(now: Here, said: tuple[Consent, ...]) -> html.Html:
    people = field_context(now).users
    line = html.Html('<div class="m-said">{} <b>{}</b> <span class="m-clip">{}</span><small>{}</small></div>')
    lines = [
        line.format(
            html.badge(NAMES.get(one.state, one.state), color="green" if one.allows else "red"),
            words.readable(one.purpose), f"{PLACES.get(one.channel, one.channel)} · {one.address}",
            f"{words.moment(one.occurred_at, zone=now.zone)} · {people.get(one.by, words.readable(one.by))}: "
            f"{one.reason or words.readable(one.source)}",
        )
        for one in said
    ]  # fmt: skip
    return html.join(lines or [html.Html('<div class="m-sub">Nobody has said anything yet.</div>')])


def _form(now: Here, seen: Head, state: WorkspaceState) -> None:
    known = consents.read_addresses(
        now.lake, now.catalog, module=seen.module.slug, record=seen.record, actor=now.actor
    )
    ways = [
        (address, channel)
        for address, kind in known.items()
        for channel, about in CHANNELS.items()
        if about == kind
    ]
    key = f"consents:{seen.record['id']}"
    purposes = [one.slug for one in now.catalog.workspace.purposes]
    wrong = feedback.problems(key)
    with st.form(key, border=False):
        with st.container(horizontal=True, gap="small"):
            st.selectbox("State", STATES, format_func=lambda one: NAMES[one], key=f"{key}:state", width=130)
            st.selectbox(
                "To messages of", purposes, format_func=words.readable, key=f"{key}:purpose", width=150
            )
            st.selectbox(
                "By",
                ways,
                format_func=lambda way: f"{PLACES[way[1]].capitalize()} · {way[0]}",
                key=f"{key}:way",
            )
        st.text_input("How do you know?", key=f"{key}:reason", placeholder="Said so on the phone",
                      max_chars=consents.LONGEST_REASON)  # fmt: skip
        if wrong:
            st.html(html.problem("; ".join(wrong.values())))
        st.form_submit_button(
            "Write down", type="primary", key=f"{key}:save", on_click=_save, args=(now, seen, state, key)
        )


def _save(now: Here, seen: Head, state: WorkspaceState, key: str) -> None:
    address, channel = st.session_state[f"{key}:way"]
    said = feedback.submit(
        lambda: consents.record_consent(
            now.lake, module=seen.module.slug, record_id=str(seen.record["id"]), address=address, channel=channel,
            purpose=st.session_state[f"{key}:purpose"], state=st.session_state[f"{key}:state"],
            reason=st.session_state.get(f"{key}:reason") or "", actor=now.actor, door="browser",
        ),
        form=key,
        done="Written down",
    )  # fmt: skip
    if said is not None:
        state.head = ""
        redraw("centre")


def _close(state: WorkspaceState) -> None:
    state.head = ""
