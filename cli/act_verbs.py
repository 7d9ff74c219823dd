"""What people do on a profile beside changing its fields: consents, calls, conversion, pins, tags, calendars."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from cli.base import app, automation, group, mail, verb
from cli.record_verbs import Fields, of_record, records, seen, values_of
from crm_core.terminal import Here, crm

tags = group("Tags and their colours.", app, "tags")
calendar = group("Calendars for other programs.", app, "calendar")


@verb(records, "consents")
def record_consents(here: Here, record: Any = of_record) -> Any:
    """Everything that was said to messages by any address of a record, newest first, with who wrote it down."""
    return crm.consents.read_consent_history(here.lake, here.catalog, **seen(here, record), actor=here.actor)


@verb(records, "consent")
def write_consent(
    here: Here,
    *,
    record: Any = of_record,
    address: Annotated[str, typer.Option(help="One of the record's addresses or numbers.")],
    purpose: Annotated[str, typer.Option(help="One of the workspace's purposes.")],
    state: Annotated[str, typer.Option(help="granted, withdrawn, objected or denied")],
    reason: Annotated[str, typer.Option(help="How you know.")],
    channel: Annotated[str, typer.Option(help="email, phone, sms or whatsapp")] = "email",
) -> Any:
    """Write down what somebody said to messages of a purpose; what was said before is kept."""
    made = crm.consents.record_consent(
        here.lake, **record, address=address, channel=channel, purpose=purpose, state=state, reason=reason,
        **here.doing,
    )  # fmt: skip
    return {"id": made}


@verb(records, "call")
def keep_call(
    here: Here,
    *,
    record: Any = of_record,
    number: Annotated[str, typer.Option(help="The number.")] = "",
    outcome: Annotated[
        str, typer.Option(help="reached, no_answer, voicemail, busy, wrong_number")
    ] = "reached",
    direction: Annotated[Literal["in", "out"], typer.Option(help="Who called whom.")] = "out",
    seconds: Annotated[int, typer.Option(min=0, max=86_400, help="How long it took.")] = 0,
    notes: Annotated[str, typer.Option(help="What was said.")] = "",
    task: Annotated[str, typer.Option(help="The title of the task that comes of it.")] = "",
    due: Annotated[str, typer.Option(help="When that task is due.")] = "",
) -> Any:
    """Keep a call that ended now, and the task that comes of it."""
    follows = {"title": task, **({"due_at": due} if due else {})} if task else None
    about = (record["module"], record["record_id"])
    call = crm.calls.Call(
        about=about, number=number, outcome=outcome, direction=direction, seconds=seconds,
        notes=notes, task=follows,
    )  # fmt: skip
    return crm.calls.log_call(here.lake, call, **here.doing)


@verb(records, "convert")
def convert_record(
    here: Here,
    *,
    record: Any = of_record,
    into: Annotated[str, typer.Argument(help="tasks, deals or quotes")],
    fields: Fields = None,
) -> Any:
    """Make a task, a deal or a quote of a request, linked to it both ways."""
    made = crm.converting.convert(
        here.lake, here.catalog, **record, to=into, values=values_of(fields), **here.doing,
    )  # fmt: skip
    return {"module": into, "id": made}


@verb(records, "pin")
def pin_entry(
    here: Here,
    *,
    record: Any = of_record,
    kind: Annotated[str, typer.Argument(help="The module of the entry.")],
    entry: Annotated[str, typer.Argument(help="The record that it stands for.")],
    off: Annotated[bool, typer.Option("--off", help="Take it down.")] = False,
) -> Any:
    """Keep an entry on top of a record's timeline."""
    crm.pins.pin(
        here.lake, here.catalog, **record, kind=kind, entry_id=entry, pinned=not off, **here.doing,
    )  # fmt: skip
    return {"pinned": not off}


@verb(records, "checklist")
def start_checklist(here: Here, fields: Fields = None) -> Any:
    """Start a checklist; with `template=ID` it begins with that one's steps."""
    made = crm.checklists.start_checklist(here.lake, here.catalog, values=values_of(fields), **here.doing)
    return {"id": made.id}


@verb(tags, "list")
def list_tags(here: Here, module: str) -> Any:
    """The tags of the records that are seen, most used first, with their colours."""
    return crm.tags.list_tags(here.lake, here.catalog, module=module, actor=here.actor)


@verb(tags, "colour")
def colour_tag(here: Here, module: str, tag: str, color: str) -> Any:
    """Give a tag a colour, the same for everybody."""
    crm.tags.colour_tag(here.lake, module=module, tag=tag, color=color, **here.doing)
    return {"tag": tag, "color": color}


@verb(calendar, "address")
def calendar_address(here: Here) -> Any:
    """Make a private address of one's own calendar (`--as USER`); it is told this once, and an earlier one ends."""
    return {"path": crm.calendar_feed.feed_path(crm.calendar_feed.make_feed(here.lake, actor=here.actor))}


@verb(calendar, "revoke")
def revoke_address(here: Here) -> Any:
    """Take the private address of one's own calendar back."""
    return {"revoked": crm.calendar_feed.revoke_feed(here.lake, actor=here.actor)}


@verb(calendar, "file")
def calendar_file(
    here: Here, record: Any = of_record, out: Annotated[Path | None, typer.Option(help="A file.")] = None
) -> Any:
    """A record that has a time as a calendar file."""
    body = crm.calendar_feed.record_file(here.lake, here.catalog, **record, actor=here.actor)
    if out is not None:
        out.write_bytes(body)
        return {"file": out}
    return crm.telling.Printed(body.decode(), {"file": body.decode()})


@verb(mail, "resend")
def resend_mail(here: Here, id: Annotated[str, typer.Argument(help="The id of the message.")]) -> Any:
    """Send a mail again that did not arrive, to the addresses at which it failed."""
    return {"retried": automation.failed_mail.send_again(here.lake, id, actor=here.actor)}
