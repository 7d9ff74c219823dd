"""Contact points: every address and number of a profile, one of each kind the primary one, kept in step both ways.

A profile's field `email` or `phone` is its primary point. Whoever writes the field makes a point primary; whoever
writes points decides what the field says. Each row is written once: flags are settled before rows are stored.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from crm_core.model import Catalog, ContactPoints, Module
from crm_core.records.writer import Writer
from crm_core.values.lookups import Runner
from crm_core.values.normalise import Typed, as_given, staged_types
from crm_core.values.standards import standardise
from lake import Transaction, ident, table

if TYPE_CHECKING:
    from crm_core.records.insert import Ready

_LIVE = "points_live"
_SETTLED = "points_settled"
_TOUCHED = "points_touched"
_SHARED = ("owner", "workers", "team")
"""What a point has from its profile under the same name."""


@dataclass(frozen=True)
class Holding:
    """A module that holds the contact points of a profile module."""

    profile: Module
    points: ContactPoints

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """(kind of point, field of the profile that holds the primary one)."""
        return (("email", self.points.email), ("phone", self.points.phone))


def holdings(catalog: Catalog, module: str) -> Iterator[Holding]:
    """The profile modules whose contact points stand in a module."""
    for profile in catalog.modules.values():
        if profile.contact_points is not None and profile.contact_points.module == module:
            yield Holding(profile, profile.contact_points)


def insert_points(
    tx: Transaction, writer: Writer, module: Module, *, rows: str, carried: Collection[str]
) -> int:
    """Store the primary contact points of new profiles; returns how many."""
    from crm_core.records.insert import write_insert

    ready = prepare_points(tx, writer, module, rows=rows, carried=carried)
    return write_insert(tx, writer, ready, points=False) if ready is not None else 0


def prepare_points(
    s: Runner,
    writer: Writer,
    module: Module,
    *,
    rows: str,
    carried: Collection[str],
    empty: Collection[str] | None = None,
) -> "Ready | None":
    """Make the primary contact points of new profiles ready, without storing them; None when there are none.

    Args:
        s: a session or transaction.
        writer: on whose behalf.
        module: the profiles' module.
        rows: the table with the profiles.
        carried: what it carries along; `point_id` of each field is the id of its point.
        empty: columns of the profiles that are NULL in all of them. With it the points are made a view over the
            profiles, in their order; without it a table.
    """
    if module.contact_points is None:
        return None
    holding = Holding(module, module.contact_points)
    return _ready_points(s, writer, holding, rows=rows, carried=carried, wanted="true", empty=empty)


def point_id(slug: str) -> str:
    """The column that a profile carries along with the id of the point of one of its fields."""
    return f"_point__{slug}"


def _add_points(
    tx: Transaction, writer: Writer, holding: Holding, *, rows: str, carried: Collection[str], wanted: str
) -> int:
    """Store new primary points from fields of profiles, for the kinds where `wanted` holds (over `r`, `kind`)."""
    from crm_core.records.insert import write_insert

    ready = _ready_points(tx, writer, holding, rows=rows, carried=carried, wanted=wanted)
    return write_insert(tx, writer, ready, points=False) if ready is not None else 0


def _ready_points(
    s: Runner,
    writer: Writer,
    holding: Holding,
    *,
    rows: str,
    carried: Collection[str],
    wanted: str,
    empty: Collection[str] | None = None,
) -> "Ready | None":
    from crm_core.records.insert import prepare_insert

    points, view, own, selects = holding.points, empty is not None, {}, []
    for number, (kind, field) in enumerate(holding.fields):
        columns = _point_columns(writer, holding, kind, field, carried)
        columns = {key: one for key, one in columns.items() if key not in _SHARED or key not in (empty or ())}
        own = {key: type for key, (type, _) in columns.items()}
        id = f"r.{ident(point_id(field))}" if point_id(field) in carried else "uuidv7()"
        change = "r._change_id" if "_change_id" in carried else "NULL::UUID"
        shown = "".join(f", {sql} AS {ident(key)}" for key, (_, sql) in columns.items())
        selects.append(
            f"SELECT r._row * {len(holding.fields)} + {number} AS _row, {id} AS _id, {change} AS _change_id{shown} "
            f"FROM {ident(rows)} r CROSS JOIN (SELECT '{kind}' AS kind) k "
            f"WHERE r.{ident(field)} IS NOT NULL AND ({wanted})"
        )
    new, ready = ("points_new_view", "points_ready_view") if view else ("points_new", "points_ready")
    count = s.execute(
        f"CREATE OR REPLACE TEMP {'VIEW' if view else 'TABLE'} {new} AS {' UNION ALL '.join(selects)}"
    )
    if not (s.read(f"SELECT count(*) AS n FROM {new}").item() if view else count):
        return None
    s.execute("CREATE OR REPLACE TEMP TABLE points_problems (_row BIGINT)")
    typed = Typed(new, "points_problems", own, {}, carried=("_row", "_id", "_change_id"))
    return prepare_insert(s, writer, module=points.module, typed=typed, staged=new, ready=ready, view=view)


def _point_columns(
    writer: Writer, holding: Holding, kind: str, field: str, carried: Collection[str]
) -> dict[str, tuple[str, str]]:
    """Column of a point → its type, and its value over a profile `r`."""
    points, given = holding.points, f"r.{ident(field)}"
    if as_given(field) in carried:
        given = f"coalesce(r.{ident(as_given(field))}, {given})"
    reference = writer.catalog.reference(points.module, points.reference)
    which = {}
    if reference is not None and reference.polymorphic:
        which = {reference.module_column: ("VARCHAR", f"'{holding.profile.slug}'")}
    return {
        points.reference: ("UUID", "r.id"),
        **which,
        "kind": ("VARCHAR", f"'{kind}'"),
        "value": ("VARCHAR", given),
        "standardised": ("VARCHAR", f"r.{ident(field)}"),
        "primary": ("BOOLEAN", "true"),
        "invalid": ("BOOLEAN", "false"),
        "owner": ("VARCHAR", "r.owner"),
        "workers": ("VARCHAR[]", "r.workers"),
        "team": ("VARCHAR", "r.team"),
        "source": ("VARCHAR", "r.source"),
    }


def follow_profiles(tx: Transaction, writer: Writer, module: Module, *, rows: str) -> None:
    """Bring the points of changed profiles in step with their fields.

    Args:
        tx: the transaction that stores the profiles.
        writer: on whose behalf.
        module: the profiles' module; nothing is done when it has no contact points.
        rows: a temp table with the profiles as they will be, and a column `<field>__differs` of each field.
    """
    if module.contact_points is None:
        return
    holding = Holding(module, module.contact_points)
    present = staged_types(tx, rows)
    watched = [(kind, field) for kind, field in holding.fields if f"{field}__differs" in present]
    if not watched:
        return
    any_differs = " OR ".join(f"r.{ident(f'{field}__differs')}" for _, field in watched)
    place, reference = table("crm", holding.points.module), ident(holding.points.reference)
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {_LIVE} AS SELECT p.id, p.{reference} AS profile, p.kind, p.standardised, "
        f'p."primary", p.created_at FROM {place} p WHERE p.deleted_at IS NULL AND p.{reference} IN '
        f"(SELECT r.id FROM {ident(rows)} r WHERE {any_differs})"
    )
    value = _by_kind(watched, "r.{}", "NULL")
    differs = _by_kind([(k, f"{f}__differs") for k, f in watched], "r.{}", "false")
    first = 'ORDER BY p."primary" DESC NULLS LAST, p.created_at, p.id'
    tx.execute(
        f'CREATE OR REPLACE TEMP TABLE {_SETTLED} AS SELECT p.id, p.profile, p.kind, p."primary" AS was, '
        f"coalesce(p.standardised = {value}, false) "
        f"AND row_number() OVER (PARTITION BY p.profile, p.kind, p.standardised {first}) = 1 "
        f'AS "primary" FROM {_LIVE} p JOIN {ident(rows)} r ON r.id = p.profile WHERE {differs}'
    )
    _store_flags(tx, holding)
    wanted = " OR ".join(f"(k.kind = '{k}' AND r.{ident(f + '__differs')})" for k, f in watched)
    known = f'EXISTS (SELECT 1 FROM {_SETTLED} s WHERE s.profile = r.id AND s.kind = k.kind AND s."primary")'
    _add_points(tx, writer, holding, rows=rows, carried=present, wanted=f"({wanted}) AND NOT {known}")


def _by_kind(fields: list[tuple[str, str]], form: str, other: str) -> str:
    """An expression over the kind of point `p`: what `form` makes of the column for that kind."""
    branches = " ".join(f"WHEN '{kind}' THEN {form.format(ident(field))}" for kind, field in fields)
    return f"CASE p.kind {branches} ELSE {other} END"


def _store_flags(tx: Transaction, holding: Holding) -> None:
    other = '"primary" IS DISTINCT FROM coalesce(s.was, false)'
    if not tx.read(f"SELECT count(*) AS n FROM {_SETTLED} s WHERE s.{other}").item():
        return
    place = table("crm", holding.points.module)
    tx.execute(
        f'UPDATE {place} SET "primary" = s."primary", updated_at = $now, change_id = CAST($change AS UUID), '
        f"version = $version FROM {_SETTLED} s WHERE s.id = {place}.id AND s.{other}",
        {"now": tx.occurred_at, "change": tx.change_id, "version": tx.snapshot},
    )


def settle_points(
    tx: Transaction, writer: Writer, module: Module, *, rows: str, before: str | None, gone: bool = False
) -> None:
    """Settle which of some points are primary before they are stored, and bring the profiles in step.

    Args:
        tx: the transaction that stores the points.
        writer: on whose behalf.
        module: the points' module; nothing is done when it holds none.
        rows: the temp table with the points as they will be; its columns `standardised`, `invalid` and `primary` are
            filled in.
        before: the temp table with the points as they are, when they are there already.
        gone: whether the rows are about to be deleted.
    """
    for holding in holdings(writer.catalog, module.slug):
        if not gone:
            _standardise(tx, writer, rows)
        _settle(tx, holding, rows=rows, before=before, gone=gone)
        _follow_points(tx, holding)


def _standardise(s: Runner, writer: Writer, rows: str) -> None:
    """Work out `standardised`, and mark as invalid what is no address or number; the value stays as given."""
    asked = s.read(
        f"SELECT DISTINCT kind, value FROM {ident(rows)} WHERE kind IS NOT NULL AND value IS NOT NULL"
    )
    country = writer.catalog.workspace.country
    answers = []
    for kind, value in asked.iter_rows():
        answers += [(kind, value, standardise(kind, country, [value.strip()])[0])]
    frame = pl.DataFrame(
        answers, schema={"kind": pl.String, "value": pl.String, "standard": pl.String}, orient="row"
    )
    s.register("points_answers", frame)
    s.execute(
        f"UPDATE {ident(rows)} SET standardised = a.standard, "
        f"invalid = CASE WHEN a.standard IS NULL THEN true ELSE coalesce({ident(rows)}.invalid, false) END "
        f"FROM points_answers a WHERE a.kind = {ident(rows)}.kind AND a.value = {ident(rows)}.value"
    )


def _settle(tx: Transaction, holding: Holding, *, rows: str, before: str | None, gone: bool) -> None:
    """Fill `points_settled` with every point of the profiles concerned, and the flags of `rows`.

    Of each kind the primary point is the one just marked (the last, when several are), else the one that was, else
    the oldest that can be used; never one that is no address or number.
    """
    place, reference = table("crm", holding.points.module), ident(holding.points.reference)
    touched = f"SELECT {reference} AS id, kind FROM {ident(rows)}"
    was = "false"
    if before is not None:
        touched += f" UNION SELECT {reference}, kind FROM {ident(before)}"
        was = f'coalesce((SELECT b."primary" FROM {ident(before)} b WHERE b.id = r.id), false)'
    tx.execute(f"CREATE OR REPLACE TEMP TABLE {_TOUCHED} AS SELECT DISTINCT id, kind FROM ({touched})")
    here = (
        f"SELECT r.id, r.{reference} AS profile, r.kind, r.standardised, r.invalid, "
        f'coalesce(r."primary", false) AS now, {was} AS was, coalesce(r.created_at, now()) AS created_at, '
        f"r._row, true AS here FROM {ident(rows)} r WHERE r.{reference} IS NOT NULL AND NOT $gone"
    )
    there = (
        f'SELECT p.id, p.{reference}, p.kind, p.standardised, p.invalid, coalesce(p."primary", false), '
        f'coalesce(p."primary", false), p.created_at, 0, false FROM {place} p JOIN {_TOUCHED} t '
        f"ON t.id = p.{reference} AND t.kind = p.kind WHERE p.deleted_at IS NULL "
        f"AND p.id NOT IN (SELECT id FROM {ident(rows)})"
    )
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {_SETTLED} AS SELECT id, profile, kind, standardised, was, here, "
        'coalesce(place = 1, false) AS "primary" FROM (SELECT *, CASE WHEN rank < 4 THEN row_number() OVER '
        "(PARTITION BY profile, kind ORDER BY rank, CASE WHEN here THEN -_row END, created_at, id) END AS place "
        # What is no address or number leads nowhere, whoever marks it.
        "FROM (SELECT *, CASE WHEN standardised IS NULL THEN 4 "
        "WHEN here AND now AND NOT was THEN 1 WHEN now THEN 2 "
        # One that was just unmarked, or is known not to work, becomes the primary one only when somebody says so.
        "WHEN coalesce(invalid, false) OR (was AND NOT now) THEN 4 ELSE 3 END AS rank "
        f"FROM ({here} UNION ALL {there})))",
        {"gone": gone},
    )
    if not gone:
        tx.execute(
            f'UPDATE {ident(rows)} SET "primary" = s."primary" FROM {_SETTLED} s WHERE s.id = {ident(rows)}.id'
        )


def _follow_points(tx: Transaction, holding: Holding) -> None:
    """Store the flags of the other points, and the primary ones in their profiles."""
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE points_chosen AS SELECT profile, kind, standardised FROM {_SETTLED} "
        'WHERE "primary" AND standardised IS NOT NULL'
    )
    tx.execute(f"DELETE FROM {_SETTLED} WHERE here")
    _store_flags(tx, holding)
    place = table("crm", holding.profile.slug)
    values, differs, sets = [], [], []
    for kind, field in holding.fields:
        chosen = f"(SELECT c.standardised FROM points_chosen c WHERE c.profile = m.id AND c.kind = '{kind}')"
        touched = f"EXISTS (SELECT 1 FROM {_TOUCHED} t WHERE t.id = m.id AND t.kind = '{kind}')"
        values.append(f"CASE WHEN {touched} THEN {chosen} ELSE m.{ident(field)} END AS {ident(field)}")
        differs.append(f"f.{ident(field)} IS DISTINCT FROM {place}.{ident(field)}")
        sets.append(f"{ident(field)} = f.{ident(field)}")
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE points_fields AS SELECT m.id, {', '.join(values)} FROM {place} m "
        f"WHERE m.id IN (SELECT id FROM {_TOUCHED})"
    )
    tx.execute(
        f"UPDATE {place} SET {', '.join(sets)}, updated_at = $now, change_id = CAST($change AS UUID), "
        f"version = $version FROM points_fields f WHERE f.id = {place}.id AND ({' OR '.join(differs)})",
        {"now": tx.occurred_at, "change": tx.change_id, "version": tx.snapshot},
    )
