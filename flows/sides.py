"""Side tables: what steps want written beside records, each kind with its columns and the way it is stored.

A step's rows of a kind stand in the temp table `flow_side__<kind>` with the columns of `SIDE_META` and those of the
kind. Its `write` stores them within the window's transaction; rows that are not to be written are gone by then.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from crm_core.model import Catalog
from lake import Transaction

SIDE_META = {
    "_row": "BIGINT", "_run": "UUID", "_ord": "BIGINT", "_place": "INTEGER", "_step": "INTEGER",
    "_action": "VARCHAR", "_depth": "INTEGER", "_skip": "VARCHAR", "_id": "UUID", "_occurred": "TIMESTAMPTZ",
    "_source": "UUID",
}  # fmt: skip
"""`_run` is the run's row in `flow_runs_staged`; `_id` a new id for the row; `_source` the record that set it off."""

Write = Callable[[Transaction, str], None]
"""`write(tx, rows)`: store what stands in the temp table `rows`, as one set. `_held` says what must wait there."""


Check = Callable[[Transaction, Catalog, str, str], None]
"""`check(tx, catalog, rows, failures)`: put what must not be stored of the rows into the temp table of failures."""


@dataclass(frozen=True)
class SideTable:
    """A kind of side rows.

    Attributes:
        columns: its own columns and their DuckDB types.
        write: stores the rows.
        outcome: what a step that wrote one came to: `written`, or `queued` for what leaves the house.
        detail: the column whose text is told with the step, if any.
        check: what only the lake can tell of the rows, if anything.
    """

    columns: Mapping[str, str]
    write: Write
    outcome: Literal["written", "queued", "waiting", "stopped", "begun"] = "written"
    detail: str | None = None
    check: Check | None = None


@dataclass
class _Registry:
    known: dict[str, SideTable] = field(default_factory=dict)


_REGISTRY = _Registry()
SIDES: Mapping[str, SideTable] = _REGISTRY.known
"""Every kind that there is, by its name; `register` adds one."""


def register(kind: str, side: SideTable) -> SideTable:
    """Make a kind known; the module of an action that uses it does so when it is imported."""
    _REGISTRY.known[kind] = side
    return side


def rows_of(kind: str) -> str:
    """The temp table of a kind."""
    return f"flow_side__{kind}"
