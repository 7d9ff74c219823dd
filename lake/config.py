"""Where a lake lives, and what its engine may use."""

from __future__ import annotations

from dataclasses import dataclass

from lake.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class LakeConfig:
    """Where a lake lives and what its engine may use.

    Attributes:
        catalog: `sqlite:/absolute/file.sqlite`, or `postgres:` and a libpq connection string.
        data_path: the folder, or `s3://` prefix, of the Parquet files.
        threads: threads of the engine; as many as cores when not given.
        memory_limit: for example `2GB`; 80 % of the machine when not given.
        inlined_rows: a write of at most so many rows stays in the catalog until maintenance flushes it.
        lock_timeout: seconds that a writer waits for its turn.
    """

    catalog: str
    data_path: str
    threads: int | None = None
    memory_limit: str | None = None
    inlined_rows: int = 128
    lock_timeout: float = 60.0

    def __post_init__(self) -> None:
        kind, _, place = self.catalog.partition(":")
        if kind not in {"sqlite", "postgres"} or not place:
            raise SettingError(
                f"The catalog {self.catalog!r} is not known: write sqlite:/path/to/catalog.sqlite or "
                "postgres:host=… dbname=….",
                setting="catalog",
                received=self.catalog,
            )

    @property
    def kind(self) -> str:
        """`sqlite` or `postgres`."""
        return self.catalog.partition(":")[0]

    @property
    def place(self) -> str:
        """The catalog's file, or its libpq connection string."""
        return self.catalog.partition(":")[2]

    @property
    def shown(self) -> str:
        """The catalog as messages may name it; a connection string may hold a password."""
        return self.place if self.kind == "sqlite" else "postgres"
