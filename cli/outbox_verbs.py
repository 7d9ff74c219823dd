"""The verbs of the outbox: what is to leave the house, and what a person does with it."""

from typing import Annotated, Any

import typer

from cli.base import automation, outbox, verb
from crm_core.terminal import Here

Messages = Annotated[list[str] | None, typer.Argument(help="Ids of messages; without any, all that it fits.")]


@verb(outbox, "list")
def outbox_list(here: Here, state: str | None = None, limit: int = 100) -> Any:
    """Messages and where they stand, the newest first."""
    missing = automation.delivery.DeliveryConfig.from_settings(here.workspace.settings).missing
    more = {"actor": here.actor, "missing": missing}
    return automation.outbox.list_messages(here.lake, state=state, limit=limit, **more)


@verb(outbox, "show")
def outbox_show(here: Here, id: str) -> Any:
    """One message or call: its words, and every attempt with its answer."""
    return automation.outbox.show(here.lake, id, actor=here.actor)


@verb(outbox, "edit")
def outbox_edit(
    here: Here,
    id: str,
    recipient: Annotated[str | None, typer.Option("--to", help="Another address or number.")] = None,
    subject: Annotated[str | None, typer.Option(help="Another subject.")] = None,
    text: Annotated[str | None, typer.Option(help="Other words.")] = None,
    url: Annotated[str | None, typer.Option(help="Where a call goes.")] = None,
    payload: Annotated[str | None, typer.Option(help="What a call says, as JSON.")] = None,
) -> Any:
    """Mend a message or call that has not left; a dead one is tried again with `retry`."""
    given = {"recipient": recipient, "subject": subject, "text": text, "url": url, "payload": payload}
    automation.outbox.edit(here.lake, id, actor=here.actor, **given)
    return automation.outbox.show(here.lake, id, actor=here.actor)


@verb(outbox, "secret")
def outbox_secret(here: Here, flow: str) -> Any:
    """The secret by which a flow's calls are signed, for the system that is called."""
    settings = here.workspace.settings
    return {"secret": automation.outgoing.signing_secret(here.lake, settings, flow, actor=here.actor)}


def _decision(name: str, past: str, about: str) -> None:
    @verb(outbox, name)
    def decide(here: Here, ids: Messages = None) -> Any:
        return {past: getattr(automation.outbox, name)(here.lake, actor=here.actor, ids=ids or None)}

    decide.__doc__ = about


_decision("retry", "retried", "Try dead messages again, or waiting ones at once.")
_decision("drop", "dropped", "Decide against messages that have not left.")
_decision("release", "released", "Let held messages go.")
