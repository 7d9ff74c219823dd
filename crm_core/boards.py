"""A module as a board: a lane for each status with its exact count and sums, and the first cards of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition, value_expression
from crm_core.model import Catalog, Condition, Module
from crm_core.model.fields import MoneyField
from crm_core.model.modules import Status
from crm_core.page_rows import SortKey, parse_sort
from crm_core.relations import Relations, relations_for
from crm_core.search import hit_columns
from crm_core.totals import Total
from crm_core.trees import all_of, column, text, union_all
from lake import Lake

CARDS = 20
"""So many cards of a lane are read when nothing else is said."""
MOST_CARDS = 1_000
NOWHERE = Status(slug="without-a-status", label="Without a status")
"""The lane of records without a status, or with one that no lane stands for; it is there when there are some."""
_ROW = "r"


@dataclass(frozen=True)
class Card:
    """A record on a board; `amount` is in its own `currency`, `version` what a change of it is based on."""

    id: str
    title: str
    note: str
    owner: str | None
    status: str | None
    folder: str | None
    version: int
    amount: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True)
class Lane:
    """A status with all its records: how many, what they come to by currency, and the first of them as cards."""

    status: Status
    count: int
    sums: tuple[Total, ...]
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class Board:
    """The lanes in the order of the statuses; `amount` is the field that is added up, if there is one."""

    lanes: tuple[Lane, ...]
    amount: MoneyField | None

    @property
    def total(self) -> int:
        """How many records there are in all lanes."""
        return sum(lane.count for lane in self.lanes)


def statuses_of(module: Module, folder: str = "") -> tuple[Status, ...]:
    """The statuses of a folder in their order; of all folders, each slug once, when none is named."""
    own = module.folder(folder) if folder else None
    found: dict[str, Status] = {}
    for one in (own,) if own is not None else module.folders:
        for status in one.statuses:
            found.setdefault(status.slug, status)
    return tuple(found.values())


def amount_field(module: Module) -> MoneyField | None:
    """The amount that a board adds up: the first one of the module."""
    return next((field for field in module.fields if isinstance(field, MoneyField)), None)


def read_board(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    actor: Actor,
    folder: str = "",
    condition: Condition | None = None,
    sort: str | Sequence[str] = "-updated_at",
    shown: Mapping[str, int] | None = None,
    now: datetime | None = None,
) -> Board:
    """The board of the records that the actor sees and that match, in one statement.

    Args:
        lake: the lake.
        catalog: its definitions.
        module: of which module.
        actor: who looks.
        folder: whose statuses the lanes are; those of all folders when not given.
        condition: which records; the folder is no part of it.
        sort: the order of the cards within their lanes.
        shown: status → how many cards of it; `CARDS` of the others.
        now: what relative dates are counted from.

    Raises:
        ConditionInvalid: The condition or the order cannot be used.
        UnknownModule: There is no such module.
    """
    own = catalog.module(module)
    statuses, amount = statuses_of(own, folder), amount_field(own)
    relations = relations_for(lake, catalog, actor)
    scope = Scope(module, _ROW, relations, now) if now else Scope(module, _ROW, relations)
    keys = parse_sort(catalog, module, sort)
    tests = [relations.predicate(module, _ROW)]
    if folder:
        tests.append(column("folder", _ROW).eq(relations.params.bind(folder)))
    if condition is not None:
        tests.append(compile_condition(condition, scope))
    matched = _matched(relations, scope, keys, [s.slug for s in statuses], amount).where(all_of(tests))
    lanes = [status.slug for status in (*statuses, NOWHERE)]
    wanted = {lane: max(1, min((shown or {}).get(lane, CARDS), MOST_CARDS)) for lane in lanes}
    statement = (
        union_all([_sums(), _cards(relations, own)])
        .with_("matched", as_=matched, materialized=True)
        .with_("page", as_=union_all([_page(relations, keys, lane, most) for lane, most in wanted.items()]))
        .order_by("place")
    )
    rows = lake.read(text(statement), relations.params.values).to_dicts()
    found = [_lane(status, rows) for status in statuses]
    rest = _lane(NOWHERE, rows)
    return Board((*found, *([rest] if rest.count else [])), amount)


def _matched(
    relations: Relations,
    scope: Scope,
    keys: Sequence[SortKey],
    lanes: Sequence[str],
    amount: MoneyField | None,
) -> exp.Select:
    """Of all that match no more than what is counted, added up and sorted by."""
    known = column("status", _ROW).isin(*relations.params.bind_all(lanes)) if lanes else exp.false()
    lane = exp.Case(
        ifs=[exp.If(this=known, true=column("status", _ROW))], default=exp.Literal.string(NOWHERE.slug)
    )
    money: list[exp.Expr] = [
        exp.cast(exp.null(), "DECIMAL(18, 4)").as_("amount"),
        exp.Literal.string("").as_("currency"),
    ]
    if amount is not None:
        currency = column(f"{amount.slug}__currency", _ROW)
        money = [
            column(amount.slug, _ROW).as_("amount"),
            exp.Coalesce(this=currency, expressions=[exp.Literal.string("")]).as_("currency"),
        ]
    sorting = [value_expression(key.path.text, scope).as_(f"k{i}") for i, key in enumerate(keys)]
    return exp.select(
        column(relations.row_key, _ROW).as_("found"), column("id", _ROW), lane.as_("lane"), *money, *sorting
    ).from_(relations.stored(scope.module, _ROW))


def _sums() -> exp.Select:
    """A row for each lane and currency: the number of records, and their sum as text, so that no digit is lost."""
    # The engine adds amounts of 18 digits up in 38: to widen each of them first doubles the work.
    total = exp.cast(exp.Sum(this=column("amount")), "DECIMAL(38, 4)")
    empty = [exp.cast(exp.null(), kind).as_(name) for name, kind in _CARD.items()]
    return (
        exp.select(
            exp.cast(exp.Literal.number(0), "BIGINT").as_("place"),
            column("lane"),
            column("currency"),
            exp.cast(total, "VARCHAR").as_("amount"),
            exp.cast(exp.Count(this=exp.Star()), "BIGINT").as_("n"),
            exp.cast(exp.Count(this=column("amount")), "BIGINT").as_("n_amounts"),
            *empty,
        )
        .from_("matched")
        .group_by(column("lane"), column("currency"))
    )


_CARD = {
    "id": "VARCHAR", "title": "VARCHAR", "subtitle": "VARCHAR", "status": "VARCHAR", "folder": "VARCHAR",
    "owner": "VARCHAR", "version": "BIGINT",
}  # fmt: skip


def _page(relations: Relations, keys: Sequence[SortKey], lane: str, most: int) -> exp.Query:
    """The first records of a lane, numbered: each lane finds its own first ones, without putting all in order."""
    order = [
        exp.Ordered(this=column(f"k{i}"), desc=key.descending, nulls_first=False)
        for i, key in enumerate(keys)
    ]
    order.append(exp.Ordered(this=column("id"), desc=False))
    first = exp.select("*").from_("matched").where(column("lane").eq(relations.params.bind(lane)))
    first = first.order_by(*order).limit(most)
    number = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=[one.copy() for one in order]))
    kept = ["found", "lane", "currency", "amount"]
    return exp.select(number.as_("place"), *map(column, kept)).from_(first.subquery("f"))


def _cards(relations: Relations, module: Module) -> exp.Select:
    nothing = exp.cast(exp.null(), "BIGINT")
    return (
        exp.select(
            column("place", "p"),
            column("lane", "p"),
            column("currency", "p"),
            exp.cast(column("amount", "p"), "VARCHAR").as_("amount"),
            nothing.as_("n"),
            nothing.copy().as_("n_amounts"),
            *hit_columns(relations.catalog, module),
            column("owner", _ROW),
            column("version", _ROW),
        )
        .from_("page AS p")
        .join(
            relations.stored(module.slug, _ROW), on=column(relations.row_key, _ROW).eq(column("found", "p"))
        )
    )


def _lane(status: Status, rows: Sequence[Mapping[str, Any]]) -> Lane:
    own = [row for row in rows if row["lane"] == status.slug]
    counted = [row for row in own if row["place"] == 0]
    sums = [
        Total(Decimal(row["amount"]), row["n_amounts"], row["currency"])
        for row in counted
        if row["n_amounts"]
    ]
    return Lane(
        status=status,
        count=sum(row["n"] for row in counted),
        sums=tuple(sorted(sums, key=lambda one: (-one.count, one.currency))),
        cards=tuple(_card(row) for row in own if row["place"]),
    )


def _card(row: Mapping[str, Any]) -> Card:
    return Card(
        id=row["id"], title=row["title"] or "", note=row["subtitle"] or "", owner=row["owner"], status=row["status"],
        folder=row["folder"], version=row["version"],
        amount=None if row["amount"] is None else Decimal(row["amount"]),
        currency="" if row["amount"] is None else row["currency"],
    )  # fmt: skip
