"""The nouns of loading: a source's contract, what a call asks for, and what it gave."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

from pydantic import Field as PydanticField
from pydantic import field_validator

from crm_core.loading.errors import LoadCancelled
from crm_core.model.base import Definition

Mode = Literal["insert", "upsert", "update", "mirror"]
MODES: tuple[Mode, ...] = ("insert", "upsert", "update", "mirror")


class Formats(Definition):
    """How a source writes its values; what is not said is found out from all values of a column."""

    delimiter: str | None = None
    quote: str | None = None
    encoding: str | None = None
    header: bool | None = None
    skip: int = PydanticField(default=0, ge=0)
    sheet: str | None = None
    decimal: Literal[".", ","] | None = None
    day_first: bool | None = None
    time_zone: str | None = None
    currency: str | None = PydanticField(default=None, pattern=r"^[A-Z]{3}$")
    country: str | None = PydanticField(default=None, pattern=r"^[A-Z]{2}$")

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str | None) -> str | None:
        if zone is not None:
            try:
                ZoneInfo(zone)
            except (KeyError, ValueError, OSError) as error:
                raise ValueError(f"“{zone}” is no IANA time zone such as Europe/Berlin") from error
        return zone


class Contract(Definition):
    """What a source and a module agreed upon; remembered, and written as YAML.

    Attributes:
        columns: header → the field it brings: a slug, `address.city`, `amount.currency`, `customer` or
            `customer.external_id`; None keeps the column in the source rows only.
        new_columns: what becomes of a column that nobody knows: kept in the source row, made a field, or the load is
            refused.
        bad_values: whether a bad value of no key and no requirement is set aside, or takes its row along.
    """

    source: str = PydanticField(min_length=1, max_length=200)
    module: str
    key: tuple[str, ...] = ()
    mode: Mode | None = None
    empty: Literal["keep", "clear"] | None = None
    columns: dict[str, str | None] = PydanticField(default_factory=dict)
    formats: Formats = Formats()
    new_columns: Literal["keep", "evolve", "freeze"] = "keep"
    bad_values: Literal["set_aside", "reject_row"] = "set_aside"


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What a call asks for; what is None is as the source's contract says, else as usual.

    Attributes:
        source: the source's name; the first file's stem when not given.
        key: fields that identify a record.
        mode: upsert with a key, else insert, when not given.
        empty: whether an empty cell keeps the stored value (as usual) or clears it.
        evolve: make fields of unknown columns.
        contract: how to read and map; remembered for the source.
        silent: no flow shall see what this load changes.
        strict: refuse the load when a single row, value or reference is not as it should be.
        format: of files whose name and bytes do not tell.
        formats: further settings of reading for this call, before those of the contract.
    """

    source: str | None = None
    key: tuple[str, ...] = ()
    mode: Mode | None = None
    empty: Literal["keep", "clear"] | None = None
    evolve: bool = False
    contract: Contract | None = None
    silent: bool = False
    strict: bool = False
    format: str | None = None
    formats: Formats = field(default_factory=Formats)


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """What a load did, in rows: `read = inserted + updated + unchanged + rejected`.

    Attributes:
        values_rejected: bad values that were set aside while their rows were loaded.
        held_messages: filled in by whoever runs the flows; a load sends nothing.
        snapshot: of the records' change; None when no record changed.
        deleted: records that a mirror load deleted.
        proposed: columns that nobody knows, as fields they could become: (header, slug, kind).
        notes: what a person should know: how ambiguous columns were read, files passed over.
    """

    load_id: str
    read: int
    inserted: int
    updated: int
    unchanged: int
    rejected: int
    values_rejected: int
    pending_references: int
    files: int
    seconds: float
    snapshot: int | None = None
    held_messages: int = 0
    deleted: int = 0
    proposed: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The document that terminal and API show."""
        return {
            "load_id": self.load_id,
            "read": self.read,
            "inserted": self.inserted,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "values_rejected": self.values_rejected,
            "pending_references": self.pending_references,
            "held_messages": self.held_messages,
            "files": self.files,
            "snapshot": self.snapshot,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, kw_only=True)
class ColumnPreview:
    """What becomes of one column of the file: the target it is mapped to, why, and how it is read."""

    header: str
    target: str | None
    reason: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a load would do; nothing was written.

    Attributes:
        inserts: some records as they would be, by field.
        changes: some changed cells: `id`, `field`, `old`, `new`, as text.
        rejects: some of what would be rejected, as `read_rejects` tells it.
    """

    result: LoadResult
    contract: Contract
    columns: tuple[ColumnPreview, ...]
    inserts: tuple[dict[str, Any], ...]
    changes: tuple[dict[str, Any], ...]
    rejects: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """The document that terminal and API show: the counts of the result, and the samples."""
        return self.result.as_dict() | {
            "dry_run": True,
            "proposed": [list(one) for one in self.result.proposed],
            "notes": list(self.result.notes),
            "columns": [vars(column) for column in self.columns],
            "inserts": list(self.inserts),
            "changes": list(self.changes),
            "rejects": list(self.rejects),
        }


Progress = Callable[[str, int, int], None]
"""Called with a phase (`scan`, `read`, `type`, `match`, `write`), how much of it is done, and how much there is."""


class Interruptible(Protocol):
    """A session whose statement can be stopped from another thread."""

    def interrupt(self) -> None:
        """Stop the statement that runs."""


@dataclass
class Cancel:
    """A way to cancel a load from another thread, up to the moment when it is written."""

    _session: Interruptible | None = None
    _asked: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Ask the load to stop; it raises `LoadCancelled` and leaves no trace."""
        self._asked.set()
        if self._session is not None:
            self._session.interrupt()

    @property
    def asked(self) -> bool:
        """Whether somebody asked."""
        return self._asked.is_set()

    def watch(self, session: Interruptible | None) -> None:
        """Know whose statement to stop; None when the load can be stopped no more."""
        self._session = session

    def check(self) -> None:
        """Stop here when somebody asked.

        Raises:
            LoadCancelled: somebody did.
        """
        if self._asked.is_set():
            raise LoadCancelled
