"""The verbs of mail that comes in: what could not be read, and what lies in files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.base import automation, mail, verb
from crm_core.terminal import Here, Package

letters = Package("crm_core.mail")

Letters = Annotated[list[str] | None, typer.Argument(help="Ids of dead letters; without any, all.")]


@verb(mail, "dead")
def mail_dead(here: Here, limit: int = 100) -> Any:
    """Mail that could not be read or kept, with the reason, the newest first."""
    return letters.dead.list_dead(here.lake, actor=here.actor, limit=limit)


@verb(mail, "retry")
def mail_retry(here: Here, ids: Letters = None) -> Any:
    """Read dead letters again, after an update or a changed definition."""
    mail_in = automation.mail_in.MailIn.from_settings(here.workspace.settings)
    more = {"files": mail_in.files, "own": mail_in.own}
    return letters.dead.retry(here.lake, actor=here.actor, ids=ids or None, **more)


@verb(mail, "import")
def mail_import(
    here: Here, files: Annotated[list[Path], typer.Argument(help="Messages (.eml), or mailboxes (mbox).")]
) -> Any:
    """Take in mail from files; what came in before is passed over."""
    mail_in = automation.mail_in.MailIn.from_settings(here.workspace.settings)
    more = {"files": mail_in.files, "own": mail_in.own}
    return letters.dead.import_files(here.lake, files, actor=here.actor, **more)
