"""Sixty customers with amounts in two currencies, made over half a year, and their tasks; read back as a table."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from crm_core import records
from crm_core.model import Report
from crm_core.reports.answer import Result
from crm_core.reports.run import run_report
from tests.crm_core.conftest import ADMIN, Actor, Crm, Template

NOW = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
"""Half past midnight of the first of April in Berlin, where the workspace is."""


@dataclass(frozen=True)
class World:
    """The lake with those customers, and the customers as a table."""

    crm: Crm
    customers: pl.DataFrame

    def ask(self, actor: Actor = ADMIN, **described: object) -> Result:
        """Ask a report that is not saved."""
        report = Report.model_validate({"slug": "new", "module": "customers", **described})
        return run_report(self.crm.lake, self.crm.catalog, report, actor=actor, now=NOW)


@pytest.fixture(scope="module")
def world(template: Template, tmp_path_factory: pytest.TempPathFactory, threads: int) -> Iterator[World]:
    """Made once for a file, whose tests only look."""
    with template.copy(tmp_path_factory.mktemp("reports") / "home", threads=threads) as workspace:
        crm = Crm(workspace.lake)
        made = records.create(crm.lake, module="customers", values=_customers(), actor=ADMIN)
        records.create(crm.lake, module="tasks", values=_tasks(made.ids), actor=ADMIN)
        yield World(crm, crm.lake.read("SELECT * FROM lake.crm.customers WHERE deleted_at IS NULL"))


def _customers() -> list[dict[str, object]]:
    chance = random.Random(7)
    rows: list[dict[str, object]] = []
    for number in range(60):
        seen = NOW - timedelta(hours=chance.randrange(24 * 180))
        credit = {
            "amount": f"{chance.randrange(1, 10**6) / 100:.2f}",
            "currency": chance.choice(["EUR", "USD"]),
        }
        rows.append({
            "name": f"Customer {number}", "age": chance.randrange(20, 70), "country": chance.choice(["DE", "FR", None]),
            "credit": credit if number % 7 else None, "kind": chance.choice(["person", "company"]),
            "folder": chance.choice(["leads", "active"]), "tags": chance.sample(["a", "b", "c"], k=number % 3),
            "seen": seen.isoformat(), "born": (seen - timedelta(days=chance.randrange(100))).date().isoformat(),
            "langs": chance.sample(["de", "en", "fr"], k=chance.randrange(3)), "owner": chance.choice(["bob", "sue"]),
        })  # fmt: skip
    return rows


def _tasks(customers: Sequence[str]) -> list[dict[str, object]]:
    return [{"title": f"Task {place}", "customer": one} for place, one in enumerate(customers[:20])]
