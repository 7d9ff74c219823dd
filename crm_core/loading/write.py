"""Writing a load: one commit with its records, source rows, pending references, rejects and its own entry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from crm_core import definitions
from crm_core.loading import mirror
from crm_core.loading.contracts import remember
from crm_core.loading.counting import known_files
from crm_core.loading.files import LARGE, OutsideFiles, stamped
from crm_core.loading.fresh import table_of_new
from crm_core.loading.given import extra_sql, given_columns
from crm_core.loading.job import MERGED, PLAN, READY, Job
from crm_core.loading.match import key_text
from crm_core.loading.pending import pending_rows_sql, store_pending
from crm_core.loading.prepare import Prepared
from crm_core.loading.reading import RAW
from crm_core.loading.rejects import write_sql
from crm_core.loading.targets import place_of
from crm_core.model import Module
from crm_core.model.fields import AutoNumberField
from crm_core.records.contact_points import holdings, prepare_points
from crm_core.records.counters import Counted, counters_hold, number_rows, number_view, store_counters
from crm_core.records.hooks import Event, tell
from crm_core.records.insert import Ready, write_insert
from crm_core.records.update import write_update
from crm_core.tables import SOURCE_COLUMNS, source_columns
from crm_core.values.lookups import Runner
from lake import Transaction, ident, table
from lake.ingest.sql import literal

IDS = "load_ids"


class Stale(Exception):
    """What a load has worked out no longer holds, since others wrote meanwhile; it is worked out anew."""


@dataclass
class Outside:
    """What was made ready outside the lock, beside temp tables."""

    files: OutsideFiles
    counted: tuple[Counted, ...]
    points: Ready | None
    records: bool
    pending: bool


def write_files(job: Job, s: Runner, prepared: Prepared) -> Outside | None:
    """Write what is large to files, outside the lock; None when nothing is, or the lake's data are elsewhere."""
    files = OutsideFiles.of(job.lake)
    new = job.counts.inserted
    every = int(s.read(f"SELECT count(*) AS n FROM {IDS}").item())
    holds = any(True for _ in holdings(job.place.catalog, job.module))
    if files is None or every < LARGE:
        return None
    records = new >= LARGE and not holds
    outside = Outside(files, (), None, records, job.counts.pending_references >= LARGE)
    try:
        if outside.pending:
            files.write(s, "pending_references", pending_rows_sql(job), schema="ops", versioned=False)
        files.write(s, f"{job.module}__source", _source_sql(job), versioned=False)
        if records:
            outside.counted = _write_records(job, s, files, prepared.ready)
            job.step("write", 1, 3)
            outside.points = _write_points(job, s, outside, prepared.ready)
    except BaseException:
        files.discard()
        raise
    return outside


def write_all(job: Job, tx: Transaction, prepared: Prepared, outside: Outside | None) -> None:
    """Store everything, within one transaction."""
    if outside is None or not outside.records:
        table_of_new(job, tx)
    if outside is None:
        keep_ids(tx)
    # Changed rows first: what waits for the new ones must not touch a row that is still to be written.
    if prepared.merged is not None and job.counts.updated:
        write_update(tx, job.writer, prepared.merged)
    said = _say_now(job, tx) if outside is None else ""
    _forget_source_rows(job, tx)
    if outside is not None:
        outside.files.register(tx)
        store_counters(tx, outside.counted)
        if outside.records:
            tell(tx, job.place.catalog, Event(job.module, "insert", READY))
            if outside.points is not None:
                tell(tx, job.place.catalog, Event(outside.points.module.slug, "insert", outside.points.table))
    if said:
        columns = ", ".join(map(ident, _source_columns(job)))
        tx.execute(
            f"INSERT INTO {table('crm', f'{job.module}__source')} ({columns}) SELECT {columns} FROM {said}"
        )
    if job.counts.inserted and not (outside and outside.records):
        write_insert(tx, job.writer, prepared.ready)
    if job.mode == "mirror":
        job.counts.deleted = mirror.delete_missing(job, tx)
    store_pending(job, tx, IDS, written=outside is not None and outside.pending)
    files_table(job, tx)
    tx.execute(write_sql(job, IDS), {"load": job.load_id, "module": job.place.name})
    write_entry(job, tx)
    remember(job, tx)


def _say_now(job: Job, tx: Transaction) -> str:
    """The source's rows as they will be, in a temp table: worked out while those before are still there."""
    tx.execute(f"CREATE OR REPLACE TEMP TABLE load_sources AS {_source_sql(job)}")
    return "load_sources"


def holds(job: Job, tx: Transaction, prepared: Prepared, outside: Outside | None) -> bool:
    """Whether what was worked out outside the lock is still right; to be asked under it."""
    catalog = definitions.read_catalog_in(tx, job.lake)
    if catalog.version != job.place.catalog.version:
        return False
    if outside is not None and not counters_hold(tx, outside.counted):
        return False
    now = tx.snapshot - 1
    if now == job.base:
        return True
    if known_files(job, tx) != job.known_files:
        return False
    changed = {name for schema, name in job.lake.feed.tables_changed(job.base, now) if schema == "crm"}
    if f"{job.module}__source" in changed and job.matches:
        return False
    return job.module not in changed or _untouched(job, tx, prepared)


def write_entry(job: Job, tx: Transaction) -> None:
    """Store the load's own entry, and the files it knows."""
    counts, now = job.counts, datetime.now(UTC)
    wrote = bool(counts.inserted or counts.updated or counts.deleted)
    values: dict[str, Any] = {
        "id": job.load_id,
        "module": job.place.name,
        "source": job.source,
        "actor": job.writer.actor.user,
        "mode": job.mode,
        "key": [one.target.path for one in job.key if one.target],
        "state": "done" if wrote else "unchanged",
        "silent": job.options.silent,
        "files": json.dumps([asdict(file) for file in job.staged.files], default=str),
        "contract": job.contract.model_dump_json(exclude_defaults=True),
        "rows_read": counts.read,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "rejected": counts.rejected,
        "values_rejected": counts.values_rejected,
        "pending_references": counts.pending_references,
        "deleted": counts.deleted,
        "notes": job.told,
        "snapshot": tx.snapshot if wrote else None,
        "started_at": job.started,
        "finished_at": now,
        "change_id": tx.change_id,
        "undone_at": None,
        "undone_by": None,
    }
    names = ", ".join(ident(name) for name in values)
    places = ", ".join(f"${name}" for name in values)
    tx.execute(f"INSERT INTO {table('ops', 'loads')} ({names}) VALUES ({places})", values)
    known = [
        (job.place.name, job.source, file.sha256, job.load_id)
        for file in job.staged.files
        if file.sha256 is not None
    ]
    if known:
        schema = ["module", "source", "sha256", "load_id"]
        tx.register("load_known", pl.DataFrame(known, schema=schema, orient="row"))
        tx.execute(
            f"INSERT INTO {table('ops', 'loaded_files')} "
            "SELECT module, source, sha256, CAST(load_id AS UUID) FROM load_known"
        )


def keep_ids(s: Runner) -> None:
    """The rows that are written, or would be, with their records."""
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {IDS} AS SELECT _row, id FROM {READY} "
        f"UNION ALL SELECT _row, id FROM {MERGED}"
    )


def _write_records(job: Job, s: Runner, files: OutsideFiles, ready: Ready) -> tuple[Counted, ...]:
    """Write new records to a file, and number them; returns how the counters moved."""
    module, open_ones = ready.module, _counted(ready.module) <= ready.empty
    numbered = number_view(s, module, ready.table) if job.new_is_view and open_ones else None
    if numbered is None:
        table_of_new(job, s)
        numbered = number_rows(s, module, ready.table), {}
    select = _stamped_sql(job, ready, numbered[1])
    if module.sort:
        order = [job.place.catalog.resolve(module.slug, name).column for name in module.sort]
        select += f" ORDER BY {', '.join(map(ident, order))}"
    files.write(s, module.slug, select)
    return numbered[0]


def _write_points(job: Job, s: Runner, outside: Outside, ready: Ready) -> Ready | None:
    """Write the contact points of new profiles to a file."""
    empty = ready.empty if job.new_is_view else None
    points = prepare_points(s, job.writer, ready.module, rows=READY, carried=ready.carried, empty=empty)
    if points is None:
        return None
    if empty is None or _counted(points.module):
        outside.counted += _write_records(job, s, outside.files, points)
    else:
        # They stand in the order of their profiles, which got their ids in that order: they need no sorting.
        outside.files.write(s, points.module.slug, _stamped_sql(job, points, {}))
    return points


def _stamped_sql(job: Job, ready: Ready, numbers: Mapping[str, str]) -> str:
    moment = (job.change.occurred_at or job.started).astimezone(UTC).isoformat()
    left_out = ready.empty - _counted(ready.module)
    columns = [c for c in job.place.catalog.columns(ready.module.slug) if c not in left_out]
    return stamped(
        columns,
        ready.table,
        now=f"TIMESTAMPTZ {literal(moment)}",
        change=literal(job.change.id),
        numbers=numbers,
    )


def _counted(module: Module) -> set[str]:
    """The fields that are counted up."""
    return {field.slug for field in module.fields if isinstance(field, AutoNumberField)}


def _source_columns(job: Job) -> list[str]:
    return [*SOURCE_COLUMNS, *given_columns(job.place, job.mapped), *_said_before(job)]


def _source_sql(job: Job) -> str:
    """The rows as the source gave them, with the records they resolve to."""
    given = given_columns(job.place, job.mapped)
    own = [one.target.column for one in job.key if one.target and one.target.role == "value"]
    if job.new_is_view and not job.forced and len(own) == len(job.key):
        # New records have their key themselves, so it need not be looked up.
        key, rows = key_text([ident("w", c) for c in own]), f"{READY} w JOIN {RAW} r ON r.rowid = w._row"
    elif job.matches:
        key, given = "p.source_key", {**given, **_said_before(job)}
        rows = f"{IDS} w JOIN {RAW} r ON r.rowid = w._row LEFT JOIN {PLAN} p ON p._row = w._row{_before_join(job)}"
    else:
        key, rows = "CAST(NULL AS VARCHAR)", f"{IDS} w JOIN {RAW} r ON r.rowid = w._row"
    values = "".join(f", {sql} AS {ident(c)}" for c, sql in given.items())
    paths = " ".join(
        f"WHEN {number} THEN {literal(file.path)}" for number, file in enumerate(job.staged.files)
    )
    return (
        f"SELECT {literal(job.source)} AS source, {key} AS source_key, w.id AS record_id, "
        f"CAST({literal(job.load_id)} AS UUID) AS load_id, CASE r.file_no {paths} END AS file, r.line AS line, "
        f"CAST({literal(job.change.id)} AS UUID) AS change_id, "
        f"CAST({extra_sql(job.mapped, job.place)} AS JSON) AS extra{values} FROM {rows}"
    )


def _said_before(job: Job) -> dict[str, str]:
    """Column → what the source said before in columns that this file does not have: that still stands."""
    if not job.matches:
        return {}
    now = given_columns(job.place, job.mapped)
    place = place_of(job.place.catalog, job.place.name)
    targets = [place.target(path) for path in job.contract.columns.values() if path]
    own = source_columns(job.place.catalog, job.place.catalog.module(job.module))
    before = dict.fromkeys(own[one.slug] for one in targets if one is not None and one.slug in own)
    return {c: f"o.{ident(c)}" for c in before if c not in now}


def _before_join(job: Job) -> str:
    if not _said_before(job):
        return ""
    place = table("crm", f"{job.module}__source")
    same = "o.record_id = w.id" if job.forced else "o.source_key = p.source_key"
    return f" LEFT JOIN {place} o ON p.kept AND {same} AND o.source = {literal(job.source)}"


def _forget_source_rows(job: Job, tx: Transaction) -> None:
    """A source has one row of each key: what it said before makes room (and stays in the lake's past).

    A row without a key, as of a mended reject, replaces the one from which its record was made.
    """
    if not job.matches or not tx.read(f"SELECT count(*) AS n FROM {PLAN} WHERE kept").item():
        return
    rows = f"FROM {PLAN} p JOIN {IDS} w ON w._row = p._row WHERE p.kept AND p.source_key"
    replaced = [f"source_key IN (SELECT p.source_key {rows} IS NOT NULL)"]
    if job.forced:
        replaced.append(f"(source_key IS NULL AND record_id IN (SELECT w.id {rows} IS NULL))")
    tx.execute(
        f"DELETE FROM {table('crm', f'{job.module}__source')} WHERE source = $source "
        f"AND ({' OR '.join(replaced)})",
        {"source": job.source},
    )


def _untouched(job: Job, tx: Transaction, prepared: Prepared) -> bool:
    """Whether what others wrote to the module since has nothing to do with this load's rows."""
    place = table("crm", job.module)
    later = f"SELECT * FROM {place} WHERE version > {int(job.base)} OR version IS NULL"
    tests = []
    if prepared.merged is not None:
        tests.append(f"SELECT 1 FROM ({later}) n JOIN {MERGED} m ON m.id = n.id")
        gone = f"SELECT id FROM {place} WHERE deleted_at IS NULL"
        tests.append(f"SELECT 1 FROM {MERGED} m WHERE m.id NOT IN ({gone})")
    for place_no, one in enumerate(job.key):
        if one.target is not None and one.target.role == "value":
            key = ident(one.target.column)
            tests.append(f"SELECT 1 FROM ({later}) n JOIN load_keys k ON k.key_{place_no} = n.{key}")
    module = job.place.catalog.module(job.module)
    for column in (field.slug for field in module.fields if field.unique):
        tests.append(f"SELECT 1 FROM ({later}) n JOIN {READY} r ON r.{ident(column)} = n.{ident(column)}")
    return not any(tx.read(f"SELECT count(*) AS n FROM ({test} LIMIT 1)").item() for test in tests)


def files_table(job: Job, s: Runner) -> None:
    """The names of the files by their numbers, for statements."""
    frame = pl.DataFrame(
        {"file_no": range(len(job.staged.files)), "path": [file.path for file in job.staged.files]},
        schema={"file_no": pl.Int32, "path": pl.String},
    )
    s.register("load_files", frame)
