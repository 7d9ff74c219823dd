"""How a person likes the pages: what is folded, which columns, what is pinned. Outside history and flows."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from crm_core.access import Actor
from crm_core.errors import CrmError
from crm_core.snapshot_cache import Reader, SnapshotCache
from lake import Change, Lake, Transaction, table

Json = Any
"""Whatever JSON can say."""

LARGEST = 100_000
"""Characters of JSON that one preference may take."""

_TABLE = table("ops", "preferences")
_KEY = re.compile(r"[a-z][a-z0-9_.:-]{0,199}")


class PreferenceInvalid(CrmError):
    """A preference that cannot be kept as it was given."""

    status = 422


def _read(reader: Reader, mark: int) -> Mapping[str, Mapping[str, Json]]:
    rows = reader.read(f"SELECT person, key, value FROM {_TABLE}")
    found: dict[str, dict[str, Json]] = defaultdict(dict)
    for person, key, value in rows.iter_rows():
        if (chosen := json.loads(value)) is not None:
            found[person][key] = chosen
    return dict(found)


_preferences: SnapshotCache[Mapping[str, Mapping[str, Json]]] = SnapshotCache(
    f"SELECT coalesce(max(version), 0) FROM {_TABLE}", _read
)


def read_preferences(lake: Lake, *, actor: Actor) -> dict[str, Json]:
    """What the actor chose, by key; empty for somebody who chose nothing. One read per change, not per call."""
    return dict(_preferences.get(lake).get(actor.user, {}))


def keep_preference(lake: Lake, key: str, value: Json, *, actor: Actor) -> None:
    """Keep a choice of the actor in place of the one before; ``None`` forgets it. The same choice again writes nothing.

    Args:
        lake: the lake that keeps it.
        key: what is chosen, such as `fold.left` or `columns.customers`.
        value: anything JSON can say, up to `LARGEST` characters.
        actor: whose choice it is; nobody else reads it.

    Raises:
        PreferenceInvalid: the key is no name, or the value cannot be written as JSON or is too long.
    """
    text = _as_json(key, value)
    if read_preferences(lake, actor=actor).get(key) == value:
        return

    def work(tx: Transaction) -> None:
        # Taken before the row goes that may hold it: the highest version never stays the same.
        version = int(tx.read(f"SELECT coalesce(max(version), 0) + 1 FROM {_TABLE}").item())
        tx.execute(f"DELETE FROM {_TABLE} WHERE person = ? AND key = ?", [actor.user, key])
        tx.execute(
            f"INSERT INTO {_TABLE} VALUES (?, ?, ?, ?, ?)",
            [actor.user, key, text, version, datetime.now(UTC)],
        )

    lake.commit(work, Change(actor=actor.user, door="preferences", reason=f"chose {key}"))


def _as_json(key: str, value: Json) -> str:
    if not _KEY.fullmatch(key):
        raise PreferenceInvalid(
            f"The preference “{key[:80]}” cannot be kept: a key is up to 200 small letters, digits and . _ : -, "
            "and starts with a letter."
        )
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise PreferenceInvalid(f"The preference “{key}” is nothing that JSON can say: {error}.") from error
    if len(text) > LARGEST:
        raise PreferenceInvalid(
            f"The preference “{key}” takes {len(text):,} characters; up to {LARGEST:,} are kept. Choose less."
        )
    return text
