"""Saving what somebody edited: as a draft beside what is live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows import store
from flows.store import Applied
from pages._ui import feedback
from pages._ui.session import Here


def save_draft(now: Here, document: Mapping[str, Any]) -> Applied | None:
    """Save a document of a flow; None when it was refused, which is then said."""
    return feedback.run(
        lambda: store.apply_flows(now.lake, [dict(document)], actor=now.actor, as_draft=True),
        done="The draft is saved",
    )
