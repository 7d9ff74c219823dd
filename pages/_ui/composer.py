"""The composer: a mail to somebody, from a record, with a template's words, files, and Ctrl+Enter to send it.

composer.begin(composer.reply(message, zone=here.zone), record=record_id)      # in a callback
composer.draw(here, record=record_id, on_sent=…)                               # where it stands, when one is begun

What is typed is kept for its person as he types, wherever he goes, until he sends it or throws it away.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parseaddr
from typing import Any

import streamlit as st

from crm_core import files, uploads
from crm_core.availability import AWAY, read_unreachable
from crm_core.conversations import Message
from crm_core.drafts import drafts_of
from crm_core.model.documents import Template
from flows.compose import Draft, Sent, send
from flows.drafts import read_addresses
from flows.outgoing import MOST_ATTACHED
from flows.previews import preview_texts
from pages._ui import feedback, html, typing, words
from pages._ui.composing import MAIL, TYPED, Composing, kept, restored
from pages._ui.conversation import said, whole, writer_of
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.upload import upload_box

_OPEN = "composer:"
QUOTED = 8_000
"""Characters of a message that an answer quotes."""


def begin(made: Composing, *, record: str) -> None:
    """Begin a mail at a record; of one that was begun there before, what was typed is kept as a draft."""
    _leave(record)
    st.session_state[_OPEN + record] = made


def begun(here: Here, record: str) -> Composing | None:
    """The mail that is being written at a record: what was begun, or else the newest draft of this person."""
    found = st.session_state.get(_OPEN + record)
    if isinstance(found, Composing) and found.known:
        return found
    wanted = found.place if isinstance(found, Composing) else None
    drafted = restored(drafts_of(here.lake).read(record, actor=here.actor), place=wanted)
    made = drafted or (found if isinstance(found, Composing) else None)
    if made is not None:
        made.known = True
        st.session_state[_OPEN + record] = made
    return made


def _leave(record: str) -> Composing | None:
    """Close the mail that is being written at a record; what is kept of it stays."""
    made = st.session_state.pop(_OPEN + record, None)
    if not isinstance(made, Composing):
        return None
    if made.box:
        uploads.close_box(made.box)
    return made


def end(here: Here, record: str) -> None:
    """Be done with the mail that is being written at a record: nothing of it is kept."""
    made = _leave(record)
    if made is not None:
        drafts_of(here.lake).drop(record, made.place, actor=here.actor)


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
        answering=parseaddr(writer)[1].lower() if message.incoming else "", place=f"{MAIL}re:{message.id}",
    )  # fmt: skip


def forward(message: Message, *, zone: str) -> Composing:
    """A message for somebody else, with its files: a conversation of its own."""
    head = f"From: {message.sender}\nTo: {message.to}\nDate: {words.moment(message.moment, zone=zone)}"
    text = (
        f"\n\n---------- Forwarded message ----------\n{head}\nSubject: {message.subject}\n\n{whole(message)}"
    )
    return Composing(
        subject=_prefixed("Fwd", message.subject), text=text, files=message.files, about=message.about,
        customer=message.customer, place=f"{MAIL}fwd:{message.id}",
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
    made = begun(here, record)
    if made is None:
        return
    with st.container(border=True, key="composer"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.html(html.title("Answer" if made.answers else "New mail", small=True))
            st.button("Discard", key=made.key("discard"), type="tertiary", on_click=_discard, args=(here, record),
                      help="Throws away what is written.")  # fmt: skip
        _templates(here, record, made)
        # Above the form, which takes in no files: whoever goes on with the keyboard meets them before Send.
        _attachments(here, record, made)
        for name in TYPED:
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
        typing.listen(
            {name: made.key(name) for name in TYPED}, key=made.key("ear"), zone=here.zone,
            on_typed=lambda said: _typed(here, record, made, said), kept_at=lambda: made.kept_at,
        )  # fmt: skip


def _typed(here: Here, record: str, made: Composing, said: dict[str, str]) -> None:
    """Take over what is being typed, unless it was sent or thrown away in the meantime."""
    if st.session_state.get(_OPEN + record) is made:
        made.to, made.cc, made.subject, made.text = (said[name] for name in TYPED)
        _keep(here, record, made)


def _keep(here: Here, record: str, made: Composing) -> None:
    draft = feedback.run(lambda: drafts_of(here.lake).keep(kept(made, record=record), actor=here.actor))
    if draft is not None:
        made.kept_at = draft.kept_at


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


def _discard(here: Here, record: str) -> None:
    end(here, record)
    redraw("centre")


def _templates(here: Here, record: str, made: Composing) -> None:
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
        on_change=lambda: _fill(here, record, made, fitting.get(st.session_state[key] or "")),
    )  # fmt: skip


def _fill(here: Here, at: str, made: Composing, chosen: tuple[Template, tuple[str, str]] | None) -> None:
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
    st.session_state[made.key("text")] = found.get("text", "").rstrip() + (made.quoted or "")
    given = {name: str(st.session_state.get(made.key(name)) or "") for name in TYPED}
    _typed(here, at, made, given)


def _attachments(here: Here, record: str, made: Composing) -> None:
    names = files.names(here.lake, here.catalog, ids=set(made.files), actor=here.actor) if made.files else {}
    listed = [*(names.get(one, "File") for one in made.files), *(name for name, _ in made.came)]
    if listed:
        with st.container(horizontal=True, gap="xsmall", key="composer_files"):
            for place, name in enumerate(listed):
                st.button(
                    html.plain(name), key=made.key(f"without:{place}:{name}"), icon=":material/close:",
                    help="Take it out of the mail", on_click=_without, args=(here, record, made, place),
                )  # fmt: skip
    if not made.box:
        made.box = uploads.open_box(most_bytes=MOST_ATTACHED)
    upload_box(
        made.box, key=made.key("box"), on_sent=lambda: _came(here, record, made), label="Attach files",
        hint="25 MB in all.", most_bytes=MOST_ATTACHED, forgets=True, thin=True,
    )  # fmt: skip


def _without(here: Here, record: str, made: Composing, place: int) -> None:
    made.without(place)
    _keep(here, record, made)


def _came(here: Here, record: str, made: Composing) -> None:
    """Keep the bytes of what came in where they outlive this page; it becomes files once the mail is sent."""
    found = files.keep_bytes(here.workspace, made.box)
    if found:
        made.came += found
        _keep(here, record, made)


def _send(here: Here, record: str, made: Composing, on_sent: Callable[[Sent], None] | None) -> None:
    """Send what is written; when it is refused, all of it stays as it is."""
    given = {name: str(st.session_state.get(made.key(name)) or "") for name in TYPED}
    sent = feedback.run(lambda: _sent(here, made, given), done="On its way")
    if sent is None:
        # What came in is files by now, and not to become files once more.
        _typed(here, record, made, given)
    else:
        end(here, record)
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
    if not made.came:
        return
    about = made.about or (("customers", made.customer) if made.customer else None)
    named = made.customer and made.about and here.catalog.reference(files.MODULE, "customer") is not None
    whose = {"customer": made.customer} if named else None
    made.files += tuple(
        files.store_kept(here.workspace, made.came, actor=here.actor, about=about, also=whose)
    )
    made.came = ()
