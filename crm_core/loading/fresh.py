"""New records of a large load without a copy of their rows: a view over the typed values.

Whole rows have some four dozen columns, most of them the same in every row. As long as nothing must be changed in them
they are worked out where they are read, and only `table_of_new` makes them a table after all.
"""

from __future__ import annotations

from crm_core.loading.files import LARGE, OutsideFiles
from crm_core.loading.job import READY, TYPED, Job
from crm_core.records.contact_points import holdings, point_id
from crm_core.values.lookups import Runner
from lake import Transaction, ident

NEW_ID = "_new_id"
_ROWS = f"{READY}_rows"


def may_stay_view(job: Job, s: Runner, where: str) -> bool:
    """Whether new records can be read from their typed values as often as is needed.

    Args:
        job: the load.
        s: its session; under the lock rows are stored from a table.
        where: what tells the rows of new records: a look into the plan costs more than a copy.
    """
    few = job.staged.rows < LARGE or isinstance(s, Transaction) or OutsideFiles.of(job.lake) is None
    joined = bool(job.refs) or "p." in where
    return not few and not joined and not any(True for _ in holdings(job.place.catalog, job.module))


def give_ids(job: Job, s: Runner) -> dict[str, str]:
    """Give every typed row the ids of its record and of its contact points, in the order of the file.

    Returns:
        The column of the typed table → as what `prepare_insert` and `prepare_points` take it.
    """
    names = {NEW_ID: "_id"}
    points = job.place.catalog.module(job.module).contact_points
    if points is not None:
        names |= {point_id(slug): point_id(slug) for slug in (points.email, points.phone)}
    for name in names:
        s.execute(f"ALTER TABLE {ident(TYPED)} ADD COLUMN IF NOT EXISTS {ident(name)} UUID DEFAULT uuidv7()")
    return names


def forget_view(job: Job, s: Runner) -> None:
    """Make room for a table of the same name."""
    if job.new_is_view:
        s.execute(f"DROP VIEW {ident(READY)}")
        job.new_is_view = False


def table_of_new(job: Job, s: Runner) -> None:
    """Make the view of new records a table, since something must be changed in them."""
    if not job.new_is_view:
        return
    s.execute(f"CREATE OR REPLACE TEMP TABLE {ident(_ROWS)} AS SELECT * FROM {ident(READY)}")
    forget_view(job, s)
    s.execute(f"DROP TABLE IF EXISTS {ident(READY)}")
    s.execute(f"ALTER TABLE {ident(_ROWS)} RENAME TO {ident(READY)}")
