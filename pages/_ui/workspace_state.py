"""What a workspace remembers, and the record that its panels show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from crm_core.errors import RecordNotFound
from crm_core.panels import OVERVIEW
from crm_core.past import Past, head_then
from crm_core.profile import Head, read_head
from pages._ui.session import Here

PAGE = 60


@dataclass
class WorkspaceState:
    """What a workspace remembers: which record, what is looked for, and what is open."""

    selected: str | None = None
    words: str = ""
    folder: str = ""
    sort: str = "-updated_at"
    shown: int = PAGE
    section: str = OVERVIEW
    editing: set[str] = field(default_factory=set)
    empty: bool = False
    """Whether there is no record at all, whatever is looked for."""
    within: dict[str, Any] = field(default_factory=dict)
    """What the open section remembers of this record; forgotten with it."""
    head: str = ""
    """What stands open in the heading; forgotten with the record."""
    looked: tuple[datetime | None] | None = None
    """When the timeline of this record was looked at before, once it is known; None in it for never."""
    marked: datetime | None = None
    """Up to when it is noted that the timeline was looked at now."""
    as_of: date | None = None
    """The day at whose end the record is looked at; None for now."""
    past: tuple[Any, Past] | None = None
    """What was found of that day last: key (day, snapshot), the lake as it was."""
    read: tuple[Any, Head | None] | None = None
    """What was read last, for the panels of one run: key (record, snapshot, actor, definitions), head."""

    def select(self, chosen: str | None) -> None:
        """Show another record; what was open of the one before is forgotten, the section stays."""
        self.selected = chosen
        self.editing.clear()
        self.within.clear()
        self.head = ""
        self.looked = None
        self.marked = None


def read_selected(now: Here, slug: str, state: WorkspaceState, *, at: int | None = None) -> Head | None:
    """The head of the selected record, as of a snapshot when one is named; read once for all panels of a run.

    None without a selection, and for a record that is not there, or not any more.
    """
    if state.selected is None:
        return None
    key = (state.selected, now.lake.known_snapshot(), now.actor, now.catalog.version, at)
    if state.read is None or state.read[0] != key:
        state.read = (key, _read(now, slug, state.selected, at))
    return state.read[1]


def _read(now: Here, slug: str, record: str, at: int | None) -> Head | None:
    if at is not None:
        return head_then(now.lake, now.catalog, module=slug, record_id=record, actor=now.actor, at=at)
    try:
        return read_head(now.lake, now.catalog, module=slug, record_id=record, actor=now.actor)
    except RecordNotFound:
        return None
