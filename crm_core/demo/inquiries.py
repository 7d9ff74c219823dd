"""Inquiries of the demo with their messages and tasks: written, acknowledged, answered, closed."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crm_core.demo.accounts import Account, weights
from crm_core.demo.world import Draft, World, data

HOUSE = "inquiries@merganser-freight.example"
RECEIPT = "We have your inquiry"
"""How the subject of an automatic receipt begins: it is no answer."""
TEAMS = {"sales": ("anna", "ben", "clara"), "operations": ("david", "elif"), "service": ("farid", "clara")}
MODES = {"sea_freight": "sea", "air_freight": "air", "road_freight": "road", "rail_freight": "rail"}
_SERVICES = {
    "sea_freight": 26, "air_freight": 14, "road_freight": 24, "rail_freight": 4, "customs": 7, "warehousing": 4,
    "tracking": 11, "claim": 4, "general": 6,
}  # fmt: skip
_CHANNELS = {"email": 40, "form": 28, "chat": 10, "whatsapp": 8, "phone": 10, "api": 4}
TENDER_KG = 60_000
"""From this weight on a request is handled as a tender."""
NUMBER = "+493023125100"
_SPOKEN = ("call", "whatsapp")
"""Channels by which somebody is reached at his number."""
_OURS = {"direction": "out", "purpose": "service", "consent": "none"}
_MEDIUM = {"phone": "call", "api": "form"}


@dataclass(frozen=True)
class Asked:
    """An inquiry of a customer, with what trade needs of it."""

    draft: Draft
    account: Account
    service: str
    origin: tuple[str, str]
    destination: tuple[str, str]
    goods: tuple[str, str, float]
    answered_at: datetime | None


def team_of(service: str) -> str:
    """Which team answers: the same split as the flows of the pack make."""
    if service in MODES or service == "warehousing":
        return "sales"
    return "operations" if service in ("customs", "tracking") else "service"


def make_inquiries(world: World, accounts: list[Account]) -> list[Asked]:
    """Five inquiries for two customers, most from few of them, in the order of their time."""
    asked = []
    for when, account in sorted(_occasions(world, accounts), key=lambda pair: pair[0]):
        number = len(world.all("inquiries")) + 1
        if account is None:
            _spam(world, when, number)
        else:
            asked.append(_inquiry(world, when, account, number))
    return asked


def _occasions(world: World, accounts: list[Account]) -> list[tuple[datetime, Account | None]]:
    wanted = world.scaled(5000)
    # Some customers write a lot just now; that is what a velocity is for.
    eager = [account for account in accounts[: len(accounts) * 4 // 5] if world.chance(0.015)] or accounts[:1]
    week = world.until - timedelta(days=7)
    found: list[tuple[datetime, Account | None]] = [
        (world.moment(max(week, account.draft.created_at), world.until), account)
        for account in eager
        for _ in range(world.rng.randrange(2, 5))
    ]
    found += [(world.moment(world.start, world.until), None) for _ in range(world.scaled(120))]
    shares = weights(world, accounts)
    while len(found) < wanted:
        for account in world.rng.choices(accounts, shares, k=min(500, wanted - len(found))):
            found.append((world.moment(account.draft.created_at, world.until), account))
    return found


def _spam(world: World, when: datetime, number: int) -> None:
    subject = world.pick(data("phrases")["spam"])
    sender = f"offer{world.rng.randrange(1000, 9999)}@bulk-mail.example"
    draft = world.add(
        "inquiries", when, reference=f"INQ-{number:05d}", subject=subject, channel="email", priority="low",
        email=sender,
        name=None, message="Click here: https://bulk-mail.example/", folder="inbox", status="new",
        source="email",
        team="service",
    )  # fmt: skip
    _message(world, draft, None, when, direction="in", state="received", channel="email", sender=sender, to=HOUSE,
             subject=subject, text="Click here: https://bulk-mail.example/")  # fmt: skip
    draft.set(world.after(when, 5), status="spam", closed_at=world.after(when, 5))


def _inquiry(world: World, when: datetime, account: Account, number: int) -> Asked:
    service = world.weighted(_SERVICES)
    places = data("phrases")["places"][MODES.get(service, "road")]
    origin, destination = world.rng.sample(places, 2)
    goods = world.pick(data("phrases")["goods"])
    quantity = world.rng.randrange(1, 40)
    ready = (when + timedelta(days=world.rng.randrange(2, 40))).date()
    language = account.country.language if account.country.language in data("phrases")["messages"] else "en"
    facts = {
        "name": account.name.full.strip() or account.shown, "origin": origin[0],
        "destination": destination[0],
        "goods": f"{quantity} {goods[1]} {goods[0]}", "ready": ready.isoformat(), "us": "Merganser Freight",
        "reference": f"INQ-{number:05d}", "service": data("phrases")["services"][language].get(service, ""),
    }  # fmt: skip
    kind = "freight" if service in MODES else service
    cargo = service != "general"
    weight = float(goods[2]) * quantity
    values = {
        "reference": facts["reference"], "service": service, "channel": world.weighted(_CHANNELS),
        "subject": data("phrases")["subjects"][language][kind].format(**facts),
        "priority": "urgent" if service == "claim" else world.pick(("low", "normal", "normal", "normal", "high")),
        "message": world.pick(data("phrases")["messages"][language][kind]).format(**facts),
        "origin": origin[0] if cargo else None, "destination": destination[0] if cargo else None,
        "items": _items(goods, quantity) if cargo else None, "weight_kg": f"{weight:.1f}" if cargo else None,
        "ready_date": ready if cargo else None,
    }  # fmt: skip
    draft = _write(world, when, account, values)
    answered = _handle(world, draft, account, facts, language)
    return Asked(draft, account, service, tuple(origin), tuple(destination), tuple(goods), answered)


def _items(goods: Any, quantity: int) -> str:
    item = {"description": goods[0], "quantity": quantity, "unit": goods[1], "weight_kg": goods[2]}
    return json.dumps([item], ensure_ascii=False)


def _write(world: World, when: datetime, account: Account, values: dict[str, Any]) -> Draft:
    known, service = account.draft.values, values["service"]
    # A public form knows nobody: some inquiries wait to be linked to who has sent them.
    linked = values["channel"] not in ("form", "api") or world.chance(0.9)
    team = team_of(service)
    owner = world.pick(TEAMS[team]) if world.chance(0.7) else None
    heavy = float(values["weight_kg"] or 0) > TENDER_KG
    folder = "claims" if service == "claim" else "tenders" if heavy else "inbox"
    draft = world.add(
        "inquiries", when, **values, name=account.name.full.strip() or account.shown, email=known["email"],
        phone=known["phone"],
        company=known.get("company"), customer=account.draft.id if linked else None, folder=folder,
        status="new",
        business=account.business.id if account.business and linked else None, team=team, owner=None,
        workers=[], source=values["channel"],
        consent=["service", "marketing"] if world.chance(0.1) else ["service"] if values["channel"] == "form" else None,
    )  # fmt: skip
    if owner:
        draft.set(world.after(when, 1), owner=owner, workers=[owner])
    return draft


def _handle(
    world: World, draft: Draft, account: Account, facts: dict[str, str], language: str
) -> datetime | None:
    """What becomes of an inquiry; returns when it was answered, if it was."""
    values, phrases, when = draft.values, data("phrases")["messages"][language], draft.created_at
    said = _MEDIUM.get(values["channel"], values["channel"])
    # Who left no number is written to.
    medium = "email" if said in _SPOKEN and not values["phone"] else said
    theirs = values["phone"] if medium in _SPOKEN else values["email"] or values["phone"]
    lasted = world.rng.randrange(60, 900) if said == "call" else None
    talk = {"channel": medium, "subject": values["subject"]}
    first = _message(
        world, draft, account, when, direction="in", state="received", sender=theirs, to=_ours(medium),
        text=values["message"],
        duration=lasted if medium == "call" else None, **talk,
    )  # fmt: skip
    if values["channel"] in ("email", "form", "chat", "api") and values["email"]:
        sent = when + timedelta(seconds=world.rng.randrange(5, 90))
        draft.set(sent, status="acknowledged", acknowledged_at=sent)
        if sent <= world.until:
            _message(
                world, draft, account, sent, state="sent", channel="email", to=values["email"],
                reply_to=first,
                subject=f"{RECEIPT} {facts['reference']}", text=phrases["ack"][0].format(**facts),
                sender=HOUSE, **_OURS,
            )  # fmt: skip
    if not world.chance(0.96):
        return None
    slow = 3 if values["channel"] in ("chat", "whatsapp", "phone") else 9
    started = world.after(when, slow / 3)
    answered = world.after(started, slow)
    draft.set(started, status="in_progress")
    _task(world, draft, account, answered)
    if answered > world.until:
        return None
    draft.set(answered, status="answered", first_answer_at=answered)
    if theirs:
        answer = _message(
            world, draft, account, answered, state=world.pick(("sent", "delivered", "delivered", "opened")),
            to=theirs,
            text=world.pick(phrases["answer"]).format(**facts), reply_to=first, sender=_ours(medium),
            **talk, **_OURS,
        )  # fmt: skip
        _reply(world, draft, account, answer, theirs, talk, world.pick(phrases["reply"]).format(**facts))
    closed = world.after(answered, 120)
    outcome = (
        "quoted" if values["service"] in MODES else world.pick(("solved", "solved", "referred", "no_answer"))
    )
    draft.set(closed, status="closed", closed_at=closed, outcome=outcome)
    return answered


def _ours(medium: str | None) -> str:
    """Where one reaches the house by a channel."""
    return NUMBER if medium in _SPOKEN else HOUSE


def _reply(
    world: World, draft: Draft, account: Account, answer: Draft, theirs: str, talk: dict[str, Any], text: str
) -> None:
    when = world.after(answer.created_at, 20)
    if world.chance(0.4) and when <= world.until:
        back = _message(
            world, draft, account, when, direction="in", state="received", sender=theirs,
            to=_ours(talk["channel"]), text=text, reply_to=answer, **talk,
        )  # fmt: skip
        later = world.after(when, 6)
        if later <= world.until and world.chance(0.9):
            _message(
                world, draft, account, later, state="delivered", to=theirs, text="Thank you, noted.",
                reply_to=back, sender=_ours(talk["channel"]),
                **talk, **_OURS,
            )  # fmt: skip


def _message(
    world: World, about: Draft, account: Account | None, when: datetime, *, sender: str | None,
    reply_to: Draft | None = None, **values: Any,
) -> Draft:  # fmt: skip
    linked = account is not None and about.values.get("customer") is not None
    draft = world.add(
        "communications", when, **values, **{"from": sender}, occurred_at=when, about=about.id,
        about__module="inquiries",
        customer=about.values["customer"] if linked else None, thread=about.values["reference"],
        team=about.values["team"],
        owner=about.values.get("owner"), status=None, source=values["channel"],
    )  # fmt: skip
    if values["channel"] in ("email", "form"):
        draft.values["message_id"] = f"<{draft.id}@merganser-freight.example>"
        draft.values["in_reply_to"] = reply_to.values.get("message_id") if reply_to else None
    return draft


def _task(world: World, draft: Draft, account: Account, answered: datetime) -> None:
    """The task that the team gets; the demo's past has it for about half of the inquiries."""
    values = draft.values
    if not world.chance(0.55):
        return
    when = draft.created_at + timedelta(seconds=30)
    if when > world.until:
        return
    verb = "Quote" if values["team"] == "sales" else "Answer"
    owner = world.pick(TEAMS[values["team"]])
    task = world.add(
        "tasks", when, title=f"{verb} {values['subject']}",
        kind="claim" if values["service"] == "claim" else "answer",
        priority=values["priority"], due=when + timedelta(hours=4), customer=values["customer"],
        about=draft.id,
        about__module="inquiries", description=values["message"], owner=owner, workers=[owner],
        team=values["team"],
        folder="escalations" if values["service"] == "claim" else "tasks", status="open", source="flow",
    )  # fmt: skip
    task.set(answered, status="done", done_at=answered, minutes=world.rng.randrange(5, 60))
