"""Which record each row means: by what the source brought before, then by its key."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from crm_core.loading.given import extra_sql, given_columns, given_slugs
from crm_core.loading.job import PLAN, PROBLEMS, TYPED, Job
from crm_core.loading.mapping import Mapped
from crm_core.loading.reading import RAW
from crm_core.model import Reference
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.trees import column, text
from crm_core.values.lookups import Runner
from lake import ident, table
from lake.ingest.sql import literal
from lake.ingest.typing import trimmed_sql

KEYS = "load_keys"
BEFORE = "load_source_before"
HITS = "load_hits"


def match_rows(job: Job, s: Runner) -> None:
    """Make the temp table `load_plan` of all rows that a key was asked of.

    Its columns: `_row, file_no, line, source_key, state, id, by_source, given, winner, kept`. The state is `new`,
    `matched`, `same` (the source says what it said before), `identical` to a later row, `superseded` by one, or
    the code of a reject: `key_missing`, `ambiguous_key`, `not_found`, `exists`, `not_usable` (the key of a record that
    the actor does not see), `same_record`. `given` lists the slugs
    that the source says otherwise than before; `winner` is the line that superseded a row.
    """
    _keys(job, s)
    _source_before(job, s)
    _hits(job, s)
    _repeated(job, s)
    unmatched = {"update": "not_found"}.get(job.mode, "new")
    matched = "exists" if job.mode == "insert" and not job.forced else "matched"
    s.execute(
        f"""CREATE OR REPLACE TEMP TABLE {PLAN} AS
        SELECT k._row, k.file_no, k.line, k.source_key, CASE
            WHEN d.state IS NOT NULL THEN d.state
            WHEN k.source_key IS NULL AND h.id IS NULL THEN $no_key
            WHEN h.id IS NULL THEN $unmatched
            WHEN h.found = 1 AND b.record_id = h.id AND len(b.given) = 0 AND NOT b.extra_differs THEN 'same'
            WHEN h.hidden THEN $hidden
            WHEN h.found > 1 THEN 'ambiguous_key'
            ELSE $matched END AS state,
            h.id, coalesce(h.by_source, false) AS by_source, b.record_id IS NOT NULL AS kept,
            CASE WHEN b.record_id = h.id THEN b.given END AS given, d.winner
        FROM {KEYS} k LEFT JOIN {HITS} h ON h._row = k._row LEFT JOIN {BEFORE} b ON b._row = k._row
        LEFT JOIN load_repeated d ON d._row = k._row""",
        {
            "unmatched": unmatched,
            "matched": matched,
            "hidden": hidden_state(job),
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
    sqls = [sql for name, sql in columns.items() if name != "given_id"]
    missing = " OR ".join(f"({sql}) IS NULL" for sql in sqls) or "true"
    known = f"WHERE t._file_no NOT IN ({', '.join(map(str, job.known_files))})" if job.known_files else ""
    # Keys of typed values need no look into the text, and no copy.
    typed = by_id is None and all(one.target and one.target.role == "value" for one in job.key)
    s.execute(
        f"CREATE OR REPLACE TEMP {'VIEW' if typed else 'TABLE'} {KEYS} AS "
        "SELECT t._row, t._file_no AS file_no, t._line AS line, "
        f"CASE WHEN {missing} THEN NULL ELSE {key_text(sqls)} END AS source_key, "
        f"{', '.join(f'{sql} AS {name}' for name, sql in columns.items())} "
        f"FROM {TYPED} t {'' if typed else f'JOIN {RAW} r ON r.rowid = t._row'} {known}"
    )


def key_text(parts: Sequence[str]) -> str:
    """The text under which a source's row of this key is kept, as SQL over the parts of the key."""
    texts = [f"({part})::VARCHAR" for part in parts]
    if len(texts) == 1:
        return texts[0]
    return f"to_json([{', '.join(texts)}])::VARCHAR" if texts else "CAST(NULL AS VARCHAR)"


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
    tests = {slugs[column]: f"{sql} IS DISTINCT FROM p.{ident(column)}" for column, sql in given.items()}
    for slug, parts in job.read.made.items():
        parts_differ = " OR ".join(tests[m.target.slug] for m in parts if m.target and m.target.slug in tests)
        cell = job.read.columns.get(slug)
        if parts_differ and cell is None:
            tests[slug] = parts_differ
        elif parts_differ and cell is not None and slug in tests:
            tests[slug] += f" OR ({trimmed_sql(ident('r', cell.raw))} IS NULL AND ({parts_differ}))"
    differs = ", ".join(f"CASE WHEN {test} THEN {literal(slug)} END" for slug, test in tests.items())
    any_differs = " OR ".join(tests.values()) or "false"
    # Most rows say what they said before, and to look for the first difference costs less than a list of all.
    otherwise = (
        f"CASE WHEN {any_differs} THEN list_filter([{differs}], lambda slug: slug IS NOT NULL) "
        "ELSE CAST([] AS VARCHAR[]) END"
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


def _hits(job: Job, s: Runner) -> None:
    """`load_hits`, each row's records: `_row, id, found, by_source`.

    An id goes before what the source meant before, and that before what a key says; only rows that nothing led to yet
    are asked further.
    """
    place = table("crm", job.place.catalog.module(job.module).slug)
    live = f"(SELECT * FROM {place} WHERE deleted_at IS NULL) t"
    ways = []
    if any(m.target and m.target.role == "id" for m in job.mapped):
        ways.append(("false", f"{KEYS} k JOIN {live} ON t.id = k.given_id"))
    if s.read(f"SELECT count(*) AS n FROM {BEFORE}").item():
        ways.append(("true", f"{BEFORE} k JOIN {live} ON t.id = k.record_id"))
    if job.key:
        same = " AND ".join(_same_key(job, place_no, one) for place_no, one in enumerate(job.key))
        ways.append(("false", f"{KEYS} k JOIN {live} ON {same}"))
    columns = "_row BIGINT, id UUID, found INTEGER, by_source BOOLEAN, hidden BOOLEAN"
    s.execute(f"CREATE OR REPLACE TEMP TABLE {HITS} ({columns})")
    hidden = _hidden_sql(job, s)
    every, hit = int(s.read(f"SELECT count(*) AS n FROM {KEYS}").item()), 0
    for by_source, rows in ways:
        rest = f" WHERE k._row NOT IN (SELECT _row FROM {HITS})" if hit else ""
        if hit < every:
            hit += s.execute(
                f"INSERT INTO {HITS} SELECT k._row, min(t.id), CASE WHEN min(t.id) = max(t.id) THEN 1 ELSE 2 END, "
                f"{by_source}, {hidden} FROM {rows}{rest} GROUP BY k._row"
            )


def hidden_state(job: Job) -> str:
    """What becomes of a row that means a record which the actor does not see: it tells as little as can be."""
    return "not_found" if job.mode == "update" else "not_usable"


def _hidden_sql(job: Job, s: Runner) -> str:
    """Whether any of a row's records is hidden from the actor, over `t`."""
    actor = job.writer.actor
    if actor.sees_all:
        return "false"
    relations = Relations(job.place.catalog, actor, Params("m"))
    seen = exp.select(column("id", "v")).from_(relations.visible(job.module, "v", columns=("id",)))
    s.execute(f"CREATE OR REPLACE TEMP TABLE load_seen AS {text(seen)}", relations.params.values or None)
    return "bool_or(t.id NOT IN (SELECT id FROM load_seen))"


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
