"""A record that is not there any more: who deleted it, when and why, for those who could see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crm_core.access import Actor
from crm_core.errors import RecordNotFound
from crm_core.model import Catalog
from crm_core.profile import title_of
from crm_core.query import read_record
from lake import Lake, table


@dataclass(frozen=True)
class Gone:
    """A deleted record: its title, and the change that took it away (`by` is the slug of a user, `at` is UTC)."""

    title: str
    at: datetime
    by: str
    reason: str


def read_gone(lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor) -> Gone | None:
    """What is known of a deleted record; None for one that never was, is live, or is not the actor's to see."""
    try:
        record = read_record(lake, catalog, module=module, record_id=record_id, actor=actor, deleted=True)
    except RecordNotFound:
        return None
    changes = lake.read(
        f"SELECT actor, reason FROM {table('ops', 'changes')} WHERE id = CAST($id AS UUID)",
        {"id": record["change_id"]},
    )
    # A row that another program wrote has no change.
    by, reason = changes.row(0) if changes.height else ("external", "")
    return Gone(title_of(catalog.module(module), record), record["updated_at"], by, reason or "")
