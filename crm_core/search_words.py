"""What somebody typed into a search: words, numbers in any writing, ids; and the test that a row holds all of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlglot import exp

from crm_core.model import Module
from crm_core.relations import Relations
from crm_core.searched import open_points, search_texts, searched_columns
from crm_core.trees import all_of, any_of, column, function
from lake.held import SEARCH_TEXT
from lake.words import words_of

_NUMBER = re.compile(r"[+0-9()./-]*[0-9][+0-9()./-]*")
"""A word that may be a phone number, or a part of one, as people write them."""
_TRUNK_ZERO = re.compile(r"\(0\)")
_LEAST_DIGITS = 4


@dataclass(frozen=True)
class Wanted:
    """Words that belong together: one word, or the parts of a number with what they are as one number."""

    words: tuple[str, ...]
    number: str = ""
    """The digits alone, without zeros in front: how `030 / 555 70` stands within `+493055570`."""


def parse(typed: str) -> tuple[Wanted, ...]:
    """What was typed, taken apart at its spaces; neighbours that may be one phone number stay together."""
    found: list[Wanted] = []
    run: list[str] = []
    for word in [*typed.split(), ""]:
        if _NUMBER.fullmatch(word):
            run.append(word)
            continue
        if run:
            found.append(Wanted(tuple(run), _digits("".join(run))))
            run = []
        if word:
            found.append(Wanted((word,)))
    return tuple(found)


def words_like(wanted: Sequence[Wanted]) -> tuple[str, ...]:
    """What words of a row are compared with: plain words of two letters and more, a phone number as one."""
    found: list[str] = []
    for one in wanted:
        found += [one.number] if len(one.number) >= _LEAST_DIGITS + 3 else words_of(" ".join(one.words))
    return tuple(dict.fromkeys(word for word in found if len(word) > 1))


def holds(relations: Relations, module: str, wanted: Sequence[Wanted], alias: str) -> exp.Expr:
    """True for the rows that hold all of it in one of their searched columns or contact points."""
    own = relations.catalog.module(module)
    return all_of([_holds_one(relations, own, one, alias) for one in wanted])


def _holds_one(relations: Relations, module: Module, wanted: Wanted, alias: str) -> exp.Expr:
    each = all_of([exp.paren(any_of(_ways(relations, module, word, alias))) for word in wanted.words])
    if not wanted.number or wanted.words == (wanted.number,):
        return exp.paren(each)
    as_one = any_of(_within(relations, module, wanted.number, alias))
    return exp.paren(exp.or_(each, as_one))


def _ways(relations: Relations, module: Module, word: str, alias: str) -> list[exp.Expr]:
    """The tests of which one must hold for a row to have the word."""
    ways = _within(relations, module, word, alias)
    id_ = _as_id(word)
    if id_ is not None:
        ways.append(column("id", alias).eq(relations.params.bind(id_, "UUID")))
    return ways


def _within(relations: Relations, module: Module, text: str, alias: str) -> list[exp.Expr]:
    needle = plain(relations.params.bind(text))
    points = module.contact_points
    held = relations.copied and open_points(relations.catalog, module.slug) is not None
    if relations.copied:
        ways: list[exp.Expr] = [function("contains", column(SEARCH_TEXT, alias), needle)]
    else:
        ways = _contain(search_texts(relations.catalog, module.slug), needle, alias)
    # In the serving copy the texts of contact points stand with those of whom they belong to.
    if not held and points is not None and points.module in relations.catalog.modules:
        inner = "cp"
        owners = (
            exp.select(column(points.reference, inner))
            .from_(relations.table(points.module, inner))
            .where(
                relations.predicate(points.module, inner),
                any_of(_contain(searched_columns(relations.catalog, points.module), needle, inner)),
            )
        )
        ways.append(column("id", alias).isin(query=owners))
    return ways


def _contain(columns: Sequence[str], needle: exp.Expr, alias: str) -> list[exp.Expr]:
    return [
        function("contains", plain(exp.cast(column(name, alias), "VARCHAR")), needle.copy())
        for name in columns
    ]


def plain(text: exp.Expr) -> exp.Expr:
    """The tree for a text in small letters without accents: `lake.words.plain_sql`."""
    return function("strip_accents", function("lower", text))


def _as_id(word: str) -> str | None:
    try:
        return str(UUID(word)) if len(word) >= 32 else None
    except ValueError:
        return None


def _digits(text: str) -> str:
    digits = re.sub(r"\D", "", _TRUNK_ZERO.sub("", text)).lstrip("0")
    return digits if len(digits) >= _LEAST_DIGITS else ""
