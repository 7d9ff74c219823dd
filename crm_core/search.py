"""Search as one types: over titles, searchable fields, and every e-mail address and phone number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition
from crm_core.model import Catalog, Condition, Module
from crm_core.query import title_column
from crm_core.relations import Relations, relations_for
from crm_core.searched import searched_columns
from crm_core.trees import all_of, any_of, column, function, text, union_all
from lake import Lake
from lake.mirror import SEARCH_TEXT

_ROW = "r"
_NUMBER = re.compile(r"[+0-9()./-]+")
"""A word that may be a phone number as people write them."""


@dataclass(frozen=True)
class Hit:
    """One record found: enough to show it in a list."""

    module: str
    id: str
    title: str
    subtitle: str
    status: str | None
    folder: str | None


@dataclass(frozen=True)
class Hits:
    """The first records found and how many there are in all."""

    items: tuple[Hit, ...]
    total: int


def search_predicate(relations: Relations, module: str, words: str, alias: str) -> exp.Expr:
    """True for the rows that hold every word of the search in one of their searched columns or contact points."""
    own = relations.catalog.module(module)
    tests = [_word_predicate(relations, own, word, alias) for word in words.lower().split()]
    return all_of(tests)


def _word_predicate(relations: Relations, module: Module, word: str, alias: str) -> exp.Expr:
    digits = re.sub(r"\D", "", word).lstrip("0")
    needles = [relations.params.bind(word)]
    if len(digits) >= 4 and digits != word and _NUMBER.fullmatch(word):
        needles.append(relations.params.bind(digits))
    ways = _ways(relations, module, needles, alias)
    points = module.contact_points
    # In the serving copy the texts of contact points stand with those of whom they belong to.
    if not relations.copied and points is not None and points.module in relations.catalog.modules:
        inner = "cp"
        found = _ways(relations, relations.catalog.module(points.module), needles, inner)
        owners = (
            exp.select(column(points.reference, inner))
            .from_(relations.table(points.module, inner))
            .where(column("deleted_at", inner).is_(exp.null()), any_of(found))
        )
        ways.append(column("id", alias).isin(query=owners))
    return exp.paren(any_of(ways))


def _ways(relations: Relations, module: Module, needles: Sequence[exp.Expr], alias: str) -> list[exp.Expr]:
    """The tests of which one must hold for a row to have one of the texts."""
    if relations.copied:
        texts: list[exp.Expr] = [column(SEARCH_TEXT, alias)]
    else:
        names = searched_columns(relations.catalog, module.slug)
        texts = [function("lower", column(name, alias)) for name in names]
    return [function("contains", one.copy(), needle.copy()) for needle in needles for one in texts]


def search_module(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    actor: Actor,
    words: str = "",
    condition: Condition | None = None,
    sort: str = "-updated_at",
    limit: int = 50,
    offset: int = 0,
) -> Hits:
    """The visible records that match the words and the condition, newest change first, with their exact number."""
    relations = relations_for(lake, catalog, actor)
    own = catalog.module(module)
    tests = [relations.predicate(module, _ROW)]
    if words.strip():
        tests.append(search_predicate(relations, module, words, _ROW))
    if condition is not None:
        tests.append(compile_condition(condition, Scope(module, _ROW, relations)))
    order = catalog.resolve(module, sort.lstrip("+-")).column
    matched = (
        exp.select(
            column(relations.row_key, _ROW).as_("place"),
            column("id", _ROW),
            column(order, _ROW).as_("sorted_by"),
        )
        .from_(relations.stored(module, _ROW))
        .where(all_of(tests))
    )
    shown = (
        exp.select(*hit_columns(catalog, own), column("sorted_by", "p"))
        .from_("page AS p")
        .join(relations.stored(module, _ROW), on=column(relations.row_key, _ROW).eq(column("place", "p")))
    )
    statement = _counted(matched, shown, descending=sort.startswith("-"), limit=limit, offset=offset)
    rows = lake.read(text(statement), relations.params.values).to_dicts()
    hits = tuple(
        Hit(module, row["id"], row["title"] or "", row["subtitle"] or "", row["status"], row["folder"])
        for row in rows
        if row["id"] is not None
    )
    return Hits(hits, int(rows[0]["total"]))


def search_all(
    lake: Lake, catalog: Catalog, *, words: str, actor: Actor, modules: Sequence[str] = (), limit: int = 20
) -> tuple[Hit, ...]:
    """The first visible records of every module (or the named ones) that hold all the words, best titles first."""
    if not words.strip():
        return ()
    relations = relations_for(lake, catalog, actor)
    chosen = [m for m in catalog.ordered if not m.hidden and (not modules or m.slug in modules)]
    parts: list[exp.Query] = []
    for module in chosen:
        part = (
            exp.select(exp.Literal.string(module.slug).as_("module"), *hit_columns(catalog, module))
            .from_(relations.stored(module.slug, _ROW))
            .where(
                relations.predicate(module.slug, _ROW), search_predicate(relations, module.slug, words, _ROW)
            )
            .limit(limit)
        )
        parts.append(exp.select("*").from_(part.subquery("s")))
    if not parts:
        return ()
    union = union_all(parts)
    first = relations.params.bind(words.strip().lower())
    begins = function("starts_with", function("lower", column("title")), first)
    ranked = (
        exp.select("*")
        .from_(union.subquery("u"))
        .order_by(exp.Ordered(this=begins, desc=True), exp.Ordered(this=column("title"), desc=False))
        .limit(limit)
    )
    rows = lake.read(text(ranked), relations.params.values).to_dicts()
    return tuple(
        Hit(row["module"], row["id"], row["title"] or "", row["subtitle"] or "", row["status"], row["folder"])
        for row in rows
    )


def hit_columns(catalog: Catalog, module: Module) -> list[exp.Expr]:
    """What a hit shows of a row called `r`: id, title, subtitle, status and folder."""
    subtitle: exp.Expr = exp.Literal.string("")
    if module.subtitle:
        subtitle = exp.cast(column(catalog.resolve(module.slug, module.subtitle).column, _ROW), "VARCHAR")
    return [
        exp.cast(column("id", _ROW), "VARCHAR").as_("id"),
        exp.cast(column(title_column(catalog, module.slug), _ROW), "VARCHAR").as_("title"),
        subtitle.as_("subtitle"),
        column("status", _ROW).as_("status"),
        column("folder", _ROW).as_("folder"),
    ]


def _counted(
    matched: exp.Select, shown: exp.Select, *, descending: bool, limit: int, offset: int
) -> exp.Expr:
    """The page and the exact number of all matches in one statement, at least one row.

    Only the page's rows are read in full: of all that match, no more than what they are sorted by.
    """

    def ordered(select: exp.Select, alias: str | None) -> exp.Select:
        return select.order_by(
            exp.Ordered(this=column("sorted_by", alias), desc=descending, nulls_first=False),
            exp.Ordered(this=column("id", alias), desc=False),
        )

    page = ordered(exp.select("*").from_("matched"), None).limit(limit).offset(offset)
    total = exp.select(exp.Count(this=exp.Star()).as_("total")).from_("matched")
    counted = (
        exp.select("c.total", "s.*")
        .from_(total.subquery("c"))
        .join(shown.subquery("s"), on=exp.true(), join_type="left")
        .with_("matched", as_=matched)
        .with_("page", as_=page)
    )
    return ordered(counted, "s")
