"""What else must happen in the transaction that writes records, for packages that know more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from crm_core.model import Catalog
from lake import Transaction


@dataclass(frozen=True)
class Event:
    """Some records of a module that were just written; `table` is a temp table with their `id`."""

    module: str
    kind: Literal["insert", "update", "delete", "restore"]
    table: str


Hook = Callable[[Transaction, Catalog, Event], None]
_hooks: list[Hook] = []


def on_written(hook: Hook) -> Hook:
    """Have `hook(tx, catalog, event)` called after every write of records, within its transaction.

    References that wait for a key are resolved so. A hook may not write rows that the transaction wrote already.
    """
    if hook not in _hooks:
        _hooks.append(hook)
    return hook


def tell(tx: Transaction, catalog: Catalog, event: Event) -> None:
    """Call every hook."""
    for hook in _hooks:
        hook(tx, catalog, event)
