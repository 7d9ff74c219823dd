"""What a section of a profile is: a slug that `crm_core.panels` offers, and how it draws itself.

SECTION = ProfileSection("payments", draw)                # in a file of its own in this folder

def draw(spot: Spot) -> None: …                           # read-only parts by st.html, widgets where one acts
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from crm_core.panels import Panel
from crm_core.profile import Head
from pages._ui.as_of import end_of
from pages._ui.components import Click
from pages._ui.session import Here
from pages._ui.workspace_state import WorkspaceState


@dataclass(frozen=True)
class Spot:
    """Where a section is drawn: for whom, on which record, and what it may remember (`state.within`)."""

    here: Here
    seen: Head
    panel: Panel
    state: WorkspaceState
    locked: bool
    """Whether nothing may be changed here; callbacks ask it too."""
    at: int | None = None
    """The snapshot that is looked at, when it is not the current one."""

    @property
    def module(self) -> str:
        """The module of the record."""
        return self.seen.module.slug

    @property
    def record_id(self) -> str:
        """The record."""
        return str(self.seen.record["id"])

    @property
    def then(self) -> datetime | None:
        """The end of the day that is looked at, by which is judged what is late and what is to come; None for now."""
        return end_of(self.state.as_of, self.here.zone) if self.state.as_of else None

    def key(self, name: str) -> str:
        """A key for a widget of this section, of its own for every record."""
        return f"{self.panel.slug}:{name}:{self.record_id}"


@dataclass(frozen=True)
class ProfileSection:
    """A section: how it draws itself, and what it does when one of its marked elements is clicked.

    `clicked` says whether the click was the section's; the section is drawn again after it.
    """

    slug: str
    draw: Callable[[Spot], None]
    clicked: Callable[[Spot, Click], bool] | None = None
