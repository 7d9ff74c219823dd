"""Deleting records softly and bringing them back."""

from collections.abc import Callable, Sequence

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.errors import Conflict, RecordNotFound, ValuesInvalid, VersionConflict
from crm_core.model import Condition, Module
from crm_core.params import Params
from crm_core.query import matching_ids_sql
from crm_core.records.contact_points import settle_points
from crm_core.records.hooks import Event, tell
from crm_core.records.outcome import Changed
from crm_core.records.writer import Writer, note_commit
from crm_core.relations import Relations
from crm_core.trees import column, text
from crm_core.values.checks import Checked, check_set
from crm_core.values.circles import check_circles
from crm_core.values.lookups import Runner
from crm_core.values.normalise import PROBLEM_COLUMNS, Typed, read_problems
from crm_core.values.overlaps import check_overlaps
from lake import Change, Lake, Transaction, ident, table

_ROWS = "removed_rows"


class KeyTaken(Conflict):
    """A deleted record cannot come back: a live one has its key by now."""

    def __init__(self, module: str, field: str, value: str) -> None:
        self.module = module
        self.field = field
        self.value = value
        super().__init__(
            f"The record cannot be restored: “{field}” is “{value}”, which another record of {module} has by now. "
            "Change or delete that one first."
        )


def delete(
    lake: Lake,
    *,
    module: str,
    record_id: str | Sequence[str],
    actor: Actor,
    base_version: int | None = None,
    door: str = "api",
    reason: str = "",
    change: Change | None = None,
) -> Changed:
    """Delete one record or several softly: they leave every list, their links are kept and hidden.

    Args:
        lake: the lake.
        module: of which module.
        record_id: which record, or records.
        actor: who deletes them.
        base_version: refuse when any of them changed since this version.
        door: through which door.
        reason: why, for the history.
        change: under which change it is recorded.

    Raises:
        Forbidden: The actor may only look.
        RecordNotFound: One is not there, or not for the actor; none was deleted.
        VersionConflict: One changed since `base_version`; none was deleted.
    """
    ids = [record_id] if isinstance(record_id, str) else list(record_id)

    def choose(tx: Runner, writer: Writer) -> None:
        _choose_ids(tx, writer, module, ids, deleted=False)
        if base_version is not None:
            _refuse_newer(tx, module, base_version)

    return _run(lake, module, actor, _change(change, actor, door, reason), choose, _mark_deleted)


def delete_where(
    lake: Lake,
    *,
    module: str,
    condition: Condition,
    actor: Actor,
    dry_run: bool = False,
    door: str = "api",
    reason: str = "",
    change: Change | None = None,
) -> Changed:
    """Delete all records softly that match a condition and that the actor sees; a dry run returns which.

    Raises:
        Forbidden: The actor may only look.
        ConditionInvalid: The condition cannot be used.
    """

    def choose(tx: Runner, writer: Writer) -> None:
        ids_sql, params = matching_ids_sql(writer.catalog, module=module, actor=actor, condition=condition)
        _choose(tx, writer, module, ids_sql, params, deleted=False)

    made = _change(change, actor, door, reason)
    return _run(lake, module, actor, made, choose, _mark_deleted, dry_run=dry_run)


def restore(
    lake: Lake,
    *,
    module: str,
    record_id: str | Sequence[str],
    actor: Actor,
    door: str = "api",
    reason: str = "",
    change: Change | None = None,
) -> Changed:
    """Bring deleted records back, with their links.

    Raises:
        Forbidden: The actor may only look.
        RecordNotFound: One is not among the deleted ones, or not for the actor.
        KeyTaken: A live record has a key of one by now; none was restored.
    """
    ids = [record_id] if isinstance(record_id, str) else list(record_id)

    def choose(tx: Runner, writer: Writer) -> None:
        _choose_ids(tx, writer, module, ids, deleted=True)
        _refuse_taken(tx, writer, module)

    return _run(lake, module, actor, _change(change, actor, door, reason), choose, _unmark_deleted)


def _change(change: Change | None, actor: Actor, door: str, reason: str) -> Change:
    return change or Change(actor=actor.user, door=door, reason=reason)


def _run(
    lake: Lake,
    module: str,
    actor: Actor,
    change: Change,
    choose: Callable[[Runner, Writer], None],
    write: Callable[[Transaction, Writer, Module], None],
    *,
    dry_run: bool = False,
) -> Changed:
    actor.require_change(f"records of {module}")

    def work(tx: Transaction) -> tuple[str, ...]:
        catalog, directory = definitions.read_catalog_in(tx, lake), people.read_directory_in(tx, lake)
        writer = Writer(catalog, directory, actor, change.door)
        choose(tx, writer)
        ids = tuple(tx.read(f"SELECT CAST(id AS VARCHAR) AS id FROM {_ROWS} ORDER BY _row")["id"].to_list())
        if not ids or dry_run:
            tx.cancel()
        else:
            write(tx, writer, catalog.module(module))
        return ids

    done = lake.commit(work, change)
    note_commit(lake, done)
    return Changed(done.value, done.snapshot, done.change_id)


def _choose_ids(tx: Runner, writer: Writer, module: str, ids: Sequence[str], *, deleted: bool) -> None:
    wanted = "SELECT try_cast(unnest($wanted) AS UUID)"
    _choose(tx, writer, module, wanted, {"wanted": list(ids)}, deleted=deleted)
    found = set(tx.read(f"SELECT CAST(id AS VARCHAR) AS id FROM {_ROWS}")["id"].to_list())
    for record_id in ids:
        if str(record_id).lower() not in found:
            raise RecordNotFound(module, str(record_id))


def _choose(
    tx: Runner, writer: Writer, module: str, ids_sql: str, params: dict[str, object], *, deleted: bool
) -> None:
    """Make the temp table of the rows meant, among those that the actor sees."""
    relations = Relations(writer.catalog, writer.actor, Params("r"))
    columns = ", ".join(text(column(key, "r")) for key in writer.catalog.columns(module))
    predicate = text(relations.predicate(module, "r", deleted=deleted))
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS SELECT row_number() OVER (ORDER BY r.id) - 1 AS _row, {columns} "
        f"FROM {text(relations.table(module, 'r'))} WHERE {predicate} AND r.id IN ({ids_sql})",
        {**relations.params.values, **params},
    )


def _refuse_newer(tx: Runner, module: str, base_version: int) -> None:
    newer = tx.read(
        f"SELECT CAST(id AS VARCHAR) AS id, version FROM {_ROWS} WHERE version > ?", [base_version]
    )
    for record_id, version in newer.iter_rows():
        conflict = {"field": "version", "base": base_version, "current": version, "yours": base_version}
        raise VersionConflict(module, record_id, [conflict])


def _refuse_taken(tx: Transaction | Runner, writer: Writer, module: str) -> None:
    tx.execute(f"CREATE OR REPLACE TEMP TABLE removed_problems ({PROBLEM_COLUMNS})")
    own = writer.catalog.module(module)
    unique = [field.slug for field in own.fields if field.unique]
    unique += [one.slug for one in writer.catalog.references(module) if one.unique]
    rows = Checked(_ROWS, "removed_problems")
    check_set(tx, writer.catalog, module=module, actor=Actor.system(), rows=rows, fields=unique)
    taken = [p for p in read_problems(tx, Typed(_ROWS, "removed_problems", {}, {})) if p.code == "unique"]
    if taken:
        raise KeyTaken(module, taken[0].field, str(taken[0].received))
    if check_circles(tx, writer.catalog, module, rows=rows) + check_overlaps(tx, own, rows=rows):
        raise ValuesInvalid(module, read_problems(tx, Typed(_ROWS, "removed_problems", {}, {})))


def _mark_deleted(tx: Transaction, writer: Writer, module: Module) -> None:
    settle_points(tx, writer, module, rows=_ROWS, before=None, gone=True)
    _stamp(tx, module, "$now")
    tell(tx, writer.catalog, Event(module.slug, "delete", _ROWS))


def _unmark_deleted(tx: Transaction, writer: Writer, module: Module) -> None:
    tx.execute(f"ALTER TABLE {_ROWS} ADD COLUMN IF NOT EXISTS _change_id UUID")
    settle_points(tx, writer, module, rows=_ROWS, before=None)
    more = ', "primary" = d."primary"' if _holds_points(writer, module) else ""
    _stamp(tx, module, "NULL", more=more)
    tell(tx, writer.catalog, Event(module.slug, "restore", _ROWS))


def _holds_points(writer: Writer, module: Module) -> bool:
    points = [profile.contact_points for profile in writer.catalog.modules.values()]
    return any(one is not None and one.module == module.slug for one in points)


def _stamp(tx: Transaction, module: Module, deleted_at: str, *, more: str = "") -> None:
    place = table("crm", module.slug)
    tx.execute(
        f"UPDATE {place} SET deleted_at = {deleted_at}, updated_at = $now, change_id = CAST($change AS UUID), "
        f"version = $version{more} FROM {ident(_ROWS)} d WHERE d.id = {place}.id",
        {"now": tx.occurred_at, "change": tx.change_id, "version": tx.snapshot},
    )
