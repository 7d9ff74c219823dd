"""Pauses with a queue: which changes wait for a flow, and how far it has come with them.

A flow's cursor (`flows:<id>`) stands as long as something waits: it keeps retention away from what is still to be read,
and it moves in the commit that stores what the flow did with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from crm_core.definition_versions import QUEUED_SQL
from crm_core.definitions import read_catalog
from crm_core.snapshot_cache import Reader
from lake import Lake, Transaction, cursors, table

_DEFINITIONS = table("meta", "definitions")
_CURSORS = table("ops", "cursors")


@dataclass(frozen=True)
class Stretch:
    """The snapshots `(after, until]` in which a flow was paused with a queue; `until` is None while it still is."""

    flow: str
    flow_id: str
    after: int
    until: int | None

    @property
    def cursor(self) -> str:
        """The name of the flow's own cursor."""
        return f"flows:{self.flow_id}"


def read_stretches(reader: Reader) -> tuple[Stretch, ...]:
    """Every stretch whose changes are, were, or may still be worked off, by flow and in order."""
    rows = reader.read(
        f"SELECT slug, id, state, snapshot, {QUEUED_SQL} AS queued FROM {_DEFINITIONS} WHERE kind = 'flow' "
        f"AND state <> 'draft' AND slug IN (SELECT slug FROM {_DEFINITIONS} WHERE kind = 'flow' AND {QUEUED_SQL}) "
        "ORDER BY slug, version"
    )
    return tuple(_stretches(rows.to_dicts()))


def _stretches(rows: Iterable[dict[str, Any]]) -> Iterable[Stretch]:
    open_one: Stretch | None = None
    for row in rows:
        if open_one is not None and open_one.flow != row["slug"]:
            yield open_one
            open_one = None
        if row["queued"]:
            open_one = open_one or Stretch(row["slug"], row["id"], int(row["snapshot"]), None)
            continue
        if open_one is not None and row["state"] == "active":
            yield Stretch(open_one.flow, open_one.flow_id, open_one.after, int(row["snapshot"]))
        # Taken away, or paused without a queue: what waited is passed over.
        open_one = None
    if open_one is not None:
        yield open_one


def settle(tx: Transaction) -> None:
    """Within a commit that switches flows: begin the cursors of those that wait now, end those that no longer do."""
    stretches = read_stretches(tx)
    rows = tx.read(
        f"SELECT name, max(snapshot) FROM {_CURSORS} WHERE starts_with(name, 'flows:') GROUP BY name"
    )
    standing = dict(rows.iter_rows())
    for name, place in standing.items():
        if _next(stretches, name, place) is None:
            cursors.drop(tx, name)
    for one in stretches:
        if one.cursor not in standing and one.until is None and one.after == tx.snapshot:
            cursors.advance(tx, one.cursor, one.after)


def due(lake: Lake, *, read: int) -> tuple[Stretch, int] | None:
    """The first stretch that is to be worked off now, and where its flow's cursor stands; None when nothing waits.

    Args:
        lake: the lake.
        read: the last snapshot that the runner has read: what came before the activation is done first.
    """
    stretches = read_catalog(lake).memo.of("queued stretches", lambda: read_stretches(lake))
    ended = [(one.until, one) for one in stretches if one.until is not None and one.until <= read + 1]
    if not ended:
        return None
    standing = lake.cursors.read_all()
    for until, one in sorted(ended, key=lambda found: found[0]):
        place = standing.get(one.cursor)
        if place is not None and one.after <= place < until:
            return one, place
    return None


def move(tx: Transaction, stretch: Stretch, *, place: int, until: int) -> bool:
    """Within the commit that stores what a flow did with `(place, until]`: move its cursor on, or end it.

    Returns:
        Whether it stood at `place`; if not, somebody else did the work, and nothing may be stored.
    """
    if cursors.read(tx, stretch.cursor) != place:
        return False
    if stretch.until is not None and until < stretch.until:
        return cursors.advance(tx, stretch.cursor, until)
    following = _next(read_stretches(tx), stretch.cursor, until)
    if following is None:
        return cursors.drop(tx, stretch.cursor)
    return cursors.advance(tx, stretch.cursor, max(until, following.after))


def _next(stretches: Iterable[Stretch], cursor: str, place: int) -> Stretch | None:
    """The first stretch of a cursor's flow that does not end before a place."""
    return next(
        (one for one in stretches if one.cursor == cursor and (one.until is None or one.until > place)), None
    )
