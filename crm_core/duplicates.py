"""Records that are perhaps the same as one that is there or about to be made: by e-mail, phone, and name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlglot import exp

from crm_core.access import Actor
from crm_core.model import Catalog, Module
from crm_core.prepared import STAND_IN, about_record
from crm_core.query import title_column
from crm_core.relations import Relations, relations_for
from crm_core.trees import column, function, text, union_all
from crm_core.values.standards import standardise
from lake import Lake
from lake.held import key_column

Reason = Literal["email", "phone", "name"]

SIMILAR = 0.93
"""From which Jaro-Winkler similarity on two names are worth a hint: a letter more or less, or two exchanged."""
SHORTEST_NAME = 4
"""Shorter names are alike by chance."""
_LONGER = 4
"""By how many letters similar names may differ in length; the others are not compared."""
_KINDS: tuple[Literal["email", "phone"], ...] = ("email", "phone")
_ROW, _POINT = "r", "cp"


@dataclass(frozen=True)
class Likely:
    """A record that may be the same: who it is, and what speaks for it."""

    module: str
    id: str
    title: str
    subtitle: str
    reasons: tuple[Reason, ...]
    score: float
    """1 for the same address, number or name; below it for a name that is similar."""


def likely(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    values: Mapping[str, Any],
    actor: Actor,
    without: str = "",
    names: bool = True,
    limit: int = 5,
) -> tuple[Likely, ...]:
    """The visible records that are perhaps the one with these values, those with most reasons first; one statement.

    Args:
        lake: the lake.
        catalog: the definitions.
        module: of which module; names are compared only in a profile module, where a name stands for somebody.
        values: slug → value, saved or as it is being typed; what is no address or number yet is not looked for.
        actor: who looks; what he may not see is not told.
        without: the id of the record itself, when it is there already.
        names: whether similar names count; to compare them reads the names of all records.
        limit: at most so many.
    """
    own = catalog.module(module)
    asked = {kind: _asked(catalog, own, kind, values) for kind in _KINDS}
    name = str(values.get(own.title) or "") if names and own.profile else ""
    if name:
        relations = relations_for(lake, catalog, actor)
        parts = _parts(relations, own, asked, name)
        if not parts:
            return ()
        statement, bound = text(_best(relations, parts, without, limit)), relations.params.values
    elif any(asked.values()):
        statement, bound = _by_contact_alone(lake, catalog, own, asked, actor, without, limit)
    else:
        return ()
    rows = lake.read(statement, bound).to_dicts()
    return tuple(
        Likely(module, row["id"], row["title"] or "", row["subtitle"] or "", tuple(row["reasons"]), row["score"])
        for row in rows
    )  # fmt: skip


def _by_contact_alone(
    lake: Lake, catalog: Catalog, own: Module, asked: Mapping[Literal["email", "phone"], list[str]],
    actor: Actor, without: str, limit: int,
) -> tuple[str, dict[str, Any]]:  # fmt: skip
    """The statement and its values, compiled once for all records with as many addresses and numbers."""
    stand_ins = {kind: [f"{kind} {place}" for place in range(len(asked[kind]))] for kind in _KINDS}
    known = {there: here for kind in _KINDS for there, here in zip(stand_ins[kind], asked[kind], strict=True)}
    return about_record(
        lake, catalog, without,
        lambda relations: _best(relations, _parts(relations, own, stand_ins, ""), STAND_IN, limit),
        key=("likely", own.slug, *map(len, asked.values()), limit), actor=actor, instead=known,
    )  # fmt: skip


def _parts(
    relations: Relations, own: Module, asked: Mapping[Literal["email", "phone"], list[str]], name: str
) -> list[exp.Select]:
    """The records with one of these addresses or numbers, and those with a name like this one."""
    parts = [part for kind in _KINDS for part in _by_contact(relations, own, kind, asked[kind])]
    named = _by_name(relations, own, name)
    return [*parts, *([named] if named is not None else [])]


def _best(relations: Relations, parts: list[exp.Select], without: str, limit: int) -> exp.Select:
    union = union_all(list(parts)).subquery("found")
    same = exp.Distinct(expressions=[column("reason")])
    reasons = function("list_sort", function("list", same))
    return (
        exp.select(
            column("id"),
            exp.Max(this=column("title")).as_("title"),
            exp.Max(this=column("subtitle")).as_("subtitle"),
            reasons.as_("reasons"),
            exp.Max(this=column("score")).as_("score"),
        )
        .from_(union)
        .where(column("id").neq(relations.params.bind(without)))
        .group_by(column("id"))
        .order_by(
            exp.Ordered(this=function("len", column("reasons")), desc=True),
            exp.Ordered(this=column("score"), desc=True),
            exp.Ordered(this=column("title"), desc=False),
            exp.Ordered(this=column("id"), desc=False),
        )
        .limit(limit)
    )


def _asked(catalog: Catalog, module: Module, kind: str, values: Mapping[str, Any]) -> list[str]:
    """The addresses or numbers among the values, as they are stored; addresses as written and in small letters."""
    given = [str(values[f.slug]).strip() for f in module.fields if f.kind == kind and values.get(f.slug)]
    standard = standardise(kind, catalog.workspace.country, given)
    known = [value for value in standard if value]
    # To lower what is stored would read every row's text; most people's mail programs write small letters anyway.
    return list(dict.fromkeys([*known, *(value.lower() for value in known)]))


def _by_contact(
    relations: Relations, module: Module, kind: Literal["email", "phone"], asked: list[str]
) -> list[exp.Select]:
    """Those that have it in a field of theirs, and those that have it among their contact points.

    Two parts: one test for either would read every id.
    """
    if not asked:
        return []
    needles = relations.params.bind_all(asked)

    def among(name: str, alias: str) -> exp.Expr:
        return column(name, alias).isin(*[needle.copy() for needle in needles])

    one = exp.Literal.number(1)
    parts = [
        _part(relations, module, kind, one.copy()).where(among(field.slug, _ROW))
        for field in module.fields
        if field.kind == kind
    ]
    points = module.contact_points
    if points is not None and points.module in relations.catalog.modules:
        keys = [points.reference, key_column(points.reference)] if relations.copied else [points.reference]
        owners = (
            exp.select(
                *[column(key, _POINT).as_(name) for key, name in zip(keys, ("owner", "number"), strict=False)]
            )
            .distinct()
            .from_(relations.stored(points.module, _POINT))
            .where(
                column("deleted_at", _POINT).is_(exp.null()),
                column("kind", _POINT).eq(relations.params.bind(kind)),
                among("standardised", _POINT),
            )
        )
        same: exp.Expr = column("id", _ROW).eq(column("owner", "o"))
        if relations.copied:
            # By the number few rows are read, by the id alone all.
            same = exp.and_(column(key_column("id"), _ROW).eq(column("number", "o")), same)
        parts.append(_part(relations, module, kind, one).join(owners.subquery("o"), on=same))
    return parts


def _by_name(relations: Relations, module: Module, given: str) -> exp.Select | None:
    asked = " ".join(given.lower().split())
    title = module.field(module.title)
    if len(asked) < SHORTEST_NAME or title is None or title.kind not in ("text", "long_text"):
        return None
    here = function("lower", column(module.title, _ROW))
    likeness = function(
        "jaro_winkler_similarity", here, relations.params.bind(asked), relations.params.bind(SIMILAR)
    )
    lengths = exp.Sub(this=function("length", here.copy()), expression=relations.params.bind(len(asked)))
    return _part(relations, module, "name", likeness).where(
        exp.LTE(this=function("abs", exp.paren(lengths)), expression=exp.Literal.number(_LONGER)),
        exp.GTE(this=likeness.copy(), expression=relations.params.bind(SIMILAR)),
    )


def _part(relations: Relations, module: Module, reason: Reason, score: exp.Expr) -> exp.Select:
    catalog = relations.catalog
    subtitle: exp.Expr = exp.Literal.string("")
    if module.subtitle:
        subtitle = column(catalog.resolve(module.slug, module.subtitle).column, _ROW)
    return (
        exp.select(
            exp.cast(column("id", _ROW), "VARCHAR").as_("id"),
            exp.cast(column(title_column(catalog, module.slug), _ROW), "VARCHAR").as_("title"),
            exp.cast(subtitle, "VARCHAR").as_("subtitle"),
            exp.Literal.string(reason).as_("reason"),
            exp.cast(score, "DOUBLE").as_("score"),
        )
        .from_(relations.stored(module.slug, _ROW))
        .where(relations.predicate(module.slug, _ROW))
    )
