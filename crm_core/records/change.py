"""Changing records: one, with a look at what others changed since, or all that match a condition."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.errors import RecordNotFound, ValuesInvalid, VersionConflict
from crm_core.model import Catalog, Condition
from crm_core.query import matching_ids_sql
from crm_core.records.create import Values
from crm_core.records.outcome import Changed, Sample
from crm_core.records.update import Merged, check_update, prepare_update, write_update
from crm_core.records.writer import Writer, note_commit
from crm_core.shape import shape_record
from crm_core.values.formats import Reading
from crm_core.values.lookups import Runner
from crm_core.values.normalise import FEW, normalise, read_problems
from crm_core.values.plan import writable
from crm_core.values.staging import Flat, flatten, stage
from lake import Change, Lake, Transaction, ident, table
from lake.errors import StatementError

Members = Literal["add", "remove"]
"""What becomes of the members of a list that a bulk edit names."""


@dataclass(frozen=True)
class _Wanted:
    """What shall be changed: values for some records, each by its id."""

    module: str
    rows: tuple[Values, ...]
    ids: tuple[str, ...]


def update(
    lake: Lake,
    *,
    module: str,
    record_id: str,
    values: Values,
    actor: Actor,
    base_version: int | None = None,
    door: str = "api",
    reason: str = "",
    change: Change | None = None,
    trusted: bool = False,
) -> Changed:
    """Change one record: what is not named stays, None clears.

    Args:
        lake: the lake.
        module: of which module.
        record_id: which record.
        values: the new values by slug.
        actor: who changes it.
        base_version: the version that the new values are based on. What others changed since is a conflict only
            in a field that they and this call set to different values.
        door: through which door.
        reason: why, for the history.
        change: under which change it is recorded, instead of one made of actor, door and reason.
        trusted: whether read-only fields and auto-numbers may be given.

    Raises:
        Forbidden: The actor may only look.
        RecordNotFound: There is no such record, or none that the actor may see.
        ValuesInvalid: With every problem.
        VersionConflict: With field, base, current and yours of every conflict.
    """
    return update_each(
        lake, module=module, values={record_id: values}, actor=actor, base_version=base_version, door=door,
        reason=reason, change=change, trusted=trusted,
    )  # fmt: skip


def update_each(
    lake: Lake,
    *,
    module: str,
    values: Mapping[str, Values],
    actor: Actor,
    base_version: int | None = None,
    door: str = "api",
    reason: str = "",
    change: Change | None = None,
    trusted: bool = False,
) -> Changed:
    """Change some records, each by its id with values of its own; all of them or none. Otherwise as `update`."""
    actor.require_change(f"records of {module}")
    wanted = _Wanted(module, tuple(values.values()), tuple(values))
    made = change or Change(actor=actor.user, door=door, reason=reason)

    def stage_them(s: Runner, writer: Writer) -> Flat:
        flat = flatten(writer.catalog, module, wanted.rows)
        meta = {"_id": pa.array(wanted.ids, pa.string())}
        stage(s, flat, fields=writable(writer.catalog, module), meta=meta, name="update_raw")
        s.execute(
            "CREATE OR REPLACE TEMP TABLE update_staged AS "
            "SELECT * REPLACE (try_cast(_id AS UUID) AS _id) FROM update_raw"
        )
        return flat

    def judge(tx: Runner, writer: Writer, merged: Merged) -> None:
        unreadable = [record_id for record_id in wanted.ids if not _is_uuid(record_id)]
        if merged.missing or unreadable:
            raise RecordNotFound(module, (unreadable or list(merged.missing))[0])
        if base_version is not None:
            _refuse_conflicts(tx, writer.catalog, merged, wanted, base_version)

    return _run(
        lake, module=module, actor=actor, change=made, door=door, trusted=trusted, rows=wanted.rows,
        stage_them=stage_them, judge=judge, dry_run=False,
    )  # fmt: skip


def update_where(
    lake: Lake,
    *,
    module: str,
    condition: Condition,
    values: Values,
    actor: Actor,
    members: Mapping[str, Members] | None = None,
    dry_run: bool = False,
    samples: int = 0,
    door: str = "api",
    reason: str = "",
    change: Change | None = None,
    trusted: bool = False,
) -> Changed:
    """Give the same values to all records that match a condition and that the actor sees.

    Args:
        lake: the lake.
        module: of which module.
        condition: which records.
        values: the new values by slug.
        actor: who changes them.
        members: lists (tags, workers, a multi-select) whose value is added to what each record has, or taken away.
        dry_run: whether to write nothing and only return which would change.
        samples: of how many records a dry run returns what they are and what they would be.
        door: through which door.
        reason: why, for the history.
        change: under which change they are recorded.
        trusted: whether read-only fields may be given.

    Raises:
        Forbidden: The actor may only look.
        ConditionInvalid: The condition cannot be used.
        ValuesInvalid: With the problems of every record; none was changed.
    """
    actor.require_change(f"records of {module}")
    made = change or Change(actor=actor.user, door=door, reason=reason)

    def stage_them(s: Runner, writer: Writer) -> Flat:
        flat = flatten(writer.catalog, module, [values])
        stage(s, flat, fields=writable(writer.catalog, module), meta={}, name="update_staged")
        return flat

    def spread(s: Runner, writer: Writer) -> None:
        ids_sql, params = matching_ids_sql(writer.catalog, module=module, actor=actor, condition=condition)
        s.execute(f"CREATE OR REPLACE TEMP TABLE update_ids AS {ids_sql}", params or None)
        ids = "SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM update_ids"
        for name in ("update_staged", "update_typed"):
            s.execute(f"CREATE OR REPLACE TEMP TABLE {name}__one AS SELECT * FROM {name}")
            s.execute(
                f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT t.* REPLACE (i.place AS _row), i.id AS _id "
                f"FROM {name}__one t CROSS JOIN ({ids}) i"
            )
        _settle_members(s, module, members or {})

    return _run(
        lake, module=module, actor=actor, change=made, door=door, trusted=trusted, rows=(values,),
        stage_them=stage_them, judge=None, dry_run=dry_run, spread=spread, samples=samples,
    )  # fmt: skip


def _settle_members(s: Runner, module: str, members: Mapping[str, Members]) -> None:
    """Put what each record's list would be in place of the members that are added or taken away."""
    settled = []
    for slug, how in members.items():
        has, given = f"coalesce(c.{ident(slug)}, [])", f"coalesce(t.{ident(slug)}, [])"
        new = f"list_filter({given}, lambda x: NOT list_contains({has}, x))"
        kept = f"list_filter({has}, lambda x: NOT list_contains({given}, x))"
        then = f"list_concat({has}, {new})" if how == "add" else kept
        # An empty list and none are the same to people: neither becomes the other.
        same = f"len({then}) = len({has})"
        settled.append(
            f"CASE WHEN {same} THEN c.{ident(slug)} WHEN len({then}) = 0 THEN NULL ELSE {then} END AS {ident(slug)}"
        )
    if settled:
        s.execute("CREATE OR REPLACE TEMP TABLE update_typed__given AS SELECT * FROM update_typed")
        s.execute(
            f"CREATE OR REPLACE TEMP TABLE update_typed AS SELECT t.* REPLACE ({', '.join(settled)}) "
            f"FROM update_typed__given t JOIN {table('crm', module)} c ON c.id = t._id"
        )


def _run(
    lake: Lake,
    *,
    module: str,
    actor: Actor,
    change: Change,
    door: str,
    trusted: bool,
    rows: Sequence[Values],
    stage_them: Callable[[Runner, Writer], Flat],
    judge: Callable[[Runner, Writer, Merged], None] | None,
    dry_run: bool,
    spread: Callable[[Runner, Writer], None] | None = None,
    samples: int = 0,
) -> Changed:
    """Type the values outside the lock; merge, judge and store them under it."""
    with lake.session() as s:
        first = Writer(definitions.read_catalog(lake), people.read_directory(lake), actor, door, trusted)
        first.catalog.module(module)
        staged = _typed(s, first, module, stage_them)

        def work(tx: Runner) -> tuple[tuple[str, ...], int]:
            writer, (flat, typed) = first, staged
            if isinstance(tx, Transaction):
                catalog = definitions.read_catalog_in(tx, lake)
                if catalog.version != first.catalog.version:
                    writer = replace(first, catalog=catalog, directory=people.read_directory_in(tx, lake))
                    flat, typed = _typed(tx, writer, module, stage_them)
            if spread is not None:
                spread(tx, writer)
            return _merge_and_write(tx, writer, module, flat, typed, rows, judge)

        if dry_run:
            ids, unchanged = work(s)
            shown = _samples(s, first.catalog, module, samples) if samples else ()
            return Changed(ids, s.snapshot(), change.id, unchanged, shown)
        done = s.commit(work, change)
        note_commit(lake, done)
        ids, unchanged = done.value
        return Changed(ids, done.snapshot, done.change_id, unchanged)


def _samples(s: Runner, catalog: Catalog, module: str, limit: int) -> tuple[Sample, ...]:
    """Some of the records that would change, as they are and as they would be."""
    some = f"SELECT id FROM update_merged WHERE _differs ORDER BY id LIMIT {int(limit)}"
    was = _records(s, catalog, module, f"SELECT * FROM update_merged__before WHERE id IN ({some})")
    then = _records(s, catalog, module, f"SELECT * FROM update_merged WHERE id IN ({some})")
    return tuple(Sample(record_id, was[record_id], then[record_id]) for record_id in sorted(was))


def _typed(s: Runner, writer: Writer, module: str, stage_them: Callable[[Runner, Writer], Flat]) -> Any:
    flat = stage_them(s, writer)
    reading = replace(writer.reading or Reading.of(writer.catalog), currency="")
    typed = normalise(
        s, writer.catalog, module=module, directory=writer.directory, staged="update_staged",
        typed="update_typed", problems="update_problems", reading=reading,
        few=len(flat.given) <= FEW,
    )  # fmt: skip
    return flat, typed


def _merge_and_write(
    tx: Runner, writer: Writer, module: str, flat: Flat, typed: Any, rows: Sequence[Values], judge: Any
) -> tuple[tuple[str, ...], int]:
    merged = prepare_update(
        tx, writer, module=module, typed=typed, staged="update_staged", merged="update_merged"
    )
    if judge is not None:
        judge(tx, writer, merged)
    check_update(tx, writer, merged)  # type: ignore[arg-type]
    problems = [*flat.problems, *read_problems(tx, typed, rows)]
    if problems:
        raise ValuesInvalid(module, sorted(problems, key=lambda problem: problem.row))
    found = tx.read("SELECT CAST(id AS VARCHAR) AS id, _differs FROM update_merged ORDER BY _row")
    ids = tuple(found.filter(found["_differs"])["id"].to_list())
    if isinstance(tx, Transaction):
        if ids:
            write_update(tx, writer, merged)
        else:
            tx.cancel()
    return ids, found.height - len(ids)


def _is_uuid(text: str) -> bool:
    from uuid import UUID

    try:
        UUID(text)
    except (ValueError, AttributeError, TypeError):
        return False
    return True


def _refuse_conflicts(
    tx: Runner, catalog: Catalog, merged: Merged, wanted: _Wanted, base_version: int
) -> None:
    """Refuse a field that somebody else set to another value since the version that these values are based on."""
    module = merged.module.slug
    current = _records(
        tx, catalog, module, f"SELECT * FROM {ident(merged.before)} WHERE version > {int(base_version)}"
    )
    if not current:
        return
    place = f"{table('crm', module)} AT (VERSION => {int(base_version)})"
    try:
        base = _records(
            tx, catalog, module, f"SELECT * FROM {place} WHERE id IN (SELECT id FROM {ident(merged.before)})"
        )
    except StatementError:
        base = {}
    yours = _records(tx, catalog, module, f"SELECT * FROM {ident(merged.table)}")
    for record_id, values in zip(wanted.ids, wanted.rows, strict=True):
        now = current.get(record_id)
        if now is None:
            continue
        was, mine = base.get(record_id, {}), yours[record_id]
        conflicts = [
            {"field": slug, "base": was.get(slug), "current": now.get(slug), "yours": mine.get(slug)}
            for slug in values
            if slug in now and was.get(slug) != now.get(slug) and mine.get(slug) != now.get(slug)
        ]
        if conflicts:
            raise VersionConflict(module, record_id, conflicts)


def _records(tx: Runner, catalog: Catalog, module: str, statement: str) -> dict[str, dict[str, Any]]:
    rows = tx.read(statement).to_dicts()
    return {str(row["id"]): shape_record(catalog, module, row) for row in rows}
