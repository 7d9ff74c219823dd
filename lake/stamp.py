"""Whether anybody has written to a SQLite catalog: told by the stamps of its files, which cost nothing to read."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

SETTLED_SECONDS = 2.0
"""A file that was written within this time may be written again without another stamp: the coarsest clock of a file
system has ticks of two seconds."""

Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class CatalogFiles:
    """The files of a SQLite catalog: the database, and the log that its commits go to first."""

    place: Path

    def stamp(self) -> Stamp | None:
        """What the files look like; None while they are so fresh that a further write might not show.

        Whoever took a stamp, then read the catalog, and later finds the same stamp, knows that nothing was written
        since.
        """
        found = []
        for path in (self.place, self.place.with_name(f"{self.place.name}-wal")):
            try:
                stat = os.stat(path)
            except FileNotFoundError:
                found.append((0, 0, 0))
                continue
            if time.time() - stat.st_mtime < SETTLED_SECONDS:
                return None
            found.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
        return tuple(found)
