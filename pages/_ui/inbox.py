"""The inbox: queues on the left, a conversation in the middle, whom it is with and what can be done on the right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import streamlit as st

from crm_core import people
from crm_core.conversations import Conversations, read_conversations
from crm_core.errors import RecordNotFound
from crm_core.intake_forms import intake_module
from crm_core.profile import Head, read_head
from crm_core.whose import give_to_customer
from pages._ui import (
    composer,
    conversation,
    edits,
    feedback,
    forms,
    html,
    inbox_actions,
    inbox_list,
    mailing,
    nav,
    profile,
    record_fields,
    record_words,
    side,
    words,
    workspace,
)
from pages._ui.components import Click, clicks
from pages._ui.frames import frames
from pages._ui.inbox_list import OPEN, QUEUES, InboxState
from pages._ui.layout import body, head, redraw, three_panels
from pages._ui.nothing import Action, no_such_module, nothing
from pages._ui.session import Here, here
from pages._ui.state import page_state, record_id, record_id_in_url
from pages._ui.workspace_state import read_selected

CUSTOMERS = "customers"
LATE = timedelta(days=1)
"""Who has waited for so long is told of in red, as on Home."""


def draw() -> None:
    """Draw the inbox of the module that takes what comes in."""
    nav.follow()
    module = intake_module(here().catalog)
    if module is None:
        no_such_module(here(), "Inquiries")
        return
    slug, state = module.slug, page_state(InboxState, page="inbox")
    state.selected = record_id_in_url() or state.selected
    three_panels(
        left=lambda: inbox_list.draw(state, slug),
        centre=lambda: _centre(state, slug),
        right=lambda: _right(state, slug),
        labels=("Inbox", module.one, "Details"),
        first="centre" if record_id_in_url() else "left",
    )


def _centre(state: InboxState, slug: str) -> None:
    nav.follow()
    now = here()
    seen = read_selected(now, slug, state)
    clicks(lambda click: _clicked(state, slug, click), key="clicks:inbox")
    if seen is None:
        _nobody(now, state, slug)
        return
    found = _read(now, seen)
    locked = now.actor.role == "viewer"
    with head("centre"):
        st.html(_header(now, seen))
        with st.container(horizontal=True, gap="xsmall", key="inbox_actions"):
            inbox_actions.draw(now, seen, found)
    with body("centre"):
        st.html(html.kpi_strip(figures(now, seen, found)))
        if not locked:
            edits.draw(now, seen)
            composer.draw(now, record=str(seen.record["id"]))
        if found.items:
            formatted = state.within.get("formatted", set())
            st.html(conversation.cards(now, found.items, locked=locked, formatted=formatted))
            if formatted:
                frames(key="inbox:mail")
        else:
            _message(now, seen)
        record_fields.draw_sections(now, seen, state, without=("message",))
        st.html(profile.belongings_card(now, seen, profile.read_belongings(now, seen)))
        if not locked:
            forms.new_beside(now, slug, on_created=partial(_settle_customer, now, seen))


def _read(now: Here, seen: Head) -> Conversations:
    return read_conversations(
        now.lake, now.catalog, module=seen.module.slug, record_id=str(seen.record["id"]), actor=now.actor
    )


def figures(now: Here, seen: Head, found: Conversations) -> list[html.Kpi]:
    """How long the first answer took, or has been waited for, how much was written, and until when it is put off."""
    record, made = seen.record, []
    if seen.module.field("first_answer_at") is not None:
        answered, came = record.get("first_answer_at"), record["created_at"]
        if answered:
            made.append(html.Kpi("First answer after", _span(answered - came)))
        else:
            late = datetime.now(UTC) - came
            tone = "bad" if late >= LATE else ""
            made.append(html.Kpi("Waits for an answer", _span(late), tone=tone))
    made.append(html.Kpi("Messages", words.number(found.messages)))
    if inbox_actions.is_asleep(seen):
        made.append(html.Kpi("Put off until", words.moment(record[inbox_list.SNOOZE], zone=now.zone)))
    return made


def _span(time: timedelta) -> str:
    """A span in its two largest units."""
    minutes = max(0, int(time.total_seconds() // 60))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {rest} min"
    return f"{rest} min" if rest else "under a minute"


def _nobody(now: Here, state: InboxState, slug: str) -> None:
    one = now.catalog.module(slug).one.lower()
    actions = [Action(f"New {one}", "add", forms.ask_new, (slug,))] if now.actor.role != "viewer" else []
    title, text = f"No {one} selected", "Choose one on the left."
    if state.empty:
        title = "Nothing is waiting" if state.queue == OPEN else f"{QUEUES[state.queue]}: no {one}"
        text = (
            "What comes in by form, e-mail or API stands here within a second. A call you take down yourself."
        )
    nothing(title, text, actions=actions, key="nothing:inbox")


def _header(now: Here, seen: Head) -> html.Html:
    record = seen.record
    parts: list[html.Text] = [str(record.get("name") or record.get("email") or "Unknown")]
    for reference in now.catalog.references(seen.module.slug)[:1]:
        link = record_words.reference_link(reference, record.get(reference.slug), seen.titles)
        if link:
            parts.append(link)
    return html.record_header(
        str(record.get("subject") or seen.title),
        subtitle=html.join(parts, between=" · "),
        badge=record_words.status_badge(seen.module, record["folder"], record["status"]),
    )


def _message(now: Here, seen: Head) -> None:
    text = seen.record.get("message")
    if text:
        number = next((seen.record.get(f.slug) for f in seen.module.fields if f.kind == "auto_number"), None)
        came = words.moment(seen.record["created_at"], zone=now.zone)
        body_ = html.Html('<div class="m-message">{}</div>').format(text)
        st.html(html.card("Message", body_, right=f"{number} · {came}" if number else came))


def _clicked(state: InboxState, slug: str, click: Click) -> None:
    if click.verb == "open" and click.values[:1] == (slug,) and record_id(click.values[-1]):
        inbox_list.select(state, click.values[-1])
    now = here()
    seen = read_selected(now, slug, state)
    if seen is not None and click.verb in mailing.VERBS:
        messages = {one.id: one for talk in _read(now, seen).items for one in talk.messages}
        formatted = state.within.setdefault("formatted", set())
        locked = now.actor.role == "viewer"
        mailing.clicked(
            now, click, messages, record=str(seen.record["id"]), formatted=formatted, locked=locked
        )
        redraw("centre")
    workspace.clicked(slug, state, click)


def _right(state: InboxState, slug: str) -> None:
    now = here()
    seen = read_selected(now, slug, state)
    if seen is not None:
        with body("right"):
            _customer(now, seen)
            side.draw(now, seen)


def _customer(now: Here, seen: Head) -> None:
    """Whom it is with, in short."""
    customer = seen.record.get("customer")
    if customer is None:
        _nobody_known(now, seen)
    if not isinstance(customer, str) or customer not in seen.titles:
        return
    try:
        whole = read_head(now.lake, now.catalog, module=CUSTOMERS, record_id=customer, actor=now.actor)
    except RecordNotFound:
        return
    record, badges = whole.record, whole.badges
    names = {user.slug: user.name for user in people.read_directory(now.lake).active}
    rows: list[tuple[str, html.Text | None]] = [
        ("Status", record_words.status_badge(whole.module, record["folder"], record["status"])),
        ("Company", str(record.get("company") or "") or None),
        ("E-mail", _mailed(record.get("email"))),
        ("Phone", _phoned(record.get("phone"))),
        ("Owner", names.get(record["owner"] or "", record["owner"] or "Nobody")),
        ("Open tasks", words.number(badges.open_tasks)),
        ("Unread", words.number(badges.unread)),
    ]
    name = html.link(whole.title, click=html.click("open", CUSTOMERS, customer))
    st.html(
        html.kv_card(
            html.Html('<span class="m-clip">{}</span>').format(name), [row for row in rows if row[1]]
        )
    )


def _nobody_known(now: Here, seen: Head) -> None:
    """That it is nobody's yet, and the way to a customer: a new one, or one that the dialog finds to be the same."""
    slug, record = seen.module.slug, seen.record
    known = CUSTOMERS in now.catalog.modules and now.catalog.reference(slug, "customer") is not None
    if not known or now.actor.role == "viewer":
        return
    given = {name: record[name] for name in ("name", "company", "email", "phone") if record.get(name)}
    st.html(html.section_header("Customer"))
    st.html(html.Html('<div class="m-sub">{}</div>').format("Nobody has this address, or several have."))
    st.button(
        f"New {now.catalog.module(CUSTOMERS).one.lower()}", icon=":material/person_add:", width="stretch",
        key=f"whose:{record['id']}", on_click=_ask_whose, args=((slug, str(record["id"])), given),
    )  # fmt: skip


def _ask_whose(about: forms.About, given: dict[str, Any]) -> None:
    forms.ask_new(CUSTOMERS, about, given)
    redraw("centre")


def _settle_customer(now: Here, seen: Head, module: str, made: str, about: forms.About | None) -> None:
    """What was made or chosen for the sender is the customer of the inquiry, and of what was written so far."""
    own = (seen.module.slug, str(seen.record["id"]))
    if module == CUSTOMERS and about == own:
        feedback.run(
            lambda: give_to_customer(
                now.lake, now.catalog, module=own[0], record_id=own[1], customer=made, actor=now.actor,
                door="browser",
            ),
            done=f"The {seen.module.one.lower()} is theirs",
        )  # fmt: skip


def _mailed(email: object) -> html.Text | None:
    return html.link(str(email), href=f"mailto:{email}") if email else None


def _phoned(number: object) -> html.Text | None:
    return html.link(words.phone(str(number)), href=f"tel:{number}") if number else None
