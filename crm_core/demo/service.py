"""What customers have beside goods in the demo: time, checklists, subscriptions, reservations, insurance, points."""

import math
import struct
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from dateutil.relativedelta import relativedelta

from crm_core.demo.accounts import SELLERS, Account, weights
from crm_core.demo.activity import add_file
from crm_core.demo.world import CLOSES, OPENS, Draft, World, data

_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
_WORKERS = (*SELLERS, "david", "elif", "farid")
_HOUR = timedelta(hours=1)


def make_service(world: World, accounts: Sequence[Account]) -> None:
    """Fill the modules of service; those who buy and ask more have more of it."""
    shares = weights(world, accounts)

    def some(number: int) -> list[Account]:
        return world.rng.choices(accounts, shares, k=world.scaled(number))

    for account in some(500):
        _worked(world, account)
    _timer(world, accounts[0])
    _checklists(world, accounts)
    for account in some(140):
        _subscription(world, account)
    for account in some(260):
        _reservation(world, account, world.moment(account.draft.created_at, world.until))
    for account in some(30):
        _reservation(world, account, max(account.draft.created_at, world.until - timedelta(days=1)))
    for account in some(120):
        _policy(world, account)
    for account in accounts:
        _points(world, account)
        _reachable(world, account)
    for account in some(60):
        _photo(world, account.draft)
    _said_of_notes(world)
    _recordings(world)


def _kept(account: Account, team: str = "sales") -> dict[str, object]:
    """Whose a record is: the customer's own worker's."""
    owner = account.draft.values["owner"]
    return {
        "customer": account.draft.id, "owner": owner, "workers": [owner], "team": team, "source": "browser",
    }  # fmt: skip


def _orders(world: World, account: Account) -> list[datetime]:
    """When the customer has ordered so far, in order."""
    return sorted(when for when in account.bought_at if when <= world.until)


def _worked(world: World, account: Account) -> None:
    """An entry within an hour that the worker has not yet used for another."""
    owner = world.pick(_WORKERS)
    begin = world.moment(account.draft.created_at + _HOUR, world.until).replace(minute=0, second=0)
    begin = max(begin, account.draft.created_at.replace(minute=0, second=0) + 2 * _HOUR)
    end = begin + timedelta(minutes=5 * world.rng.randrange(3, 12))
    free = OPENS <= begin.hour < CLOSES and end < world.until - _HOUR
    if not free or not world.unique(f"time {owner} {begin}"):
        return
    world.add(
        "time_entries", end, title=world.pick(data("service")["work"]).format(name=account.shown),
        started_at=begin, ended_at=end, billable=world.chance(0.7), folder="time",
        **_kept(account) | {"owner": owner, "workers": [owner]},
    )  # fmt: skip


def _timer(world: World, account: Account) -> None:
    """A timer that runs at the end, and an entry of the day before, so that no size of demo has none."""
    for begin, end in ((timedelta(hours=25), timedelta(hours=24)), (timedelta(minutes=25), None)):
        started = world.until - begin
        values = {"started_at": started, "ended_at": world.until - end if end else None}
        world.add(
            "time_entries", started if end is None else world.until - end, billable=True, folder="time",
            title=world.pick(data("service")["work"]).format(name=account.shown),
            **values, **_kept(account) | {"owner": "grace", "workers": ["grace"]},
        )  # fmt: skip


def _checklists(world: World, accounts: Sequence[Account]) -> None:
    """Each who buys for the first time is taken on step by step; the steps are done when he becomes active."""
    templates = [
        world.add(
            "checklist_templates", world.start, name=one["name"], module="customers", steps="\n".join(one["steps"]),
            required_for=one.get("required_for"), folder="templates", owner="grace", team="sales", source="browser",
        )
        for one in data("service")["checklists"]
    ]  # fmt: skip
    bought = [account for account in accounts if _orders(world, account) and not account.imported]
    for account in bought or accounts[:2]:
        begin = min(_orders(world, account), default=account.draft.created_at)
        _checklist(world, account, templates[0], begin, within=timedelta(days=20))
    for account in world.rng.sample(list(accounts), min(len(accounts), world.scaled(60))):
        when = world.moment(account.draft.created_at, world.until)
        _checklist(world, account, world.pick(templates[1:]), when, within=timedelta(days=40))


def _checklist(world: World, account: Account, template: Draft, when: datetime, *, within: timedelta) -> None:
    titles = template.values["steps"].splitlines()
    made = world.add(
        "checklists", when, title=template.values["name"], required_for=template.values["required_for"],
        template=template.id, folder="checklists", **_kept(account),
    )  # fmt: skip
    owner = account.draft.values["owner"]
    kept = {"owner": owner, "workers": [owner], "team": "sales", "source": "browser"}
    for place, title in enumerate(titles, start=1):
        step = world.add(
            "checklist_steps", when, title=title, place=place, done=False, checklist=made.id, folder="steps",
            **kept,
        )  # fmt: skip
        done = when + within * place / len(titles)
        step.set(done, done=True, done_at=done, done_by=owner)


def _subscription(world: World, account: Account) -> None:
    when = world.moment(account.draft.created_at, world.until)
    plan = world.pick(data("service")["plans"])
    cycle = world.weighted({"monthly": 60, "quarterly": 20, "yearly": 20})
    price = Decimal(plan["price"]) * _MONTHS[cycle]
    draft = world.add(
        "subscriptions", when, plan=plan["name"], price=price, price__currency=account.country.currency,
        cycle=cycle, started_on=when.date(), status="trial", folder="subscriptions",
        next_billing_on=(when + timedelta(days=14)).date(), **_kept(account),
    )  # fmt: skip
    draft.set(when + timedelta(days=14), status="active")
    ended = when + timedelta(days=world.rng.randrange(60, 900))
    if ended <= world.until and world.chance(0.6):
        draft.set(ended, status="cancelled", ends_on=ended.date(), next_billing_on=None)
        return
    billed = when + timedelta(days=14)
    while billed <= world.until:
        billed += relativedelta(months=_MONTHS[cycle])
    draft.set(world.until - timedelta(hours=6), next_billing_on=billed.date())
    if world.chance(0.08):
        draft.set(world.until - timedelta(hours=5), status="paused")


def _reservation(world: World, account: Account, when: datetime) -> None:
    begins = world.after(when, 24 * 5).replace(minute=0, second=0) + 2 * _HOUR
    resource = world.pick(data("service")["resources"])
    if not world.unique(f"reserved {resource} {begins}"):
        return
    draft = world.add(
        "reservations", when, what=world.pick(data("service")["reserved"]).format(name=account.shown),
        starts_at=begins, ends_at=begins + _HOUR, people=world.rng.randrange(1, 6), resource=resource,
        status="booked", folder="reservations", **_kept(account),
    )  # fmt: skip
    if world.chance(0.7):
        draft.set(when + (begins - when) / 2, status="confirmed")
    draft.set(begins + 2 * _HOUR, status=world.weighted({"held": 80, "no_show": 8, "cancelled": 12}))


def _policy(world: World, account: Account) -> None:
    when, currency = world.moment(account.draft.created_at, world.until), account.country.currency
    coverage = Decimal(world.pick((50_000, 100_000, 250_000, 1_000_000)))
    until = when + timedelta(days=365)
    draft = world.add(
        "policies", when, number=f"P-{len(world.all('policies')) + 1:05d}",
        insurer=world.pick(data("service")["insurers"]), kind=world.weighted({"cargo": 70, "liability": 30}),
        coverage=coverage, coverage__currency=currency, premium=coverage / 250, premium__currency=currency,
        valid_from=when.date(), valid_until=until.date(), status="active", folder="policies", **_kept(account),
    )  # fmt: skip
    draft.set(until, status="expired")
    if world.chance(0.4) or len(world.all("claims")) < 1:
        _claim(world, account, draft, world.moment(when, min(until, world.until)), coverage)


def _claim(world: World, account: Account, policy: Draft, when: datetime, coverage: Decimal) -> None:
    currency = account.country.currency
    amount = (coverage * Decimal(world.rng.randrange(1, 20)) / 100).quantize(Decimal(1))
    draft = world.add(
        "claims", when, title=world.pick(data("service")["claims"]), amount=amount, amount__currency=currency,
        occurred_on=when.date(), policy=policy.id, status="open", folder="claims",
        **_kept(account, team="service"),
    )  # fmt: skip
    judged = world.after(when, 24 * 20)
    if world.chance(0.2):
        draft.set(judged, status="refused")
        return
    draft.set(judged, status="accepted")
    paid = (amount * 9 / 10).quantize(Decimal(1))
    draft.set(judged + timedelta(days=10), status="paid", paid=paid, paid__currency=currency)


def _points(world: World, account: Account) -> None:
    """Points for every second order, spent now and then; never more than there are."""
    has = 0
    for number, when in enumerate(_orders(world, account)):
        if number % 2 == 0:
            points = 50 * world.rng.randrange(1, 12)
            has += _entry(world, account, when, points, "Points for an order")
        if has >= 500 and world.chance(0.3):
            later = min(world.until, when + timedelta(days=2))
            has += _entry(world, account, later, -500, "Spent on a transport")


def _entry(world: World, account: Account, when: datetime, points: int, reason: str) -> int:
    world.add(
        "loyalty_entries", when, reason=reason, points=points, occurred_at=when, folder="loyalty", **_kept(account)
    )  # fmt: skip
    return points


def _reachable(world: World, account: Account) -> None:
    if not world.chance(0.06):
        return
    since = max(account.draft.created_at, world.until - timedelta(days=world.rng.randrange(1, 12)))
    back = (world.until + timedelta(days=world.rng.randrange(3, 40))).date()
    if world.chance(0.8):
        account.draft.set(since, availability="away", available_from=back)
    else:
        account.draft.set(since, availability="do_not_contact")


def _photo(world: World, draft: Draft) -> None:
    made = add_file(
        world, draft, f"photo-{draft.id[-6:]}.png", "image/png", _picture(world), customer=draft.id
    )
    draft.set(made.created_at, photo=[made.id])


def _picture(world: World) -> bytes:
    """A small PNG: a pattern of five by five cells in one colour, the same on the left and on the right."""
    colour = bytes(world.rng.randrange(40, 200) for _ in range(3))
    cells = [[world.chance(0.5) for _ in range(3)] for _ in range(5)]
    rows = [[row[min(x, 4 - x)] for x in range(5)] for row in cells]
    lines = [b"".join((colour if cell else b"\xf2\xf4\xf7") * 16 for cell in row) for row in rows]
    pixels = b"".join(b"\0" + line for line in lines for _ in range(16))
    head = struct.pack(">IIBBBBB", 80, 80, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(pixels, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )


def _recordings(world: World) -> None:
    """Some calls were recorded: a sound, and what was said."""
    until = world.until - timedelta(days=1)
    calls = [
        one for one in world.all("communications")
        if one.values["channel"] == "call" and one.values.get("duration") and one.values.get("customer")
        and one.created_at < until
    ]  # fmt: skip
    # Mostly those of the last weeks, which one listens to.
    calls.sort(key=lambda one: one.created_at)
    for draft in world.rng.sample(calls[-world.scaled(120) :], min(len(calls), world.scaled(30))):
        name, kept = f"call-{draft.created_at:%Y-%m-%d-%H%M}.wav", draft.values["customer"]
        made = add_file(
            world, draft, name, "audio/wav", _sound(world), customer=kept, within=timedelta(hours=1)
        )
        draft.set(made.created_at, files=[made.id], transcript=world.pick(data("service")["said"]))


def _sound(world: World) -> bytes:
    """Two seconds of two tones in turn, as a WAV of 8 kHz and 8 bits."""
    rate, tones = 8_000, world.rng.sample(range(300, 900, 50), 2)
    waves = [math.sin(2 * math.pi * tones[at // (rate // 4) % 2] * at / rate) for at in range(2 * rate)]
    body = bytes(round(127.5 + 60 * one) for one in waves)
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(body), b"WAVE", b"fmt ", 16, 1, 1, rate, rate, 1, 8,
                       b"data", len(body))  # fmt: skip
    return head + body


def _said_of_notes(world: World) -> None:
    """Stars in feedback, and reminders of appointments."""
    stars = {"praise": (4, 5), "complaint": (1, 2), "feedback": (2, 3, 4)}
    for note in world.all("notes"):
        if note.values["kind"] in stars:
            note.values["rating"] = world.pick(stars[note.values["kind"]])
    for draft in world.all("appointments"):
        draft.values["remind_at"] = draft.values["starts_at"] - _HOUR
