"""The verb by which a person writes a mail."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.base import automation, mail, verb
from crm_core.terminal import Here, crm

Addresses = Annotated[list[str] | None, typer.Option(help="An address; may be given again.")]


@verb(mail, "send")
def send_mail(
    here: Here,
    to: Annotated[list[str], typer.Argument(help="Addresses.")],
    subject: Annotated[str, typer.Option(help="One line.")],
    text: Annotated[str, typer.Option(help="The words; `-` reads them from standard input.")] = "-",
    cc: Addresses = None,
    bcc: Addresses = None,
    file: Annotated[
        list[Path] | None, typer.Option(help="A file that goes along; may be given again.")
    ] = None,
    answers: Annotated[str | None, typer.Option(help="The id of the message that is answered.")] = None,
    customer: Annotated[str | None, typer.Option(help="The id of the customer.")] = None,
    about: Annotated[str, typer.Option(help="What it is about, as module:id.")] = "",
    purpose: Annotated[str, typer.Option(help="On which basis it is sent.")] = "service",
) -> Any:
    """Write a mail: it is recorded at once, and leaves with the next delivery."""
    module, _, record = about.partition(":")
    draft = automation.compose.Draft(
        to=tuple(to), cc=tuple(cc or ()), bcc=tuple(bcc or ()), subject=subject,
        text=sys.stdin.read() if text == "-" else text, files=_kept(here, file or []), answers=answers,
        customer=customer, about=(module, record) if record else None, purpose=purpose,
    )  # fmt: skip
    settings = here.workspace.settings
    return automation.compose.send(here.lake, draft, settings=settings, **here.doing)


def _kept(here: Here, places: list[Path]) -> tuple[str, ...]:
    opened = [place.open("rb") for place in places]
    try:
        return tuple(crm.files.store(here.workspace, uploads=opened, actor=here.actor))
    finally:
        for one in opened:
            one.close()
