"""What a load would do, in samples: for a person to look at before anything is written."""

from __future__ import annotations

from typing import Any

from crm_core.loading.job import MERGED, READY, REJECTS, Job
from crm_core.loading.model import ColumnPreview, LoadResult, Preview
from crm_core.shape import shape_record, to_json_value
from lake import ident


def make_preview(job: Job, result: LoadResult, *, rows: int) -> Preview:
    """Take samples from the temp tables of a load that was worked out."""
    return Preview(
        result=result,
        contract=job.contract,
        columns=tuple(
            ColumnPreview(
                header=one.header,
                target=one.target.path if one.target else None,
                reason=one.reason,
                note=job.read.notes.get(one.header, ""),
            )
            for one in {one.position: one for one in job.mapped}.values()
        ),
        inserts=_inserts(job, rows),
        changes=_changes(job, rows),
        rejects=_rejects(job, rows),
    )


def _inserts(job: Job, rows: int) -> tuple[dict[str, Any], ...]:
    found = job.s.read(f"SELECT * FROM {READY} ORDER BY _row LIMIT $rows", {"rows": rows}).to_dicts()
    if job.place.relationship is not None:
        return tuple(
            {k: to_json_value(v) for k, v in row.items() if not k.startswith("_") and "__problem" not in k}
            for row in found
        )
    brought = [one.target.slug for one in job.mapped if one.target]
    shaped = [shape_record(job.place.catalog, job.module, row) for row in found]
    return tuple({slug: to_json_value(one.get(slug)) for slug in dict.fromkeys(brought)} for one in shaped)


def _changes(job: Job, rows: int) -> tuple[dict[str, Any], ...]:
    """Changed cells, a row each: the record's id, the field, and both values as text."""
    if not job.counts.updated:
        return ()
    brought = dict.fromkeys(one.target.column for one in job.mapped if one.target and one.target.role != "id")
    have = set(job.s.read(f"SELECT column_name FROM (DESCRIBE {ident(MERGED)})")["column_name"].to_list())
    selects = [
        f"SELECT m.id::VARCHAR AS id, '{column}' AS field, b.{ident(column)}::VARCHAR AS old, "
        f"m.{ident(column)}::VARCHAR AS new, m._row FROM {MERGED} m JOIN {MERGED}__before b ON b.id = m.id "
        f"WHERE m._differs AND m.{ident(column)} IS DISTINCT FROM b.{ident(column)}"
        for column in brought
        if column in have
    ]
    if not selects:
        return ()
    union = " UNION ALL ".join(selects)
    found = job.s.read(
        f"SELECT id, field, old, new FROM ({union}) ORDER BY _row, field LIMIT $rows", {"rows": rows}
    )
    return tuple(found.to_dicts())


def _rejects(job: Job, rows: int) -> tuple[dict[str, Any], ...]:
    found = job.s.read(
        f'SELECT file_no, line, "column", field, value, reason, code, row_loaded FROM {REJECTS} '
        'ORDER BY file_no, line, "column" LIMIT $rows',
        {"rows": rows},
    ).to_dicts()
    return tuple({"file": job.staged.files[row.pop("file_no")].path, **row} for row in found)
