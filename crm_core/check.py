"""Looking for what no write through the door could have left: rules that rows from outside break.

Any program may attach the lake and write to it. Such rows have no change in `ops.changes`; they are judged here
by the same rules as values that come in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crm_core import people
from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.directory import Directory
from crm_core.errors import Problem
from crm_core.model import Catalog, Module
from crm_core.records import read_problems
from crm_core.values.checks import Checked, check_set
from crm_core.values.circles import check_circles
from crm_core.values.messages import message
from crm_core.values.normalise import Typed, collect_problems, normalise
from crm_core.values.overlaps import check_overlaps
from crm_core.values.plan import writable
from crm_core.values.rules import judge_rows
from lake import Lake, Session, ident, table

_STAGED, _ROWS = "check_staged", "check_rows"
_CHANGES = table("ops", "changes")
_LOADS = table("ops", "loads")
_COUNTED = "inserted + updated + unchanged + rejected"
MOST = 1000
"""So many rows of a module are told about at most."""


@dataclass(frozen=True)
class Finding:
    """One rule that one record breaks."""

    module: str
    id: str
    field: str
    code: str
    message: str
    received: Any = None


def check_workspace(lake: Lake, *, actor: Actor, everything: bool = False) -> list[Finding]:
    """The rules that live records break which no write through the door made, and loads that do not add up.

    Args:
        lake: the lake.
        actor: an administrator.
        everything: judge all records, whoever wrote them: definitions may have become stricter since.

    Raises:
        Forbidden: The actor is no administrator.
    """
    actor.require_admin("checks")
    catalog, directory = read_catalog(lake), people.read_directory(lake)
    found: list[Finding] = []
    with lake.session() as session:
        for module in catalog.ordered:
            if _stage(session, catalog, module, everything=everything):
                found += _judge(session, catalog, module, directory)
            found += _twice(session, catalog, module, everything=everything)
    return found + _loads(lake)


def _stage(session: Session, catalog: Catalog, module: Module, *, everything: bool) -> int:
    """The rows in question as if they had just come in; returns how many."""
    columns = ", ".join(ident(name) for name in catalog.columns(module.slug))
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {_STAGED} AS "
        f"SELECT row_number() OVER (ORDER BY id) - 1 AS _row, {columns} FROM {table('crm', module.slug)} "
        f"WHERE {_outside(everything)} ORDER BY id LIMIT {MOST}"
    )
    return int(session.read(f"SELECT count(*) FROM {_STAGED}").item())


def _outside(everything: bool) -> str:
    unknown = f" AND (change_id IS NULL OR change_id NOT IN (SELECT id FROM {_CHANGES}))"
    return "deleted_at IS NULL" + ("" if everything else unknown)


def _judge(session: Session, catalog: Catalog, module: Module, directory: Directory) -> list[Finding]:
    """Each value by itself, each row as a whole, and where its references lead."""
    actor, fields = Actor.system(), writable(catalog, module.slug)
    typed = normalise(
        session, catalog, module=module.slug, directory=directory, staged=_STAGED, typed="check_typed",
        problems="check_problems",
    )  # fmt: skip
    wrong = ", ".join(f"t.{ident(f'{slug}__problem')}" for slug in typed.judged)
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS SELECT s.*{', ' + wrong if wrong else ''} "
        f"FROM {_STAGED} s JOIN check_typed t USING (_row)"
    )
    judged = judge_rows(
        session, catalog, module, actor=actor, rows=_ROWS, into="check_rules", given=tuple(typed.fields),
        trusted=True, set_aside=typed.judged, refusing=False,
    )  # fmt: skip
    known = Typed(typed.table, typed.problems, typed.columns, fields)
    if judged:
        collect_problems(
            session, known, judged=judged, staged=_STAGED, received=typed.received, within="check_rules"
        )
    single = [slug for slug in typed.fields if not getattr(fields[slug], "unique", False)]
    rows = Checked(_ROWS, typed.problems)
    check_set(session, catalog, module=module.slug, actor=actor, rows=rows, fields=single)
    check_circles(session, catalog, module.slug, rows=rows)
    check_overlaps(session, module, rows=rows)
    _statuses(session, module)
    return _findings(session, module, read_problems(session, typed))


def _statuses(session: Session, module: Module) -> None:
    """Statuses that the record's folder does not have."""
    folders = {folder.slug: [status.slug for status in folder.statuses] for folder in module.folders}
    pairs = [f"{folder}/{status}" for folder, statuses in folders.items() for status in statuses]
    session.execute(
        "INSERT INTO check_problems SELECT _row, 'status', 'option', 'the folder has no such status', status "
        f"FROM {_STAGED} WHERE list_contains($strict, folder) "
        "AND NOT coalesce(list_contains($pairs, concat(folder, '/', status)), false)",
        {"strict": [folder for folder, statuses in folders.items() if statuses], "pairs": pairs},
    )


def _findings(session: Session, module: Module, problems: Sequence[Problem]) -> list[Finding]:
    rows = session.read(f"SELECT _row, CAST(id AS VARCHAR) FROM {_STAGED}")
    ids: dict[int, str] = dict(rows.iter_rows())
    return [
        Finding(module.slug, ids[one.row], one.field, one.code, one.message, one.received) for one in problems
    ]


def _twice(session: Session, catalog: Catalog, module: Module, *, everything: bool) -> list[Finding]:
    """Records from outside with a key that another live record has as well."""
    found = []
    for slug, field in writable(catalog, module.slug).items():
        if not getattr(field, "unique", False):
            continue
        key, rows = ident(next(iter(field.columns))), table("crm", module.slug)
        taken = session.read(
            f"SELECT CAST(id AS VARCHAR) AS id, CAST({key} AS VARCHAR) AS value FROM {rows} "
            f"WHERE {_outside(everything)} AND {key} IN (SELECT {key} FROM {rows} WHERE deleted_at IS NULL "
            f"GROUP BY {key} HAVING count(*) > 1) ORDER BY value, id LIMIT {MOST}"
        )
        words = message(field, "unique")
        found += [
            Finding(module.slug, record_id, slug, "unique", words.replace("{value}", value), value)
            for record_id, value in taken.iter_rows()
        ]
    return found


def _loads(lake: Lake) -> list[Finding]:
    """Loads whose rows are not all accounted for."""
    rows = lake.read(
        f"SELECT CAST(id AS VARCHAR), module, rows_read, {_COUNTED} FROM {_LOADS} WHERE rows_read <> {_COUNTED}"
    )
    return [
        Finding(
            module, load_id, "read", "accounting", f"{read:,} rows were read, {counted:,} accounted for", read
        )
        for load_id, module, read, counted in rows.iter_rows()
    ]
