"""What a page does with messages: a mail begun from a record, or from a message that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parseaddr

from crm_core.conversations import Conversations, Message
from crm_core.profile import Head
from flows.failed_mail import send_again
from pages._ui import composer, feedback
from pages._ui.components import Click
from pages._ui.composing import Composing
from pages._ui.conversation import IMAGES
from pages._ui.session import Here

WRITES = ("reply", "reply-all", "forward")
VERBS = (*WRITES, "formatted", "images", "retry")
"""What a click in a conversation may mean."""


def address_of(seen: Head) -> str:
    """The e-mail address of a record, empty when it has none."""
    fields = (field.slug for field in seen.module.fields if field.kind == "email")
    return next((str(seen.record[slug]) for slug in fields if seen.record.get(slug)), "")


def answer(now: Here, seen: Head, found: Conversations, *, record: str) -> None:
    """Answer the newest message that came in by mail or form; where there is none, write to the sender.

    Args:
        now: where, for whom.
        seen: what is answered.
        found: its conversations.
        record: the record at which the answer is written.
    """
    messages = (one for talk in found.items for one in talk.messages)
    came = [one for one in messages if one.incoming and one.channel in ("email", "form")]
    if came:
        newest = max(came, key=lambda one: one.moment)
        composer.begin(composer.reply(newest, zone=now.zone), record=record)
    else:
        write(seen, at=record)


def write(seen: Head, *, at: str = "") -> None:
    """Begin a new mail to whom a record is about, at that record or at another."""
    record = seen.record
    own = seen.module.slug == "customers"
    made = Composing(
        to=address_of(seen),
        subject=f"Re: {record['subject']}" if not own and record.get("subject") else "",
        customer=str(record["id"]) if own else record.get("customer"),
        about=None if own else (seen.module.slug, str(record["id"])),
    )
    composer.begin(made, record=at or str(record["id"]))


def clicked(
    now: Here,
    click: Click,
    messages: Mapping[str, Message],
    *,
    record: str,
    formatted: set[str],
    locked: bool,
) -> bool:
    """Do what a click in a conversation means; whether it was one.

    Args:
        now: where, for whom.
        click: the click.
        messages: the messages that are shown, by id.
        record: the record at which an answer is written.
        formatted: the ids of messages that are shown with their markup; changed by the click.
        locked: whether nothing may be sent.
    """
    message = messages.get(click.values[0]) if click.values else None
    if message is None:
        return False
    if click.verb == "formatted":
        formatted ^= {message.id}
        formatted.discard(message.id + IMAGES)
        return True
    if click.verb == "images":
        formatted |= {message.id, message.id + IMAGES}
        return True
    if click.verb == "retry" and not locked:
        feedback.run(lambda: send_again(now.lake, message.id, actor=now.actor), done="It is on its way again")
        return True
    if locked or click.verb not in WRITES:
        return False
    own = parseaddr(now.workspace.settings.mail_from)[1]
    if click.verb == "forward":
        made = composer.forward(message, zone=now.zone)
    else:
        made = composer.reply(message, zone=now.zone, everybody=click.verb == "reply-all", own=own)
    composer.begin(made, record=record)
    return True
