"""References that wait for their target: kept with the key as given, and resolved in the commit that brings it."""

from __future__ import annotations

from datetime import UTC
from functools import partial
from weakref import WeakKeyDictionary, WeakSet

from crm_core import definitions
from crm_core.access import Actor
from crm_core.loading.job import Job
from crm_core.loading.references import lead, pending_sql
from crm_core.model import Catalog, Reference
from crm_core.records.hooks import Event, on_written
from crm_core.values.circles import FOUND, NEW, check_links, find_circles, trees_among
from crm_core.values.lookups import Runner
from lake import Change, Door, Lake, Session, Transaction, ident, table
from lake.ingest.sql import literal

PENDING = table("ops", "pending_references")

_TAKEN = (
    "CREATE OR REPLACE TEMP TABLE pending_taken (pending UUID, record_id UUID, field VARCHAR, target UUID)"
)

_resumed: WeakSet[Door] = WeakSet()
"""Open lakes in which nothing waits any more for a target that is there."""

_nothing_waited: WeakKeyDictionary[Door, int] = WeakKeyDictionary()
"""Open lake → a snapshot at which no reference waited for anything."""


def count_pending(job: Job, s: Runner, rows: str) -> int:
    """Make the temp table `load_pending` of the references of some rows that lead nowhere; returns how many."""
    selects = pending_sql(job.refs, place=job.place.table, rows=rows, load_id=job.load_id, source=job.source)
    if not selects:
        return 0
    s.execute(f"CREATE OR REPLACE TEMP TABLE load_pending AS {' UNION ALL '.join(selects)}")
    _without_own(job, s)
    return int(s.read("SELECT count(*) AS n FROM load_pending").item())


def pending_rows_sql(job: Job) -> str:
    """The rows of `ops.pending_references` that `count_pending` found, but for what only their resolution fills."""
    moment = (job.change.occurred_at or job.started).astimezone(UTC).isoformat()
    return (
        "SELECT id, place, record_id, field, targets, by_field, key, source, load_id, "
        f"TIMESTAMPTZ {literal(moment)} AS created_at FROM load_pending"
    )


def store_pending(job: Job, tx: Transaction, rows: str, *, written: bool = False) -> None:
    """Keep the references of written rows that lead nowhere, in place of what these rows waited for before.

    With `written` they stand in a file that is part of the transaction already.
    """
    if not job.refs:
        return
    slugs = [one.slug for one in job.refs]
    if job.counts.updated or job.counts.unchanged:
        tx.execute(
            f"DELETE FROM {PENDING} WHERE resolved_at IS NULL AND place = $place AND list_contains($slugs, field) "
            f"AND load_id <> CAST($load AS UUID) AND record_id IN (SELECT id FROM {ident(rows)})",
            {"place": job.place.table, "slugs": slugs, "load": job.load_id},
        )
    if job.counts.pending_references and not written:
        tx.execute(f"INSERT INTO {PENDING} BY NAME {pending_rows_sql(job)}")


def _without_own(job: Job, s: Runner) -> None:
    """References to records of the same file were found when the rows were made ready."""
    for one in job.refs:
        if job.place.relationship is None and job.module in one.reference.targets:
            s.execute(
                f"DELETE FROM load_pending WHERE field = $slug AND record_id IN "
                f"(SELECT id FROM load_ready WHERE {ident(one.slug)} IS NOT NULL)",
                {"slug": one.slug},
            )


def resolve_pending(tx: Transaction, catalog: Catalog, event: Event) -> None:
    """Let references find the records that were just written; called within every transaction that writes records."""
    if event.kind == "delete":
        return
    waiting = _waiting(tx, event.module)
    for place in dict.fromkeys(place for place, _ in waiting):
        tx.execute(_TAKEN)
        fields = [field for where, field in waiting if where == place and _knows(catalog, place, field)]
        for field in fields:
            _find(tx, catalog, event, place, field)
        _take(tx, catalog, event, place, fields)


on_written(resolve_pending)


def resume_pending(lake: Lake, s: Session) -> int:
    """Let references find targets that are there already; returns how many found one.

    A load resolves in a commit of its own what came with it; a process that dies between the two leaves that to the
    next one, where the first load asks for it.
    """
    if lake.door in _resumed:
        return 0
    waiting = s.read(
        f"SELECT DISTINCT place, field, unnest(targets) AS module FROM {PENDING} WHERE resolved_at IS NULL"
    )
    catalog, resolved = definitions.read_catalog(lake), 0
    for (module,), fields in waiting.group_by("module", maintain_order=True):
        if module not in catalog.modules:
            continue
        live = f"SELECT id FROM {table('crm', str(module))} WHERE deleted_at IS NULL"
        s.execute(f"CREATE OR REPLACE TEMP TABLE pending_targets AS {live}")
        event = Event(str(module), "update", "pending_targets")
        s.execute(_TAKEN)
        for place, field in fields.select("place", "field").iter_rows():
            if _knows(catalog, place, field):
                _find(s, catalog, event, place, field)
        found = int(s.read("SELECT count(*) AS n FROM pending_taken").item())
        if found:
            change = Change(actor=Actor.system().user, door="load", reason="references that waited")
            s.commit(partial(resolve_pending, catalog=catalog, event=event), change)
            resolved += found
    _resumed.add(lake.door)
    return resolved


def _waiting(tx: Transaction, module: str) -> list[tuple[str, str]]:
    """The (table, column) that wait for records of a module.

    Mostly nothing does, and every write of records asks: so it is remembered at which snapshot nothing waited at all.
    """
    base, seen = tx.snapshot - 1, _nothing_waited.get(tx.door)
    if seen is not None and not tx.touched_since(seen, "ops", "pending_references"):
        _nothing_waited[tx.door] = base
        return []
    found = tx.read(
        f"SELECT place, field, bool_or(list_contains(targets, $module)) AS mine FROM {PENDING} "
        "WHERE resolved_at IS NULL GROUP BY ALL ORDER BY ALL",
        {"module": module},
    )
    if not found.height:
        _nothing_waited[tx.door] = base
    return [(place, field) for place, field, mine in found.iter_rows() if mine]


def _find(tx: Runner, catalog: Catalog, event: Event, place: str, field: str) -> None:
    """Add to `pending_taken` what the references of one column lead to among the records of an event."""
    open_ones = (
        f"FROM {PENDING} p WHERE p.resolved_at IS NULL AND p.place = $place AND p.field = $field "
        "AND list_contains(p.targets, $module)"
    )
    what = {"place": place, "field": field, "module": event.module}
    ways = tx.read(f"SELECT DISTINCT coalesce(p.by_field, '') AS by_field {open_ones}", what)
    for by_field in ways["by_field"].to_list():
        asked = {**what, "by": by_field}
        tx.execute(
            "CREATE OR REPLACE TEMP TABLE pending_asked AS SELECT DISTINCT key, CAST(NULL AS VARCHAR) AS which "
            f"{open_ones} AND coalesce(p.by_field, '') = $by",
            asked,
        )
        lead(
            tx, catalog, asked="pending_asked", targets=(event.module,), by_field=by_field, actor=Actor.system(),
            into="pending_found", among=event.table,
        )  # fmt: skip
        tx.execute(
            f"INSERT INTO pending_taken SELECT p.id, p.record_id, p.field, f.id FROM ("
            f"SELECT * {open_ones} AND coalesce(p.by_field, '') = $by) p "
            "JOIN pending_found f ON f.key = p.key WHERE f.found = 1",
            asked,
        )


def _take(tx: Transaction, catalog: Catalog, event: Event, place: str, fields: list[str]) -> None:
    """Write what was found, each record once, whichever of its references it is."""
    target = table("crm", place)
    # A row is written once in a transaction: one that it wrote already finds its target in the next.
    tx.execute(
        f"DELETE FROM pending_taken WHERE record_id NOT IN (SELECT t.id FROM {target} t "
        "WHERE t.id IN (SELECT record_id FROM pending_taken) AND t.version IS DISTINCT FROM $version)",
        {"version": tx.snapshot},
    )
    _leave_circles(tx, catalog, place)
    found = set(tx.read("SELECT DISTINCT field FROM pending_taken")["field"].to_list())
    if not found:
        return
    sets, pivot = [], []
    for number, field in enumerate(field for field in fields if field in found):
        mine = f"t.t{number}"
        pivot.append(f"any_value(target) FILTER (WHERE field = {literal(field)}) AS t{number}")
        free = f"{target}.{ident(field)} IS NULL AND {mine} IS NOT NULL"
        sets.append(f"{ident(field)} = coalesce({target}.{ident(field)}, {mine})")
        reference = _reference(catalog, place, field)
        if reference is not None and reference.polymorphic:
            which = ident(reference.module_column)
            sets.append(f"{which} = CASE WHEN {free} THEN {literal(event.module)} ELSE {target}.{which} END")
    values: dict[str, object] = {"now": tx.occurred_at, "change": tx.change_id}
    tx.execute(
        f"UPDATE {target} SET {', '.join(sets)}, updated_at = $now, change_id = CAST($change AS UUID), "
        f"version = $version FROM (SELECT record_id, {', '.join(pivot)} FROM pending_taken GROUP BY record_id) t "
        f"WHERE t.record_id = {target}.id",
        values | {"version": tx.snapshot},
    )
    tx.execute(
        f"UPDATE {PENDING} SET resolved_at = $now, resolved_by = CAST($change AS UUID) FROM pending_taken t "
        f"WHERE t.pending = {PENDING}.id",
        values,
    )


def _leave_circles(tx: Runner, catalog: Catalog, place: str) -> None:
    """Let those wait on that would put a record below itself."""
    target = table("crm", place)
    for slug, _ in trees_among(catalog, place) if place in catalog.modules else ():
        tx.execute(
            f"CREATE OR REPLACE TEMP TABLE {NEW} AS SELECT row_number() OVER () AS _row, record_id AS low, "
            f"target AS high FROM pending_taken WHERE field = {literal(slug)}"
        )
        at = ident(slug)
        there = f"SELECT id AS low, {at} AS high FROM {target} WHERE deleted_at IS NULL AND {at} IS NOT NULL"
        if find_circles(tx, there):
            tx.execute(
                f"DELETE FROM pending_taken WHERE field = {literal(slug)} AND record_id IN "
                f"(SELECT low FROM {NEW} WHERE _row IN (SELECT _row FROM {FOUND}))"
            )
    rel = next((one for one in catalog.link_relationships if one.link_table == place and one.tree), None)
    if rel is None or rel.tree is None:
        return
    by = f", l.{ident(rel.tree.by)}" if rel.tree.by else ""
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE pending_links AS SELECT row_number() OVER () AS _row, l.id{by}, "
        f"coalesce(l.from_id, f.target) AS from_id, coalesce(l.to_id, t.target) AS to_id FROM {target} l "
        "LEFT JOIN pending_taken f ON f.record_id = l.id AND f.field = 'from_id' "
        "LEFT JOIN pending_taken t ON t.record_id = l.id AND t.field = 'to_id' "
        "WHERE l.deleted_at IS NULL AND coalesce(f.record_id, t.record_id) IS NOT NULL"
    )
    whole = "SELECT * FROM pending_links WHERE from_id IS NOT NULL AND to_id IS NOT NULL"
    if check_links(tx, rel, links=whole, changed="SELECT id FROM pending_links"):
        tx.execute(
            "DELETE FROM pending_taken WHERE record_id IN "
            f"(SELECT id FROM pending_links WHERE _row IN (SELECT _row FROM {FOUND}))"
        )


def _reference(catalog: Catalog, place: str, field: str) -> Reference | None:
    return catalog.reference(place, field) if place in catalog.modules else None


def _knows(catalog: Catalog, place: str, field: str) -> bool:
    """Whether the table and the column are still there."""
    if place in catalog.modules:
        return catalog.reference(place, field) is not None
    return any(rel.link_table == place for rel in catalog.link_relationships)
