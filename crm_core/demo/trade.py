"""What comes of inquiries in the demo: deals, quotes, shipments, invoices and payments that add up."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from crm_core.demo.accounts import Account
from crm_core.demo.inquiries import MODES, Asked
from crm_core.demo.world import Draft, World

CENT = Decimal("0.01")
BIG = Decimal(25_000)
"""From here on a deal is big, as the flow of the pack says."""
_EQUIPMENT = {
    "sea": ("40' HC", "40' DC", "20' DC", "LCL"),
    "air": ("ULD", "Loose cargo"),
    "road": ("Full truck", "Part load", "Part load"),
    "rail": ("Block train", "40' HC"),
}
_DAYS = {"sea": 32.0, "air": 5.0, "road": 4.0, "rail": 18.0}
_PRICE = {"sea": 4200.0, "air": 6800.0, "road": 1900.0, "rail": 5200.0}
_METHODS = ("transfer", "transfer", "transfer", "direct_debit", "card")
_LOST = ("price", "price", "transit_time", "competitor", "no_answer", "cancelled")


@dataclass(frozen=True)
class Order:
    """Goods to be moved for a customer at a price without tax."""

    account: Account
    mode: str
    origin: tuple[str, str]
    destination: tuple[str, str]
    goods: tuple[str, str, float]
    net: Decimal
    booked_at: datetime
    quote: Draft | None = None


def make_trade(world: World, asked: Sequence[Asked], businesses: Sequence[Draft]) -> None:
    """Deals of a third of the answered requests, what was won of them, and the orders that need no deal."""
    orders: list[Order] = []
    for inquiry in asked:
        if (
            inquiry.service in MODES
            and inquiry.answered_at
            and inquiry.draft.values["customer"]
            and world.chance(0.36)
        ):
            orders += _deal(world, inquiry, inquiry.answered_at)
    steady = [inquiry for inquiry in asked if inquiry.account.activity > 1.5 and inquiry.service in MODES]
    for _ in range(world.scaled(900) if steady else 0):
        orders += _repeat(world, world.pick(steady))
    carriers = [b for b in businesses if b.values["industry"] == "carrier"]
    clients = [b for b in businesses if b.values["industry"] not in ("carrier", "port")]
    for order in sorted(orders, key=lambda order: order.booked_at):
        order.account.bought_at.append(order.booked_at)
        _ship(world, order, carriers, clients)


def _price(world: World, mode: str) -> Decimal:
    loads = world.weighted({1: 60, 2: 20, 4: 12, 8: 8})
    return Decimal(str(world.around(_PRICE[mode], 0.45) * loads)).quantize(CENT, ROUND_HALF_UP)


def _deal(world: World, inquiry: Asked, when: datetime) -> list[Order]:
    account, mode = inquiry.account, MODES[inquiry.service]
    amount = _price(world, mode)
    offered = world.after(when, 10)
    closes = world.after(offered, 24 * 16)
    draft = world.add(
        "deals", when, title=f"{inquiry.origin[0]} – {inquiry.destination[0]}, {inquiry.goods[0]}",
        amount=amount,
        amount__currency=account.country.currency, probability=20,
        expected_close=(when + timedelta(days=30)).date(),
        service=inquiry.service, customer=account.draft.id,
        business=account.business.id if account.business else None,
        inquiry=inquiry.draft.id, folder="strategic" if amount > 60_000 else "pipeline",
        status="qualification",
        owner=account.draft.values["owner"], workers=[account.draft.values["owner"]], team="sales",
        source="inquiry",
        description=inquiry.draft.values["message"],
    )  # fmt: skip
    draft.set(offered, status="proposal", probability=40)
    quote = _quote(world, draft, inquiry, amount, offered)
    if world.chance(0.4):
        draft.set(offered + (closes - offered) / 2, status="negotiation", probability=60)
    if closes > world.until:
        if quote and world.chance(0.3):
            quote.set(offered + timedelta(days=31), status="expired")
        return []
    if not world.chance(0.52):
        draft.set(
            closes, status="lost", probability=0, closed_on=closes.date(), lost_reason=world.pick(_LOST)
        )
        if quote:
            quote.set(closes, status="declined")
        return []
    draft.set(
        closes, status="won", probability=100, closed_on=closes.date(), tags=["big"] if amount >= BIG else []
    )
    if quote is None:
        return []
    quote.set(closes, status="accepted", accepted_at=closes)
    parts = [amount] if world.chance(0.8) else _split(amount)
    return [
        Order(account, mode, inquiry.origin, inquiry.destination, inquiry.goods, part,
              world.after(closes, 20 + 24 * 14 * number), quote)
        for number, part in enumerate(parts)
    ]  # fmt: skip


def _split(amount: Decimal) -> list[Decimal]:
    half = (amount / 2).quantize(CENT, ROUND_HALF_UP)
    return [half, amount - half]


def _quote(world: World, deal: Draft, inquiry: Asked, amount: Decimal, when: datetime) -> Draft | None:
    """The offer that counts; sometimes an earlier one, dearer, that was declined."""
    if when > world.until:
        return None
    if world.chance(0.25):
        first = (amount * Decimal("1.08")).quantize(CENT, ROUND_HALF_UP)
        early = _one_quote(world, deal, inquiry, first, deal.created_at + (when - deal.created_at) / 2)
        early.set(when, status="declined")
    return _one_quote(world, deal, inquiry, amount, when)


def _one_quote(world: World, deal: Draft, inquiry: Asked, amount: Decimal, when: datetime) -> Draft:
    surcharge = (amount * Decimal("0.12")).quantize(CENT, ROUND_HALF_UP)
    lines = [
        {"description": "Main carriage", "quantity": 1, "price": str(amount - surcharge)},
        {"description": "Handling and surcharges", "quantity": 1, "price": str(surcharge)},
    ]
    return world.add(
        "quotes", when, title=deal.values["title"], origin=inquiry.origin[0],
        destination=inquiry.destination[0],
        mode=MODES[inquiry.service], lines=json.dumps(lines), total=amount,
        total__currency=deal.values["amount__currency"],
        valid_until=(when + timedelta(days=30)).date(), sent_at=when, status="sent", folder="quotes",
        customer=deal.values["customer"], deal=deal.id, owner=deal.values["owner"], team="sales",
        source="deal",
    )  # fmt: skip


def _repeat(world: World, inquiry: Asked) -> list[Order]:
    """An order of a regular customer who no longer asks for a quote first."""
    mode = MODES[inquiry.service]
    when = world.moment(inquiry.draft.created_at + timedelta(days=30), world.until)
    if when > world.until:
        return []
    return [
        Order(
            inquiry.account,
            mode,
            inquiry.origin,
            inquiry.destination,
            inquiry.goods,
            _price(world, mode),
            when,
        )
    ]


def _ship(world: World, order: Order, carriers: Sequence[Draft], clients: Sequence[Draft]) -> None:
    when = order.booked_at
    if when > world.until:
        return
    pieces = world.rng.randrange(1, 60)
    weight = round(order.goods[2] * pieces, 1)
    left = world.after(when, 24 * 4)
    due = left + timedelta(days=max(1, round(world.around(_DAYS[order.mode], 0.2))))
    arrived = world.after(due, 10)
    value = (order.net * Decimal(world.rng.randrange(6, 30))).quantize(Decimal(1))
    dangerous = order.goods[0] in ("lithium batteries", "paint in drums")
    draft = world.add(
        "shipments", when, route=f"{order.origin[0]} – {order.destination[0]}", mode=order.mode,
        external_id=f"MGF{len(world.all('shipments')) + 1:07d}", equipment=world.pick(_EQUIPMENT[order.mode]),
        incoterm=world.pick(("EXW", "FCA", "FOB", "CIF", "DAP", "DDP")), origin=order.origin[0],
        destination=order.destination[0],
        origin_country=order.origin[1], destination_country=order.destination[1], weight_kg=weight,
        packages=pieces,
        volume_m3=round(weight / 250, 2), value_of_goods=value,
        value_of_goods__currency=order.account.country.currency,
        booked_at=when, arrives_on=due.date(), dangerous_goods=dangerous,
        un_number=("UN3480" if "lithium" in order.goods[0] else "UN1263") if dangerous else None,
        customer=order.account.draft.id, quote=order.quote.id if order.quote else None, status="booked",
        folder="secured" if value > 600_000 else "shipments", owner=world.pick(("david", "elif")),
        team="operations", source="order",
    )  # fmt: skip
    draft.values["workers"] = [draft.values["owner"]]
    if world.chance(0.03):
        draft.set(left, status="cancelled")
        return
    draft.set(left, status="in_transit", departed_on=left.date())
    if order.origin[1] != order.destination[1] and order.mode in ("sea", "air") and world.chance(0.5):
        draft.set(arrived - timedelta(hours=20), status="customs")
    draft.set(arrived, status="delivered", delivered_at=arrived)
    _parties(world, draft, order, carriers, clients)
    _invoice(world, draft, order, world.after(left, 48))


def _parties(
    world: World, draft: Draft, order: Order, carriers: Sequence[Draft], clients: Sequence[Draft]
) -> None:
    there = [b for b in carriers if b.created_at <= draft.created_at]
    if there:
        booking = f"BK{world.digits('######')}"
        world.link("shipments__parties", draft, world.pick(there), role="carrier", reference=booking)
    if order.account.business and order.account.business.created_at <= draft.created_at:
        role = world.pick(("shipper", "consignee"))
        world.link("shipments__parties", draft, order.account.business, role=role, reference=None)
        other = world.pick(clients)
        if other is not order.account.business and other.created_at <= draft.created_at:
            role = "consignee" if role == "shipper" else "shipper"
            world.link("shipments__parties", draft, other, role=role, reference=None)


def _invoice(world: World, shipment: Draft, order: Order, when: datetime) -> None:
    if when > world.until:
        return
    account, currency = order.account, order.account.country.currency
    rate = Decimal("0.19") if account.country.code == "DE" else Decimal(0)
    tax = (order.net * rate).quantize(CENT, ROUND_HALF_UP)
    total, due = order.net + tax, when + timedelta(days=30)
    disputed = world.chance(0.02)
    draft = world.add(
        "invoices", when, issued_on=when.date(), due_on=due.date(), net=order.net, net__currency=currency,
        tax=tax,
        tax__currency=currency, total=total, total__currency=currency, paid=Decimal("0.00"),
        paid__currency=currency,
        customer=account.draft.id, shipment=shipment.id, folder="disputed" if disputed else "invoices",
        status="sent",
        owner="grace", team="sales", source="shipment",
        remarks="The customer says that the goods came late." if disputed else None,
    )  # fmt: skip
    if disputed:
        return
    paid_at = world.after(when, 24 * world.pick((12, 20, 27, 29, 36, 50)))
    parts = _split(total) if world.chance(0.12) else [total]
    if paid_at > due + timedelta(days=1):
        draft.set(due + timedelta(days=1), status="overdue")
    if world.chance(0.04):
        draft.set(due + timedelta(days=1), status="overdue")
        return
    paid = Decimal("0.00")
    for number, part in enumerate(parts):
        when_paid = paid_at + timedelta(days=14 * number)
        if when_paid > world.until:
            return
        paid += part
        _pay(world, draft, part, when_paid)
        draft.set(when_paid, paid=paid, status="partly_paid")
        if paid == total:
            draft.set(when_paid, status="paid", paid_on=when_paid.date())


def _pay(world: World, invoice: Draft, amount: Decimal, when: datetime) -> None:
    world.add(
        "payments", when, reference=f"RF{len(world.all('payments')) + 1:06d}", amount=amount,
        amount__currency=invoice.values["total__currency"], method=world.pick(_METHODS),
        paid_at=when, invoice=invoice.id, customer=invoice.values["customer"], status="received",
        folder="payments",
        team="sales", source="bank",
    )  # fmt: skip
