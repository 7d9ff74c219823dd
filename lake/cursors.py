"""Named cursors: how far each reader of the change feed has come, stored in the lake itself.

A cursor's positions are appended and the highest counts: a row rewritten with every window would leave a dead file
and a dead delete file in the catalog at each maintenance, for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lake.door import Transaction

if TYPE_CHECKING:
    from lake.connection import Lake

_TABLE = '"lake"."ops"."cursors"'


class Cursors:
    """The cursors of one lake."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def read(self, name: str) -> int | None:
        """The snapshot up to which the named reader has read, or None when it never did."""
        return read(self._lake, name)

    def read_all(self) -> dict[str, int]:
        """Every cursor's snapshot by name."""
        sql = f"SELECT name, max(snapshot) FROM {_TABLE} GROUP BY name ORDER BY name"
        return dict(self._lake.read(sql).iter_rows())

    @staticmethod
    def advance(tx: Transaction, name: str, snapshot: int) -> bool:
        """As the function `advance`."""
        return advance(tx, name, snapshot)


def read(reader: Lake | Transaction, name: str) -> int | None:
    """The snapshot up to which the named reader has read, or None when it never did."""
    found = reader.read(f"SELECT max(snapshot) FROM {_TABLE} WHERE name = ?", [name]).item()
    return None if found is None else int(found)


def advance(tx: Transaction, name: str, snapshot: int) -> bool:
    """Move a cursor forward within a transaction, so that it moves exactly when its work is stored.

    Args:
        tx: the transaction that stores what was done up to `snapshot`.
        name: the cursor; it is made when it is new.
        snapshot: the last snapshot that was read.

    Returns:
        Whether it moved; a cursor that stands there already, or further, stays.
    """
    current = read(tx, name)
    if current is not None and current >= snapshot:
        return False
    put(tx, name, snapshot)
    return True


def put(tx: Transaction, name: str, snapshot: int) -> None:
    """As `advance`, for a caller that has read in the same transaction that the cursor stands before `snapshot`."""
    tx.execute(
        f"INSERT INTO {_TABLE} (name, snapshot, updated_at) VALUES (?, ?, ?)",
        [name, snapshot, tx.occurred_at],
    )


def drop(tx: Transaction, name: str) -> bool:
    """Forget a cursor, so that retention no longer waits for it; returns whether there was one."""
    return tx.execute(f"DELETE FROM {_TABLE} WHERE name = ?", [name]) > 0
