"""Conversations as HTML: who wrote what when, the newest last, what was quoted folded away, and where it stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from email.utils import parseaddr

from crm_core import files
from crm_core.conversations import MESSAGES, Conversation, Message
from crm_core.mail import shown
from crm_core.model.fields import SelectField
from flows.failed_mail import read_failures
from pages._ui import file_preview, html, words
from pages._ui.frames import frame
from pages._ui.session import Here

Failures = Mapping[str, tuple[str, bool]]
LONGEST = 20_000
"""Characters of a message that a page shows."""

IMAGES = "+images"
"""After the id of a message: its pictures are fetched from other hosts."""


def cards(
    here: Here, found: Sequence[Conversation], *, locked: bool, formatted: Collection[str] = ()
) -> html.Html:
    """Each conversation as a card.

    Args:
        here: where it is drawn, for whom.
        found: the conversations.
        locked: whether nothing may be sent from here.
        formatted: ids of messages that are shown with their markup, and with `IMAGES` those whose pictures are fetched.
    """
    ids = {one for talk in found for message in talk.messages for one in message.files}
    failed = [one.id for talk in found for one in talk.messages if one.state == "failed" and not one.incoming]
    failures = read_failures(here.lake, failed)
    names = files.read_told(here.lake, here.catalog, ids=ids, actor=here.actor)
    return html.stack(
        [_card(here, talk, names, failures, locked=locked, formatted=formatted) for talk in found]
    )


def _card(
    here: Here, talk: Conversation, names: Mapping[str, files.Told], failures: Failures, *, locked: bool,
    formatted: Collection[str],
) -> html.Html:  # fmt: skip
    body = html.join(
        _message(
            here, one, names, _failure(failures.get(one.id), one, locked=locked), locked=locked,
            formatted=formatted,
        )
        for one in talk.messages
    )  # fmt: skip
    right = html.badge("Unanswered", color="orange") if talk.waits else ""
    count = words.number(len(talk.messages))
    return html.card(
        talk.subject, html.Html('<div class="m-talk">{}</div>').format(body), count=count, right=right
    )


def _message(
    here: Here,
    message: Message,
    names: Mapping[str, files.Told],
    failure: html.Html,
    *,
    locked: bool,
    formatted: Collection[str],
) -> html.Html:
    who = writer_of(message)
    side = "in" if message.incoming else "out"
    head = html.Html("<header>{}<b>{}</b><span>{}</span>{}<time>{}</time></header>").format(
        _face(message, who), who, _to(message), _state(here, message),
        words.moment(message.moment, zone=here.zone),
    )  # fmt: skip
    paper = html.Html("<span>{}</span>")
    kept = [
        paper.format(file_preview.opened(one, names[one], actor=here.actor))
        for one in message.files
        if one in names
    ]
    papers = html.Html('<div class="m-papers">{}</div>').format(html.join(kept))
    body = _markup(here, message, formatted) if message.id in formatted else _text(message)
    return html.Html('<article class="m-mail {}">{}{}{}{}{}</article>').format(
        side, head, failure, body, papers if kept else "", _verbs(message, locked=locked, formatted=formatted)
    )


def _failure(found: tuple[str, bool] | None, message: Message, *, locked: bool) -> html.Html:
    """Why a message did not arrive, with a way to send it again where there is one."""
    if found is None:
        return html.Html("")
    reason, again = found
    retry = html.link("Retry", click=html.click("retry", message.id)) if again and not locked else ""
    return html.note(html.join([f"It did not arrive: {reason}. ", retry]), color="red")


def writer_of(message: Message) -> str:
    """Who wrote it: a name, else the address."""
    name, address = parseaddr(message.sender)
    known = words.phone(name or address or message.sender)
    return known or ("Unknown" if message.incoming else "We")


def _to(message: Message) -> str:
    copied = f", copy to {message.cc}" if message.cc else ""
    # A call is noted with the number of the other side alone.
    told = message.to and message.to != message.sender
    return f"to {words.phone(message.to)}{copied}" if told else message.channel


def _face(message: Message, who: str) -> html.Html:
    called = message.channel == "call"
    return html.icon("call", color="orange") if called else html.avatar(who, size=26)


def said(message: Message) -> str:
    """What its writer said himself."""
    return message.own.strip() or whole(message)


def whole(message: Message) -> str:
    """All of its text, quotes included."""
    return message.text.strip() or shown.as_text(message.html)


def _text(message: Message) -> html.Html:
    own, everything = said(message)[:LONGEST], whole(message)[:LONGEST]
    quoted = html.Html("")
    if len(everything) > len(own) + 1:
        quoted = html.Html("<details><summary>Show what it quotes</summary><div>{}</div></details>").format(
            everything
        )
    return html.Html('<div class="m-message">{}</div>{}').format(own or "No text.", quoted)


def _state(here: Here, message: Message) -> html.Html:
    field = here.catalog.module(MESSAGES).field("state")
    options = field.options if isinstance(field, SelectField) else ()
    state = "opened" if message.opened_at and message.state == "sent" else message.state
    option = next((one for one in options if one.value == state), None)
    marks = [html.badge("By a flow")] if message.by_flow else []
    if message.automatic:
        marks.append(html.badge("Automatic"))
    if state and state != "received":
        color = option.color if option and option.color else "gray"
        marks.append(html.badge(words.readable(state), color=color))
    return html.join(marks)


def _markup(here: Here, message: Message, formatted: Collection[str]) -> html.Html:
    """The message as its writer made it look; pictures of other hosts stay away until they are asked for."""
    remote = message.id + IMAGES in formatted
    asked = html.Html("")
    if not remote and shown.has_remote(message.html):
        show = html.link("Show images", click=html.click("images", message.id))
        asked = html.Html('<p class="m-away">{} {}</p>').format(
            "Images of other hosts are off: they would tell the sender that this was read.", show
        )
    address = shown.address(message.id, actor=here.actor, remote=remote)
    return html.Html('<div class="m-markup">{}{}</div>').format(asked, frame(address, title=message.subject))


def _verbs(message: Message, *, locked: bool, formatted: Collection[str]) -> html.Html:
    links = []
    if not locked and message.channel in ("email", "form"):
        links += [("Reply", "reply"), ("Forward", "forward")]
        if len({message.to, message.cc} - {""}) > 1 or "," in message.to:
            links.insert(1, ("Reply to all", "reply-all"))
    if message.html:
        links.append(("Plain text" if message.id in formatted else "Formatted", "formatted"))
    made = [html.link(label, click=html.click(verb, message.id)) for label, verb in links]
    return html.Html("<footer>{}</footer>").format(html.join(made)) if made else html.Html("")
