"""Versions of definitions: which row counts, and which rows a save adds. Flows may have a draft beside what is live."""

import json
import secrets
import string
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from crm_core.model import Catalog, Stored
from crm_core.model.documents import Document, DocumentKind, State
from lake import table

_TABLE = table("meta", "definitions")
_ID_LETTERS = string.ascii_letters + string.digits + "_-"
_ID_LENGTH = 21

QUEUE = "queue"
"""Key of a paused flow's document: whether what changes meanwhile is worked off when it is active again."""

QUEUED_SQL = f"(state = 'paused' AND json_extract_string(document, '$.{QUEUE}') = 'true')"
"""True for the row of a pause with a queue."""


def current_rows_sql(where: str = "") -> str:
    """Selects the newest row of every definition, and of every flow also the newest that is no draft."""
    return (
        f"SELECT kind, id, slug, version, state, document, occurred_at FROM {_TABLE} {where} "
        "QUALIFY row_number() OVER (PARTITION BY kind, slug ORDER BY version DESC) = 1 OR (kind = 'flow' AND "
        "state <> 'draft' AND row_number() OVER (PARTITION BY kind, slug, state = 'draft' ORDER BY version DESC) = 1) "
        "ORDER BY kind, slug, version"
    )


def read_row(row: Mapping[str, Any]) -> Stored:
    """A row of `current_rows_sql` as a stored definition."""
    return Stored(**{**row, "document": json.loads(row["document"])})


def newest(stored: Iterable[Stored]) -> dict[tuple[str, str], Stored]:
    """(kind, slug) → its newest version, whatever its state."""
    found: dict[tuple[str, str], Stored] = {}
    for one in sorted(stored, key=lambda one: one.version):
        found[one.kind, one.slug] = one
    return found


def live_flows(stored: Iterable[Stored]) -> dict[str, Stored]:
    """Slug → the newest version of a flow that is no draft: whether it runs, and what."""
    return {
        slug: one
        for (_, slug), one in newest(
            one for one in stored if one.kind == "flow" and one.state != "draft"
        ).items()
    }


def without_queue(document: Document) -> Document:
    """A flow's document as somebody wrote it: without what its pause added."""
    return {key: value for key, value in document.items() if key != QUEUE}


def next_rows(before: Catalog, key: tuple[str, str], state: State, document: Document) -> list[Stored]:
    """The rows that make a document the newest of its definition; none when it is that already.

    An edit of a flow that is in the making stays beside what becomes live, unless it is the edit that does.
    """
    as_kept = json.loads(json.dumps(document, default=str))
    stored = before.stored.get(key)
    if stored is None:
        return [Stored(cast(DocumentKind, key[0]), _new_id(), key[1], 1, state, as_kept)]
    live = before.live.get(key[1]) if key[0] == "flow" else None
    row = replace(stored, version=stored.version + 1, state=state, document=as_kept, occurred_at=None)
    if live is None or live.state == "retired" or state == "retired":
        return [] if (stored.state, stored.document) == (state, as_kept) else [row]
    draft = stored if stored.version > live.version else None
    if state == "draft":
        return _draft_rows(live, draft, row)
    if (live.state, live.document) == (state, as_kept):
        return []
    if draft is None or without_queue(draft.document) == without_queue(as_kept):
        return [row]
    return [row, replace(draft, version=row.version + 1, occurred_at=None)]


def _draft_rows(live: Stored, draft: Stored | None, row: Stored) -> list[Stored]:
    if row.document == without_queue(live.document):
        # An edit that changes nothing is none: what is live takes its place again.
        return [] if draft is None else [replace(row, state=live.state, document=live.document)]
    return [] if draft is not None and draft.document == row.document else [row]


def _new_id() -> str:
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
