"""The accounting: every row that was read is inserted, updated, unchanged or rejected."""

from __future__ import annotations

from crm_core.loading.errors import LoadError, StrictFailure
from crm_core.loading.job import DROPPED, MERGED, PLAN, PROBLEMS, READY, REJECTS, Job
from crm_core.loading.reading import RAW
from crm_core.values.lookups import Runner
from lake import ident, table


class Unbalanced(LoadError):
    """The counts of a load do not add up: a defect of the program, found before anything was written."""

    status = 500

    def __init__(self, *, read: int, accounted: int) -> None:
        self.read = read
        self.accounted = accounted
        super().__init__(
            f"{read:,} rows were read and {accounted:,} accounted for. Nothing was written; please report this file."
        )


def count_rows(job: Job, s: Runner) -> None:
    """Count what would be written, and see that no row is lost.

    Raises:
        Unbalanced: one is.
    """
    counts = job.counts
    counts.inserted = _number(s, f"SELECT count(*) AS n FROM {READY}")
    counts.updated = _number(s, f"SELECT count(*) AS n FROM {MERGED} WHERE _differs")
    counts.unchanged = _number(s, f"SELECT count(*) AS n FROM {MERGED} WHERE NOT _differs")
    if job.matches:
        counts.unchanged += _number(
            s,
            f"SELECT count(*) AS n FROM {PLAN} WHERE state IN ('same', 'identical') "
            f"AND _row NOT IN (SELECT _row FROM {DROPPED})",
        )
    counts.unchanged += known_rows(job, s)
    accounted = counts.inserted + counts.updated + counts.unchanged + counts.rejected
    if accounted != counts.read:
        raise Unbalanced(read=counts.read, accounted=accounted)


def count_revived(job: Job, s: Runner) -> None:
    """Count the new records whose key a deleted record has: that one stays deleted, and a person should know."""
    place = table("crm", job.place.table)
    module = job.place.catalog.module(job.module)
    keys = [[one.target.column for one in job.key if one.target and one.target.role == "value"]]
    keys += [[field.slug] for field in module.fields if field.unique]
    gone = f"FROM {place} t WHERE t.deleted_at IS NOT NULL"
    if not job.counts.inserted or not _number(s, f"SELECT count(*) AS n {gone}"):
        job.counts.revived = 0
        return
    rows = [
        f"SELECT r._row FROM {READY} r JOIN (SELECT * {gone}) t ON "
        + " AND ".join(f"t.{ident(column)} = r.{ident(column)}" for column in key)
        for key in keys
        if key
    ]
    found = " UNION ".join(rows)
    job.counts.revived = _number(s, f"SELECT count(*) AS n FROM ({found})") if rows else 0


def refuse_if_strict(job: Job, s: Runner) -> None:
    """Refuse the load when not all is as it should be, and that was asked for.

    Raises:
        StrictFailure: a row or value is rejected, or a reference leads nowhere yet.
    """
    counts = job.counts
    if not job.options.strict or not (counts.rejected or counts.values_rejected or counts.pending_references):
        return
    first = s.read(f"SELECT reason FROM {REJECTS} ORDER BY file_no, line LIMIT 1")
    raise StrictFailure(
        rejected=counts.rejected,
        values_rejected=counts.values_rejected,
        pending_references=counts.pending_references,
        first=first["reason"][0] if first.height else "a reference leads nowhere yet.",
    )


def known_rows(job: Job, s: Runner) -> int:
    """Rows of files that were loaded before."""
    return _number(s, f"SELECT count(*) AS n FROM {RAW} WHERE {known_sql(job)}")


def known_sql(job: Job) -> str:
    """Whether a row of `load_raw` is of a file that was loaded before."""
    return f"file_no IN ({', '.join(map(str, job.known_files))})" if job.known_files else "false"


def known_files(job: Job, s: Runner) -> tuple[int, ...]:
    """Files whose rows are inserted and that the module was loaded from before: they change nothing.

    With a key each row is compared by itself, so there the same file is no special case.
    """
    if job.mode != "insert" or job.forced:
        return ()
    hashes = [file.sha256 for file in job.staged.files]
    found = s.read(
        f"SELECT DISTINCT f.sha256 FROM {table('ops', 'loaded_files')} f JOIN {table('ops', 'loads')} l "
        "ON l.id = f.load_id WHERE f.module = $module AND l.state <> 'undone' AND list_contains($hashes, f.sha256)",
        {"module": job.place.name, "hashes": [one for one in hashes if one is not None]},
    )
    known = set(found["sha256"].to_list())
    # Within one load the same bytes twice are one file too.
    first = {sha256: place for place, sha256 in reversed(list(enumerate(hashes)))}
    return tuple(
        place
        for place, sha256 in enumerate(hashes)
        if sha256 is not None and (sha256 in known or first[sha256] != place)
    )


def forget_known(job: Job, s: Runner) -> None:
    """Rows of known files were judged when they were new."""
    if job.known_files:
        s.execute(f"DELETE FROM {PROBLEMS} WHERE _row IN (SELECT rowid FROM {RAW} WHERE {known_sql(job)})")


def _number(s: Runner, sql: str) -> int:
    return int(s.read(sql).item())
