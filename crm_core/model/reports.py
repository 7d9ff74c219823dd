"""Reports and dashboards as their makers describe them: what is counted, of which records, by what, how drawn."""

from typing import Literal, Self

from pydantic import Field, model_validator

from crm_core.model.base import DashedSlug, Definition, Offered
from crm_core.model.condition import All, Condition

MeasureKind = Literal["count", "sum", "average", "median", "velocity"]
Bucket = Literal["", "day", "week", "month", "quarter", "year", "age"]
Chart = Literal["number", "bar", "stacked_bar", "line", "area", "donut", "table"]
Sort = Literal["auto", "largest", "smallest", "label"]
Period = Literal[
    "all",
    "last_7_days",
    "last_30_days",
    "last_90_days",
    "last_12_months",
    "this_month",
    "this_quarter",
    "this_year",
]
MOST_GROUPS = 200


class Less(Definition):
    """What is taken off the amount of a record: its own `field`, or that of its related records that meet `when`.

    An amount of money counts where it has the currency of what it is taken off.
    """

    field: str = Field(min_length=1, max_length=200)
    when: Condition = All()


class Measure(Definition):
    """What is computed of the records of a group.

    `sum`, `average` and `median` are of a number or an amount of money, less what stands under `less`; with `until` of
    the time that passes from the date or time `field` to that one. `velocity` is how many there were in the last 7
    days, by `field`, divided by a quarter of those of the 28 days before. Of a statement, `field` is the column.
    """

    kind: MeasureKind = "count"
    field: str = Field(default="", max_length=200)
    until: str = Field(default="", max_length=200)
    less: tuple[Less, ...] = Field(default=(), max_length=4)


class Group(Definition):
    """By what records are told apart: a field (or a path to one over references), a date by its day, week and so on.

    The bucket `age` is how many days ago a date is: not yet, 1 to 30, 31 to 60, 61 to 90, more.
    """

    field: str = Field(min_length=1, max_length=200)
    bucket: Bucket = ""


class Report(Offered):
    """A question asked again and again: of the records of a module that meet `when`, or a SELECT of the SQL door.

    The date range that a person chooses is about `date`; `period` is the one to begin with. Of more than `limit` groups
    the rest stands together as other.
    """

    description: str = Field(default="", max_length=500)
    module: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{0,47})?$")
    when: Condition = All()
    sql: str = Field(default="", max_length=20_000)
    measure: Measure = Measure()
    groups: tuple[Group, ...] = Field(default=(), max_length=2)
    date: str = Field(default="", max_length=200)
    period: Period = "all"
    chart: Chart = "bar"
    sort: Sort = "auto"
    limit: int = Field(default=20, ge=1, le=MOST_GROUPS)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.module) == bool(self.sql.strip()):
            raise ValueError("a report needs a module or a statement (`sql`), and not both")
        if self.module and self.measure.kind != "count" and not self.measure.field:
            raise ValueError(f"the {self.measure.kind} of what? The measure needs a `field`")
        return self


class Card(Definition):
    """A report on a dashboard, `width` of three columns wide and one or two rows high."""

    report: DashedSlug
    width: int = Field(default=1, ge=1, le=3)
    height: int = Field(default=1, ge=1, le=2)


class Dashboard(Offered):
    """Reports side by side, in the order in which they stand, with a date range for all (`report`: each its own)."""

    description: str = Field(default="", max_length=500)
    cards: tuple[Card, ...] = Field(default=(), max_length=24)
    period: Period | Literal["report"] = "report"
