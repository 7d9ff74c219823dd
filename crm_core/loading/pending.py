"""References that wait for their target: kept with the key as given, and resolved in the commit that brings it."""

from __future__ import annotations

from crm_core.access import Actor
from crm_core.loading.job import Job
from crm_core.loading.references import lead, pending_sql
from crm_core.model import Catalog, Reference
from crm_core.records.hooks import Event, on_written
from crm_core.values.lookups import Runner
from lake import Transaction, ident, table

PENDING = table("ops", "pending_references")


def count_pending(job: Job, s: Runner, rows: str) -> int:
    """Make the temp table `load_pending` of the references of some rows that lead nowhere; returns how many."""
    selects = pending_sql(job.refs, place=job.place.table, rows=rows, load_id=job.load_id, source=job.source)
    if not selects:
        return 0
    s.execute(f"CREATE OR REPLACE TEMP TABLE load_pending AS {' UNION ALL '.join(selects)}")
    _without_own(job, s)
    return int(s.read("SELECT count(*) AS n FROM load_pending").item())


def store_pending(job: Job, tx: Transaction, rows: str) -> int:
    """Keep the references of written rows that lead nowhere, in place of what these rows waited for before."""
    if not job.refs:
        return 0
    count = count_pending(job, tx, rows)
    slugs = [one.slug for one in job.refs]
    tx.execute(
        f"DELETE FROM {PENDING} WHERE resolved_at IS NULL AND place = $place AND list_contains($slugs, field) "
        f"AND record_id IN (SELECT id FROM {ident(rows)})",
        {"place": job.place.table, "slugs": slugs},
    )
    if count:
        tx.execute(
            f"INSERT INTO {PENDING} SELECT id, place, record_id, field, targets, by_field, key, source, load_id, "
            "$now, NULL, NULL FROM load_pending",
            {"now": tx.occurred_at},
        )
    return count


def _without_own(job: Job, s: Runner) -> None:
    """References to records of the same file were found when the rows were made ready."""
    for one in job.refs:
        if job.place.relationship is None and job.module in one.reference.targets:
            s.execute(
                f"DELETE FROM load_pending WHERE field = $slug AND record_id IN "
                f"(SELECT id FROM load_ready WHERE {ident(one.slug)} IS NOT NULL)",
                {"slug": one.slug},
            )


@on_written
def resolve_pending(tx: Transaction, catalog: Catalog, event: Event) -> None:
    """Let references find the records that were just written; called within every transaction that writes records."""
    if event.kind == "delete":
        return
    waiting = tx.read(
        f"SELECT place, field, count(*) AS n FROM {PENDING} WHERE resolved_at IS NULL AND "
        "list_contains(targets, $module) GROUP BY ALL ORDER BY ALL",
        {"module": event.module},
    )
    for place, field, _ in waiting.iter_rows():
        _resolve(tx, catalog, event, place, field)


def _resolve(tx: Transaction, catalog: Catalog, event: Event, place: str, field: str) -> None:
    if not _knows(catalog, place, field):
        return
    open_ones = (
        f"FROM {PENDING} WHERE resolved_at IS NULL AND place = $place AND field = $field "
        "AND list_contains(targets, $module)"
    )
    what = {"place": place, "field": field, "module": event.module}
    ways = tx.read(f"SELECT DISTINCT coalesce(by_field, '') AS by_field {open_ones}", what)
    for by_field in ways["by_field"].to_list():
        tx.execute(
            "CREATE OR REPLACE TEMP TABLE pending_asked AS SELECT DISTINCT key, CAST(NULL AS VARCHAR) AS which "
            f"{open_ones} AND coalesce(by_field, '') = $by",
            {**what, "by": by_field},
        )
        lead(
            tx, catalog, asked="pending_asked", targets=(event.module,), by_field=by_field, actor=Actor.system(),
            into="pending_found", among=event.table,
        )  # fmt: skip
        _take(tx, catalog, event, place, field, by_field)


def _take(tx: Transaction, catalog: Catalog, event: Event, place: str, field: str, by_field: str) -> None:
    target = table("crm", place)
    # A row is written once in a transaction: one that it wrote already finds its target in the next.
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE pending_taken AS SELECT p.id AS pending, p.record_id, f.id AS target "
        f"FROM {PENDING} p JOIN pending_found f ON f.key = p.key JOIN {target} t ON t.id = p.record_id "
        "WHERE p.resolved_at IS NULL AND f.found = 1 AND p.place = $place AND p.field = $field "
        "AND coalesce(p.by_field, '') = $by AND list_contains(p.targets, $module) "
        "AND t.version IS DISTINCT FROM $version",
        {"place": place, "field": field, "by": by_field, "module": event.module, "version": tx.snapshot},
    )
    if not tx.read("SELECT count(*) AS n FROM pending_taken").item():
        return
    reference = _reference(catalog, place, field)
    which = (
        f", {ident(reference.module_column)} = $module"
        if reference is not None and reference.polymorphic
        else ""
    )
    values: dict[str, object] = {"now": tx.occurred_at, "change": tx.change_id, "version": tx.snapshot}
    tx.execute(
        f"UPDATE {target} SET {ident(field)} = t.target{which}, updated_at = $now, change_id = CAST($change AS UUID), "
        f"version = $version FROM pending_taken t WHERE t.record_id = {target}.id AND {target}.{ident(field)} IS NULL",
        values | ({"module": event.module} if which else {}),
    )
    tx.execute(
        f"UPDATE {PENDING} SET resolved_at = $now, resolved_by = CAST($change AS UUID) FROM pending_taken t "
        f"WHERE t.pending = {PENDING}.id",
        {"now": tx.occurred_at, "change": tx.change_id},
    )


def _reference(catalog: Catalog, place: str, field: str) -> Reference | None:
    return catalog.reference(place, field) if place in catalog.modules else None


def _knows(catalog: Catalog, place: str, field: str) -> bool:
    """Whether the table and the column are still there."""
    if place in catalog.modules:
        return catalog.reference(place, field) is not None
    return any(rel.link_table == place for rel in catalog.link_relationships)
