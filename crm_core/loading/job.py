"""One load while it runs: everything that its passes share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from crm_core.loading.mapping import Mapped
from crm_core.loading.model import Cancel, Contract, LoadOptions, Mode, Progress
from crm_core.loading.reading import Read
from crm_core.loading.references import Referred
from crm_core.loading.targets import Place
from crm_core.records.writer import Writer
from crm_core.values.normalise import Typed
from lake import Change, Lake, Session
from lake.ingest import Staged

TYPED = "load_typed"
PROBLEMS = "load_problems"
REJECTS = "load_rejects"
PLAN = "load_plan"
READY = "load_ready"
MERGED = "load_merged"
DROPPED = "load_dropped"
"""Temp tables of a load's session: see the passes that make them."""


@dataclass(kw_only=True)
class Counts:
    """What became of the rows, in rows."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    values_rejected: int = 0
    pending_references: int = 0
    deleted: int = 0
    revived: int = 0


@dataclass(kw_only=True)
class Job:
    """A load between its passes.

    Attributes:
        mapped: what becomes of each column.
        key: the columns that identify a record, in the order of the key; empty without one.
        known_files: indexes of files that were loaded before, and whose rows change nothing.
        refs: the references that the file brings.
        typed: the typed values, once they are.
        base: the snapshot that the matching looked at.
        new_is_view: whether the new records stand in a view, see `fresh`.
        forced: whether values count as given though the source said the same before: a replay.
    """

    lake: Lake
    s: Session
    place: Place
    contract: Contract
    options: LoadOptions
    mode: Mode
    clear: bool
    writer: Writer
    change: Change
    load_id: str
    staged: Staged
    mapped: tuple[Mapped, ...]
    key: tuple[Mapped, ...]
    read: Read
    refs: tuple[Referred, ...]
    known_files: tuple[int, ...] = ()
    typed: Typed | None = None
    attempts: int = 0
    base: int = 0
    new_is_view: bool = False
    forced: bool = False
    progress: Progress | None = None
    cancel: Cancel = field(default_factory=Cancel)
    counts: Counts = field(default_factory=Counts)
    notes: list[str] = field(default_factory=list)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def module(self) -> str:
        """The module whose records are loaded."""
        return self.place.module

    @property
    def source(self) -> str:
        """The source's name."""
        return self.contract.source

    @property
    def told(self) -> list[str]:
        """What a person should know, as far as it is known now."""
        revived = (
            f"{self.counts.revived:,} new records have the key of a deleted one, which stays deleted; "
            "restore it instead if that is meant."
        )
        return [*self.notes, revived] if self.counts.revived else self.notes

    @property
    def matches(self) -> bool:
        """Whether rows are matched with the records there are."""
        return bool(self.key) or any(m.target and m.target.role == "id" for m in self.mapped)

    def step(self, phase: str, done: int, total: int) -> None:
        """Tell how far the load is, and stop here when it was cancelled."""
        self.cancel.check()
        if self.progress:
            self.progress(phase, done, total)
