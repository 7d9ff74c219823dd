"""What a report says, computed a second time with Polars from the rows of the table."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from crm_core.reports.answer import Result
from tests.crm_core.conftest import AGENT, OTHER
from tests.crm_core.reports.conftest import World

Said = dict[tuple[str | None, ...], tuple[Decimal, int]]
LOCAL = pl.col("seen").dt.convert_time_zone("Europe/Berlin")


def said(result: Result) -> Said:
    return {(*[key.value for key in row.keys], row.currency): (row.value, row.count) for row in result.rows}


def computed(frame: pl.DataFrame, *by: pl.Expr, value: pl.Expr) -> Said:
    rows = frame.group_by(*by).agg(value.alias("value"), pl.len().alias("n")).rows()
    return {(*keys,): (Decimal(str(value)), n) for *keys, value, n in rows}


def test_records_are_counted_by_two_fields(world: World) -> None:
    found = world.ask(groups=[{"field": "kind"}, {"field": "country"}])
    expected = computed(world.customers, pl.col("kind"), pl.col("country"), pl.lit(""), value=pl.len())
    assert said(found) == expected and found.names == ("Kind", "Country")
    labels = {key.value: key.label for key in found.keys(1)}
    assert labels == {"DE": "Germany", "FR": "France", None: "No country"}


def test_amounts_are_added_up_by_currency_to_every_digit(world: World) -> None:
    found = world.ask(measure={"kind": "sum", "field": "credit"}, groups=[{"field": "status"}])
    have = world.customers.filter(pl.col("credit").is_not_null())
    expected = computed(have, pl.col("status"), pl.col("credit__currency"), value=pl.col("credit").sum())
    assert said(found) == expected and found.unit == "money"
    assert found.totals()["EUR"] == have.filter(pl.col("credit__currency") == "EUR")["credit"].sum()


@pytest.mark.parametrize(("kind", "how"), [("average", pl.Expr.mean), ("median", pl.Expr.median)])
def test_an_average_and_a_median_are_those_of_the_values(world: World, kind: str, how: object) -> None:
    found = world.ask(measure={"kind": kind, "field": "age"}, groups=[{"field": "owner"}])
    rows = world.customers.group_by("owner").agg(how(pl.col("age"))).rows()  # type: ignore[operator]
    assert {row.keys[0].value: float(row.value) for row in found.rows} == pytest.approx(dict(rows), abs=1e-5)
    assert {row.keys[0].label for row in found.rows} == {"Bob Agent", "Sue Seller"}


def test_the_time_between_two_is_told_in_seconds(world: World) -> None:
    found = world.ask(measure={"kind": "median", "field": "born", "until": "seen"})
    born = pl.col("born").cast(pl.Datetime).dt.replace_time_zone("Europe/Berlin").dt.convert_time_zone("UTC")
    expected = world.customers.select(
        ((pl.col("seen") - born).dt.total_milliseconds() / 1000).median()
    ).item()
    assert found.unit == "seconds" and float(found.rows[0].value) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("bucket", "every"), [("day", "1d"), ("week", "1w"), ("month", "1mo"), ("quarter", "1q"), ("year", "1y")]
)
def test_instants_fall_into_the_days_of_the_workspace(world: World, bucket: str, every: str) -> None:
    found = world.ask(groups=[{"field": "seen", "bucket": bucket}])
    first = LOCAL.dt.truncate(every).dt.strftime("%Y-%m-%d")
    assert said(found) == computed(world.customers, first, pl.lit(""), value=pl.len())
    assert [row.keys[0].value for row in found.rows] == sorted(row.keys[0].value for row in found.rows)


def test_an_age_is_of_the_day_that_it_is_in_the_workspace(world: World) -> None:
    found = world.ask(groups=[{"field": "seen", "bucket": "age"}])
    days = (pl.date(2026, 4, 1) - LOCAL.dt.date()).dt.total_days()
    age = pl.lit("91")
    for most, name in ((90, "61"), (60, "31"), (30, "1"), (0, "0")):
        age = pl.when(days <= most).then(pl.lit(name)).otherwise(age)
    assert said(found) == computed(world.customers, age.alias("age"), pl.lit(""), value=pl.len())
    assert found.rows[1].keys[0].label == "31–60 d" or len(found.rows) == 5


@pytest.mark.parametrize("field", ["tags", "langs"])
def test_a_record_with_several_values_counts_once_for_each(world: World, field: str) -> None:
    found = world.ask(groups=[{"field": field}, {"field": "kind"}])
    each = world.customers.explode(field)
    assert said(found) == computed(each, pl.col(field), pl.col("kind"), pl.lit(""), value=pl.len())
    assert not found.adds_up


def test_velocity_is_the_last_week_beside_a_quarter_of_four_weeks(world: World) -> None:
    found = world.ask(measure={"kind": "velocity", "field": "seen"}, groups=[{"field": "kind"}])
    ago = pl.datetime(2026, 3, 31, 22, 30, time_zone="UTC") - pl.col("seen")
    recent, before = ago < pl.duration(days=7), ago < pl.duration(days=35)
    rows = world.customers.filter(before).group_by("kind").agg(recent.sum(), pl.len())
    expected = {kind: week / ((all_ - week) / 4 or 0.5) for kind, week, all_ in rows.rows()}
    assert {row.keys[0].value: float(row.value) for row in found.rows} == pytest.approx(expected, abs=1e-5)


def test_what_is_beyond_the_limit_stands_together(world: World) -> None:
    found = world.ask(measure={"kind": "median", "field": "age"}, groups=[{"field": "age"}], limit=3)
    *shown, rest = found.rows
    top = sorted(set(world.customers["age"].to_list()), reverse=True)[:3]
    assert [row.value for row in shown] == top and rest.keys[0].other
    others = world.customers.filter(~pl.col("age").is_in(top))
    assert (float(rest.value), rest.count) == (others["age"].median(), others.height)


def test_related_records_are_told_by_their_title_and_taken_off(world: World) -> None:
    found = world.ask(
        module="tasks", groups=[{"field": "customer"}, {"field": "customer.kind"}], limit=5,
        when={"field": "customer.age", "op": "ge", "value": 30},
    )  # fmt: skip
    assert len(found.rows) == 6 or sum(row.count for row in found.rows) < 20
    assert all(key.label.startswith("Customer ") or key.other for key in found.keys(0))


def test_each_sees_what_is_computed_of_his_own_records(world: World) -> None:
    mine, theirs = (world.ask(actor, groups=[{"field": "folder"}]) for actor in (AGENT, OTHER))
    folders = dict(world.customers.group_by("folder").len().rows())
    assert {row.keys[0].value: row.count for row in mine.rows} == folders
    hidden = world.customers.filter((pl.col("folder") == "active") & (pl.col("owner") != "sue")).height
    assert hidden and sum(row.count for row in theirs.rows) == world.customers.height - hidden


def test_a_report_of_nothing_counts_none(world: World) -> None:
    nobody = {"field": "name", "op": "eq", "value": "Nobody"}
    assert [row.value for row in world.ask(when=nobody).rows] == [0]
    assert world.ask(when=nobody, groups=[{"field": "kind"}]).rows == ()
