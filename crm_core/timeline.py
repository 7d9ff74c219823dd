"""The timeline of a record: everything dated that reaches it over at most three links, newest first."""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.consents import read_consent_history
from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog
from crm_core.page_cursors import read_cursor, write_cursor
from crm_core.prepared import about_record
from crm_core.relations import Relations
from crm_core.timeline_rows import (
    MOST_WORDS,
    STAND_IN_CURSOR,
    STAND_IN_WORDS,
    entries_statement,
    routes_to,
)
from lake import Lake
from lake.record_versions import Asked as Versions

__all__ = ["CHANGES", "Entry", "TimelinePage", "read_timeline", "routes_to"]

CHANGES = "changes"
"""The kind of an entry that stands for changed fields of the record itself."""
EVERY = 1_000_000
_HIDDEN_CHANGES = frozenset({"version", "change_id", "updated_at", "created_at", "id"})


@dataclass(frozen=True)
class Entry:
    """One thing that happened: a record of a module, or fields of the record that changed together."""

    kind: str
    id: str
    occurred_at: datetime
    title: str
    text: str = ""
    status: str | None = None
    owner: str | None = None
    fields: tuple[dict[str, Any], ...] = field(default=())
    pinned: bool = False


@dataclass(frozen=True)
class TimelinePage:
    """Entries newest first, and the cursor of the older ones; with the first page those that are pinned."""

    entries: tuple[Entry, ...]
    next: str | None
    pinned: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class _Asked:
    """A page that is asked for: about which record, by whom, of what, behind which entry."""

    lake: Lake
    catalog: Catalog
    module: str
    record_id: str
    actor: Actor
    kinds: Collection[str]
    words: tuple[str, ...]
    limit: int
    before: tuple[datetime, str] | None


def read_timeline(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    record_id: str,
    actor: Actor,
    kinds: Collection[str] = (),
    words: str = "",
    limit: int = 30,
    after: str | None = None,
    at: int | None = None,
) -> TimelinePage:
    """One page of what happened with a record, as far as the actor may see it, in one statement.

    Args:
        lake: the lake.
        catalog: the definitions.
        module: the record's module.
        record_id: the record.
        actor: who reads.
        kinds: module slugs or `changes`; none means all but `changes`, which cost a walk over the record's versions
            and are read when asked for.
        words: entries whose title or text holds each of these words, whatever its case and accents.
        limit: how many entries a page has.
        after: `next` of the page before.
        at: the snapshot that is read, now by default.

    Raises:
        ConditionInvalid: When the cursor is none of ours.
    """
    looked_for = tuple(words.split()[:MOST_WORDS])
    asked = _Asked(
        lake, catalog, module, record_id, actor, kinds, looked_for, limit, _read_place(after)
    )  # fmt: skip
    entries, pinned = _record_entries(asked, at=at)
    if CHANGES in kinds:
        entries += _change_entries(asked, at=at) + _consent_entries(asked, at=at)
    newest_first = partial(sorted, key=_place, reverse=True)
    entries = newest_first(entries)
    following = _cursor(entries[limit - 1]) if len(entries) > limit else None
    return TimelinePage(tuple(entries[:limit]), following, tuple(newest_first(pinned)))


def _place(entry: Entry) -> tuple[datetime, str]:
    return entry.occurred_at, entry.id


def _record_entries(asked: _Asked, *, at: int | None) -> tuple[list[Entry], list[Entry]]:
    """The entries of a page, one more where there are, and those that are pinned."""
    catalog, module = asked.catalog, asked.module
    routes = catalog.memo.of(("routes", module), lambda: routes_to(catalog, module))
    chosen = tuple(slug for slug in routes if not asked.kinds or slug in asked.kinds)
    if not chosen:
        return [], []
    behind, words = asked.before is not None, len(asked.words)

    def build(relations: Relations) -> exp.Query:
        return entries_statement(relations, chosen, routes, limit=asked.limit, behind=behind, words=words)

    cursor = dict(zip(STAND_IN_CURSOR, asked.before, strict=True)) if asked.before else {}
    statement, values = about_record(
        asked.lake, catalog, asked.record_id, build, key=("timeline", module, chosen, asked.limit, behind, words),
        actor=asked.actor, at=at, instead={**cursor, **dict(zip(STAND_IN_WORDS, asked.words, strict=False))},
    )  # fmt: skip
    rows = asked.lake.read(statement, values).to_dicts()
    return [_entry(row) for row in rows if not row["top"]], [_entry(row) for row in rows if row["top"]]


def _entry(row: Mapping[str, Any]) -> Entry:
    return Entry(
        row["kind"], row["id"], row["occurred_at"].astimezone(UTC), row["title"] or "", row["text"] or "",
        row["status"], row["owner"], pinned=bool(row["pinned"]),
    )  # fmt: skip


def _change_entries(asked: _Asked, *, at: int | None) -> list[Entry]:
    wanted = Versions(until=at, before=asked.before, by_time=True)
    # What holds some words is found in none but all of them.
    most = EVERY if asked.words else asked.limit + 1
    found = asked.lake.history.versions_of("crm", asked.module, asked.record_id, asked=wanted, most=most)
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in found.fields.to_dicts():
        if row["field"] not in _HIDDEN_CHANGES:
            groups.setdefault(str(row["snapshot"]), []).append(row)
    entries = [
        _change_entry(asked.catalog, asked.module, snapshot, rows) for snapshot, rows in groups.items()
    ]
    return _asked_for(asked, entries)


def _consent_entries(asked: _Asked, *, at: int | None) -> list[Entry]:
    """What was said to messages, told as a change of a field for each purpose and channel."""
    if not any(field.kind in ("email", "phone") for field in asked.catalog.module(asked.module).fields):
        return []
    said = read_consent_history(
        asked.lake, asked.catalog, module=asked.module, record_id=asked.record_id, actor=asked.actor, at=at
    )
    entries, stood = [], dict[tuple[str, str, str], str]()
    for one in reversed(said):
        key = (one.address, one.channel, one.purpose)
        told = {"field": f"consent_{one.purpose}_{one.channel}", "old": stood.get(key), "new": one.state}
        stood[key] = one.state
        entries.append(
            Entry(CHANGES, one.id, one.occurred_at.astimezone(UTC), f"Consent to {one.purpose} changed",
                  one.reason, None, one.by, (told,))
        )  # fmt: skip
    return _asked_for(asked, entries)


def _asked_for(asked: _Asked, entries: list[Entry]) -> list[Entry]:
    return [
        entry
        for entry in entries
        if (asked.before is None or _place(entry) < asked.before) and _tells(entry, asked.words)
    ]


def _tells(entry: Entry, words: Collection[str]) -> bool:
    values = [str(field[side] or "") for field in entry.fields for side in ("old", "new")]
    told = _folded(" ".join([entry.title, entry.text, *values]))
    return all(_folded(word) in told for word in words)


def _folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))


def _change_entry(catalog: Catalog, module: str, snapshot: str, rows: list[dict[str, Any]]) -> Entry:
    first = rows[0]
    created = all(row["old"] is None for row in rows) and len(rows) > 3
    own = catalog.module(module)
    names = [getattr(own.field(row["field"]), "name", str(row["field"]).replace("_", " ")) for row in rows]
    title = f"{own.one} created" if created else f"{', '.join(names[:3])} changed"
    instant = first["occurred_at"] or datetime.min.replace(tzinfo=UTC)
    return Entry(
        CHANGES, f"{int(snapshot):020d}", instant.astimezone(UTC), title, first["reason"] or "", None, first["actor"],
        () if created else tuple({"field": row["field"], "old": row["old"], "new": row["new"]} for row in rows),
    )  # fmt: skip


def _cursor(entry: Entry) -> str:
    return write_cursor([entry.occurred_at.isoformat(), entry.id])


def _read_place(after: str | None) -> tuple[datetime, str] | None:
    if not after:
        return None
    try:
        instant, entry_id = read_cursor(after)
        return datetime.fromisoformat(instant), str(entry_id)
    except (ValueError, TypeError) as error:
        raise ConditionInvalid(after, "“after” is no cursor; use `next` of the page before") from error
