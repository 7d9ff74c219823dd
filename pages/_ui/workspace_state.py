"""What a workspace remembers, and the record that its panels show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from crm_core.errors import RecordNotFound
from crm_core.listing import ListItem, ListPage
from crm_core.panels import OVERVIEW
from crm_core.past import Past, head_then
from crm_core.profile import Head, read_head
from crm_core.search_page import Place
from pages._ui.session import Here

PAGE = 60
NEWEST = "-updated_at"


@dataclass(frozen=True)
class Seen:
    """What was read last of the list: which list it was, as of which snapshot, which window, how many in all.

    `similar` and `marks` were found once with the first window.
    """

    question: tuple[str, ...]
    snapshot: int
    window: int
    total: int
    places: tuple[Place, Place] | None
    similar: tuple[ListItem, ...]
    marks: tuple[str, ...]


@dataclass
class WorkspaceState:
    """What a workspace remembers: which record, what is looked for, and what is open."""

    selected: str | None = None
    words: str = ""
    folder: str = ""
    sort: str = NEWEST
    view: str = ""
    """The saved view that the list is narrowed by."""
    tag: str = ""
    window: int = 0
    """Which stretch of `PAGE` rows of the list is looked at."""
    seen: Seen | None = None
    listed: tuple[Any, ListPage] | None = None
    """The window that was read last: key (which one, as of what, for whom), rows."""
    opened: set[str] = field(default_factory=set)
    """What was opened since these rows were read, so that nothing of it is unread."""
    picked: str | None = None
    """What was opened since the list was drawn."""
    counted_words: str = ""
    """The words for which the folders were counted last."""
    counts: tuple[Any, dict[str | None, int]] | None = None
    """How many stand in each folder: key (what is looked for, snapshot, actor), counts."""
    folded: frozenset[str] | None = None
    """The folders whose folders below are not shown; None before they were asked for."""
    address: tuple[str, ...] | None = None
    """What the address said of the list when it was last read or written."""
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
        self.selected = self.picked = chosen
        self.editing.clear()
        self.within.clear()
        self.head = ""
        self.looked = None
        self.marked = None

    @property
    def question(self) -> tuple[str, ...]:
        """What the list is a list of; another question has other rows."""
        return (" ".join(self.words.split()), self.folder, self.view, self.tag, self.sort)

    def forget_narrowing(self) -> None:
        """Show all again."""
        self.words = self.folder = self.view = self.tag = self.counted_words = ""


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
