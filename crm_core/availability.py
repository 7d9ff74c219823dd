"""Whether somebody may be reached: what a record's fields `availability` and `available_from` say, until their date.

A module keeps it when it has both fields: a choice with the options `away` and `do_not_contact`, and the day from which
that ends by itself. Every other option means that he can be reached.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sqlglot import exp

from crm_core.model import Catalog, Module
from crm_core.trees import all_of, column, function, lake_table, text, union_all
from lake import Lake

FIELD, FROM = "availability", "available_from"
AWAY, QUIET = "away", "do_not_contact"
_WORDS = {AWAY: "away", QUIET: "do not contact"}
_KINDS: tuple[Literal["email", "phone"], ...] = ("email", "phone")
_ROW, _POINT = "r", "p"


@dataclass(frozen=True)
class Availability:
    """What counts of a record's availability on a day: `state` is `reachable` once the day `until` has come."""

    state: str
    until: date | None = None

    @property
    def reachable(self) -> bool:
        """Whether nothing speaks against reaching him."""
        return self.state not in _WORDS

    @property
    def told(self) -> str:
        """In words: `do not contact until 3 December 2026`."""
        words = _WORDS.get(self.state, "reachable")
        return f"{words} until {self.until.day} {self.until:%B %Y}" if self.until else words


@dataclass(frozen=True)
class Unreachable:
    """An address whose owner is not to be reached now."""

    address: str
    availability: Availability


def keeps(module: Module) -> bool:
    """Whether the records of a module say how available they are."""
    state, day = module.field(FIELD), module.field(FROM)
    return state is not None and state.kind == "select" and day is not None and day.kind == "date"


def availability_of(module: Module, record: Mapping[str, Any], *, today: date) -> Availability | None:
    """How available a record is on a day, None where its module does not say."""
    if not keeps(module):
        return None
    state, until = record.get(FIELD) or "reachable", record.get(FROM)
    if state not in _WORDS or (until is not None and until <= today):
        return Availability(state if state not in _WORDS else "reachable")
    return Availability(state, until)


def today_in(catalog: Catalog, now: datetime) -> date:
    """The day of an instant (aware) in the workspace's time zone, by which availability ends."""
    return now.astimezone(ZoneInfo(catalog.workspace.time_zone)).date()


def unreachable_sql(catalog: Catalog, *, today: date) -> exp.Query | None:
    """Every address whose owner is away or not to be contacted on a day; None where no module keeps that.

    Columns: `kind` (email or phone), `address` as it is compared, `state`, and `until`, a date or NULL.
    """
    parts = [
        part
        for module in catalog.modules.values()
        if keeps(module)
        for part in _parts(catalog, module, today)
    ]
    return union_all(parts) if parts else None


def read_unreachable(
    lake: Lake, catalog: Catalog, *, addresses: Sequence[str], now: datetime | None = None
) -> tuple[Unreachable, ...]:
    """Which of some e-mail addresses are of somebody who is away, or not to be contacted now.

    It tells no more than whoever writes to the address would be told, and so asks for no right.
    """
    query = unreachable_sql(catalog, today=today_in(catalog, now or datetime.now(UTC)))
    wanted = {one.strip().lower(): one for one in addresses if one.strip()}
    if query is None or not wanted:
        return ()
    found = exp.select("*").from_(query.subquery("u")).where(
        column("kind", "u").eq(exp.Literal.string("email")),
        column("address", "u").isin(*[exp.Placeholder() for _ in wanted]),
    )  # fmt: skip
    strictest: dict[str, Availability] = {}
    for row in lake.read(text(found), list(wanted)).to_dicts():
        one = Availability(row["state"], row["until"])
        known = strictest.get(row["address"])
        if known is None or _strictness(one) > _strictness(known):
            strictest[row["address"]] = one
    return tuple(Unreachable(wanted[address], one) for address, one in sorted(strictest.items()))


def compared(address: exp.Expr, kind: str) -> exp.Expr:
    """An address as it is compared: mail without case, numbers by their digits."""
    if kind == "email":
        return function("lower", function("trim", address))
    return function(
        "regexp_replace",
        address,
        exp.Literal.string("[^0-9]"),
        exp.Literal.string(""),
        exp.Literal.string("g"),
    )


def _strictness(one: Availability) -> tuple[bool, bool, date]:
    return one.state == QUIET, one.until is None, one.until or date.max


def _parts(catalog: Catalog, module: Module, today: date) -> list[exp.Query]:
    own = exp.select().from_(lake_table(module.slug, alias=_ROW))
    parts: list[exp.Query] = [
        _told(own, field.kind, column(field.slug, _ROW), today)
        for field in module.fields
        if field.kind in _KINDS
    ]
    points = module.contact_points
    if points is not None and points.module in catalog.modules:
        joined = own.join(
            lake_table(points.module, alias=_POINT),
            on=all_of([column(points.reference, _POINT).eq(column("id", _ROW)),
                       column("deleted_at", _POINT).is_(exp.null())]),
        )  # fmt: skip
        parts += [
            _told(joined, kind, column("standardised", _POINT), today).where(
                column("kind", _POINT).eq(exp.Literal.string(kind))
            )
            for kind in _KINDS
        ]
    return parts


def _told(rows: exp.Select, kind: str, address: exp.Expr, today: date) -> exp.Select:
    state, until = column(FIELD, _ROW), column(FROM, _ROW)
    ahead = exp.GT(this=until.copy(), expression=exp.cast(exp.Literal.string(today.isoformat()), "DATE"))
    return rows.select(
        exp.Literal.string(kind).as_("kind"), compared(address.copy(), kind).as_("address"),
        state.as_("state"), until.as_("until"),
    ).where(
        column("deleted_at", _ROW).is_(exp.null()),
        state.copy().isin(*[exp.Literal.string(one) for one in _WORDS]),
        exp.or_(until.copy().is_(exp.null()), ahead),
        exp.not_(address.copy().is_(exp.null())),
    )  # fmt: skip
