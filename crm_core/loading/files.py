"""Large sets of new rows: written as Parquet files outside the lock, and registered under it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crm_core.values.lookups import Runner
from lake import Lake, Transaction, ident, new_id
from lake.ingest.sql import literal

LARGE = 20_000
"""From how many rows on a file of its own is worth its statements."""


@dataclass
class _File:
    schema: str
    table: str
    path: Path
    versioned: bool


@dataclass
class OutsideFiles:
    """Parquet files of one load that belong to no snapshot yet.

    A row's `version` is the number of the snapshot that brings it, which is known under the lock only: so it is not in
    the file but in the name of the folder into which the file is moved (`version=17`), as DuckLake reads it.
    """

    folder: Path
    files: list[_File] = field(default_factory=list)

    @classmethod
    def of(cls, lake: Lake) -> OutsideFiles | None:
        """For a lake whose data lie in a folder of this machine; None for any other."""
        path = lake.config.data_path
        return None if "://" in path else cls(Path(path))

    def write(
        self, s: Runner, name: str, select: str, *, schema: str = "crm", versioned: bool = True
    ) -> None:
        """Write the rows of a SELECT to a new file; columns of the table that it does not have are NULL.

        With `versioned` the table has a column `version`, which the SELECT leaves out.
        """
        folder = self.folder / schema / name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"load-{new_id()}.parquet"
        self.files.append(_File(schema, name, path, versioned))
        # Half the work of writing is to look for values worth a dictionary; texts that differ from row to row
        # have none.
        s.execute(
            f"COPY ({select}) TO {literal(str(path))} "
            "(FORMAT parquet, COMPRESSION lz4_raw, DICTIONARY_SIZE_LIMIT 1000)"
        )

    def register(self, tx: Transaction) -> None:
        """Make the files part of the transaction's snapshot."""
        for one in self.files:
            if one.versioned:
                folder = self.folder / one.schema / one.table / f"version={tx.snapshot}"
                folder.mkdir(parents=True, exist_ok=True)
                moved = folder / one.path.name
                one.path.rename(moved)
                self._tidy(one)
                one.path = moved
            more = ", hive_partitioning => true" if one.versioned else ""
            tx.execute(
                f"CALL ducklake_add_data_files('lake', {literal(one.table)}, {literal(str(one.path))}, "
                f"schema => {literal(one.schema)}, allow_missing => true{more})"
            )

    def discard(self) -> None:
        """Delete the files: the load was not written."""
        for one in self.files:
            one.path.unlink(missing_ok=True)
            self._tidy(one)
        self.files.clear()

    def _tidy(self, one: _File) -> None:
        if one.path.parent.name.startswith("version="):
            with contextlib.suppress(OSError):
                one.path.parent.rmdir()


def stamped(columns: Sequence[str], table: str, *, now: str, change: str, numbers: Mapping[str, str]) -> str:
    """The columns of new rows with their stamps but for `version`; COPY binds no values, so these are literals.

    `numbers` are the columns with auto-numbers that the rows do not have yet, as SQL.
    """
    stamps = {
        "created_at": f"coalesce(created_at, {now})",
        "updated_at": f"coalesce(created_at, {now})",
        "change_id": f"CAST({change} AS UUID)",
        **numbers,
    }
    names = dict.fromkeys([*columns, "created_at", "updated_at", "change_id"])
    chosen = [f"{stamps[c]} AS {ident(c)}" if c in stamps else ident(c) for c in names if c != "version"]
    return f"SELECT {', '.join(chosen)} FROM {ident(table)}"
