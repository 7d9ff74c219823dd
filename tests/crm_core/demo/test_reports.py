"""The reports that a forwarder begins with, over the demo, computed a second time in plain SQL."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.people import read_directory
from crm_core.reports.answer import Result
from crm_core.reports.periods import Range
from crm_core.reports.run import run_report
from tests.crm_core.demo.conftest import UNTIL, Demo

ADMIN = Actor("ann", "admin")
LIVE = "deleted_at IS NULL"
WEEK = "date_trunc('week', timezone('Europe/Berlin', created_at)::DATE)::DATE::VARCHAR"
AGES = (
    "CASE WHEN days <= 0 THEN '0' WHEN days <= 30 THEN '1' WHEN days <= 60 THEN '31' WHEN days <= 90 THEN '61' "
    "WHEN days > 90 THEN '91' END"
)
STILL_OPEN = (
    "SELECT DATE '2026-11-20' - due_on AS days, total__currency AS code, "
    "total - CASE WHEN paid__currency = total__currency THEN paid ELSE 0 END AS still_open FROM lake.crm.invoices "
    f"WHERE {LIVE} AND status NOT IN ('draft', 'paid', 'cancelled') AND total IS NOT NULL"
)
TAGGED = (
    "SELECT unnest(CASE WHEN len(tags) > 0 THEN tags ELSE [NULL] END) AS tag FROM lake.crm.customers "
    f"WHERE {LIVE}"
)
PLAIN = {
    "inquiries-by-state": f"SELECT status, channel, '', count(*) FROM lake.crm.inquiries WHERE {LIVE} GROUP BY ALL",
    "inquiries-by-channel": f"SELECT {WEEK}, channel, '', count(*) FROM lake.crm.inquiries WHERE {LIVE} GROUP BY ALL",
    "first-answer-time": f"SELECT {WEEK}, '', median(date_diff('millisecond', created_at, first_answer_at) / 1000.0) "
    f"FROM lake.crm.inquiries WHERE {LIVE} AND first_answer_at IS NOT NULL AND automatic IS DISTINCT FROM true "
    "GROUP BY ALL",
    "pipeline-by-stage": "SELECT status, amount__currency, sum(amount) FROM lake.crm.deals "
    f"WHERE {LIVE} AND status NOT IN ('won', 'lost') AND amount IS NOT NULL GROUP BY ALL",
    "revenue": "SELECT date_trunc('month', issued_on)::DATE::VARCHAR, net__currency, sum(net) FROM lake.crm.invoices "
    f"WHERE {LIVE} AND status NOT IN ('draft', 'cancelled') AND net IS NOT NULL GROUP BY ALL",
    "payments-net-of-returns": "SELECT date_trunc('month', timezone('Europe/Berlin', paid_at))::DATE::VARCHAR, "
    "amount__currency, sum(amount) FROM lake.crm.payments "
    f"WHERE {LIVE} AND status <> 'returned' AND amount IS NOT NULL GROUP BY ALL",
    "new-customers-by-source": f"SELECT {WEEK.replace('week', 'month')}, source, '', count(*) "
    f"FROM lake.crm.customers WHERE {LIVE} GROUP BY ALL",
    "invoice-ageing": f"SELECT {AGES} AS age, code, sum(still_open) FROM ({STILL_OPEN}) GROUP BY ALL",
    "tasks-by-person": f"SELECT owner, status, '', count(*) FROM lake.crm.tasks WHERE {LIVE} GROUP BY ALL",
    "working-time-by-person": "SELECT owner, '', sum(date_diff('millisecond', started_at, ended_at)) / 1000.0 "
    f"FROM lake.crm.time_entries WHERE {LIVE} AND ended_at IS NOT NULL GROUP BY ALL",
    "new-customers-by-tag": f"SELECT tag, '', count(*) FROM ({TAGGED}) GROUP BY ALL",
}  # fmt: skip


def asked(demo: Demo, slug: str, actor: Actor = ADMIN) -> Result:
    catalog = read_catalog(demo.lake)
    every = catalog.reports[slug].model_copy(update={"limit": 200})
    return run_report(demo.lake, catalog, every, actor=actor, range=Range(), now=UNTIL)


@pytest.mark.parametrize("slug", PLAIN)
def test_a_shipped_report_says_what_plain_sql_says(demo: Demo, slug: str) -> None:
    rows = demo.lake.read(PLAIN[slug]).rows()
    expected = {(*keys, code or ""): float(value) for *keys, code, value in rows}
    found = {(*[key.value for key in row.keys], row.currency): row.value for row in asked(demo, slug).rows}
    assert found and {key: float(value) for key, value in found.items()} == pytest.approx(expected, abs=1e-5)


def test_every_shipped_report_is_computed_here_and_asked_by_anybody(demo: Demo) -> None:
    catalog = read_catalog(demo.lake)
    for user in read_directory(demo.lake).active[:3]:
        for slug in catalog.reports:
            assert all(row.value is not None for row in asked(demo, slug, user.actor).rows), slug
    assert set(catalog.reports) == {*PLAIN, "inquiry-velocity"}
    shown = {card.report for board in catalog.dashboards.values() for card in board.cards}
    assert shown <= set(catalog.reports) and len(catalog.dashboards) == 2


def test_a_velocity_of_one_is_as_many_as_usual(demo: Demo) -> None:
    rows = {row.keys[0].value: row for row in asked(demo, "inquiry-velocity").rows}
    since = "created_at > $now - INTERVAL"
    found = demo.lake.read(
        f"SELECT service, count(*) FILTER ({since} 7 DAY), count(*) FROM lake.crm.inquiries "
        f"WHERE {LIVE} AND {since} 35 DAY AND created_at <= $now GROUP BY ALL", {"now": UNTIL},
    )  # fmt: skip
    for service, week, every in found.rows():
        ratio = Decimal(week) / (Decimal(every - week) / 4 or Decimal("0.5"))
        assert rows[service].value == pytest.approx(ratio, abs=Decimal("0.00001"))
