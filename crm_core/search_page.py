"""One window of an ordered set of records: from its beginning, from any number on, or beside a record that is known."""

from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from crm_core.deep_pages import skipped
from crm_core.relations import Relations
from crm_core.trees import column

SORTED_BY = "sorted_by"


@dataclass(frozen=True)
class Place:
    """Where a record stands in an order: the value that it is sorted by, and its id."""

    value: Any
    id: str


@dataclass(frozen=True)
class Window:
    """Which part of a list is read: `limit` records from `offset` on, or those right after or before a place.

    To go on from a place costs the same however far down it is; whoever has counted before need not be told again
    how many there are (`counted`), and says how many he `expected`, so that what lies far down is found without sorting
    all.
    """

    limit: int = 50
    offset: int = 0
    after: Place | None = None
    before: Place | None = None
    counted: bool = True
    expected: int = 0


@dataclass(frozen=True)
class Order:
    """By which column a list is sorted; what has no value comes last either way, and ids decide between equals."""

    column: str
    descending: bool

    def of(self, select: exp.Select, alias: str | None = None, *, reverse: bool = False) -> exp.Select:
        """A select of `sorted_by` and `id` in this order."""
        value = exp.Ordered(
            this=column(SORTED_BY, alias), desc=self.descending is not reverse, nulls_first=reverse
        )
        return select.order_by(value, exp.Ordered(this=column("id", alias), desc=reverse))

    def beside(self, relations: Relations, window: Window, alias: str) -> exp.Expr | None:
        """True for what comes after (or before) the place that a window names; None when it names none."""
        place = window.after or window.before
        if place is None:
            return None
        behind = window.after is not None
        value, id_ = column(self.column, alias), column("id", alias)
        known_id = relations.params.bind(place.id, "UUID")
        further = exp.GT(this=id_, expression=known_id) if behind else exp.LT(this=id_, expression=known_id)
        missing = value.is_(exp.null())
        if place.value is None:
            same = exp.and_(missing, further)
            return exp.paren(same if behind else exp.or_(exp.not_(missing.copy()), same))
        known = relations.params.bind(place.value)
        smaller = self.descending is behind
        beyond: exp.Expr = (
            exp.LT(this=value, expression=known) if smaller else exp.GT(this=value, expression=known)
        )
        same = exp.and_(value.copy().eq(known.copy()), further)
        ways = [beyond, same, missing] if behind else [beyond, same]
        return exp.paren(exp.or_(*ways))


@dataclass(frozen=True)
class Stretched:
    """The stretch of a list in which a window most likely lies: what is true before it, and in it."""

    before: exp.Expr
    within: exp.Expr


def page_of(
    matched: exp.Select, shown: exp.Select, order: Order, window: Window, stretched: Stretched | None = None
) -> exp.Expr:
    """The window of `matched`, each row as `shown` has it, and with it the exact number of all when it is asked for.

    Of a stretch alone it is read where one is given, and `ahead` says how many come before that.

    Only the window's rows are read in full: of all that match, no more than what they are sorted by. There is at
    least one row, whose `id` is NULL when there is nothing.
    """
    back = window.before is not None
    page = exp.select("*").from_("matched")
    skip: exp.Expr = exp.Literal.number(window.offset)
    total: exp.Expr = exp.Count(this=exp.Star()) if window.counted else exp.Literal.number(-1)
    counted = exp.select(total.as_("total"))
    if window.counted or stretched is not None:
        counted = counted.from_("matched")
    if stretched is not None:
        ahead = exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=stretched.before))
        counted = counted.select(ahead.as_("ahead"))
        page = page.where(stretched.within)
        skip = skipped(window.offset, "ahead")
    page = order.of(page, reverse=back).limit(window.limit).offset(skip)
    both = (
        exp.select("c.*", "s.*")
        .from_("counted AS c")
        .join(shown.subquery("s"), on=exp.true(), join_type="left")
        .with_("matched", as_=matched)
        .with_("counted", as_=counted)
        .with_("page", as_=page)
    )
    return order.of(both, "s")
