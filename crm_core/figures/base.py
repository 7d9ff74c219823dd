"""What all figures share: how one is told, and the rows of a module that belong to a record."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from crm_core.access import Actor
from crm_core.model import Catalog, ToMany
from crm_core.prepared import STAND_IN, about_record
from crm_core.related import linked
from crm_core.relations import Relations
from lake import Lake

ROW = "r"
_NOW = datetime(2000, 1, 1, tzinfo=UTC)
_TODAY = date(2000, 1, 1)


@dataclass(frozen=True)
class Figure:
    """One number as it is shown: amounts have a currency (ISO 4217), others may have a unit.

    `tone` is a colour of the palette where the number calls for one, such as `red` for what is overdue.
    """

    label: str
    value: Decimal | int | str
    unit: str = ""
    currency: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Asked:
    """A question about one record: of which module it is, who asks, as of which snapshot and which instant.

    `week` is the day on which the week of `now` began; all days are those of the workspace's time zone.
    """

    lake: Lake
    catalog: Catalog
    module: str
    record_id: str
    actor: Actor
    at: int | None
    now: datetime

    @property
    def today(self) -> date:
        """The day it is in the workspace."""
        return self.now.astimezone(ZoneInfo(self.catalog.workspace.time_zone)).date()

    def link(self, of: str) -> ToMany | None:
        """The link from the record's module to the records of another; one that can lead nowhere else first."""
        links = [one for one in self.catalog.to_many(self.module) if one.module == of]
        plain = [one for one in links if one.reference is not None and not one.reference.polymorphic]
        return next(iter([*plain, *links]), None)

    def rows(
        self,
        of: str,
        build: Callable[[exp.Select, Relations], exp.Expr],
        *,
        instead: Mapping[Any, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Ask the records of a module that belong to the record.

        Args:
            of: the module.
            build: makes the statement from a select without columns over those records, called `r`; values that
                differ from question to question are bound as `NOW` and `TODAY`, or stand in `instead`.
            instead: further values that stand in for others, and those others.
        """
        link = self.link(of)
        if link is None:
            return []
        statement, values = about_record(
            self.lake, self.catalog, self.record_id,
            lambda relations: build(linked(relations, link, STAND_IN, ROW), relations),
            key=("figure", build.__module__, build.__qualname__, self.module, link.slug, of),
            actor=self.actor, at=self.at, instead={_NOW: self.now, _TODAY: self.today, **(instead or {})},
        )  # fmt: skip
        return self.lake.read(statement, values).to_dicts()


def asked(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    record_id: str,
    actor: Actor,
    at: int | None,
    now: datetime | None,
) -> Asked:
    """A question as of now, when no other instant is given."""
    return Asked(lake, catalog, module, record_id, actor, at, now or datetime.now(UTC))


def bind_now(relations: Relations) -> exp.Expr:
    """The instant of the question."""
    return relations.params.bind(_NOW, "TIMESTAMPTZ")


def bind_today(relations: Relations) -> exp.Expr:
    """The day of the question, in the workspace's time zone."""
    return relations.params.bind(_TODAY, "DATE")


def is_one_of(relations: Relations, column: exp.Expr, values: tuple[str, ...] | list[str]) -> exp.Expr:
    """True where a text is among some words; a missing one is not."""
    if not values:
        return exp.false()
    among = column.isin(*relations.params.bind_all(list(values)))
    return exp.Coalesce(this=exp.paren(among), expressions=[exp.false()])


def end_statuses(catalog: Catalog, module: str) -> list[str]:
    """The statuses with which records of a module count as closed."""
    return sorted({end for folder in catalog.module(module).folders for end in folder.end_statuses})


def amount(value: Any) -> Decimal:
    """A sum out of the lake as money: cents, and more digits only where there are any."""
    found = Decimal(value or 0)
    return found.quantize(Decimal("0.01")) if found == found.quantize(Decimal("0.01")) else found.normalize()
