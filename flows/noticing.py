"""Who is told of what happened: notices made of the change feed, in sets, and exactly once.

A window of commits is looked through for what concerns somebody: a record given to him or to his team, what a customer
of his wrote, his name in a note, a flow that failed. What one change did to many records is one notice. Notices and the
cursor are one commit, so that a process that dies before it has told nothing, and the next one tells it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.directory import Directory
from crm_core.model import Catalog
from crm_core.people import read_directory
from crm_core.preferences import read_preferences
from flows.noticed import (
    FOUND,
    NAMES,
    PEOPLE,
    due_sql,
    empty_sql,
    failed_sql,
    found_sql,
    is_told_of,
    spare_sql,
    store_sql,
)
from lake import Change, Lake, Session, Transaction, cursors, ident
from lake.feed import Feed

CURSOR, LEASE = "notices", "notices"
KINDS = {
    "assigned": "What is given to me",
    "team": "What is given to my team",
    "message": "What my customers write",
    "mention": "Where I am mentioned",
    "due": "My tasks that are due",
    "failed": "Flows that failed",
}
"""Kind → what a person reads who chooses whether to be told."""

PREFERENCE = "notices"
"""The preference of a person: the kinds of which he is not told."""

MOST_SNAPSHOTS = 500
LAG = 256
"""So many commits may pass without a notice before the cursor is stored all the same."""

MANY_ROWS = 1000
LOOK_AGAIN = timedelta(seconds=20)
"""How often what has come to be due is looked for."""

LATE = timedelta(days=1)
"""What was due longer ago is no news any more, should no server have run since."""

_FEED = "notice_feed"


@dataclass
class Noticer:
    """Tells people what happened; one a process. Where several share a lake, a lease lets one of them do it."""

    lake: Lake
    _after: int | None = None
    _looked: datetime | None = None
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def run(self, now: datetime | None = None) -> int:
        """Tell everything that happened since the last call; returns how many notices that made."""
        here = now or datetime.now(UTC)
        with self._guard:
            waits = self._looked is not None and here - self._looked < LOOK_AGAIN
            if waits and self._after is not None and self.lake.snapshot() <= self._after:
                return 0
            with self.lake.lease(LEASE) as mine:
                return self._tell(here, due=not waits) if mine else 0

    def _tell(self, now: datetime, *, due: bool) -> int:
        stored = self.lake.cursors.read(CURSOR)
        if stored is None:
            self._after = _begin(self.lake)
            return 0
        told, begin = 0, max(stored, self._after or 0)
        until = self.lake.snapshot()
        while begin < until or due:
            end = min(until, begin + MOST_SNAPSHOTS)
            told += tell_window(self.lake, stored=stored, after=begin, until=end, due_at=now if due else None)
            stored = self.lake.cursors.read(CURSOR) or 0
            begin, due = max(end, begin), False
            self._looked = now
        self._after = begin
        return told


def tell_window(lake: Lake, *, stored: int, after: int, until: int, due_at: datetime | None = None) -> int:
    """Tell what happened in the snapshots `(after, until]`, and what came to be due; returns the number of notices.

    Args:
        lake: the lake.
        stored: where the stored cursor stands; nothing is written when it has moved by then.
        after: the last snapshot that was looked through.
        until: the last one of this window.
        due_at: the instant up to which due records are told of; None looks for none.
    """
    catalog, directory = read_catalog(lake), read_directory(lake)
    changed = lake.feed.tables_changed(after, until) if until > after else set()
    small = until - after <= 50 and lake.feed.rows_filed(after, until) <= MANY_ROWS
    with lake.session(light=small, bulk=not small) as session:
        _prepare(session, lake, directory)
        for module in catalog.modules:
            if ("crm", module) in changed and is_told_of(catalog, module):
                _find(session, lake.feed, catalog, module, after=after, until=until)
        if ("ops", "flow_runs") in changed:
            session.execute(failed_sql(), {"after": after, "until": until})
        if due_at is not None:
            for statement, values in due_sql(catalog, due_at, LATE):
                session.execute(statement, values)
        session.execute(spare_sql())
        if not session.read(f"SELECT count(*) AS n FROM {ident(FOUND)}")["n"][0] and until - stored < LAG:
            return 0
        return _store(session, lake, stored=stored, until=until)


def muted(lake: Lake, *, user: str) -> frozenset[str]:
    """The kinds of which a user does not want to be told."""
    chosen = read_preferences(lake, actor=Actor(user)).get(PREFERENCE) or ()
    return frozenset(kind for kind in chosen if kind in KINDS)


def _begin(lake: Lake) -> int:
    """What was there before the first look is no news."""

    def work(tx: Transaction) -> int:
        cursors.advance(tx, CURSOR, tx.snapshot)
        return tx.snapshot

    return lake.commit(work, Change(actor="system", door="notices", reason="notices begin")).value


def _prepare(session: Session, lake: Lake, directory: Directory) -> None:
    """The tables that a window is worked out with: whom there is to tell, and by which names people call him."""
    told = list(directory.active)
    session.register(
        PEOPLE,
        pl.DataFrame(
            [(u.slug, u.name, u.role, list(u.teams), sorted(muted(lake, user=u.slug))) for u in told],
            schema={"slug": pl.String, "name": pl.String, "role": pl.String, "teams": pl.List(pl.String),
                    "muted": pl.List(pl.String)},
            orient="row",
        ),
    )  # fmt: skip
    session.register(
        NAMES,
        pl.DataFrame(
            list(call_names(directory).items()), schema={"name": pl.String, "slug": pl.String}, orient="row"
        ),
    )
    session.execute(empty_sql())


def call_names(directory: Directory) -> dict[str, str]:
    """What may stand behind an @ → whom it calls: the slug, the name without spaces, a first name of one alone."""
    makes: tuple[Callable[[str, str], str], ...] = (
        lambda slug, name: slug,
        lambda slug, name: name.replace(" ", ""),
        lambda slug, name: name.replace(" ", "."),
        lambda slug, name: name.split(" ")[0],
    )
    found: dict[str, str] = {}
    for make in makes:
        named: dict[str, set[str]] = {}
        for user in directory.active:
            named.setdefault(make(user.slug, user.name).lower(), set()).add(user.slug)
        for name, slugs in named.items():
            if name and len(slugs) == 1:
                found.setdefault(name, *slugs)
    return found


def _find(session: Session, feed: Feed, catalog: Catalog, module: str, *, after: int, until: int) -> None:
    if feed.stage(session, "crm", module, after=after, until=until, into=_FEED):
        columns = frozenset(session.read(f"DESCRIBE {ident(_FEED)}")["column_name"])
        for statement, values in found_sql(catalog, module, _FEED, columns):
            session.execute(statement, values)


def _store(session: Session, lake: Lake, *, stored: int, until: int) -> int:
    def work(tx: Transaction) -> int:
        if (cursors.read(tx, CURSOR) or 0) != stored:
            # Somebody else was there first.
            tx.cancel()
            return 0
        told = tx.execute(
            store_sql(), {"now": tx.occurred_at, "change": tx.change_id, "snapshot": tx.snapshot}
        )
        moved = cursors.advance(tx, CURSOR, until)
        if not told and not moved:
            tx.cancel()
        return told

    change = Change(actor="system", door="notices", reason=f"notices up to {until}")
    return session.commit(work, change).value
