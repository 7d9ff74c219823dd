"""A number opens the records that it was computed of, and a date range narrows both."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from crm_core import query
from crm_core.reports.errors import RangeInvalid
from crm_core.reports.opening import records_of
from crm_core.reports.periods import Range, range_of
from crm_core.reports.run import run_report
from tests.crm_core.conftest import ADMIN, OTHER, Actor
from tests.crm_core.reports.conftest import NOW, World

REPORTS: dict[str, dict[str, Any]] = {
    "two fields": {"groups": [{"field": "kind"}, {"field": "country"}]},
    "amounts": {"measure": {"kind": "sum", "field": "credit"}, "groups": [{"field": "status"}]},
    "a list": {"groups": [{"field": "tags"}, {"field": "owner"}]},
    "weeks": {"groups": [{"field": "seen", "bucket": "week"}], "date": "seen", "period": "last_90_days"},
    "quarters of days": {"groups": [{"field": "born", "bucket": "quarter"}, {"field": "folder"}]},
    "days": {"groups": [{"field": "born"}], "date": "born", "period": "last_90_days"},
    "ages": {"groups": [{"field": "seen", "bucket": "age"}, {"field": "born", "bucket": "age"}]},
    "the rest": {"groups": [{"field": "age"}], "limit": 4, "sort": "label"},
    "velocity": {"measure": {"kind": "velocity", "field": "seen"}, "groups": [{"field": "kind"}]},
    "lengths of time": {
        "measure": {"kind": "average", "field": "born", "until": "seen"}, "groups": [{"field": "kind"}],
        "when": {"any": [{"field": "age", "op": "lt", "value": 40}, {"not": {"field": "credit", "op": "is_set"}}]},
    },
    "nothing told apart": {"when": {"field": "vip", "op": "ne", "value": True}},
}  # fmt: skip


@pytest.mark.parametrize("actor", [ADMIN, OTHER], ids=["who sees all", "who sees some"])
@pytest.mark.parametrize("described", REPORTS.values(), ids=REPORTS)
def test_a_number_opens_the_records_it_was_computed_of(
    world: World, described: dict[str, Any], actor: Actor
) -> None:
    result, catalog = world.ask(actor, **described), world.crm.catalog
    assert result.rows
    for row in result.rows:
        behind = records_of(catalog, result, row, now=NOW)
        page = query.read_page(
            world.crm.lake, catalog, module="customers", actor=actor, condition=behind, now=NOW, limit=1
        )
        assert page.total == row.count, [key.label for key in row.keys]


def test_the_rest_of_a_list_opens_nothing(world: World) -> None:
    result = world.ask(groups=[{"field": "tags"}], limit=1)
    assert records_of(world.crm.catalog, result, result.rows[-1], now=NOW) is None


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        pytest.param(
            Range(date(2026, 1, 1), date(2026, 1, 31)), "2025-12-31T23:00:00", "2026-01-31T23:00:00", id="both"
        ),
        pytest.param(Range(date(2026, 3, 1)), "2026-02-28T23:00:00", "9999-01-01T00:00:00", id="from a day on"),
        pytest.param(Range(None, date(2026, 2, 28)), "0001-01-01T00:00:00", "2026-02-28T23:00:00", id="until a day"),
    ],
)  # fmt: skip
def test_a_range_holds_whole_days_of_the_workspace(world: World, asked: Range, least: str, most: str) -> None:
    seen = [moment.isoformat()[:19] for moment in world.customers["seen"]]
    report = world.ask(date="seen").report
    found = run_report(world.crm.lake, world.crm.catalog, report, actor=ADMIN, range=asked, now=NOW)
    assert found.rows[0].value == sum(least <= moment < most for moment in seen) > 0


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("last_7_days", "2026-02-23", "2026-03-01"),
        ("this_month", "2026-03-01", "2026-03-31"),
        ("this_quarter", "2026-01-01", "2026-03-31"),
        ("this_year", "2026-01-01", "2026-12-31"),
        ("last_12_months", "2025-04-01", "2026-03-01"),
    ],
)
def test_a_period_has_its_days(period: str, first: str, last: str) -> None:
    found = range_of(period, today=date(2026, 3, 1))
    assert (str(found.first), str(found.last)) == (first, last)


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(RangeInvalid, match="before it begins"):
        Range(date(2026, 2, 1), date(2026, 1, 1))
    with pytest.raises(RangeInvalid, match="this_month"):
        range_of("yesteryear", today=date(2026, 1, 1))
