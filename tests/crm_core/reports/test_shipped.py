"""Every report that the packs bring, computed a second time with Polars from the rows of the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from crm_core import definitions, people
from crm_core.reports.run import run_report
from crm_core.workspace import prepare
from lake import Lake, LakeConfig
from tests.crm_core.conftest import ADMIN, USERS, Crm
from tests.crm_core.reports.shipped_world import NOW, TODAY, ZONE, forwarder, shop, write

Said = dict[tuple[str | None, ...], tuple[float, int]]
Table = Callable[[str], pl.DataFrame]
MONEY = pl.col("currency")
NO_CURRENCY = pl.lit("").alias("currency")


@pytest.fixture(scope="module", params=["logistics", "ecommerce"])
def packed(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    new_catalog: Callable[[Path], str],
) -> Iterator[tuple[str, Crm]]:
    """A lake with a pack and its rows, made once."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    catalog = new_catalog(folder)
    with Lake.open(LakeConfig(catalog=catalog, data_path=str(folder / "data"), threads=1)) as lake:
        prepare(lake)
        definitions.apply_pack(lake, request.param, actor=ADMIN)
        people.save_users(lake, USERS, actor=ADMIN)
        write(lake, forwarder() if request.param == "logistics" else shop())
        yield request.param, Crm(lake)


def day(name: str) -> pl.Expr:
    """The day in Berlin of an instant."""
    return pl.col(name).dt.convert_time_zone(ZONE.key).dt.date()


def begun(of: pl.Expr, every: str) -> pl.Expr:
    """The first day of the week or month."""
    return of.dt.truncate(every).dt.strftime("%Y-%m-%d").alias("begun")


def quarter_year(name: str) -> pl.Expr:
    """Within the last 90 days, today among them."""
    return day(name).is_between(date(2026, 3, 4), date(2026, 6, 1))


def year(of: pl.Expr) -> pl.Expr:
    """Within this month and the eleven before."""
    return of.is_between(date(2025, 7, 1), date(2026, 6, 1))


def age(of: pl.Expr) -> pl.Expr:
    """How many days ago, as an accountant sorts it."""
    late = (pl.lit(TODAY.date()) - of).dt.total_days()
    return (
        pl.when(late >= 91).then(pl.lit("91")).when(late >= 61).then(pl.lit("61")).when(late >= 31).then(pl.lit("31"))
        .when(late >= 1).then(pl.lit("1")).otherwise(pl.lit("0")).alias("age")
    )  # fmt: skip


def told(rows: pl.DataFrame, *by: pl.Expr, value: pl.Expr) -> Said:
    """Groups, the last of them the currency → what is computed of them, and of how many rows."""
    found = rows.group_by(*by).agg(value.cast(pl.Float64).alias("value"), pl.len().alias("n")).rows()
    return {(*keys,): (figure, n) for *keys, figure, n in found}


def counted(module: str, *by: pl.Expr, within: pl.Expr) -> Callable[[Table], Said]:
    return lambda table: told(table(module).filter(within), *by, NO_CURRENCY, value=pl.len())


def summed(module: str, name: str, *by: pl.Expr, where: pl.Expr) -> Callable[[Table], Said]:
    """The sum of an amount per currency, of rows that have one."""

    def compute(table: Table) -> Said:
        rows = table(module).filter(where & pl.col(name).is_not_null())
        return told(rows, *by, pl.col(f"{name}__currency"), value=pl.col(name).sum())

    return compute


def less(
    orders: str, taken: str, name: str, status: str, *by: pl.Expr, where: pl.Expr
) -> Callable[[Table], Said]:
    """Totals of orders, less what belongs to them in one status and the same currency, whenever that was."""

    def compute(table: Table) -> Said:
        off = (
            table(taken).filter(pl.col("status") == status)
            .group_by(pl.col("order").alias("id"), pl.col(f"{name}__currency").alias("total__currency"))
            .agg(pl.col(name).sum().alias("off"))
        )  # fmt: skip
        rows = table(orders).filter(where & pl.col("total").is_not_null())
        rows = rows.join(off, on=["id", "total__currency"], how="left")
        return told(
            rows, *by, pl.col("total__currency"), value=(pl.col("total") - pl.col("off").fill_null(0)).sum()
        )

    return compute


def velocity(module: str, by: str) -> Callable[[Table], Said]:
    def compute(table: Table) -> Said:
        ago = pl.lit(NOW) - pl.col("created_at")
        rows = table(module).filter((ago >= timedelta(0)) & (ago < timedelta(days=35)))
        week = (ago < timedelta(days=7)).sum()
        before = pl.len() - week
        return told(
            rows, pl.col(by), NO_CURRENCY, value=week / pl.when(before > 0).then(before / 4).otherwise(0.5)
        )

    return compute


def answered(module: str) -> Callable[[Table], Said]:
    def compute(table: Table) -> Said:
        waited = (pl.col("first_answer_at") - pl.col("created_at")).dt.total_milliseconds() / 1000
        by_people = pl.col("automatic").is_null() | ~pl.col("automatic")
        rows = table(module).filter(
            quarter_year("created_at") & by_people & pl.col("first_answer_at").is_not_null()
        )
        return told(rows, begun(day("created_at"), "1w"), NO_CURRENCY, value=waited.median())

    return compute


def by_tag(table: Table) -> Said:
    some = pl.when(pl.col("tags").list.len() > 0).then(pl.col("tags"))
    rows = table("customers").filter(year(day("created_at"))).with_columns(some.alias("tags")).explode("tags")
    return told(rows, pl.col("tags"), NO_CURRENCY, value=pl.len())


def worked(table: Table) -> Said:
    lasted = (pl.col("ended_at") - pl.col("started_at")).dt.total_milliseconds() / 1000
    rows = table("time_entries").filter(quarter_year("started_at") & pl.col("ended_at").is_not_null())
    return told(rows, pl.col("owner"), NO_CURRENCY, value=lasted.sum())


def open_bills(table: Table) -> Said:
    same = pl.col("paid__currency") == pl.col("total__currency")
    left = pl.col("total") - pl.when(same).then(pl.col("paid")).otherwise(0).fill_null(0)
    bills = table("invoices").filter(pl.col("total").is_not_null())
    rows = bills.filter(pl.col("status").is_in(["sent", "partly_paid", "overdue"]))
    return told(rows, age(pl.col("due_on")), pl.col("total__currency"), value=left.sum())


STATUS, CHANNEL, SOURCE = pl.col("status"), pl.col("channel"), pl.col("source")
MADE = day("created_at")
EVERYWHERE = {
    "new-customers-by-source": counted("customers", begun(MADE, "1mo"), SOURCE, within=year(MADE)),
    "new-customers-by-tag": by_tag,
    "tasks-by-person": counted("tasks", pl.col("owner"), STATUS, within=quarter_year("created_at")),
    "working-time-by-person": worked,
}


def requests(module: str, one: str, topic: str) -> Mapping[str, Callable[[Table], Said]]:
    """The four reports on inquiries or tickets."""
    lately = quarter_year("created_at")
    return {
        f"{module}-by-state": counted(module, STATUS, CHANNEL, within=lately),
        f"{module}-by-channel": counted(module, begun(MADE, "1w"), CHANNEL, within=lately),
        f"{one}-velocity": velocity(module, topic),
        "first-answer-time": answered(module),
    }


SENT = ~STATUS.is_in(["draft", "cancelled"])
ORDERED, PAID, ISSUED = day("ordered_at"), day("paid_at"), pl.col("issued_on")
EXPECTED: Mapping[str, Mapping[str, Callable[[Table], Said]]] = {
    "logistics": {
        **EVERYWHERE, **requests("inquiries", "inquiry", "service"),
        "pipeline-by-stage": summed("deals", "amount", STATUS, where=~STATUS.is_in(["won", "lost"])),
        "revenue": summed("invoices", "net", begun(ISSUED, "1mo"), where=SENT & year(ISSUED)),
        "payments-net-of-returns": summed(
            "payments", "amount", begun(PAID, "1mo"), where=(STATUS != "returned") & year(PAID)
        ),
        "invoice-ageing": open_bills,
    },
    "ecommerce": {
        **EVERYWHERE, **requests("tickets", "ticket", "topic"),
        "orders-by-stage": summed("orders", "total", STATUS, where=quarter_year("ordered_at")),
        "revenue": less(
            "orders", "returns", "refund", "refunded", begun(ORDERED, "1mo"),
            where=(STATUS != "cancelled") & year(ORDERED),
        ),
        "unpaid-orders": less("orders", "payments", "amount", "captured", age(ORDERED), where=STATUS == "placed"),
    },
}  # fmt: skip
AGEING = {"invoice-ageing", "unpaid-orders"}


def test_what_every_shipped_report_says_is_what_the_rows_say(packed: tuple[str, Crm]) -> None:
    pack, crm = packed
    reports, wrong = crm.catalog.reports, {}
    assert reports.keys() == EXPECTED[pack].keys()

    @cache
    def table(module: str) -> pl.DataFrame:
        rows = crm.lake.read(f"SELECT * FROM lake.crm.{module} WHERE deleted_at IS NULL")
        return rows.with_columns(pl.col(pl.Datetime).dt.convert_time_zone("UTC"))

    for slug, compute in EXPECTED[pack].items():
        expected = compute(table)
        found = run_report(crm.lake, crm.catalog, reports[slug], actor=ADMIN, now=NOW)
        said = {(*[key.value for key in row.keys], row.currency): row for row in found.rows}
        assert len(said) > 2 or slug == "working-time-by-person", f"{slug} tells too little to be a test"
        assert slug not in AGEING or {keys[0] for keys in said} == {"0", "1", "31", "61", "91"}
        if {keys: row.count for keys, row in said.items()} != {keys: n for keys, (_, n) in expected.items()}:
            wrong[slug] = "other groups"
        elif {k: float(row.value) for k, row in said.items()} != pytest.approx(
            {k: value for k, (value, _) in expected.items()}, abs=2e-6
        ):
            wrong[slug] = "other figures"
    assert not wrong


def test_rows_stand_on_both_sides_of_every_border(packed: tuple[str, Crm]) -> None:
    """A border that no row stands at would be no test of it."""
    _, crm = packed
    made = crm.lake.read("SELECT created_at FROM lake.crm.customers")["created_at"].to_list()
    for ago in (-1, 0, 1, 30, 31, 60, 61, 90, 91):
        midnight = (TODAY.replace(tzinfo=None) - timedelta(days=ago)).replace(tzinfo=ZONE)
        assert {midnight, midnight - timedelta(seconds=1)} <= set(made)
