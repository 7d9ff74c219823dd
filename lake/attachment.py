"""One DuckDB with the lake attached: opened, asked for cursors, and made to forget what is no longer true."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from lake import engine
from lake.bootstrap import attach
from lake.engine import Cursor
from lake.errors import LakeError
from lake.lock import WriterLock

if TYPE_CHECKING:
    from lake.config import LakeConfig


class Attachment:
    """An engine of its own; safe to ask from many threads.

    Attributes:
        generation: how often the lake was attached anew.
        opened: how often DuckDB was opened: cursors of an earlier one are of no use.
    """

    def __init__(
        self, config: LakeConfig, *, lock: WriterLock, threads: int | None, memory_limit: str | None
    ) -> None:
        """Open DuckDB and attach the lake, making it when it is not there yet.

        Raises:
            SettingError: the catalog or the data path cannot be used.
        """
        given = {"threads": threads, "memory_limit": memory_limit, "temp_directory": _spill_folder(config)}
        self._settings = {name: value for name, value in given.items() if value is not None}
        self._config = config
        self._lock = lock
        self._guard = threading.Lock()
        self.generation = 0
        self.opened = 0
        self._open()

    def cursor(self) -> Cursor:
        """A new cursor, in UTC."""
        with self._guard:
            cursor = self._root.cursor()
        # A cursor knows nothing of what was set on the connection that it came from.
        engine.run(cursor, "SET TimeZone = 'UTC'")
        return cursor

    def load_extension(self, name: str) -> None:
        """Load a further extension from its wheel."""
        engine.load_extension(self._root, name)

    def refresh(self, *, seen: int) -> None:
        """Attach the lake anew, so that DuckLake reads the catalog afresh.

        DuckLake remembers the tables of each schema version it has met, with the names of their inlined data; when
        another process flushes and drops one of those, every read that remembers it fails from then on.

        Args:
            seen: the generation in which the failure was met; when another thread has done it since, nothing is done.
        """
        # Whoever writes here would see the lake change under an open transaction.
        with self._lock.hold_here(timeout=self._config.lock_timeout):
            if self.generation != seen:
                return
            try:
                self._attach_anew()
            except LakeError:
                # After an internal error DuckDB refuses everything; cursors on it are lost with their temp tables.
                self._open()
            self.generation += 1

    def _open(self) -> None:
        root = engine.connect(extensions=("ducklake", self._config.kind), settings=self._settings)
        self._attach_sql = attach(root, config=self._config, lock=self._lock)
        with self._guard:
            self._root = root
            self.opened += 1

    def _attach_anew(self) -> None:
        cursor = self.cursor()
        try:
            engine.run(cursor, "DETACH lake")
            engine.run(cursor, self._attach_sql)
        finally:
            cursor.close()

    def close(self) -> None:
        """Close the engine."""
        self._root.close()


def _spill_folder(config: LakeConfig) -> str | None:
    """Where the engine writes what does not fit into memory: beside a catalog of this machine; else its own choice.

    It would take the folder in which the process was started, where it may have no right to write.
    """
    return str(Path(config.place).parent / "spill") if config.kind == "sqlite" else None
