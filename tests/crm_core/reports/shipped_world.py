"""What the shipped reports are asked of: rows on both sides of every border of a day, a period and an age."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from lake import Change, Lake, Transaction, new_id, table

NOW = datetime(2026, 5, 31, 22, 30, tzinfo=UTC)
"""Half past midnight of the first of June in Berlin, where both workspaces are; in UTC it is still May."""
ZONE = ZoneInfo("Europe/Berlin")
TODAY = NOW.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
SECOND = timedelta(seconds=1)
CURRENCIES = ("EUR", "USD", "JPY")
Rows = list[dict[str, Any]]


def moments() -> list[datetime]:
    """Both sides of midnight in Berlin on the borders of days, months, ages and periods, and of the 7 and 35 days."""
    days = [
        TODAY - timedelta(days=ago) for ago in (-20, -1, 0, 1, 7, 30, 31, 60, 61, 89, 90, 91, 92, 130, 400)
    ]
    months = [TODAY.replace(year=2026 - (back >= 5), month=(5 - back) % 12 + 1) for back in range(13)]
    found = [one.replace(tzinfo=None).replace(tzinfo=ZONE).astimezone(UTC) for one in (*days, *months)]
    found += [NOW - timedelta(days=ago) for ago in (2, 7, 28, 35)]
    return sorted({near for one in found for near in (one - SECOND, one, one + timedelta(hours=13))})


class Maker:
    """Rows by chance, the same at each run; one in twelve is deleted."""

    def __init__(self) -> None:
        self.chance = random.Random(11)

    def row(self, status: Sequence[str], made: datetime, **values: Any) -> dict[str, Any]:
        """A row of any module; values that are functions are called."""
        gone = self.chance.random() < 1 / 12
        return {
            "id": new_id(), "folder": "any", "status": self.chance.choice(status), "created_at": made,
            "updated_at": made, "deleted_at": NOW if gone else None, "owner": self.chance.choice(["bob", "sue", None]),
            "tags": self.chance.sample(["vip", "new", "late"], k=self.chance.randrange(4)),
            "source": self.chance.choice(["web", "fair", None]),
            **{name: value() if callable(value) else value for name, value in values.items()},
        }  # fmt: skip

    def one_of(self, *values: Any) -> Callable[[], Any]:
        """One of some values, another for each row."""
        return lambda: self.chance.choice(values)

    def amount(self, name: str, *, most: int = 100_000, missing: bool = True) -> dict[str, Any]:
        """The two columns of an amount of money, sometimes empty."""
        if missing and self.chance.random() < 0.1:
            return {name: None, f"{name}__currency": None}
        value = Decimal(self.chance.randrange(1, most)) / 100
        return {name: value, f"{name}__currency": self.chance.choice(CURRENCIES)}

    def after(self, made: datetime) -> datetime | None:
        """A while later, or never."""
        return (
            made + timedelta(seconds=self.chance.randrange(400_000)) if self.chance.random() < 0.7 else None
        )


def both(maker: Maker) -> dict[str, Rows]:
    """What both packs have: customers, tasks, working time."""
    free = {"bob": datetime.min.replace(tzinfo=UTC), "sue": datetime.min.replace(tzinfo=UTC)}
    entries: Rows = []
    for number, made in enumerate(moments()):
        owner = ("bob", "sue")[number % 2]
        if made >= free[owner]:
            ends = maker.after(made)
            entries.append(
                maker.row(["any"], made, owner=owner, title="Work", started_at=made, ended_at=ends)
            )
    return {
        "customers": [maker.row(["new", "active"], made, name="Somebody") for made in moments()],
        "tasks": [maker.row(["open", "waiting", "done"], made, title="Do") for made in moments()],
        "time_entries": entries,
    }


def asked(maker: Maker, status: Sequence[str], **values: Any) -> Rows:
    """Inquiries or tickets."""
    return [
        maker.row(
            status, made, subject="Question", first_answer_at=maker.after(made),
            automatic=maker.one_of(True, False, False, None), channel=maker.one_of("email", "form", "chat", None),
            **values,
        )
        for made in moments()
    ]  # fmt: skip


def forwarder() -> dict[str, Rows]:
    """Rows of the freight forwarder."""
    maker = Maker()
    deals = [
        maker.row(["proposal", "won", "lost"], one, title="Lane", **maker.amount("amount"))
        for one in moments()
    ]
    bills, paid = ["draft", "sent", "partly_paid", "overdue", "paid", "cancelled"], Rows()
    for made in moments():
        day = made.astimezone(ZONE).date()
        amounts = {**maker.amount("net"), **maker.amount("total"), **maker.amount("paid", most=40_000)}
        paid += [maker.row([one], made, issued_on=day, due_on=day, **amounts) for one in bills]
    payments = [
        maker.row(
            ["received", "received", "returned"], made, reference="P", paid_at=made, **maker.amount("amount")
        )
        for made in moments()
    ]
    service = maker.one_of("sea_freight", "air_freight", None)
    inquiries = asked(maker, ["new", "answered", "closed"], service=service)
    return {**both(maker), "deals": deals, "invoices": paid, "payments": payments, "inquiries": inquiries}


def shop() -> dict[str, Rows]:
    """Rows of the shop: returns and payments come months after their orders, also in other currencies."""
    maker = Maker()
    stages = ["placed", "placed", "paid", "delivered", "cancelled"]
    orders = [
        maker.row(stages, made, number="1", ordered_at=made, **maker.amount("total"))
        for made in moments()
        for _ in range(3)
    ]

    def belonging(status: Sequence[str], name: str, **values: Any) -> Rows:
        found = Rows()
        for order in orders * 2:
            later = order["created_at"] + timedelta(days=maker.chance.randrange(90))
            amount = maker.amount(name, most=20_000)
            if maker.chance.random() < 0.6 and amount[name] is not None:
                amount[f"{name}__currency"] = order["total__currency"]
            found.append(maker.row(status, later, order=order["id"], **amount, **values))
        return found

    topic = maker.one_of("delivery", "payment", None)
    return {
        **both(maker), "orders": orders, "returns": belonging(["refunded", "refused"], "refund"),
        "payments": belonging(["captured", "captured", "failed"], "amount", reference="P"),
        "tickets": asked(maker, ["new", "open", "solved"], topic=topic),
    }  # fmt: skip


def write(lake: Lake, rows: dict[str, Rows]) -> None:
    """Put rows into their tables as they are: nothing but what a report reads is asked of them."""
    with lake.session() as session:
        for module, listed in rows.items():
            session.register(module, pl.DataFrame(listed, infer_schema_length=None))

        def work(tx: Transaction) -> None:
            for module in rows:
                tx.execute(f"INSERT INTO {table('crm', module)} BY NAME SELECT * FROM {module}")

        session.commit(work, Change(actor="tests", door="tests", reason="rows for reports"))
