"""Links between records: rows of a many-to-many's table, or the reference on the other side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.errors import Conflict, Problem, RecordNotFound, ValuesInvalid
from crm_core.model import Catalog, Condition, Reference, Relationship, ToMany
from crm_core.params import Params
from crm_core.query import matching_ids_sql
from crm_core.records.change import update, update_each, update_where
from crm_core.records.outcome import Changed
from crm_core.records.writer import Writer, note_commit
from crm_core.relations import Relations
from crm_core.trees import text
from crm_core.values.lookups import Runner
from crm_core.values.normalise import normalise, read_problems
from crm_core.values.staging import flatten, stage
from lake import Change, Lake, Transaction, ident, table

Values = Mapping[str, Any]


class NoSuchRelationship(Conflict):
    """A module has no relationship of that name."""

    status = 404

    def __init__(self, module: str, slug: str, known: Sequence[str]) -> None:
        self.module = module
        self.slug = slug
        self.known = tuple(known)
        hint = f"it has {', '.join(known)}" if known else "it has none"
        super().__init__(f"{module} has no relationship “{slug}”: {hint}.")


@dataclass(frozen=True)
class _Place:
    """Where a link stands: its table, the column of the own side and that of the other."""

    relationship: Relationship
    near: str
    far: str

    @property
    def table(self) -> str:
        """The quoted link table."""
        return table("crm", self.relationship.link_table)


def link(
    lake: Lake,
    *,
    module: str,
    record_id: str,
    relationship: str,
    to: str | Sequence[str],
    actor: Actor,
    values: Values | None = None,
    door: str = "api",
    reason: str = "",
    change: Change | None = None,
) -> Changed:
    """Link a record to one or several others; a link that is there takes the new values of its own fields.

    Args:
        lake: the lake.
        module: the record's module.
        record_id: the record.
        relationship: the relationship as the module sees it: its slug, or its inverse.
        to: the id or ids to link to; for a reference to one of several modules `module:id`.
        actor: who links; both sides must be visible to him.
        values: the link's own fields, for a many-to-many.
        door: through which door.
        reason: why, for the history.
        change: under which change it is recorded.

    Raises:
        Forbidden: The actor may only look.
        NoSuchRelationship: The module has none of that name.
        RecordNotFound: A side is not there, or not for the actor.
        ValuesInvalid: The link's own values break a rule.
    """
    actor.require_change(f"links of {module}")
    others = [to] if isinstance(to, str) else list(to)
    more: dict[str, Any] = {"door": door, "reason": reason, "change": change}
    found = _relationship(definitions.read_catalog(lake), module, relationship)
    if isinstance(found, Reference):
        return _refer(lake, found, module, record_id, others, actor, more)
    if found.reference is not None:
        return _refer_back(lake, found, record_id, others, actor, more)
    made = change or Change(actor=actor.user, door=door, reason=reason)

    def work(tx: Transaction) -> tuple[tuple[str, ...], int]:
        catalog = definitions.read_catalog_in(tx, lake)
        writer = Writer(catalog, people.read_directory_in(tx, lake), actor, door)
        place = _place(_many(catalog, module, relationship))
        _choose_side(tx, writer, module, [record_id], "link_near")
        _choose_side(tx, writer, found.module, others, "link_far")
        return _write_links(tx, writer, place, dict(values or {}))

    done = lake.commit(work, made)
    note_commit(lake, done)
    return Changed(done.value[0], done.snapshot, done.change_id, done.value[1])


def link_where(
    lake: Lake,
    *,
    module: str,
    condition: Condition,
    relationship: str,
    to: str,
    actor: Actor,
    values: Values | None = None,
    dry_run: bool = False,
    door: str = "api",
    reason: str = "",
    change: Change | None = None,
) -> Changed:
    """Link all records that match a condition to one other; a dry run returns which would be.

    Raises:
        As `link`, and ConditionInvalid: The condition cannot be used.
    """
    actor.require_change(f"links of {module}")
    found = _relationship(definitions.read_catalog(lake), module, relationship)
    if isinstance(found, Reference):
        return update_where(
            lake, module=module, condition=condition, values={found.slug: _target(found, to)}, actor=actor,
            dry_run=dry_run, door=door, reason=reason, change=change,
        )  # fmt: skip
    made = change or Change(actor=actor.user, door=door, reason=reason)

    def work(tx: Transaction) -> tuple[tuple[str, ...], int]:
        catalog = definitions.read_catalog_in(tx, lake)
        writer = Writer(catalog, people.read_directory_in(tx, lake), actor, door)
        place = _place(_many(catalog, module, relationship))
        ids_sql, params = matching_ids_sql(catalog, module=module, actor=actor, condition=condition)
        tx.execute(f"CREATE OR REPLACE TEMP TABLE link_near AS {ids_sql}", params or None)
        _choose_side(tx, writer, found.module, [to], "link_far")
        outcome = _write_links(tx, writer, place, dict(values or {}))
        if dry_run:
            tx.cancel()
        return outcome

    done = lake.commit(work, made)
    note_commit(lake, done)
    return Changed(done.value[0], done.snapshot, done.change_id, done.value[1])


def unlink(
    lake: Lake,
    *,
    module: str,
    record_id: str,
    relationship: str,
    to: str | Sequence[str],
    actor: Actor,
    door: str = "api",
    reason: str = "",
    change: Change | None = None,
) -> Changed:
    """Take links away; a link that is not there is no error.

    Raises:
        Forbidden: The actor may only look.
        NoSuchRelationship: The module has none of that name.
        RecordNotFound: A side is not there, or not for the actor.
    """
    actor.require_change(f"links of {module}")
    others = [to] if isinstance(to, str) else list(to)
    more: dict[str, Any] = {"door": door, "reason": reason, "change": change}
    found = _relationship(definitions.read_catalog(lake), module, relationship)
    if isinstance(found, Reference):
        return update(
            lake, module=module, record_id=record_id, values={found.slug: None}, actor=actor, **more
        )
    if found.reference is not None:
        empty = {found.reference.slug: None}
        return _each(lake, found.module, others, empty, actor, more)
    made = change or Change(actor=actor.user, door=door, reason=reason)

    def work(tx: Transaction) -> tuple[str, ...]:
        catalog = definitions.read_catalog_in(tx, lake)
        writer = Writer(catalog, people.read_directory_in(tx, lake), actor, door)
        place = _place(_many(catalog, module, relationship))
        _choose_side(tx, writer, module, [record_id], "link_near")
        _choose_side(tx, writer, found.module, others, "link_far")
        return _remove_links(tx, place)

    done = lake.commit(work, made)
    note_commit(lake, done)
    return Changed(done.value, done.snapshot, done.change_id)


def _relationship(catalog: Catalog, module: str, slug: str) -> Reference | ToMany:
    catalog.module(module)
    found: Reference | ToMany | None = catalog.reference(module, slug)
    lists = catalog.to_many(module)
    found = found or next((one for one in lists if one.slug == slug), None)
    if found is None:
        known = [one.slug for one in catalog.references(module)] + [one.slug for one in lists]
        raise NoSuchRelationship(module, slug, sorted(set(known)))
    return found


def _many(catalog: Catalog, module: str, slug: str) -> ToMany:
    found = _relationship(catalog, module, slug)
    if isinstance(found, Reference) or found.link_table is None:
        raise Conflict(f"“{slug}” of {module} has just been changed. Look at it and try again.")
    return found


def _place(found: ToMany) -> _Place:
    near, far = ("from_id", "to_id") if found.outgoing else ("to_id", "from_id")
    return _Place(found.relationship, near, far)


def _target(found: Reference, to: str) -> Any:
    """The value of a reference for `id`, or for `module:id` where it may point to several modules."""
    if not found.polymorphic:
        return to
    module, _, record_id = to.rpartition(":")
    return {"module": module or found.targets[0], "id": record_id}


def _refer(
    lake: Lake,
    found: Reference,
    module: str,
    record_id: str,
    others: list[str],
    actor: Actor,
    more: dict[str, Any],
) -> Changed:
    if len(others) != 1:
        words = f"“{found.slug}” points to one record, not to {len(others)}"
        raise ValuesInvalid(module, [Problem(found.slug, "reference", words, others)])
    values = {found.slug: _target(found, others[0])}
    return update(lake, module=module, record_id=record_id, values=values, actor=actor, **more)


def _refer_back(
    lake: Lake, found: ToMany, record_id: str, others: list[str], actor: Actor, more: dict[str, Any]
) -> Changed:
    reference = found.reference
    assert reference is not None
    target: Any = {"module": found.owner, "id": record_id} if reference.polymorphic else record_id
    return _each(lake, found.module, others, {reference.slug: target}, actor, more)


def _each(
    lake: Lake, module: str, ids: list[str], values: Values, actor: Actor, more: dict[str, Any]
) -> Changed:
    return update_each(lake, module=module, values=dict.fromkeys(ids, values), actor=actor, **more)


def _choose_side(tx: Runner, writer: Writer, module: str, ids: Sequence[str], name: str) -> None:
    """Make a temp table of the ids of one side, all of which the actor must see."""
    relations = Relations(writer.catalog, writer.actor, Params("r"))
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT r.id FROM {text(relations.table(module, 'r'))} "
        f"WHERE {text(relations.predicate(module, 'r'))} AND r.id IN (SELECT try_cast(unnest($wanted) AS UUID))",
        {**relations.params.values, "wanted": list(ids)},
    )
    found = set(tx.read(f"SELECT CAST(id AS VARCHAR) AS id FROM {name}")["id"].to_list())
    for record_id in ids:
        if str(record_id).lower() not in found:
            raise RecordNotFound(module, str(record_id))


def _write_links(
    tx: Transaction, writer: Writer, place: _Place, values: dict[str, Any]
) -> tuple[tuple[str, ...], int]:
    """Link every near record to every far one; gives the ids of the links that are new or different, and how many
    were as wanted."""
    own = {field.slug: field for field in place.relationship.fields}
    columns = _type_own(
        tx, writer, place, {slug: f.default for slug, f in own.items() if f.default is not None} | values
    )
    given = [key for slug in values if slug in own for key in own[slug].columns]
    tx.execute(
        "CREATE OR REPLACE TEMP TABLE link_pairs AS SELECT n.id AS near, f.id AS far, l.id AS link_id, "
        f"{_differs(given)} AS differs FROM link_near n CROSS JOIN link_far f CROSS JOIN link_typed t "
        f"LEFT JOIN {place.table} l ON l.{place.near} = n.id AND l.{place.far} = f.id AND l.deleted_at IS NULL"
    )
    tx.execute(
        "CREATE OR REPLACE TEMP TABLE link_new AS "
        "SELECT uuidv7() AS id, near, far FROM link_pairs WHERE link_id IS NULL"
    )
    stamps = {"now": tx.occurred_at, "change": tx.change_id, "version": tx.snapshot}
    names = "".join(f", {ident(key)}" for key in columns)
    changed = tx.read(
        "SELECT CAST(coalesce(n.id, p.link_id) AS VARCHAR) AS id, p.link_id IS NULL AS new "
        "FROM link_pairs p LEFT JOIN link_new n ON n.near = p.near AND n.far = p.far "
        "WHERE p.link_id IS NULL OR p.differs"
    )
    if not changed.height:
        tx.cancel()
    if changed["new"].any():
        values_there = "".join(f", t.{ident(key)}" for key in columns)
        tx.execute(
            f"INSERT INTO {place.table} "
            f"(id, {place.near}, {place.far}, created_at, updated_at, change_id, version{names}) "
            f"SELECT n.id, n.near, n.far, $now, $now, CAST($change AS UUID), $version{values_there} "
            "FROM link_new n CROSS JOIN link_typed t",
            stamps,
        )
    if not changed["new"].all():
        sets = ", ".join(f"{ident(key)} = t.{ident(key)}" for key in given)
        tx.execute(
            f"UPDATE {place.table} SET {sets}, updated_at = $now, change_id = CAST($change AS UUID), "
            "version = $version FROM link_pairs p CROSS JOIN link_typed t "
            f"WHERE p.link_id = {place.table}.id AND p.differs",
            stamps,
        )
    total = int(tx.read("SELECT count(*) AS n FROM link_pairs").item())
    return tuple(changed["id"].to_list()), total - changed.height


def _differs(given: list[str]) -> str:
    tests = [f"(l.id IS NOT NULL AND l.{ident(key)} IS DISTINCT FROM t.{ident(key)})" for key in given]
    return " OR ".join(tests) or "false"


def _type_own(tx: Runner, writer: Writer, place: _Place, values: dict[str, Any]) -> list[str]:
    """Make the temp table `link_typed` of the link's own values; gives its columns."""
    own = {field.slug: field for field in place.relationship.fields}
    key = place.relationship.key
    flat = flatten(writer.catalog, key, [values], fields=own)
    stage(tx, flat, meta={}, fields=own, name="link_staged")
    typed = normalise(
        tx, writer.catalog, module=key, directory=writer.directory, staged="link_staged", typed="link_typed",
        problems="link_problems", reading=writer.reading, fields=own,
    )  # fmt: skip
    problems = [*flat.problems, *read_problems(tx, typed, [values])]
    problems += [
        Problem(slug, "required", f"“{slug}” is required", values.get(slug))
        for slug, field in own.items()
        if field.required and values.get(slug) in (None, "", [])
    ]
    if problems:
        raise ValuesInvalid(key, problems)
    return list(typed.columns)


def _remove_links(tx: Transaction, place: _Place) -> tuple[str, ...]:
    chosen = (
        f"{place.near} IN (SELECT id FROM link_near) AND {place.far} IN (SELECT id FROM link_far) "
        "AND deleted_at IS NULL"
    )
    ids = tx.read(f"SELECT CAST(id AS VARCHAR) AS id FROM {place.table} WHERE {chosen} ORDER BY id")[
        "id"
    ].to_list()
    if not ids:
        tx.cancel()
        return ()
    tx.execute(
        f"UPDATE {place.table} SET deleted_at = $now, updated_at = $now, change_id = CAST($change AS UUID), "
        f"version = $version WHERE {chosen}",
        {"now": tx.occurred_at, "change": tx.change_id, "version": tx.snapshot},
    )
    return tuple(ids)
