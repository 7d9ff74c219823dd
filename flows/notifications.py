"""Notifications: what people are told about a record, one row a user: by flows, stored with the run, and by `noticing`.

A notice tells of no record that its reader may not see: whether he may is asked each time he reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.query import titles
from flows.sides import SideTable, register
from lake import Change, Lake, Transaction, ident, table

KIND = "notices"
COLUMNS = {
    "users": "VARCHAR[]",
    "teams": "VARCHAR[]",
    "title": "VARCHAR",
    "text": "VARCHAR",
    "module": "VARCHAR",
    "record_id": "UUID",
    "note": "VARCHAR",
}
"""A notice as a step makes it: users, and teams whose active users are told as well; `note` is told by the run."""

MOST = 200
"""So many of the newest notices are looked through at most: more unread ones than that are as good as that many."""

_RUNS = "flow_runs_staged"
"""`flows.runs.RUNS`, which cannot be imported: runs know the actions, and an action this."""

_NOTIFICATIONS = table("ops", "notifications")
_USERS = table("access", "users")


@dataclass(frozen=True)
class Notification:
    """What a user was told about a record. Times are UTC; `read_at` is None while it is unread.

    `kind` is `flow` for what a flow tells, which is named then, else one of `noticing.KINDS`. `records` says how many
    there are of which this is one.
    """

    id: str
    title: str
    text: str
    module: str
    record_id: str
    record: str
    flow: str
    run_id: str
    created_at: datetime
    read_at: datetime | None
    kind: str = "flow"
    records: int = 1


def write(tx: Transaction, rows: str) -> None:
    """Store a row for every active user that a notice names, himself or by a team, once each."""
    notices = ident(rows)
    tx.execute(
        f"INSERT INTO {_NOTIFICATIONS} BY NAME WITH wanted AS ("
        f"SELECT _row, unnest(users) AS slug FROM {notices} UNION SELECT n._row, m.slug "
        f"FROM (SELECT _row, unnest(teams) AS team FROM {notices}) n "
        f"JOIN (SELECT slug, unnest(teams) AS team FROM {_USERS}) m ON m.team = n.team) "
        "SELECT uuidv7() AS id, u.slug AS user_slug, nullif(n.title, '') AS title, n.text, n.module, n.record_id, "
        "r.flow, coalesce(r.run_id, r.id) AS run_id, $now AS created_at, NULL::TIMESTAMPTZ AS read_at, "
        f"r.id AS change_id, $snapshot AS snapshot FROM wanted w JOIN {notices} n ON n._row = w._row "
        f"JOIN {ident(_RUNS)} r ON r.id = n._run JOIN {_USERS} u ON u.slug = w.slug AND u.active",
        {"now": tx.occurred_at, "snapshot": tx.snapshot},
    )


register(KIND, SideTable(COLUMNS, write, detail="note"))


@dataclass(frozen=True)
class Overview:
    """The newest notices, and how many of the newest 200 are unread."""

    newest: tuple[Notification, ...] = ()
    unread: int = 0


def overview(lake: Lake, *, actor: Actor, limit: int = 10) -> Overview:
    """What a bell shows: the newest notices of records that the actor may see, and how many he has not read."""
    rows = _newest(lake, actor, unread=False)
    seen = _seen(lake, rows, actor)
    found = [_notification(row, seen) for row in rows if row["record_id"] in seen]
    return Overview(tuple(found[:limit]), sum(one.read_at is None for one in found))


def list_notifications(
    lake: Lake, *, actor: Actor, unread: bool = False, limit: int = 50
) -> tuple[Notification, ...]:
    """What the actor was told of records that he may see, newest first.

    Args:
        lake: the lake.
        actor: whose notifications they are.
        unread: only those that he has not read.
        limit: how many at most, up to 200.
    """
    rows = _newest(lake, actor, unread=unread)
    seen = _seen(lake, rows, actor)
    found = [row for row in rows if row["record_id"] in seen][: max(0, limit)]
    return tuple(_notification(row, seen) for row in found)


def count_unread(lake: Lake, *, actor: Actor) -> int:
    """How many notices the actor has not read, of records that he may see; 200 at most."""
    rows = _newest(lake, actor, unread=True)
    seen = _seen(lake, rows, actor)
    return sum(row["record_id"] in seen for row in rows)


def mark_read(lake: Lake, *, actor: Actor, ids: Sequence[str] | None = None) -> int:
    """Mark notices of the actor as read, all that he has when none are named; returns how many were unread.

    Those of others stay as they are, whatever ids are named.
    """
    chosen = "user_slug = $user AND read_at IS NULL"
    values: dict[str, Any] = {"user": actor.user}
    if ids is not None:
        chosen += " AND CAST(id AS VARCHAR) IN (SELECT unnest($ids))"
        values["ids"] = [str(one).lower() for one in ids]
    if not lake.read(f"SELECT count(*) AS n FROM {_NOTIFICATIONS} WHERE {chosen}", values)["n"][0]:
        return 0

    def work(tx: Transaction) -> int:
        marked = tx.execute(
            f"UPDATE {_NOTIFICATIONS} SET read_at = $now WHERE {chosen}", {**values, "now": tx.occurred_at}
        )
        if not marked:
            tx.cancel()
        return marked

    return lake.commit(work, Change(actor=actor.user, door="notifications", reason="notices read")).value


def _newest(lake: Lake, actor: Actor, *, unread: bool) -> list[dict[str, Any]]:
    only = " AND read_at IS NULL" if unread else ""
    return lake.read(
        "SELECT CAST(id AS VARCHAR) AS id, title, text, module, CAST(record_id AS VARCHAR) AS record_id, "
        "coalesce(flow, '') AS flow, coalesce(CAST(run_id AS VARCHAR), '') AS run_id, created_at, read_at, "
        f"coalesce(kind, 'flow') AS kind, coalesce(records, 1) AS records FROM {_NOTIFICATIONS} "
        f"WHERE user_slug = $user{only} ORDER BY created_at DESC, id DESC LIMIT {MOST}",
        {"user": actor.user},
    ).to_dicts()


def _notification(row: dict[str, Any], seen: dict[str, str]) -> Notification:
    record = seen[row["record_id"]]
    return Notification(**{**row, "title": row["title"] or record}, record=record)


def _seen(lake: Lake, rows: list[dict[str, Any]], actor: Actor) -> dict[str, str]:
    """Record → title, of those that the actor may see."""
    if not rows:
        return {}
    wanted: dict[str, list[str]] = {}
    for row in rows:
        wanted.setdefault(row["module"], []).append(row["record_id"])
    return titles(lake, read_catalog(lake), wanted=wanted, actor=actor)
