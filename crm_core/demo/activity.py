"""The rest of a customer's life in the demo: calls, appointments, notes, tasks, files, consents, and how it goes."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from crm_core.demo.accounts import SELLERS, Account, weights
from crm_core.demo.inquiries import NUMBER, RECEIPT
from crm_core.demo.world import Draft, World, data

READERS = ("sales", "operations", "service", "user:admin")
"""Whose read marks there are: the teams, and the local administrator."""


def make_activity(world: World, accounts: Sequence[Account]) -> None:
    """Everything that belongs to customers directly; those who buy and ask more have more of it."""
    shares = weights(world, accounts)

    def some(number: int) -> list[Account]:
        return world.rng.choices(accounts, shares, k=world.scaled(number))

    for account in some(840):
        _appointment(world, account, _since(world, account))
    for account in some(60):
        soon = max(account.draft.created_at, world.until - timedelta(days=8))
        _appointment(world, account, world.moment(soon, world.until))
    for account in some(1500):
        _note(world, account)
    for account in some(1300):
        _task(world, account)
    for account in some(900):
        _call(world, account)
    _files(world)
    for account in accounts:
        _consent(world, account)
        _progress(world, account)
    _last_contacts(world)
    _read_marks(world)


def _since(world: World, account: Account) -> datetime:
    return world.moment(account.draft.created_at, world.until)


def _appointment(world: World, account: Account, when: datetime) -> None:
    begins = world.after(when, 24 * 9).replace(minute=world.pick((0, 30)), second=0)
    if begins <= when:
        begins += timedelta(days=1)
    kind = world.pick(("meeting", "call", "call", "visit", "pickup"))
    owner = world.pick(("david", "elif")) if kind == "pickup" else account.draft.values["owner"]
    draft = world.add(
        "appointments", when,
        title=world.pick(data("phrases")["appointments"][kind]).format(name=account.shown),
        starts_at=begins, ends_at=begins + timedelta(minutes=world.pick((30, 60, 90))), kind=kind,
        place="Telephone" if kind == "call" else world.pick(data("phrases")["rooms"]),
        customer=account.draft.id,
        status="planned", folder="calendar", owner=owner, workers=[owner],
        team="operations" if kind == "pickup" else "sales",
        source="browser",
    )  # fmt: skip
    if world.chance(0.6):
        draft.set(when + (begins - when) / 2, status="confirmed")
    draft.set(
        begins + timedelta(hours=2),
        status=world.pick(("held", "held", "held", "held", "missed", "cancelled")),
    )


def _note(world: World, account: Account) -> None:
    kind = world.weighted({"note": 70, "feedback": 12, "complaint": 8, "praise": 10})
    owner = world.pick((*SELLERS, "farid"))
    values: dict[str, Any] = {"customer": account.draft.id}
    if account.business and world.chance(0.2) and account.business.created_at <= account.draft.created_at:
        values |= {"about": account.business.id, "about__module": "business"}
    world.add(
        "notes", _since(world, account), text=world.pick(data("phrases")["notes"][kind]), kind=kind,
        pinned=world.chance(0.06),
        folder="notes", owner=owner, workers=[owner], team="service" if owner == "farid" else "sales",
        source="browser", **values,
    )  # fmt: skip


def _task(world: World, account: Account) -> None:
    when = _since(world, account)
    kind = world.weighted({"follow_up": 50, "call": 20, "document": 20, "claim": 3, "onboarding": 7})
    team = {"document": "operations", "claim": "service"}.get(kind, "sales")
    owner = {"operations": world.pick(("david", "elif")), "service": "farid"}.get(
        team, account.draft.values["owner"]
    )
    due = world.after(when, 24 * 8)
    draft = world.add(
        "tasks", when, title=world.pick(data("phrases")["tasks"][kind]).format(name=account.shown),
        kind=kind, due=due,
        priority=world.pick(("low", "normal", "normal", "high")), customer=account.draft.id, status="open",
        folder="escalations" if kind == "claim" else "tasks", owner=owner, workers=[owner], team=team,
        source="browser",
    )  # fmt: skip
    if world.chance(0.3):
        draft.set(when + (due - when) / 3, status=world.pick(("in_progress", "waiting")))
    done = due + timedelta(hours=world.rng.randrange(-40, 60))
    if world.chance(0.93) and done > when:
        closed = {"status": "done", "done_at": done, "minutes": world.rng.randrange(5, 120)}
        draft.set(done, **(closed if world.chance(0.92) else {"status": "cancelled"}))


def _call(world: World, account: Account) -> None:
    when, known, inward = _since(world, account), account.draft.values, world.chance(0.4)
    number, house = known["phone"] or NUMBER, NUMBER
    answered = world.chance(0.85)
    world.add(
        "communications", when, subject=f"Call with {account.shown}", channel="call",
        direction="in" if inward else "out",
        state="received" if inward else "sent", to=house if inward else number,
        **{"from": number if inward else house},
        text=world.pick(data("phrases")["notes"]["note"]) if answered else "Nobody answered.",
        duration=world.rng.randrange(30, 1800) if answered else 0, occurred_at=when,
        customer=account.draft.id,
        purpose=None if inward else "service", owner=known["owner"], team="sales", source="call",
    )  # fmt: skip


def _files(world: World) -> None:
    """A few papers with real bytes: packing lists of shipments, and contracts of customers."""
    shipments = [s for s in world.all("shipments") if s.created_at < world.until]
    for draft in world.rng.sample(shipments, min(len(shipments), world.scaled(60))):
        lines = [
            f"{n + 1};{world.pick(data('phrases')['goods'])[0]};{world.rng.randrange(1, 40)}"
            for n in range(5)
        ]
        text = "position;description;pieces\n" + "\n".join(lines) + "\n"
        name = f"packing-list-{draft.values['external_id']}.csv"
        made = add_file(world, draft, name, "text/csv", text.encode(), customer=draft.values["customer"])
        draft.set(made.created_at, documents=[made.id])
    for draft in world.rng.sample(world.all("customers"), world.scaled(24)):
        text = f"Framework agreement\n\nbetween Merganser Freight and {draft.values['name']},\n"
        text += f"from {draft.created_at:%Y-%m-%d} on.\n"
        name = f"agreement-{draft.id[-6:]}.txt"
        add_file(world, draft, name, "text/plain", text.encode(), customer=draft.id)


def add_file(
    world: World,
    about: Draft,
    name: str,
    media_type: str,
    content: bytes,
    *,
    customer: str,
    within: timedelta = timedelta(days=20),
) -> Draft:
    """A file about a record, with its bytes, from soon after the record's beginning."""
    digest = hashlib.sha256(content).hexdigest()
    world.blobs[digest] = content
    uploader = world.pick(("anna", "david", "elif"))
    when = world.moment(about.created_at, min(world.until, about.created_at + within))
    return world.add(
        "files", when, name=name, sha256=digest, size=len(content), media_type=media_type,
        uploader=uploader, about=about.id,
        about__module=about.module, customer=customer, folder="files", owner=uploader, source="browser",
    )  # fmt: skip


def _consent(world: World, account: Account) -> None:
    email, when = account.draft.values["email"], account.draft.created_at
    if not email or not world.chance(0.5):
        return
    states = ["granted"] if world.chance(0.7) else ["denied"]
    if states == ["granted"] and world.chance(0.15):
        states.append("withdrawn")
    for number, state in enumerate(states):
        said = world.moment(when, world.until) if number else when
        source = "import" if account.imported else "form"
        row = {
            "id": world.new_id(said), "address": email, "channel": "email", "module": "customers",
            "purpose": "marketing",
            "record_id": account.draft.id, "state": state, "source": source, "wording": "2024-1",
            "occurred_at": said,
        }  # fmt: skip
        world.consents.append((said, row))
        account.draft.set(said, newsletter=state == "granted")


def _progress(world: World, account: Account) -> None:
    """From lead to customer, by what was bought; the best become key accounts, some fall silent."""
    draft, begin = account.draft, account.draft.created_at
    bought = sorted(account.bought_at)
    if account.imported:
        draft.values |= {"folder": "active", "status": "active"}
    else:
        draft.values |= {"folder": "leads", "status": "new"}
        first = bought[0] if bought else None
        contacted = world.after(begin, 30)
        if not first or contacted < first:
            draft.set(contacted, status="contacted")
        if first:
            draft.set(
                max(begin + (first - begin) / 2, contacted) if contacted < first else begin,
                status="qualified",
            )
            draft.set(first, folder="active", status="onboarding")
            draft.set(first + timedelta(days=25), status="active")
        else:
            _cool(world, draft, contacted)
    if len(bought) >= 2:
        _trust(world, account, bought)
    last = bought[-1] if bought else begin
    quiet = last + timedelta(days=200)
    if (account.imported or bought) and quiet < world.until and world.chance(0.25):
        draft.set(quiet, status=world.pick(("at_risk", "at_risk", "paused")), folder="active")
        if world.chance(0.4):
            draft.set(quiet + timedelta(days=60), folder="closed", status="inactive")


def _cool(world: World, draft: Draft, contacted: datetime) -> None:
    if world.chance(0.4):
        draft.set(world.after(contacted, 24 * 12), status="qualified")
    elif world.chance(0.4):
        draft.set(contacted + timedelta(days=40), status="unqualified")
        if world.chance(0.5):
            draft.set(contacted + timedelta(days=120), folder="closed", status="lost")


def _trust(world: World, account: Account, bought: Sequence[datetime]) -> None:
    """The credit line after the second order; customers with a high one are VIPs, as the flow of the pack has it."""
    draft, when = account.draft, bought[1] + timedelta(days=3)
    limit = Decimal(round(world.around(14_000 + 6_000 * len(bought), 0.7), -3))
    status = world.weighted({"good": 80, "watch": 14, "blocked": 6})
    draft.set(when, credit_limit=limit, credit_limit__currency="EUR", credit_status=status,
              **({"remarks": "Two invoices unpaid for more than 90 days."} if status == "blocked" else {}))  # fmt: skip
    if limit >= 100_000 and status != "blocked":
        draft.set(when, tags=sorted({*draft.values["tags"], "vip"}))
    if len(bought) >= 7:
        moved = bought[6] + timedelta(days=2)
        draft.set(moved, folder="key_accounts", status="active", workers=[draft.values["owner"], "farid"])


def _last_contacts(world: World) -> None:
    """The last contact of each customer, once a month."""
    latest: dict[tuple[str, int], datetime] = {}
    for message in world.all("communications"):
        if message.values["customer"]:
            month = next(k for k, end in enumerate(world.ends) if message.created_at <= end)
            key = (message.values["customer"], month)
            latest[key] = max(latest.get(key, message.created_at), message.created_at)
    drafts = {draft.id: draft for draft in world.all("customers")}
    for (customer, _), when in sorted(latest.items()):
        drafts[customer].set(when, last_contact_at=when)


def _read_marks(world: World) -> None:
    """Every team has read what was answered; what came in after that is unread."""
    answered: dict[str, datetime] = {}
    for message in world.all("communications"):
        customer = message.values["customer"]
        if (
            customer
            and message.values["direction"] == "out"
            and not message.values["subject"].startswith(RECEIPT)
        ):
            answered[customer] = max(answered.get(customer, message.created_at), message.created_at)
    settled = world.until - timedelta(days=4)
    for draft in world.all("customers"):
        read_at = max(answered.get(draft.id, settled), settled)
        world.read_marks += [
            {"reader": reader, "record_id": draft.id, "read_at": read_at} for reader in READERS
        ]
