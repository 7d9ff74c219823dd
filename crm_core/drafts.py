"""What a person is writing and has not sent yet: kept for him alone, until he sends it or throws it away.

    drafts_of(lake).keep(Draft(record_id, "note", {"text": "Rang twi"}), actor=actor)     # as he types
    drafts_of(lake).read(record_id, actor=actor)                                          # wherever he goes on

Kept in memory for moments, then written together: nobody waits for a draft, and a word is not a commit. It is outside
history and flows.
"""

import json
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import polars as pl

from crm_core.access import Actor
from crm_core.errors import CrmError
from crm_core.snapshot_cache import Reader, SnapshotCache
from crm_core.write_behind import WriteBehind
from lake import Change, Lake, Transaction, table

LARGEST = 1_000_000
"""Characters of JSON that one draft may take."""

_TABLE = table("ops", "drafts")
_NOTHING = "null"
_Key = tuple[str, str, str]
"""Person, record, place."""


class DraftTooLong(CrmError):
    """More was written than a draft can keep."""

    status = 413

    def __init__(self, length: int) -> None:
        self.length = length
        super().__init__(
            f"This takes {length:,} characters, and a draft keeps up to {LARGEST:,}: send it, or attach it as a file."
        )


@dataclass(frozen=True)
class Draft:
    """What somebody is writing at a record: `place` says what it is, such as `note` or `mail:new`."""

    record_id: str
    place: str
    content: Mapping[str, Any]
    kept_at: datetime = field(default_factory=lambda: datetime.now(UTC))


_Text = tuple[str, datetime]
"""Its content as JSON, and when it was kept."""
_Kept = dict[_Key, _Text]


def _read(reader: Reader, mark: int) -> _Kept:
    rows = reader.read(
        "SELECT person, CAST(record_id AS VARCHAR) AS record_id, place, content, kept_at "
        f"FROM {_TABLE} WHERE content <> '{_NOTHING}'"
    )
    return {(person, record, place): (content, at) for person, record, place, content, at in rows.iter_rows()}


_kept: SnapshotCache[_Kept] = SnapshotCache(f"SELECT coalesce(max(version), 0) FROM {_TABLE}", _read)


class Drafts:
    """The drafts of a lake; those of this process are written `every` seconds after the first of them."""

    def __init__(self, lake: Lake, *, every: float = 5.0) -> None:
        """Begin with what stands in the lake."""
        self._lake = lake
        self._behind: WriteBehind[_Key, _Text] = WriteBehind("drafts", partial(_write, lake), every)

    def read(self, record_id: str, *, actor: Actor) -> tuple[Draft, ...]:
        """What the actor is writing at a record, the newest first."""
        waiting = self._behind.waiting()
        known = {
            key: value
            for key, value in {**_kept.get(self._lake), **waiting}.items()
            if key[:2] == (actor.user, record_id) and value[0] != _NOTHING
        }
        found = [Draft(record_id, place, json.loads(text), at) for (_, _, place), (text, at) in known.items()]
        return tuple(sorted(found, key=lambda one: one.kept_at, reverse=True))

    def keep(self, draft: Draft, *, actor: Actor) -> Draft:
        """Keep what is written in the place of what was written there before; returns it.

        Raises:
            Forbidden: The actor may only look.
            DraftTooLong: It is more than a draft keeps.
        """
        actor.require_change("drafts")
        text = json.dumps(dict(draft.content), ensure_ascii=False)
        if len(text) > LARGEST:
            raise DraftTooLong(len(text))
        self._behind.note((actor.user, str(UUID(draft.record_id)), draft.place), (text, draft.kept_at))
        return draft

    def drop(self, record_id: str, place: str, *, actor: Actor) -> None:
        """Forget what was written: it was sent, or thrown away."""
        key = (actor.user, str(UUID(record_id)), place)
        if key in self._behind.waiting() or key in _kept.get(self._lake):
            self._behind.note(key, (_NOTHING, datetime.now(UTC)))

    def flush(self) -> int:
        """Write what waits in one commit; returns how many drafts. What could not be written waits on."""
        return self._behind.flush()

    def close(self) -> None:
        """Write what waits, as at the end of a process."""
        self._behind.close()


def _write(lake: Lake, drafts: Mapping[_Key, _Text]) -> None:
    rows = pl.DataFrame(
        [(*key, *value) for key, value in drafts.items()],
        schema={"person": pl.String, "record_id": pl.String, "place": pl.String, "content": pl.String,
                "kept_at": pl.Datetime("us", "UTC")},
        orient="row",
    )  # fmt: skip
    lake.commit(
        lambda tx: _store(tx, rows),
        Change(actor="system", door="drafts", reason="drafts kept", awaited=False),
    )


def _store(tx: Transaction, rows: pl.DataFrame) -> None:
    """Put drafts in the place of those before; what was dropped stays as one row, so that the version never falls."""
    version = int(tx.read(f"SELECT coalesce(max(version), 0) + 1 FROM {_TABLE}").item())
    tx.register("drafts_kept", rows)
    tx.execute(
        f"DELETE FROM {_TABLE} WHERE content = '{_NOTHING}' OR EXISTS (SELECT 1 FROM drafts_kept k WHERE "
        f"k.person = {_TABLE}.person AND k.record_id::UUID = {_TABLE}.record_id AND k.place = {_TABLE}.place)"
    )
    tx.execute(
        f"INSERT INTO {_TABLE} BY NAME SELECT person, record_id::UUID AS record_id, place, content, "
        "$version AS version, kept_at FROM drafts_kept",
        {"version": version},
    )


_OF_LAKE: weakref.WeakKeyDictionary[Lake, Drafts] = weakref.WeakKeyDictionary()


def drafts_of(lake: Lake) -> Drafts:
    """The drafts of a lake, with those that wait in this process."""
    return _OF_LAKE.setdefault(lake, Drafts(lake))
