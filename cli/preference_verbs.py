"""The verbs of preferences: what a person chose for the pages, his own alone (`--as USER`)."""

import json
from typing import Annotated, Any

import typer

from cli.base import app, group, verb
from crm_core.terminal import Here, crm

preferences = group("How you like the pages.", app, "preferences")

Key = Annotated[str, typer.Argument(help="Such as columns.customers; `list` tells which there are.")]


@verb(preferences, "list")
def list_preferences(here: Here) -> Any:
    """What you chose, and which preferences there are."""
    return crm.preference_kinds.read_known(here.lake, actor=here.actor)


@verb(preferences, "set")
def set_preference(
    here: Here, key: Key, value: Annotated[str, typer.Argument(help="JSON, or a text as it is.")]
) -> Any:
    """Choose something, in place of what you chose before."""
    chosen = _read(value)
    crm.preference_kinds.set_preference(here.lake, here.catalog, key, chosen, actor=here.actor)
    return {"key": key, "value": chosen}


@verb(preferences, "remove")
def remove_preference(here: Here, key: Key) -> Any:
    """Take a choice back."""
    crm.preference_kinds.remove_preference(here.lake, here.catalog, key, actor=here.actor)
    return {"removed": key}


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
