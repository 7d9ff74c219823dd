"""What was not taken as it came: collected while a load runs, told and handed back afterwards."""

from __future__ import annotations

import io
import json
from typing import Any

import polars as pl

from crm_core.access import Actor
from crm_core.loading.errors import UnknownLoad
from crm_core.loading.given import row_json_sql
from crm_core.loading.job import DROPPED, PLAN, PROBLEMS, REJECTS, Job
from crm_core.loading.reading import RAW
from crm_core.values.lookups import Runner
from lake import Lake, ident, table
from lake.ingest.sql import literal

_LOADS, _REJECTS = table("ops", "loads"), table("ops", "rejects")
_REASONS: dict[str, str] = {
    "key_missing": "The row has no value for the key.",
    "ambiguous_key": "Several records have this key, so it is not known which one is meant.",
    "not_found": "No record has this key, and the mode update changes only records that are there.",
    "exists": "A record with this key is there already.",
    "not_usable": "This key cannot be used. Take another one, or ask an administrator.",
}


def collect(job: Job, s: Runner) -> None:
    """Make the temp table `load_rejects`, one row for each row or value that is not taken, and count them."""
    s.execute(
        f'CREATE OR REPLACE TEMP TABLE {REJECTS} (_row BIGINT, file_no INTEGER, line BIGINT, "column" VARCHAR, '
        "field VARCHAR, value VARCHAR, reason VARCHAR, code VARCHAR, row_loaded BOOLEAN)"
    )
    s.execute(
        f'INSERT INTO {REJECTS} SELECT r.rowid, d.file_no, d.line, d."column", NULL, d.value, d.reason, d.code, '
        f"NOT d.row_dropped AND r.rowid NOT IN (SELECT _row FROM {DROPPED}) "
        f"FROM {ident(job.staged.defects)} d LEFT JOIN {RAW} r ON r.file_no = d.file_no AND r.line = d.line"
    )
    s.execute(f"UPDATE {REJECTS} SET row_loaded = false WHERE row_loaded IS NULL")
    _problems(job, s)
    if job.matches:
        _plan(job, s)
    known = s.read(f"SELECT count(*) FILTER (WHERE row_loaded) AS set_aside FROM {REJECTS}").item()
    dropped = s.read(f"SELECT count(DISTINCT _row) AS n FROM {DROPPED}").item()
    job.counts.rejected = int(dropped) + job.staged.rows_dropped
    job.counts.values_rejected = int(known)


def _problems(job: Job, s: Runner) -> None:
    """One reject for each problem, with the text as it stood in the column that brought the field."""
    columns = {}
    for one in job.mapped:
        if one.target is not None and one.target.slug not in columns:
            columns[one.target.slug] = one
    slugs = s.read(f"SELECT DISTINCT field FROM {PROBLEMS}")["field"].to_list()
    for slug in slugs:
        mapped = columns.get(slug)
        header = literal(mapped.header) if mapped else "NULL"
        value = f"r.{ident(mapped.raw)}" if mapped else "p.received"
        s.execute(
            f"INSERT INTO {REJECTS} SELECT DISTINCT p._row, r.file_no, r.line, {header}, p.field, {value}, "
            f"p.message, p.code, p._row NOT IN (SELECT _row FROM {DROPPED}) "
            f"FROM {PROBLEMS} p JOIN {RAW} r ON r.rowid = p._row WHERE p.field = $slug",
            {"slug": slug},
        )


def _plan(job: Job, s: Runner) -> None:
    """Rows that the key rejects."""
    header = literal(", ".join(one.header for one in job.key)) if job.key else "NULL"
    field = literal(", ".join(one.target.slug for one in job.key if one.target)) if job.key else "NULL"
    value = " || ', ' || ".join(f"coalesce(r.{ident(one.raw)}, '')" for one in job.key) or "NULL"
    words = " ".join(f"WHEN {literal(code)} THEN {literal(said)}" for code, said in _REASONS.items())
    s.execute(
        f"INSERT INTO {REJECTS} SELECT p._row, p.file_no, p.line, {header}, {field}, {value}, "
        f"CASE p.state {words} ELSE 'superseded by line ' || p.winner END, "
        "CASE p.state WHEN 'same_record' THEN 'superseded' ELSE p.state END, false "
        f"FROM {PLAN} p JOIN {RAW} r ON r.rowid = p._row "
        f"WHERE p.state IN ({', '.join(map(literal, _REASONS))}, 'superseded', 'same_record')"
    )


def write_sql(job: Job, ids: str) -> str:
    """The statement that stores the collected rejects; `ids` is a temp table `_row, id` of the rows written."""
    return (
        f'INSERT INTO {_REJECTS} SELECT CAST($load AS UUID), $module, f.path, x.line, x."column", x.field, x.value, '
        f"x.reason, x.code, x.row_loaded, CASE WHEN x.row_loaded THEN w.id END, "
        f"CASE WHEN r.rowid IS NOT NULL THEN {row_json_sql(job.mapped)} END "
        f"FROM {REJECTS} x JOIN load_files f ON f.file_no = x.file_no LEFT JOIN {RAW} r ON r.rowid = x._row "
        f"LEFT JOIN {ident(ids)} w ON w._row = x._row"
    )


def read_rejects(lake: Lake, load_id: str, *, actor: Actor) -> list[dict[str, Any]]:
    """What a load did not take as it came, in the order of the file.

    Only whoever loaded, and administrators, are told: the values may be of records that others must not see.

    Raises:
        UnknownLoad: there is no such load, or none for this actor.
    """
    _require(lake, load_id, actor)
    rows = lake.read(
        f'SELECT file, line, "column", field, value, reason, code, row_loaded FROM {_REJECTS} '
        'WHERE load_id = try_cast(? AS UUID) ORDER BY file, line, "column", code',
        [load_id],
    )
    return rows.to_dicts()


def download_rejects(lake: Lake, load_id: str, *, actor: Actor) -> bytes:
    """The rejected rows as a CSV file in UTF-8, to be mended and replayed: their cells under the file's headers.

    Before them stand `_line`, `_file`, `_record_id` (of rows that were loaded without a value) and `_reasons`. A row
    that could not be told into cells has none; one that a later row superseded is right as it is, and left out.

    Raises:
        UnknownLoad: there is no such load, or none for this actor.
    """
    _require(lake, load_id, actor)
    rows = lake.read(
        "SELECT line AS _line, file AS _file, any_value(record_id)::VARCHAR AS _record_id, "
        "string_agg(DISTINCT reason, ' ' ORDER BY reason) AS _reasons, any_value(row)::VARCHAR AS cells "
        f"FROM {_REJECTS} WHERE load_id = try_cast(? AS UUID) AND code <> 'superseded' "
        "GROUP BY file, line ORDER BY file, line",
        [load_id],
    )
    cells = [json.loads(text) if text else {} for text in rows["cells"].to_list()]
    headers = list(dict.fromkeys(header for row in cells for header in row))
    frame = rows.drop("cells").with_columns(
        [pl.Series(header, [row.get(header) for row in cells], dtype=pl.String) for header in headers]
    )
    out = io.BytesIO()
    frame.write_csv(out)
    return out.getvalue()


def _require(lake: Lake, load_id: str, actor: Actor) -> None:
    found = lake.read(f"SELECT actor FROM {_LOADS} WHERE id = try_cast(? AS UUID)", [load_id])
    if not found.height or not (actor.sees_all or found["actor"][0] == actor.user):
        raise UnknownLoad(load_id)
