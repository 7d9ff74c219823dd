"""Mirror loads: what a full extract no longer has is deleted softly."""

from __future__ import annotations

from crm_core.loading.errors import WouldDeleteAll
from crm_core.loading.job import Job
from crm_core.loading.match import HITS, KEYS
from crm_core.records.contact_points import settle_points
from crm_core.records.hooks import Event, tell
from crm_core.values.lookups import Runner
from lake import Transaction, ident, table

MISSING = "load_missing"


def find_missing(job: Job, s: Runner) -> int:
    """Make the temp table of the live records that the source brought before and does not have now; returns how many.

    A row that is rejected is there all the same, so its record stays.

    Raises:
        WouldDeleteAll: the file has no row that can be taken.
    """
    module = job.place.catalog.module(job.module)
    columns = ", ".join(f"t.{ident(c)}" for c in job.place.catalog.columns(job.module))
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {MISSING} AS SELECT row_number() OVER (ORDER BY t.id) - 1 AS _row, {columns} "
        f"FROM {table('crm', job.module)} t WHERE t.deleted_at IS NULL AND t.id IN (SELECT record_id FROM "
        f"{table('crm', module.source_table)} WHERE source = $source AND source_key IS NOT NULL "
        f"AND source_key NOT IN (SELECT source_key FROM {KEYS} WHERE source_key IS NOT NULL)) "
        f"AND t.id NOT IN (SELECT id FROM {HITS} WHERE id IS NOT NULL)",
        {"source": job.source},
    )
    count = int(s.read(f"SELECT count(*) AS n FROM {MISSING}").item())
    if count and not s.read(f"SELECT count(source_key) AS n FROM {KEYS}").item():
        raise WouldDeleteAll(job.source, count)
    return count


def delete_missing(job: Job, tx: Transaction) -> int:
    """Delete softly what `find_missing` finds; returns how many."""
    count = find_missing(job, tx)
    if not count:
        return 0
    place = table("crm", job.module)
    settle_points(tx, job.writer, job.place.catalog.module(job.module), rows=MISSING, before=None, gone=True)
    tx.execute(
        f"UPDATE {place} SET deleted_at = $now, updated_at = $now, change_id = CAST($change AS UUID), "
        f"version = $version FROM {MISSING} d WHERE d.id = {place}.id",
        {"now": tx.occurred_at, "change": tx.change_id, "version": tx.snapshot},
    )
    tell(tx, job.place.catalog, Event(job.module, "delete", MISSING))
    return count
