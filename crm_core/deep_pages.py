"""Pages far down a long list: found by the stretch of the order in which they lie, without sorting all.

To sort a million records for the fifty in their middle takes far longer than to look at each once. A sample of the
list, in order, says roughly between which two records a page lies. Then the records before that stretch are counted,
and only those within it are sorted. What is answered is exact: what the statement counts and gives says whether the
stretch holds the page; where it does not, all is sorted.

Samples are kept, since whoever turns one page turns another. They go stale, which costs a second look and never a wrong
answer.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isqrt
from typing import Any

import polars as pl
from sqlglot import exp

from crm_core.params import Params
from crm_core.trees import all_of, any_of, coalesce, column, function, text
from lake import Lake

DEEP = 1_000
"""From so many records on a page is looked for in this way; before that sorting is quick."""
_SAMPLED = 16_384
_KEPT = 32
_KINDS = ("VARCHAR", "BIGINT", "BOOLEAN", "DATE", "TIMESTAMPTZ", "UUID", "DECIMAL")


@dataclass(frozen=True)
class Key:
    """A column that a list is sorted by; what has no value comes last either way."""

    column: str
    type: str
    descending: bool = False


@dataclass(frozen=True)
class Stretch:
    """Part of a list: from one place in its order to another, each the values of the keys; None for its ends.

    `sample` names the sample that it was taken from.
    """

    low: tuple[Any, ...] | None
    high: tuple[Any, ...] | None
    sample: object = None


class _Samples:
    """The samples of a lake's lists, the latest ones."""

    def __init__(self) -> None:
        self._kept: OrderedDict[object, pl.DataFrame] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: object) -> pl.DataFrame | None:
        with self._guard:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: object, sample: pl.DataFrame) -> None:
        with self._guard:
            self._kept[key] = sample
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def drop(self, key: object) -> None:
        with self._guard:
            self._kept.pop(key, None)


_samples: "weakref.WeakKeyDictionary[Lake, _Samples]" = weakref.WeakKeyDictionary()


def stretch_of(
    lake: Lake, matched: exp.Select, values: Mapping[str, Any], keys: Sequence[Key], *, first: int, last: int,
    total: int,
) -> Stretch | None:  # fmt: skip
    """Where the records from number `first` to `last` of a list most likely lie; None where that is not looked for.

    Args:
        lake: the lake.
        matched: the list, without any order; it has the columns of the keys.
        values: what it binds.
        keys: the order; the last one, of ids, makes every place differ.
        first: the number of the first record that is wanted, counted from 0.
        last: the number of the last one.
        total: how many there are, roughly.
    """
    if first < DEEP or total - last < DEEP or any(not one.type.startswith(_KINDS) for one in keys):
        return None
    samples = _samples.setdefault(lake, _Samples())
    name = (text(matched), tuple((key, repr(value)) for key, value in values.items()), tuple(keys))
    sample = samples.get(name)
    if sample is None:
        sample = _read_sample(lake, matched, values, keys, total)
        samples.keep(name, sample)
    found = sample.height
    # A page's place in the sample is off by more than four standard deviations once in ten thousand times.
    margin = 2 * isqrt(found) + 2
    low, high = first * found // total - margin, ceil(last * found / total) + margin
    return Stretch(
        sample.row(low) if 0 <= low < found else None, sample.row(high) if 0 <= high < found else None, name
    )


def distrust(lake: Lake, stretch: Stretch) -> None:
    """Forget the sample of a stretch in which a page did not lie."""
    _samples.setdefault(lake, _Samples()).drop(stretch.sample)


def _read_sample(
    lake: Lake, matched: exp.Select, values: Mapping[str, Any], keys: Sequence[Key], total: int
) -> pl.DataFrame:
    each = exp.Mod(
        this=function("hash", column(keys[-1].column)),
        expression=exp.Literal.number(max(1, total // _SAMPLED)),
    )
    names = [
        exp.cast(column(one.column), "VARCHAR").as_(one.column) if one.type == "UUID" else column(one.column)
        for one in keys
    ]
    sample = exp.select(*names).from_(matched.subquery("m")).where(each.eq(exp.Literal.number(0)))
    return lake.read(text(ordered(sample, keys, alias="m")), dict(values))


def ordered(select: exp.Select, keys: Sequence[Key], *, alias: str | None = None) -> exp.Select:
    """The select in the order of the keys."""
    for key in keys:
        value = exp.Ordered(this=column(key.column, alias), desc=key.descending, nulls_first=False)
        select = select.order_by(value, copy=False)
    return select


def before(stretch: Stretch, keys: Sequence[Key], params: Params) -> exp.Expr:
    """True for what comes before a stretch."""
    return coalesce(_beside(stretch.low, keys, params, after=False), exp.false())


def within(stretch: Stretch, keys: Sequence[Key], params: Params) -> exp.Expr:
    """True for what lies in a stretch, its ends among it."""
    parts = [_roughly(stretch, keys[0], params)]
    parts.append(exp.not_(before(stretch, keys, params)))
    parts.append(exp.not_(coalesce(_beside(stretch.high, keys, params, after=True), exp.false())))
    return all_of(parts)


def skipped(offset: int, ahead: str) -> exp.Expr:
    """How many records of a stretch come before a number: what `counted` has as `ahead` are before the stretch."""
    left = exp.Sub(this=exp.Literal.number(offset), expression=column(ahead))
    return exp.select(function("greatest", exp.Literal.number(0), left)).from_("counted").subquery()


def beyond(place: tuple[Any, ...], keys: Sequence[Key], params: Params) -> exp.Expr:
    """True for what comes after a place in the order."""
    return _beside(place, keys, params, after=True)


def _roughly(stretch: Stretch, key: Key, params: Params) -> exp.Expr:
    """What is true in a stretch by its first key alone: the engine passes over whole blocks by it."""
    here, low, high = column(key.column), stretch.low, stretch.high
    if low is not None and low[0] is None:
        return here.is_(exp.null())
    if low is None or high is None or high[0] is None:
        return exp.true()
    first, last = (high, low) if key.descending else (low, high)
    return exp.and_(
        exp.GTE(this=here, expression=params.bind(first[0], key.type)),
        exp.LTE(this=here.copy(), expression=params.bind(last[0], key.type)),
    )


def _beside(place: tuple[Any, ...] | None, keys: Sequence[Key], params: Params, *, after: bool) -> exp.Expr:
    """True for what comes before (or after) a place in the order; unknown where a value is missing."""
    if place is None:
        return exp.false()
    ways: list[exp.Expr] = []
    same: list[exp.Expr] = []
    for key, value in zip(keys, place, strict=True):
        here = column(key.column)
        missing = here.is_(exp.null())
        if value is None:
            further: exp.Expr = exp.false() if after else exp.not_(missing.copy())
            alike: exp.Expr = missing
        else:
            known = params.bind(value, key.type)
            greater = after is not key.descending
            compared = exp.GT if greater else exp.LT
            further = compared(this=here, expression=known)
            further = exp.paren(exp.or_(further, missing)) if after else further
            alike = here.copy().eq(known.copy())
        ways.append(exp.and_(*same, further) if same else further)
        same = [*same, alike]
    return exp.paren(any_of(ways))
