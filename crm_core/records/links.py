"""Links between records: rows of a many-to-many's table, or the reference on the other side."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.errors import Conflict, Problem, ValuesInvalid
from crm_core.model import All, Catalog, Condition, Leaf, Reference, ToMany
from crm_core.query import matching_ids_sql
from crm_core.records.change import update, update_each, update_where
from crm_core.records.link_rows import Place, choose_side, remove_links, write_links
from crm_core.records.outcome import Changed
from crm_core.records.writer import Writer, note_commit
from lake import Change, Lake, Transaction

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
    pairs = _Pairs(module, relationship, others, [record_id])
    made = change or Change(actor=actor.user, door=door, reason=reason)
    return _commit(lake, pairs, actor, made, partial(write_links, values=dict(values or {})))


def link_in(
    tx: Transaction, writer: Writer, *, module: str, record_id: str, relationship: str, to: str,
    values: Values | None = None,
) -> None:  # fmt: skip
    """Link a record to another one by a many-to-many, within an open transaction, under its change.

    Raises:
        NoSuchRelationship, RecordNotFound, ValuesInvalid: As `link`.
    """
    found = _many(writer.catalog, module, relationship)
    near, far = ("from_id", "to_id") if found.outgoing else ("to_id", "from_id")
    choose_side(tx, writer, module, [record_id], "link_near")
    choose_side(tx, writer, found.module, [to], "link_far")
    write_links(tx, writer, Place(found.relationship, near, far), dict(values or {}))


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
    pairs = _Pairs(module, relationship, [to], condition=condition)
    made = change or Change(actor=actor.user, door=door, reason=reason)
    write = partial(write_links, values=dict(values or {}))
    return _commit(lake, pairs, actor, made, write, dry_run=dry_run)


def unlink_where(
    lake: Lake,
    *,
    module: str,
    condition: Condition,
    relationship: str,
    to: str,
    actor: Actor,
    dry_run: bool = False,
    door: str = "api",
    reason: str = "",
    change: Change | None = None,
) -> Changed:
    """Take the links of all records that match a condition to one other away; a dry run returns which.

    Raises:
        As `unlink`, and ConditionInvalid: The condition cannot be used.
    """
    actor.require_change(f"links of {module}")
    found = _relationship(definitions.read_catalog(lake), module, relationship)
    if isinstance(found, Reference):
        leads_there = Leaf(field=found.slug, op="eq", value=to.rpartition(":")[2])
        return update_where(
            lake, module=module, condition=All(all=(condition, leads_there)), values={found.slug: None},
            actor=actor, dry_run=dry_run, door=door, reason=reason, change=change,
        )  # fmt: skip
    pairs = _Pairs(module, relationship, [to], condition=condition)
    made = change or Change(actor=actor.user, door=door, reason=reason)
    return _commit(lake, pairs, actor, made, _remove, dry_run=dry_run)


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
    pairs = _Pairs(module, relationship, others, [record_id])
    made = change or Change(actor=actor.user, door=door, reason=reason)
    return _commit(lake, pairs, actor, made, _remove)


@dataclass(frozen=True)
class _Pairs:
    """Which links: of some records of a module, named or by a condition, each to all of the others."""

    module: str
    relationship: str
    others: Sequence[str]
    ids: Sequence[str] = ()
    condition: Condition | None = None


Written = tuple[tuple[str, ...], int]
"""The links that are other than before, and how many were as wanted already."""


def _commit(
    lake: Lake,
    pairs: _Pairs,
    actor: Actor,
    change: Change,
    write: Callable[[Transaction, Writer, Place], Written],
    *,
    dry_run: bool = False,
) -> Changed:
    """Choose both sides under the lock and write their links, in one commit; a dry run writes nothing."""

    def work(tx: Transaction) -> Written:
        writer, place, far = _open(tx, lake, pairs, actor, change.door)
        if pairs.condition is None:
            choose_side(tx, writer, pairs.module, pairs.ids, "link_near")
        else:
            _choose_matching(tx, writer, pairs.module, pairs.condition)
        choose_side(tx, writer, far, pairs.others, "link_far")
        written = write(tx, writer, place)
        if dry_run:
            tx.cancel()
        return written

    done = lake.commit(work, change)
    note_commit(lake, done)
    return Changed(done.value[0], done.snapshot, done.change_id, done.value[1])


def _remove(tx: Transaction, _: Writer, place: Place) -> Written:
    return remove_links(tx, place), 0


def _relationship(catalog: Catalog, module: str, slug: str) -> Reference | ToMany:
    catalog.module(module)
    found: Reference | ToMany | None = catalog.reference(module, slug)
    found = found or catalog.list_named(module, slug)
    if found is None:
        known = [one.slug for one in catalog.references(module)]
        known += [one.slug for one in catalog.to_many(module)]
        raise NoSuchRelationship(module, slug, sorted(set(known)))
    return found


def _many(catalog: Catalog, module: str, slug: str) -> ToMany:
    found = _relationship(catalog, module, slug)
    if isinstance(found, Reference) or found.link_table is None:
        words = f"“{slug}” of {module} is the other side of a reference, which holds one record: link them one by one"
        raise ValuesInvalid(module, [Problem(slug, "reference", words)])
    return found


def _open(tx: Transaction, lake: Lake, pairs: _Pairs, actor: Actor, door: str) -> tuple[Writer, Place, str]:
    """Who writes, where the links stand and to which module, by the definitions that count under the lock."""
    writer = Writer(definitions.read_catalog_in(tx, lake), people.read_directory_in(tx, lake), actor, door)
    found = _many(writer.catalog, pairs.module, pairs.relationship)
    near, far = ("from_id", "to_id") if found.outgoing else ("to_id", "from_id")
    return writer, Place(found.relationship, near, far), found.module


def _choose_matching(tx: Transaction, writer: Writer, module: str, condition: Condition) -> None:
    ids_sql, params = matching_ids_sql(writer.catalog, module=module, actor=writer.actor, condition=condition)
    tx.execute(f"CREATE OR REPLACE TEMP TABLE link_near AS {ids_sql}", params or None)


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
