"""What flows are checked against when they are saved."""

from dataclasses import dataclass

from crm_core.model import Catalog


@dataclass(frozen=True)
class Checks:
    """What an action is checked against when a flow is saved.

    `users` is None when nobody could say who there is.
    """

    catalog: Catalog
    module: str
    users: frozenset[str] | None = None
