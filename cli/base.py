"""What all verbs share: the groups they stand in, their common options, and how a function becomes a command."""

import importlib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crm_core.terminal import Package, command, crm

automation, storage = Package("flows"), Package("lake")
if TYPE_CHECKING:
    from crm_core.workspace import Workspace


def group(about: str, parent: typer.Typer | None = None, name: str = "") -> typer.Typer:
    """A group of verbs, within another one when that is given."""
    made = typer.Typer(help=about, add_completion=False, pretty_exceptions_enable=False)
    if parent is not None:
        parent.add_typer(made, name=name)
    return made


app = group("A low-code CRM and unified customer view on a data lake.")
flows = group("What happens by itself when records change.", app, "flows")
outbox = group("Messages that are to leave the house.", app, "outbox")
report = group("Saved questions, and what they answer.", app, "report")
mail = group("Mail that people write and get.", app, "mail")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
As = Annotated[str | None, typer.Option("--as", metavar="USER", help="Act as this user.")]
Module = Annotated[str, typer.Option("--module", "-m", help="The module's slug.")]

_ADDED = (
    inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json),
    inspect.Parameter("as_user", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=As),
)


def verb(group: typer.Typer, name: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Make a function a command: its first parameter is what it works on; `--json` and `--as` are added.

    A parameter whose default is a function stands for that function's own, and is given what it returns.
    """

    def register(work: Callable[..., Any]) -> Callable[..., None]:
        run = command(work, opens=_open, added=_ADDED)
        group.command(name)(run)
        return run

    return register


def _open() -> "Workspace":
    schema = importlib.import_module("flows").schema_sql()
    opened: Workspace = crm.workspace.open_workspace(crm.settings.read_settings(), schemas=[schema])
    return opened
