"""The lake as it was: the snapshot of an earlier moment, with the definitions of that time."""

from dataclasses import dataclass
from datetime import UTC, datetime

from crm_core.access import Actor
from crm_core.definitions import read_catalog, read_catalog_at
from crm_core.errors import RecordNotFound
from crm_core.model import Catalog
from crm_core.profile import Head, read_head
from lake import Lake


@dataclass(frozen=True)
class Past:
    """An earlier moment: which snapshot to read, by which definitions.

    `kept_since` is set when that moment can no longer be read: how far back one can look.
    """

    instant: datetime
    snapshot: int
    catalog: Catalog
    kept_since: datetime | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing was in the lake yet."""
        return self.snapshot == 0


def read_past(lake: Lake, instant: datetime) -> Past:
    """The lake as it was at an instant (aware).

    Which snapshot that is goes by the instants for which changes count, what was defined then by the snapshot itself:
    records may be entered for an earlier day, definitions may not.
    """
    moment = instant.astimezone(UTC)
    snapshot = lake.snapshot_at(moment)
    oldest, since = lake.history.oldest()
    if 0 < snapshot < oldest:
        return Past(moment, snapshot, read_catalog(lake), since.astimezone(UTC))
    return Past(moment, snapshot, read_catalog_at(lake, snapshot))


def head_then(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int
) -> Head | None:
    """The head of a record as of a snapshot, by the definitions of then; None when there was none to be seen."""
    if module not in catalog.modules:
        return None
    try:
        return read_head(lake, catalog, module=module, record_id=record_id, actor=actor, at=at)
    except RecordNotFound:
        return None
