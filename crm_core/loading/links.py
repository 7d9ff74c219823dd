"""Links of a many-to-many, loaded by the keys of both sides; a link that is there takes the new values.

A link is identified by its two sides, and by further fields of its own where the key names them. A side whose record is
yet to come stays empty and pending, so that links may be loaded before what they join.
"""

from __future__ import annotations

from crm_core import definitions
from crm_core.errors import Conflict
from crm_core.loading.contracts import remember
from crm_core.loading.counting import count_rows, refuse_if_strict
from crm_core.loading.job import DROPPED, MERGED, PLAN, PROBLEMS, READY, TYPED, Job
from crm_core.loading.judge import dropping_slugs
from crm_core.loading.pending import count_pending, store_pending
from crm_core.loading.reading import RAW
from crm_core.loading.references import find_targets
from crm_core.loading.rejects import collect, write_sql
from crm_core.loading.write import IDS, files_table, keep_ids, write_entry
from crm_core.model.fields import Field
from crm_core.values.circles import CIRCLE, FOUND, check_links, in_words
from crm_core.values.lookups import Runner
from lake import Transaction, ident, table
from lake.ingest.sql import literal

_ROWS = "load_link_rows"


def prepare_links(job: Job, s: Runner) -> None:
    """Make `load_ready` and `load_merged` of the links that are new and of those that are there, and count all rows."""
    for one in job.refs:
        find_targets(s, job.place, one, actor=job.writer.actor)
    _rows(job, s)
    _required(job, s)
    _plan(job, s)
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {DROPPED} AS SELECT _row FROM {PROBLEMS} "
        "WHERE list_contains($slugs, field) OR code = 'required' "
        f"UNION SELECT _row FROM {PLAN} WHERE state NOT IN ('new', 'matched', 'identical')",
        {"slugs": list(dropping_slugs(job))},
    )
    _ready(job, s)
    _merged(job, s)
    _refuse_circles(job, s)
    keep_ids(s)
    job.counts.pending_references = count_pending(job, s, IDS)
    collect(job, s)
    count_rows(job, s)


def commit_links(job: Job) -> int | None:
    """Store the links in one commit; returns its snapshot, or None when none changed.

    Links are few and narrow: they are worked out under the lock.

    Raises:
        StrictFailure: not all is as it should be, and that was asked for.
    """

    def work(tx: Transaction) -> None:
        if definitions.read_catalog_in(tx, job.lake).version != job.place.catalog.version:
            raise Conflict(f"The definition of {job.place.name} was changed meanwhile. Load again.")
        prepare_links(job, tx)
        refuse_if_strict(job, tx)
        _write(job, tx)

    job.cancel.watch(None)
    job.cancel.check()
    done = job.s.commit(work, job.change)
    return done.snapshot if job.counts.inserted or job.counts.updated else None


def _rows(job: Job, s: Runner) -> None:
    """Each row with both sides, as text and as far as they are found, and the link's own values."""
    first, second = (next(one for one in job.refs if one.slug == slug) for slug in ("from_id", "to_id"))
    values = "".join(f", t.{ident(c)}" for c in _columns(job))
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS SELECT t._row, t._file_no AS file_no, t._line AS line, "
        f"r.from_key, r.to_key{values} FROM {TYPED} t JOIN (SELECT rowid AS _row, {first.key_sql} AS from_key, "
        f"{second.key_sql} AS to_key FROM {RAW}) r ON r._row = t._row"
    )
    for side, one in (("from", first), ("to", second)):
        s.execute(f"ALTER TABLE {_ROWS} ADD COLUMN {side}_id UUID")
        s.execute(
            f"UPDATE {_ROWS} SET {side}_id = k.id FROM {ident(one.table)} k "
            f"WHERE k.key = {_ROWS}.{side}_key AND k.found = 1"
        )


def _required(job: Job, s: Runner) -> None:
    """Both sides must be named, and what the link requires of its own."""
    missing = {"from_id": "from_key IS NULL", "to_id": "to_key IS NULL"}
    for field in _fields(job):
        if field.required and field.default is None:
            missing[field.slug] = (
                f"{ident(next(iter(field.columns)))} IS NULL" if _given(job, field) else "true"
            )
    for slug, test in missing.items():
        words = f"“{slug}” is required"
        s.execute(
            f"INSERT INTO {PROBLEMS} SELECT _row, {literal(slug)}, 'required', {literal(words)}, NULL "
            f"FROM {_ROWS} WHERE {test} AND _row NOT IN (SELECT _row FROM {PROBLEMS} WHERE field = {literal(slug)})"
        )


def _plan(job: Job, s: Runner) -> None:
    """`load_plan`: which link each row means, the last row of a pair being the one that counts."""
    more = [one.target.column for one in job.key if one.target and one.target.role == "value"]
    names = ["from_key", "to_key", *more]
    key = "to_json([" + ", ".join(f"{ident(name)}::VARCHAR" for name in names) + "])::VARCHAR"
    same = " AND ".join(
        [
            "l.from_id = w.from_id",
            "l.to_id = w.to_id",
            *(f"l.{ident(c)} IS NOT DISTINCT FROM w.{ident(c)}" for c in more),
        ]
    )
    given = " AND ".join(f"a.{ident(c)} IS NOT DISTINCT FROM b.{ident(c)}" for c in _columns(job)) or "true"
    s.execute(
        f"""CREATE OR REPLACE TEMP TABLE {PLAN} AS
        WITH keyed AS (SELECT *, {key} AS source_key FROM {_ROWS}),
        placed AS (SELECT *, row_number() OVER (PARTITION BY source_key ORDER BY file_no DESC, line DESC) AS place,
            first(line) OVER (PARTITION BY source_key ORDER BY file_no DESC, line DESC) AS winner FROM keyed),
        there AS (SELECT w._row, min(l.id) AS id FROM {_ROWS} w JOIN {table("crm", job.place.table)} l
            ON {same} AND l.deleted_at IS NULL GROUP BY w._row)
        SELECT a._row, a.file_no, a.line, a.source_key, t.id, CASE
            WHEN a.place > 1 AND {given} THEN 'identical' WHEN a.place > 1 THEN 'superseded'
            WHEN t.id IS NULL AND $update THEN 'not_found' WHEN t.id IS NULL THEN 'new' ELSE 'matched' END AS state,
            false AS kept, NULL::VARCHAR[] AS given, a.winner
        FROM placed a JOIN placed b ON b.source_key = a.source_key AND b.place = 1
        LEFT JOIN there t ON t._row = a._row""",
        {"update": job.mode == "update"},
    )


def _ready(job: Job, s: Runner) -> None:
    columns = _columns(job)
    defaults = {
        next(
            iter(field.columns)
        ): f"CAST({literal(str(field.default))} AS {next(iter(field.columns.values()))})"
        for field in _fields(job)
        if field.default is not None
    }
    values = {c: f"w.{ident(c)}" for c in columns}
    for column, default in defaults.items():
        values[column] = f"coalesce({values[column]}, {default})" if column in values else default
    shown = "".join(f", {sql} AS {ident(c)}" for c, sql in values.items())
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {READY} AS SELECT w._row, uuidv7() AS id, w.from_id, w.to_id{shown} "
        f"FROM {_ROWS} w JOIN {PLAN} p ON p._row = w._row "
        f"WHERE p.state = 'new' AND w._row NOT IN (SELECT _row FROM {DROPPED})"
    )


def _merged(job: Job, s: Runner) -> None:
    """Links that are there: an empty or bad cell keeps what is stored, unless empty cells clear."""
    columns = _columns(job)
    keeps = "true" if not job.clear else "false"
    values, differs = [], []
    for c in columns:
        keeps_old = f"w.{ident(c)} IS NULL AND ({keeps} OR {_is_bad(job, c)})"
        new = f"CASE WHEN {keeps_old} THEN l.{ident(c)} ELSE w.{ident(c)} END"
        values.append(f", {new} AS {ident(c)}")
        differs.append(f"({new}) IS DISTINCT FROM l.{ident(c)}")
    place = table("crm", job.place.table)
    rows = (
        f"FROM {_ROWS} w JOIN {PLAN} p ON p._row = w._row JOIN {place} l ON l.id = p.id "
        f"WHERE p.state = 'matched' AND w._row NOT IN (SELECT _row FROM {DROPPED})"
    )
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {MERGED} AS SELECT w._row, l.id{''.join(values)}, "
        f"({' OR '.join(differs) or 'false'}) AS _differs {rows}"
    )
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {MERGED}__before AS SELECT * FROM {place} WHERE id IN (SELECT id FROM {MERGED})"
    )


def _refuse_circles(job: Job, s: Runner) -> None:
    """Leave out the links that would put a record below itself, those of the same file among them."""
    rel = job.place.relationship
    if rel is None or rel.tree is None:
        return
    by = rel.tree.by
    there = {name: set(_described(s, name)) for name in (READY, MERGED)}
    kinds = {name: "" if by is None else f", {ident(by)}" for name in there}
    if by is not None and by not in there[READY]:
        kinds[READY] = f", NULL AS {ident(by)}"
    as_it_is = "" if by is None else f", {'m' if by in there[MERGED] else 'l'}.{ident(by)}"
    links = (
        f"SELECT _row, from_id, to_id{kinds[READY]} FROM {READY} UNION ALL "
        f"SELECT m._row, l.from_id, l.to_id{as_it_is} FROM {MERGED} m "
        f"JOIN {table('crm', job.place.table)} l ON l.id = m.id WHERE m._differs"
    )
    if not check_links(s, rel, links=links, changed=f"SELECT id FROM {MERGED} WHERE _differs"):
        return
    s.execute(
        f"INSERT INTO {PROBLEMS} SELECT _row, $slug, '{CIRCLE}', $words, NULL FROM {FOUND}",
        {"slug": by or "to_id", "words": in_words(rel.name)},
    )
    s.execute(f"INSERT INTO {DROPPED} SELECT _row FROM {FOUND}")
    for name in (READY, MERGED):
        s.execute(f"DELETE FROM {name} WHERE _row IN (SELECT _row FROM {FOUND})")


def _is_bad(job: Job, column: str) -> str:
    slug = column.partition("__")[0]
    return f"w._row IN (SELECT _row FROM {PROBLEMS} WHERE field = {literal(slug)})"


def _write(job: Job, tx: Transaction) -> None:
    place, stamps = (
        table("crm", job.place.table),
        {
            "now": tx.occurred_at,
            "change": tx.change_id,
            "version": tx.snapshot,
        },
    )
    own = [c for c in _described(tx, READY) if not c.startswith("_") and c not in ("id", "from_id", "to_id")]
    names = ", ".join(["id", "from_id", "to_id", *map(ident, own)])
    if job.counts.inserted:
        tx.execute(
            f"INSERT INTO {place} ({names}, created_at, updated_at, change_id, version) "
            f"SELECT {names}, $now, $now, CAST($change AS UUID), $version FROM {READY}",
            stamps,
        )
    if job.counts.updated:
        sets = ", ".join(f"{ident(c)} = m.{ident(c)}" for c in _columns(job))
        tx.execute(
            f"UPDATE {place} SET {sets}, updated_at = $now, change_id = CAST($change AS UUID), version = $version "
            f"FROM {MERGED} m WHERE m.id = {place}.id AND m._differs",
            stamps,
        )
    store_pending(job, tx, IDS)
    files_table(job, tx)
    tx.execute(write_sql(job, IDS), {"load": job.load_id, "module": job.place.name})
    write_entry(job, tx)
    remember(job, tx)


def _fields(job: Job) -> tuple[Field, ...]:
    return job.place.relationship.fields if job.place.relationship is not None else ()


def _given(job: Job, field: Field) -> bool:
    return any(one.target is not None and one.target.slug == field.slug for one in job.mapped)


def _columns(job: Job) -> list[str]:
    """The columns of the link's own fields that the file brings."""
    return list(job.typed.columns) if job.typed is not None else []


def _described(s: Runner, name: str) -> list[str]:
    return [
        str(c) for c in s.read(f"SELECT column_name FROM (DESCRIBE {ident(name)})")["column_name"].to_list()
    ]
