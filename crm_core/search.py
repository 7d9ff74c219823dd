"""Search as one types: over titles, searchable fields, tags, ids, and every e-mail address and phone number."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition
from crm_core.deep_pages import Key, before, distrust, stretch_of, within
from crm_core.model import Catalog, Condition, Module
from crm_core.pictures import PHOTO, picture_field
from crm_core.query import title_column
from crm_core.relations import Relations, relations_for
from crm_core.search_page import SORTED_BY, Order, Place, Stretched, Window, page_of
from crm_core.search_words import Wanted, holds, parse, words_like
from crm_core.search_words import plain as plain_tree
from crm_core.searched import forgives, search_texts
from crm_core.similar import key_of, near_words, rows_with
from crm_core.trees import all_of, column, function, text, union_all
from lake import Lake
from lake.held import SEARCH_TEXT
from lake.words import SEPARATOR, plain

_ROW = "r"
_MEANS_SOMETHING = re.compile(r"[!-/:-@\[-`{-~]")
"""What has a meaning in a pattern, or may have one."""
_WHOLE_NUMBER = 7
"""So many digits in a row are a number, and not a part of one."""
FEW = 3
"""With fewer hits than these, what is written a little differently is found as well."""

NEAR = 30
"""So many of these at most."""


@dataclass(frozen=True)
class Hit:
    """One record found: enough to show it in a list.

    `matched` is the text in which the words were found, in small letters without accents; empty without words.
    `similar` says that it is written a little differently from what was asked for, `picture` is the file of its photo.
    """

    module: str
    id: str
    title: str
    subtitle: str
    status: str | None
    folder: str | None
    matched: str = ""
    similar: bool = False
    picture: str | None = None


@dataclass(frozen=True)
class Hits:
    """The first records found and how many there are in all; what is only similar follows and is not counted.

    `marks` are the plain words by which they were found.
    """

    items: tuple[Hit, ...]
    total: int
    similar: tuple[Hit, ...] = ()
    marks: tuple[str, ...] = ()
    places: tuple[Place, Place] | None = None
    """Where the first and the last of `items` stand in the order, to go on from there."""


def search_predicate(relations: Relations, module: str, words: str, alias: str) -> exp.Expr:
    """True for the rows that hold every word of the search in one of their searched columns or contact points."""
    return holds(relations, module, parse(words), alias)


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
    window: Window | None = None,
    similar: bool = False,
) -> Hits:
    """The visible records that match the words and the condition, newest change first, with their exact number.

    Args:
        lake: the lake.
        catalog: the definitions.
        module: whose records.
        actor: who looks.
        words: each must be found; a phone number in any writing counts as one.
        condition: what else must be true.
        sort: a column, with `-` in front for the greatest first.
        limit: so many at most.
        offset: from which number on.
        window: which part of the list instead of `limit` and `offset`.
        similar: whether records are found too that are written a little differently, when there are few.
    """
    window = window or Window(limit, offset)
    relations = relations_for(lake, catalog, actor)
    order = Order(catalog.resolve(module, sort.lstrip("+-")).column, sort.startswith("-"))
    wanted = parse(words)
    tests = _tests(relations, module, condition)
    if wanted:
        tests.append(holds(relations, module, wanted, _ROW))
    beside = order.beside(relations, window, _ROW)
    if beside is not None:
        tests.append(beside)
    marks = _plain_words(wanted)
    matched, asked = _matched(relations, module, order, tests), _Asked(module, order, window, marks)
    rows = _read_deep(lake, relations, asked, matched) or _read_page(lake, relations, asked, matched)
    hits = tuple(_hit(row, module) for row in rows if row["id"] is not None)
    found = Hits(hits, int(rows[0]["total"]), marks=marks, places=_places(rows) if hits else None)
    if similar and wanted and window.counted and found.total < FEW and forgives(catalog, module):
        return _with_similar(
            lake, catalog, found, module=module, actor=actor, words=words, condition=condition, order=order
        )
    return found


@dataclass(frozen=True)
class _Asked:
    """What is read of what matches."""

    module: str
    order: Order
    window: Window
    marks: tuple[str, ...]


def _tests(relations: Relations, module: str, condition: Condition | None) -> list[exp.Expr]:
    tests = [relations.predicate(module, _ROW)]
    if condition is not None:
        tests.append(compile_condition(condition, Scope(module, _ROW, relations)))
    return tests


def _matched(relations: Relations, module: str, order: Order, tests: list[exp.Expr]) -> exp.Select:
    return (
        exp.select(
            column(relations.row_key, _ROW).as_("place"),
            column("id", _ROW),
            column(order.column, _ROW).as_(SORTED_BY),
        )
        .from_(relations.stored(module, _ROW))
        .where(all_of(tests))
    )


def _read_deep(
    lake: Lake, relations: Relations, asked: _Asked, matched: exp.Select
) -> list[dict[str, Any]] | None:
    """The rows of a page far down, as `_read_page`; None where they are not where they most likely were, or not far."""
    window, params = asked.window, relations.params
    kind = relations.catalog.columns(asked.module)[asked.order.column]
    keys = (Key(SORTED_BY, kind, asked.order.descending), Key("id", "UUID"))
    last = window.offset + window.limit - 1
    stretch = None
    if window.offset:
        stretch = stretch_of(
            lake, matched, params.values, keys, first=window.offset, last=last, total=window.expected
        )
    if stretch is None:
        return None
    known = dict(params.values)
    found = Stretched(before(stretch, keys, params), within(stretch, keys, params))
    rows = _read_page(lake, relations, asked, matched, found)
    there = sum(row["id"] is not None for row in rows)
    wanted = min(window.limit, max(0, rows[0]["total"] - window.offset)) if window.counted else window.limit
    if rows[0]["ahead"] <= window.offset and there == wanted:
        return rows
    distrust(lake, stretch)
    params.values.clear()
    params.values.update(known)
    return None


def _read_page(
    lake: Lake, relations: Relations, asked: _Asked, matched: exp.Select, stretched: Stretched | None = None
) -> list[dict[str, Any]]:
    """The rows of one page, each with what was found in it."""
    own = relations.catalog.module(asked.module)
    shown = (
        exp.select(*_columns(relations, own, asked.marks), column(SORTED_BY, "p"))
        .from_("page AS p")
        .join(
            relations.stored(asked.module, _ROW), on=column(relations.row_key, _ROW).eq(column("place", "p"))
        )
    )
    statement = page_of(matched, shown, asked.order, asked.window, stretched)
    return lake.read(text(statement), relations.params.values).to_dicts()


def _with_similar(
    lake: Lake, catalog: Catalog, found: Hits, *, module: str, actor: Actor, words: str,
    condition: Condition | None, order: Order,
) -> Hits:  # fmt: skip
    """What was found, and what is written a little differently."""
    relations = relations_for(lake, catalog, actor)
    typed = words_like(parse(words))
    near = near_words(lake, relations, module, typed, nothing=not found.total)
    if {one.place for one in near} != set(range(len(typed))) or not near:
        return found
    relations = relations_for(lake, catalog, actor)
    known = [hit.id for hit in found.items]
    tests = _tests(relations, module, condition)
    if known:
        tests.append(exp.not_(column("id", _ROW).isin(*relations.params.bind_all(known, "UUID"))))
    by_far = Order("far", descending=False)
    matched = (
        exp.select(
            column(relations.row_key, _ROW).as_("place"),
            column("id", _ROW),
            column("far", "f").as_(SORTED_BY),
        )
        .from_(relations.stored(module, _ROW))
        .join(
            rows_with(relations, module, near, places=len(typed)).subquery("f"),
            on=key_of(relations, _ROW).eq(column("key", "f")),
        )
        .where(all_of(tests))
    )
    marks = tuple(dict.fromkeys(one.word for one in near))
    asked = _Asked(module, by_far, Window(NEAR, counted=False), marks)
    rows = _read_page(lake, relations, asked, matched)
    hits = tuple(replace(_hit(row, module), similar=True) for row in rows if row["id"] is not None)
    return replace(found, similar=hits, marks=(*found.marks, *marks) if hits else found.marks)


def search_all(
    lake: Lake, catalog: Catalog, *, words: str, actor: Actor, modules: Sequence[str] = (), limit: int = 20
) -> tuple[Hit, ...]:
    """The first visible records of every module (or the named ones) that hold all the words, best titles first.

    When there are few, records of the profile modules follow that are written a little differently (`Hit.similar`).
    """
    if not words.strip():
        return ()
    chosen = [m for m in catalog.ordered if not m.hidden and (not modules or m.slug in modules)]
    hits = _hold_all(lake, catalog, chosen, words=words, actor=actor, limit=limit)
    if len(hits) >= FEW:
        return hits
    known = {(hit.module, hit.id) for hit in hits}
    similar = [
        hit
        for module in chosen
        if forgives(catalog, module.slug)
        for hit in search_module(
            lake, catalog, module=module.slug, actor=actor, words=words, limit=1, similar=True
        ).similar
        if (hit.module, hit.id) not in known
    ]
    return (*hits, *similar)[:limit]


def _hold_all(
    lake: Lake, catalog: Catalog, chosen: Sequence[Module], *, words: str, actor: Actor, limit: int
) -> tuple[Hit, ...]:
    relations = relations_for(lake, catalog, actor)
    wanted = parse(words)
    marks = _plain_words(wanted)
    parts: list[exp.Query] = []
    for module in chosen:
        part = (
            exp.select(exp.Literal.string(module.slug).as_("module"), *_columns(relations, module, marks))
            .from_(relations.stored(module.slug, _ROW))
            .where(relations.predicate(module.slug, _ROW), holds(relations, module.slug, wanted, _ROW))
            .limit(limit)
        )
        parts.append(exp.select("*").from_(part.subquery("s")))
    if not parts:
        return ()
    first = relations.params.bind(plain(words.strip()))
    begins = function("starts_with", plain_tree(column("title")), first)
    ranked = (
        exp.select("*")
        .from_(union_all(parts).subquery("u"))
        .order_by(exp.Ordered(this=begins, desc=True), exp.Ordered(this=column("title"), desc=False))
        .limit(limit)
    )
    return tuple(
        _hit(row, row["module"]) for row in lake.read(text(ranked), relations.params.values).to_dicts()
    )


def note_of(module: Module, text: str | None) -> str:
    """The subtitle of a record as people read it: of a choice what it says, not the value that is stored."""
    options = getattr(module.field(module.subtitle or ""), "options", None) or ()
    return next((option.text for option in options if option.value == text), text or "")


def _hit(row: Mapping[str, Any], module: str) -> Hit:
    return Hit(
        module, row["id"], row["title"] or "", row["subtitle"] or "", row["status"], row["folder"],
        row["matched"] or "", picture=row["picture"],
    )  # fmt: skip


def _places(rows: Sequence[Mapping[str, Any]]) -> tuple[Place, Place]:
    first, last = rows[0], rows[-1]
    return Place(first[SORTED_BY], first["id"]), Place(last[SORTED_BY], last["id"])


def _plain_words(wanted: Sequence[Wanted]) -> tuple[str, ...]:
    """What was typed, as it is marked where it was found."""
    return tuple(plain(word) for one in wanted for word in (*one.words, one.number) if word)


def _columns(relations: Relations, module: Module, marks: Sequence[str]) -> list[exp.Expr]:
    return [
        *hit_columns(relations.catalog, module),
        _matched_text(relations, module, marks).as_("matched"),
        _picture(module).as_("picture"),
    ]


def _picture(module: Module) -> exp.Expr:
    """The file of a row's picture, where the module has pictures."""
    if picture_field(module) is None:
        return exp.cast(exp.null(), "VARCHAR")
    first = exp.Bracket(this=column(PHOTO, _ROW), expressions=[exp.Literal.number(1)], offset=1)
    return exp.cast(first, "VARCHAR")


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


def _matched_text(relations: Relations, module: Module, marks: Sequence[str]) -> exp.Expr:
    """The first text of a row in which one of the words stands; one with all of a number goes before its parts."""
    if not marks:
        return exp.Literal.string("")
    if relations.copied:
        texts: exp.Expr = column(SEARCH_TEXT, _ROW)
    else:
        each = [
            exp.cast(column(one, _ROW), "VARCHAR") for one in search_texts(relations.catalog, module.slug)
        ]
        texts = plain_tree(function("concat_ws", exp.Literal.string(SEPARATOR), *each))
    numbers = [word for word in marks if len(word) >= _WHOLE_NUMBER and word.isdigit()]
    found = [
        function("nullif", _extracted(relations, texts.copy(), some), exp.Literal.string(""))
        for some in (numbers, marks)
        if some
    ]
    return function("coalesce", *found, exp.Literal.string(""))


def _extracted(relations: Relations, texts: exp.Expr, some: Sequence[str]) -> exp.Expr:
    words = "|".join(_MEANS_SOMETHING.sub(r"\\\g<0>", word) for word in some)
    part = f"[^{SEPARATOR}]*"
    return function("regexp_extract", texts, relations.params.bind(f"{part}(?:{words}){part}"))
