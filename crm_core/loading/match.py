"""Which record each row means: by what the source brought before, then by its key."""

from __future__ import annotations

from crm_core.loading.given import extra_sql, given_columns, given_slugs
from crm_core.loading.job import PLAN, PROBLEMS, TYPED, Job
from crm_core.loading.mapping import Mapped
from crm_core.loading.reading import RAW
from crm_core.model import Reference
from crm_core.values.lookups import Runner
from lake import ident, table
from lake.ingest.sql import literal
from lake.ingest.typing import trimmed_sql

KEYS = "load_keys"
BEFORE = "load_source_before"


def match_rows(job: Job, s: Runner) -> None:
    """Make the temp table `load_plan` of all rows that a key was asked of.

    Its columns: `_row, file_no, line, source_key, state, id, by_source, given, winner, kept`. The state is `new`,
    `matched`, `same` (the source says what it said before), `identical` to a later row, `superseded` by one, or
    the code of a reject: `key_missing`, `ambiguous_key`, `not_found`, `exists`, `same_record`. `given` lists the slugs
    that the source says otherwise than before; `winner` is the line that superseded a row.
    """
    _keys(job, s)
    _source_before(job, s)
    s.execute(f"CREATE OR REPLACE TEMP TABLE load_hits AS {_hits_sql(job)}")
    _repeated(job, s)
    unmatched = {"update": "not_found"}.get(job.mode, "new")
    matched = "exists" if job.mode == "insert" and not job.forced else "matched"
    s.execute(
        f"""CREATE OR REPLACE TEMP TABLE {PLAN} AS
        SELECT k._row, k.file_no, k.line, k.source_key, CASE
            WHEN d.state IS NOT NULL THEN d.state
            WHEN k.source_key IS NULL AND h.id IS NULL THEN $no_key
            WHEN h.found > 1 THEN 'ambiguous_key'
            WHEN h.id IS NULL THEN $unmatched
            WHEN b.record_id = h.id AND len(b.given) = 0 AND NOT b.extra_differs THEN 'same'
            ELSE $matched END AS state,
            h.id, coalesce(h.by_source, false) AS by_source, b.record_id IS NOT NULL AS kept,
            CASE WHEN b.record_id = h.id THEN b.given END AS given, d.winner
        FROM {KEYS} k LEFT JOIN load_hits h ON h._row = k._row LEFT JOIN {BEFORE} b ON b._row = k._row
        LEFT JOIN load_repeated d ON d._row = k._row""",
        {
            "unmatched": unmatched,
            "matched": matched,
            "no_key": "new" if job.forced or not job.key else "key_missing",
        },
    )
    _one_row_a_record(s)


def _one_row_a_record(s: Runner) -> None:
    """Two keys may mean one record, when it was renamed or merged: then the last row counts."""
    twice = f"SELECT id FROM {PLAN} WHERE state = 'matched' GROUP BY id HAVING count(*) > 1"
    s.execute(
        f"UPDATE {PLAN} SET state = 'same_record', winner = o.winner FROM (SELECT _row, first(line) OVER w AS winner, "
        f"row_number() OVER w AS place FROM {PLAN} WHERE state = 'matched' AND id IN ({twice}) "
        f"WINDOW w AS (PARTITION BY id ORDER BY file_no DESC, line DESC)) o "
        f"WHERE o._row = {PLAN}._row AND o.place > 1"
    )


def _keys(job: Job, s: Runner) -> None:
    """`load_keys`: each row's key, typed and as the text under which the source's rows are kept."""
    columns = {f"key_{place}": _key_sql(one) for place, one in enumerate(job.key)}
    by_id = next((m for m in job.mapped if m.target and m.target.role == "id"), None)
    given = f"try_cast({trimmed_sql(ident('r', by_id.raw))} AS UUID)" if by_id else "CAST(NULL AS UUID)"
    columns["given_id"] = given
    parts = [f"({sql})::VARCHAR" for name, sql in columns.items() if name != "given_id"]
    missing = " OR ".join(f"({sql}) IS NULL" for name, sql in columns.items() if name != "given_id") or "true"
    several = f"to_json([{', '.join(parts)}])::VARCHAR" if parts else "CAST(NULL AS VARCHAR)"
    text = parts[0] if len(parts) == 1 else several
    known = f"WHERE t._file_no NOT IN ({', '.join(map(str, job.known_files))})" if job.known_files else ""
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {KEYS} AS SELECT t._row, t._file_no AS file_no, t._line AS line, "
        f"CASE WHEN {missing} THEN NULL ELSE {text} END AS source_key, "
        f"{', '.join(f'{sql} AS {name}' for name, sql in columns.items())} "
        f"FROM {TYPED} t JOIN {RAW} r ON r.rowid = t._row {known}"
    )


def _key_sql(one: Mapped) -> str:
    target = one.target
    assert target is not None
    if target.role in ("reference", "id"):
        return trimmed_sql(ident("r", one.raw))
    return ident("t", target.column)


def _source_before(job: Job, s: Runner) -> None:
    """`load_source_before`: the record that the source's row meant before, and what it says otherwise now."""
    given = given_columns(job.place, job.mapped)
    slugs = {column: slug for slug, column in given_slugs(job.place, job.mapped).items()}
    differs = ", ".join(
        f"CASE WHEN {sql} IS DISTINCT FROM p.{ident(column)} THEN {literal(slugs[column])} END"
        for column, sql in given.items()
    )
    own = {slug: given[column] + f" IS DISTINCT FROM p.{ident(column)}" for column, slug in slugs.items()}
    for slug, parts in job.read.made.items():
        tests = [own[one.target.slug] for one in parts if one.target and one.target.slug in own]
        if tests:
            differs += f", CASE WHEN {' OR '.join(tests)} THEN {literal(slug)} END"
    otherwise = (
        f"list_filter([{differs}], lambda slug: slug IS NOT NULL)" if differs else "CAST([] AS VARCHAR[])"
    )
    extra = f"{extra_sql(job.mapped, job.place)}::VARCHAR IS DISTINCT FROM p.extra::VARCHAR"
    place = table("crm", job.place.catalog.module(job.module).source_table)
    rows = f"FROM {KEYS} k JOIN {RAW} r ON r.rowid = k._row JOIN {place} p ON p.source = $source AND"
    ways = []
    if job.key:
        known = "k.given_id IS NULL AND " if job.forced else ""
        ways.append(
            f"SELECT k._row, p.record_id, {otherwise} AS given, {extra} AS extra_differs "
            f"{rows} {known}p.source_key = k.source_key"
        )
    if job.forced:
        # A mended row says otherwise what it did before, and once more what could not be taken then.
        refused = (
            f"SELECT record_id, list(DISTINCT field) AS fields FROM {table('ops', 'rejects')} "
            "WHERE row_loaded AND record_id IS NOT NULL AND field IS NOT NULL GROUP BY record_id"
        )
        ways.append(
            f"SELECT k._row, p.record_id, list_distinct(list_concat({otherwise}, coalesce(x.fields, []))), false "
            f"{rows} p.record_id = k.given_id LEFT JOIN ({refused}) x ON x.record_id = k.given_id "
            "QUALIFY row_number() OVER (PARTITION BY k._row ORDER BY p.load_id DESC) = 1"
        )
    columns = "_row BIGINT, record_id UUID, given VARCHAR[], extra_differs BOOLEAN"
    s.execute(f"CREATE OR REPLACE TEMP TABLE {BEFORE} ({columns})")
    if ways:
        s.execute(f"INSERT INTO {BEFORE} {' UNION ALL '.join(ways)}", {"source": job.source})


def _hits_sql(job: Job) -> str:
    """Each row's records: `_row, id, found, by_source`; what the source meant before goes before what a key says."""
    place = table("crm", job.place.catalog.module(job.module).slug)
    by_source = (
        f"SELECT b._row, t.id, true AS by_source FROM {BEFORE} b JOIN {place} t ON t.id = b.record_id "
        "WHERE t.deleted_at IS NULL"
    )
    by_id = (
        f"SELECT k._row, t.id, true AS by_source FROM {KEYS} k JOIN {place} t ON t.id = k.given_id "
        "WHERE t.deleted_at IS NULL"
    )
    ways = [f"SELECT *, 1 AS rank FROM ({by_source})", f"SELECT _row, id, false, 0 FROM ({by_id})"]
    if job.key:
        same = " AND ".join(_same_key(job, place_no, one) for place_no, one in enumerate(job.key))
        ways.append(
            f"SELECT k._row, t.id, false, 2 FROM {KEYS} k JOIN {place} t ON {same} WHERE t.deleted_at IS NULL"
        )
    union = " UNION ALL ".join(ways)
    return (
        f"SELECT _row, any_value(id) AS id, count(DISTINCT id) AS found, bool_or(by_source) AS by_source "
        f"FROM (SELECT *, min(rank) OVER (PARTITION BY _row) AS best FROM ({union}) AS u(_row, id, by_source, rank)) "
        "WHERE rank = best GROUP BY _row"
    )


def _same_key(job: Job, place_no: int, one: Mapped) -> str:
    target = one.target
    assert target is not None
    key = f"k.key_{place_no}"
    if target.role == "id":
        return f"t.id = try_cast({key} AS UUID)"
    if target.role == "reference" and isinstance(target.field, Reference):
        found = next(ref for ref in job.refs if ref.mapped.position == one.position)
        return f"t.{ident(target.column)} = (SELECT f.id FROM {ident(found.table)} f WHERE f.key = {key} LIMIT 1)"
    return f"t.{ident(target.column)} = {key}"


def _repeated(job: Job, s: Runner) -> None:
    """`load_repeated`: rows of a key that comes again in the file; the last one counts."""
    columns = ", ".join(one.raw for one in job.mapped)
    s.execute(
        f"""CREATE OR REPLACE TEMP TABLE load_repeated AS
        WITH again AS (
            SELECT source_key FROM {KEYS} WHERE source_key IS NOT NULL GROUP BY source_key HAVING count(*) > 1),
        rows AS (
            SELECT k._row, k.file_no, k.line, k.source_key, [{columns}] AS cells,
                row_number() OVER (PARTITION BY k.source_key ORDER BY k.file_no DESC, k.line DESC) AS place
            FROM {KEYS} k JOIN again USING (source_key) JOIN {RAW} r ON r.rowid = k._row)
        SELECT e._row, CASE WHEN e.cells IS NOT DISTINCT FROM w.cells THEN 'identical' ELSE 'superseded' END AS state,
            w.line AS winner
        FROM rows e JOIN rows w ON w.source_key = e.source_key AND w.place = 1 WHERE e.place > 1""",
    )


def bad_keys(job: Job, s: Runner) -> None:
    """A key that could not be read is a problem of its own already; the row is not reported for a missing one too."""
    slugs = [one.target.slug for one in job.key if one.target]
    s.execute(
        f"UPDATE {PLAN} SET state = 'bad_key' WHERE state = 'key_missing' AND _row IN "
        f"(SELECT _row FROM {PROBLEMS} WHERE list_contains($slugs, field))",
        {"slugs": slugs},
    )
