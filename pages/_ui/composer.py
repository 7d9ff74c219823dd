"""The composer: a mail to somebody, from a record, with a template's words, files, and Ctrl+Enter to send it.

composer.begin(composer.reply(message, zone=here.zone), record=record_id)      # in a callback
composer.draw(here, record=record_id, on_sent=…)                               # where it stands, when one is begun
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import Any
from uuid import uuid4

import streamlit as st

from crm_core import files, uploads
from crm_core.availability import AWAY, read_unreachable
from crm_core.conversations import Message
from crm_core.model.documents import Template
from flows.compose import Draft, Sent, send
from flows.drafts import read_addresses
from flows.outgoing import MOST_ATTACHED
from flows.previews import preview_texts
from pages._ui import feedback, html, words
from pages._ui.conversation import said, whole, writer_of
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.upload import upload_box

_OPEN = "composer:"
QUOTED = 8_000
"""Characters of a message that an answer quotes."""


@dataclass
class Composing:
    """A mail that is being written: what it began with, and what is kept of it so far.

    `answers` is the message that it answers, `answering` the address of who wrote that, unless we did ourselves.
    """

    to: str = ""
    cc: str = ""
    subject: str = ""
    text: str = ""
    answers: str | None = None
    answering: str = ""
    about: tuple[str, str] | None = None
    customer: str | None = None
    files: tuple[str, ...] = ()
    box: str = ""
    token: str = field(default_factory=lambda: uuid4().hex[:8])

    def key(self, name: str) -> str:
        """The key of a widget of this mail."""
        return f"compose:{self.token}:{name}"


def begin(made: Composing, *, record: str) -> None:
    """Begin a mail at a record; one that was begun there before is left."""
    end(record)
    st.session_state[_OPEN + record] = made


def begun(record: str) -> Composing | None:
    """The mail that is being written at a record."""
    found = st.session_state.get(_OPEN + record)
    return found if isinstance(found, Composing) else None


def end(record: str) -> None:
    """Leave the mail that is being written at a record."""
    made = st.session_state.pop(_OPEN + record, None)
    if isinstance(made, Composing) and made.box:
        uploads.close_box(made.box)


def reply(message: Message, *, zone: str, everybody: bool = False, own: str = "") -> Composing:
    """An answer to a message: to its writer, or to whom it went when we wrote it ourselves.

    With `everybody` all others who got it are copied, but not `own`, our address.
    """
    writer = message.reply_to or message.sender
    first = read_addresses(writer if message.incoming else message.to)
    others = (*read_addresses(message.to), *read_addresses(message.cc)) if everybody else ()
    left = {one.lower() for one in (*first, own)}
    copied = dict.fromkeys(one for one in others if one.lower() not in left)
    return Composing(
        to=", ".join(first), cc=", ".join(copied), subject=_prefixed("Re", message.subject), answers=message.id,
        text=f"\n\n{_quoted(message, zone)}", about=message.about, customer=message.customer,
        answering=parseaddr(writer)[1].lower() if message.incoming else "",
    )  # fmt: skip


def forward(message: Message, *, zone: str) -> Composing:
    """A message for somebody else, with its files: a conversation of its own."""
    head = f"From: {message.sender}\nTo: {message.to}\nDate: {words.moment(message.moment, zone=zone)}"
    text = (
        f"\n\n---------- Forwarded message ----------\n{head}\nSubject: {message.subject}\n\n{whole(message)}"
    )
    return Composing(
        subject=_prefixed("Fwd", message.subject), text=text, files=message.files, about=message.about,
        customer=message.customer,
    )  # fmt: skip


def _prefixed(word: str, subject: str) -> str:
    known = subject.lower().startswith((f"{word.lower()}:", "aw:" if word == "Re" else "wg:"))
    return subject if known else f"{word}: {subject}"


def _quoted(message: Message, zone: str) -> str:
    when = words.moment(message.moment, zone=zone)
    lines = said(message)[:QUOTED].splitlines()
    return f"On {when}, {writer_of(message)} wrote:\n" + "\n".join(f"> {line}" for line in lines)


def draw(here: Here, *, record: str, on_sent: Callable[[Sent], None] | None = None) -> None:
    """Draw the mail that is being written at a record, if one is."""
    made = begun(record)
    if made is None:
        return
    with st.container(border=True, key="composer"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.html(html.title("Answer" if made.answers else "New mail", small=True))
            st.button("Discard", key=made.key("discard"), type="tertiary", on_click=_discard, args=(record,))
        _templates(here, made)
        for name in ("to", "cc", "subject", "text"):
            st.session_state.setdefault(made.key(name), getattr(made, name))
        _warn(here, made)
        with st.form(made.key("form"), border=False):
            st.text_input("To", key=made.key("to"), placeholder="anna@company.example, …")
            st.text_input("Copy to", key=made.key("cc"))
            st.text_input("Subject", key=made.key("subject"), max_chars=500)
            st.text_area("Text", key=made.key("text"), height=220, label_visibility="collapsed")
            st.form_submit_button(
                "Send", type="primary", icon=":material/send:", help="Ctrl+Enter sends it too.",
                key=made.key("send"), on_click=_send, args=(here, record, made, on_sent),
            )  # fmt: skip
        _attachments(here, made)


def _warn(here: Here, made: Composing) -> None:
    """Who of those that it goes to is away or not to be contacted, before anything is written in vain."""
    given = [str(st.session_state.get(made.key(name)) or "") for name in ("to", "cc")]
    for one in read_unreachable(
        here.lake, here.catalog, addresses=[a for line in given for a in read_addresses(line)]
    ):
        told = f"{one.address}: {one.availability.told}."
        if one.availability.state == AWAY:
            told += " Your mail is delivered all the same."
        elif made.answers and one.address.lower() == made.answering:
            told += " Your mail answers what they wrote, and so it is sent."
        else:
            told += " It would not be sent: only an answer to what they wrote is."
        st.html(html.note(told, color="orange"))


def _discard(record: str) -> None:
    end(record)
    redraw("centre")


def _templates(here: Here, made: Composing) -> None:
    """The templates that fit what the mail is about, and its customer."""
    places = [place for place in (made.about, ("customers", made.customer or "")) if place and place[1]]
    fitting: dict[str, tuple[Template, tuple[str, str]]] = {
        slug: (one, place)
        for place in places
        for slug, one in here.catalog.templates.items()
        if one.module == place[0]
    }
    if not fitting:
        return
    key = made.key("template")
    st.selectbox(
        "Template", ["", *fitting], key=key, label_visibility="collapsed",
        format_func=lambda slug: (fitting[slug][0].name or words.readable(slug)) if slug else "Words of a template…",
        on_change=lambda: _fill(here, made, fitting.get(st.session_state[key] or "")),
    )  # fmt: skip


def _fill(here: Here, made: Composing, chosen: tuple[Template, tuple[str, str]] | None) -> None:
    """Put a template's words in the place of what was written; what an answer quotes stays below them."""
    if chosen is None:
        return
    template, (module, record) = chosen
    texts = {"subject": template.subject, "text": template.body}
    found = feedback.run(
        lambda: preview_texts(
            here.lake, here.catalog, module=module, record_id=record, texts=texts, actor=here.actor
        )
    )
    if not found:
        return
    if not made.answers:
        st.session_state[made.key("subject")] = " ".join(found.get("subject", "").split())
    st.session_state[made.key("text")] = found.get("text", "").rstrip() + made.text


def _attachments(here: Here, made: Composing) -> None:
    if made.files:
        names = files.names(here.lake, here.catalog, ids=set(made.files), actor=here.actor)
        st.html(html.chips([html.badge(names.get(one, "File")) for one in made.files]))
    if not made.box:
        made.box = uploads.open_box(most_bytes=MOST_ATTACHED)
    upload_box(
        made.box, key=made.key("box"), on_sent=lambda: None, label="Attach files", hint="25 MB in all.",
        most_bytes=MOST_ATTACHED,
    )  # fmt: skip


def _send(here: Here, record: str, made: Composing, on_sent: Callable[[Sent], None] | None) -> None:
    """Send what is written; when it is refused, all of it stays as it is."""
    given = {
        name: str(st.session_state.get(made.key(name)) or "") for name in ("to", "cc", "subject", "text")
    }
    sent = feedback.run(lambda: _sent(here, made, given), done="On its way")
    if sent is not None:
        end(record)
        if on_sent is not None:
            on_sent(sent)
    redraw("left", "centre", "right")


def _sent(here: Here, made: Composing, given: dict[str, Any]) -> Sent:
    _keep_files(here, made)
    draft = Draft(
        to=read_addresses(given["to"]), cc=read_addresses(given["cc"]), subject=given["subject"], text=given["text"],
        files=made.files, answers=made.answers, about=made.about, customer=made.customer,
    )  # fmt: skip
    return send(here.lake, draft, actor=here.actor, settings=here.workspace.settings, door="browser")


def _keep_files(here: Here, made: Composing) -> None:
    """Make files of what came in; once, however often one tries to send."""
    if not made.box:
        return
    about = made.about or (("customers", made.customer) if made.customer else None)
    named = made.customer and made.about and here.catalog.reference(files.MODULE, "customer") is not None
    whose = {"customer": made.customer} if named else None
    kept = files.store_box(here.workspace, made.box, actor=here.actor, about=about, also=whose)
    if kept:
        made.files += tuple(kept)
        made.box = ""
