"""The rows of one page: which of the ordered records they are, and the statement that gives them with their total."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlglot import exp

from crm_core.conditions import Scope, value_expression
from crm_core.deep_pages import Key, Stretch, before, beyond, distrust, skipped, stretch_of, within
from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog, Path, Reference
from crm_core.page_cursors import read_cursor, write_cursor
from crm_core.trees import column, name, text
from lake import Lake

_ROW = "r"
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class SortKey:
    """A path to sort by and its direction; missing values come last either way."""

    path: Path
    descending: bool


def parse_sort(catalog: Catalog, module: str, sort: str | Sequence[str]) -> tuple[SortKey, ...]:
    """Read `-updated_at,name` as sort keys.

    Raises:
        ConditionInvalid: When a name is unknown or leads over a list of related records.
    """
    parts = [part.strip() for part in (sort.split(",") if isinstance(sort, str) else sort) if part.strip()]
    keys = []
    for part in parts:
        path = catalog.resolve(module, part.lstrip("+-"))
        if any(not isinstance(step, Reference) for step in path.steps):
            raise ConditionInvalid(
                part, f"“{part}” leads over a list of related records; sort by a single value"
            )
        keys.append(SortKey(path, part.startswith("-")))
    return tuple(keys)


@dataclass(frozen=True)
class Wanted:
    """Which page is wanted: so many records behind a cursor, or from a number on, of so many as were there before."""

    limit: int
    after: str | None = None
    offset: int = 0
    expected: int = 0


@dataclass(frozen=True)
class _Window:
    """Which of the ordered rows are read: behind `after`, or so many after `skip`, within a stretch if one is known.

    `backwards` counts from the end.
    """

    take: int
    skip: int = 0
    after: str | None = None
    backwards: bool = False
    stretch: Stretch | None = None


def read_rows(
    lake: Lake, scope: Scope, keys: Sequence[SortKey], where: exp.Expr, wanted: Wanted
) -> Rows | None:
    """The rows of a page, one more where there are, each with its keys (`k0`, …) and the number of all (`total__`).

    There is at least one row, whose `id` is NULL when there is nothing. None where there are others than expected, so
    that the page has to be looked for without expecting anything.
    """
    matched = _matched(scope, keys, where)
    order = [Key(f"k{i}", key.path.column_type, key.descending) for i, key in enumerate(keys)]
    order.append(Key("id", "UUID"))
    window = _window(wanted)
    if window.skip:
        first, last, total = wanted.offset, wanted.offset + wanted.limit, wanted.expected
        values = scope.relations.params.values
        stretch = stretch_of(lake, matched, values, order, first=first, last=last, total=total)
        if stretch is not None:
            window = _Window(wanted.limit + 1, first, stretch=stretch)
    rows = _read(lake, scope, order, matched, window)
    if window.stretch is not None and not _lies_in(rows, wanted):
        distrust(lake, window.stretch)
        return None
    return None if window.backwards and rows[0]["total__"] != wanted.expected else rows


def _lies_in(rows: Rows, wanted: Wanted) -> bool:
    """Whether the stretch that was read has the page: no more before it than wanted, and in it all that are."""
    total, found = rows[0]["total__"], sum(row["id"] is not None for row in rows)
    return int(rows[0]["ahead__"]) <= wanted.offset and found == max(
        0, min(wanted.limit + 1, total - wanted.offset)
    )


def _window(wanted: Wanted) -> _Window:
    offset, expected = wanted.offset, wanted.expected
    if wanted.after or offset * 2 <= expected or offset >= expected:
        return _Window(wanted.limit + 1, offset, wanted.after)
    skip = max(0, expected - offset - wanted.limit - 1)
    return _Window(expected - offset - skip, skip, backwards=True)


def _matched(scope: Scope, keys: Sequence[SortKey], where: exp.Expr) -> exp.Select:
    """Of all that match no more than how they are found again, and what they are sorted by."""
    sorting = [value_expression(key.path.text, scope).as_(f"k{i}") for i, key in enumerate(keys)]
    place = column(scope.relations.row_key, _ROW).as_("place__")
    return (
        exp.select(place, column("id", _ROW), *sorting)
        .from_(scope.relations.stored(scope.module, _ROW))
        .where(where)
    )


def _read(lake: Lake, scope: Scope, order: Sequence[Key], matched: exp.Select, window: _Window) -> Rows:
    """The rows of a window in one statement: the matching records are found once and read twice."""
    relations, params = scope.relations, scope.relations.params
    counts: list[exp.Expr] = [exp.Count(this=exp.Star()).as_("total__")]
    page = exp.select("*").from_("matched")
    skip: exp.Expr = exp.Literal.number(window.skip)
    if window.after:
        values = _read_place(window.after, len(order))
        page = page.where(beyond(tuple(values), order, params))
    if window.stretch is not None:
        ahead = exp.Where(this=before(window.stretch, order, params))
        counts.append(exp.Filter(this=exp.Count(this=exp.Star()), expression=ahead).as_("ahead__"))
        page = page.where(within(window.stretch, order, params))
        skip = skipped(window.skip, "ahead__")
    for key in order:
        last = window.backwards and key.column != "id"
        page = page.order_by(
            exp.Ordered(
                this=column(key.column), desc=key.descending is not window.backwards, nulls_first=last
            )
        )
    page = page.limit(window.take).offset(skip)
    shown = [column(one, "t") for one in relations.catalog.columns(scope.module)]
    rows = (
        exp.select(*shown, *[column(key.column, "p") for key in order[:-1]])
        .from_("page AS p")
        .join(
            relations.stored(scope.module, "t"), on=column(relations.row_key, "t").eq(column("place__", "p"))
        )
    )
    statement = (
        exp.select(
            exp.Column(this=exp.Star(), table=name("c")), exp.Column(this=exp.Star(), table=name("rows"))
        )
        .from_("counted AS c")
        .join(rows.subquery("rows"), on=exp.true(), join_type="left")
        .with_("matched", as_=matched)
        .with_("counted", as_=exp.select(*counts).from_("matched"))
        .with_("page", as_=page)
    )
    for key in order:
        value = column(key.column, "rows")
        statement = statement.order_by(exp.Ordered(this=value, desc=key.descending, nulls_first=False))
    return lake.read(text(statement), params.values).to_dicts()


def cursor_of(keys: Sequence[SortKey], row: Mapping[str, Any]) -> str:
    """The cursor of the page behind a row."""
    # As text, a number or an instant keeps every digit, so that no row is passed over or met twice.
    values = [_key_value(row[f"k{i}"]) for i in range(len(keys))] + [str(row["id"])]
    return write_cursor(values)


def _key_value(value: Any) -> Any:
    if isinstance(value, (date, Decimal)):
        return value.isoformat() if isinstance(value, date) else f"{value:f}"
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _read_place(after: str, length: int) -> list[Any]:
    values = read_cursor(after)
    if len(values) != length:
        raise ConditionInvalid(after, "“after” belongs to another order; use `next` of the page before")
    return values
