"""Rows of link tables: written and taken away as sets, under the lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crm_core.errors import Problem, RecordNotFound, ValuesInvalid
from crm_core.model import Relationship
from crm_core.params import Params
from crm_core.records.writer import Writer
from crm_core.relations import Relations
from crm_core.trees import text
from crm_core.values.circles import CIRCLE, check_links, in_words
from crm_core.values.lookups import Runner
from crm_core.values.normalise import normalise, read_problems
from crm_core.values.staging import flatten, stage
from lake import Transaction, ident, table


@dataclass(frozen=True)
class Place:
    """Where a link stands: its table, the column of the own side and that of the other."""

    relationship: Relationship
    near: str
    far: str

    @property
    def table(self) -> str:
        """The quoted link table."""
        return table("crm", self.relationship.link_table)


def choose_side(tx: Runner, writer: Writer, module: str, ids: Sequence[str], name: str) -> None:
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


def write_links(
    tx: Transaction, writer: Writer, place: Place, values: dict[str, Any]
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
    _refuse_circles(tx, place, columns, given)
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


def _refuse_circles(tx: Transaction, place: Place, columns: list[str], given: list[str]) -> None:
    """Refuse what would put a record below itself, of the links that are new or become others."""
    rel = place.relationship
    by = rel.tree.by if rel.tree is not None else None
    ends = ("near", "far") if place.near == "from_id" else ("far", "near")
    kind = ""
    if by is not None:
        told = f"t.{ident(by)}" if by in columns else "NULL"
        kept = f"CASE WHEN p.link_id IS NULL THEN {told} ELSE l.{ident(by)} END"
        kind = f", {told if by in given else kept} AS {ident(by)}"
    links = (
        f"SELECT row_number() OVER () AS _row, p.{ends[0]} AS from_id, p.{ends[1]} AS to_id{kind} FROM link_pairs p "
        f"CROSS JOIN link_typed t LEFT JOIN {place.table} l ON l.id = p.link_id WHERE p.link_id IS NULL OR p.differs"
    )
    changed = "SELECT link_id FROM link_pairs WHERE link_id IS NOT NULL AND differs"
    if check_links(tx, rel, links=links, changed=changed):
        raise ValuesInvalid(rel.key, [Problem(by or rel.slug, CIRCLE, in_words(rel.name))])


def _differs(given: list[str]) -> str:
    tests = [f"(l.id IS NOT NULL AND l.{ident(key)} IS DISTINCT FROM t.{ident(key)})" for key in given]
    return " OR ".join(tests) or "false"


def _type_own(tx: Runner, writer: Writer, place: Place, values: dict[str, Any]) -> list[str]:
    """Make the temp table `link_typed` of the link's own values; gives its columns."""
    own = {field.slug: field for field in place.relationship.fields}
    key = place.relationship.key
    flat = flatten(writer.catalog, key, [values], fields=own)
    stage(tx, flat, meta={}, fields=own, name="link_staged")
    typed = normalise(
        tx, writer.catalog, module=key, directory=writer.directory, staged="link_staged", typed="link_typed",
        problems="link_problems", reading=writer.reading, fields=own, few=True,
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


def remove_links(tx: Transaction, place: Place) -> tuple[str, ...]:
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
