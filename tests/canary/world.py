"""A workspace where some records of every module are forbidden to two people, and say so in every text they hold."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from crm_core import files, records
from crm_core.access import Actor
from crm_core.definitions import save
from crm_core.loading import LoadOptions, load
from crm_core.model import Catalog, Module
from crm_core.people import User, add_key, save_users
from crm_core.workspace import Workspace
from flows.manual import run_flow
from flows.store import list_flows, pause

CANARY = "zyxcanary7"
TEAM = "harbour"
ADMIN = Actor.local_admin()
PEOPLE = (
    User("olaf", "Olaf Berg", "olaf@forwarder.example", "agent", (TEAM,)),
    User("vera", "Vera Costa", "vera@forwarder.example", "viewer", (TEAM,)),
)


@dataclass
class World:
    """The workspace, and what each module holds: ids that both people see, and ids that neither does."""

    workspace: Workspace
    keys: dict[str, str] = field(default_factory=dict)
    seen: dict[str, list[str]] = field(default_factory=dict)
    hidden: dict[str, list[str]] = field(default_factory=dict)
    deleted: dict[str, str] = field(default_factory=dict)
    load: str = ""
    runs: list[str] = field(default_factory=list)
    moved: str = ""
    """A customer that both saw until it was put into a closed folder; hidden as the others."""
    while_open: datetime = datetime.min
    """When it still was seen."""

    @property
    def catalog(self) -> Catalog:
        """The definitions."""
        return self.workspace.catalog

    def actor(self, user: str) -> Actor:
        """One of the two people."""
        return next(person.actor for person in PEOPLE if person.slug == user)

    def make(self, module: str, values: dict[str, Any]) -> str:
        """Create a record, whatever its fields allow people to write."""
        values = values | _free_time(self.catalog.module(module))
        made = records.create(self.workspace.lake, module=module, values=values, actor=ADMIN, trusted=True)
        return made.ids[0]


def build(workspace: Workspace, folder: Path) -> World:
    """Fill a workspace with the freight forwarder's definitions."""
    lake = workspace.lake
    # What a flow copies into an open folder is open, by its author's will: here nothing may be copied meanwhile.
    for one in list_flows(lake):
        if one.definition.trigger.event != "manual":
            pause(lake, one.flow, actor=ADMIN)
    save(lake, [("team", {"slug": TEAM, "name": "Harbour"})], actor=ADMIN)
    save_users(lake, PEOPLE, actor=ADMIN)
    world = World(workspace)
    world.keys = {person.slug: add_key(lake, actor=ADMIN, user=person.slug) for person in PEOPLE}
    world.keys["admin"] = add_key(lake, actor=ADMIN, role="admin")
    for module in _parents_first(world.catalog):
        _seen(world, module)
        _hidden(world, module)
    _crossings(world)
    _history(world)
    _load(world, folder)
    _files(world)
    done = run_flow(lake, "welcome-by-hand", ids=[world.hidden["customers"][0]], actor=ADMIN)
    world.runs = [one.run_id for one in done.results]
    _note_what_flows_made(world)
    return world


def closed_folder(module: Module) -> str | None:
    """A folder that neither of the two sees into."""
    return next((one.slug for one in module.folders if one.teams and TEAM not in one.teams), None)


_DAYS = count()


def _free_time(module: Module) -> dict[str, Any]:
    """A time of its own, where no two may be at a time."""
    day = date(2026, 1, 1) + timedelta(days=next(_DAYS))
    times = [{rule.start: f"{day}T10:00:00Z", rule.end: f"{day}T11:00:00Z"} for rule in module.exclusive]
    return {name: moment for one in times for name, moment in one.items()}


def texts(module: Module, word: str) -> dict[str, Any]:
    """A value with the word for every field that can hold one."""
    found: dict[str, Any] = {"tags": [word]}
    for one in module.fields:
        if one.kind in ("text", "long_text") and not getattr(one, "pattern", ""):
            found[one.slug] = f"{word} {one.slug}"[: one.max_length]  # type: ignore[union-attr]
        elif one.kind == "email":
            found[one.slug] = f"{word}@forwarder.example"
        elif one.kind == "url":
            found[one.slug] = f"https://{word}.example/"
        elif one.kind == "json":
            found[one.slug] = {"note": word}
        elif one.kind == "address":
            found[one.slug] = {"street": f"{word} street", "city": f"{word} town", "country": "DE"}
        elif one.kind == "datetime":
            found[one.slug] = "2026-11-20T10:00:00Z"
        elif one.kind == "money":
            found[one.slug] = {"amount": "7", "currency": "EUR"}
        elif one.kind in ("integer", "decimal") and one.required:
            found[one.slug] = 7
    if module.slug == "customers":
        # Unique, and known to everybody: what a load or a form of the two runs into.
        found["external_id"] = f"EXT-{len(word)}"
    if module.slug == "contact_points":
        found = {"kind": "email", "value": f"{word}@contact.example", "tags": [word]}
    if module.slug == "inquiries":
        found["service"] = "customs"
    if module.slug == "checklist_steps":
        found["done"] = True
    if module.slug == "communications":
        found |= {"direction": "in", "state": "received"}
        del found["transcript"]  # only calls have one
    return found


def _parents_first(catalog: Catalog) -> Sequence[Module]:
    order = ["customers", "business", "inquiries", "deals", "quotes", "shipments", "invoices"]
    rest = [module.slug for module in catalog.ordered if module.slug not in order]
    return [catalog.module(slug) for slug in (*order, *rest)]


def _pointing(world: World, module: Module, at: dict[str, list[str]]) -> dict[str, Any]:
    """References of a module to the first records of others, as far as there are any."""
    found: dict[str, Any] = {}
    for reference in world.catalog.references(module.slug):
        target = "deals" if reference.polymorphic else reference.targets[0]
        if at.get(target) and target != module.slug and not reference.unique:
            record = at[target][0]
            found[reference.slug] = {"module": target, "id": record} if reference.polymorphic else record
    return found


def _seen(world: World, module: Module) -> None:
    values = texts(module, f"plain{module.slug.replace('_', '')}") | _pointing(world, module, world.seen)
    world.seen[module.slug] = [world.make(module.slug, values)]


def _hidden(world: World, module: Module) -> None:
    """One that hangs on what is forbidden, one that hangs on a customer whom both see, and one that is deleted."""
    folder = closed_folder(module) if module.access == "own" else None
    own = texts(module, CANARY) | ({"folder": folder} if folder else {})
    unique = {one.slug for one in module.fields if getattr(one, "unique", False)}
    first = own | _pointing(world, module, world.hidden)
    world.hidden[module.slug] = [world.make(module.slug, first)]
    if module.access == "parent" and module.parent != ("customer",):
        others = {one: world.hidden[one] for one in world.hidden if one != "customers"}
        second = own | _pointing(world, module, others | {"customers": world.seen["customers"]})
    elif module.access == "own":
        second = own | _pointing(world, module, world.seen)
    else:
        second = dict(first)
    changed = {slug: f"{CANARY} {slug} again" for slug in unique}
    world.hidden[module.slug].append(world.make(module.slug, second | changed))
    third = world.make(module.slug, first | {slug: f"{CANARY} {slug} gone" for slug in unique})
    records.delete(world.workspace.lake, module=module.slug, record_id=third, actor=ADMIN)
    world.deleted[module.slug] = third


def _crossings(world: World) -> None:
    """What is seen and points to what is not, and links with a text of their own between the two."""
    lake, seen, hidden = world.workspace.lake, world.seen, world.hidden
    for slug in ("inquiries", "deals", "shipments", "invoices", "tasks"):
        module = world.catalog.module(slug)
        values = texts(module, f"crossing{slug}") | _pointing(world, module, hidden)
        seen[slug].append(world.make(slug, values))
    business = {"business": hidden["business"][0]}
    records.update(lake, module="customers", record_id=seen["customers"][0], values=business, actor=ADMIN)
    records.link(
        lake, module="customers", record_id=seen["customers"][0], relationship="related", actor=ADMIN,
        to=hidden["customers"][0], values={"type": "branch", "role": CANARY},
    )  # fmt: skip
    records.link(
        lake, module="shipments", record_id=seen["shipments"][0], relationship="parties", actor=ADMIN,
        to=hidden["business"][0], values={"role": "carrier", "reference": CANARY},
    )  # fmt: skip
    open_once = texts(world.catalog.module("customers"), CANARY) | {"external_id": "EXT-moved"}
    world.moved = world.make("customers", open_once)
    world.while_open = datetime.now(UTC)
    closed = {"folder": closed_folder(world.catalog.module("customers"))}
    records.update(lake, module="customers", record_id=world.moved, values=closed, actor=ADMIN)
    hidden["customers"].append(world.moved)


def _history(world: World) -> None:
    """An earlier and a later value of each forbidden record hold the canary."""
    for slug, ids in world.hidden.items():
        module = world.catalog.module(slug)
        title = next(
            (f.slug for f in module.fields if f.kind in ("text", "long_text") and f.slug != "external_id"), ""
        )
        if module.slug != "contact_points" and title:
            values = {title: f"{CANARY} later", "tags": [CANARY, f"{CANARY}-more"]}
            records.update(
                world.workspace.lake, module=slug, record_id=ids[0], values=values, actor=ADMIN,
                reason=f"{CANARY} reason", trusted=True,
            )  # fmt: skip


def _load(world: World, folder: Path) -> None:
    """A load that brought a forbidden customer, and rejected a row."""
    place = folder / f"{CANARY}-erp.csv"
    place.write_text(
        "external_id,name,email,folder,remarks,unknown\n"
        f"EXT-load,{CANARY} loaded,{CANARY}@load.example,key_accounts,{CANARY},{CANARY}\n"
        f"EXT-bad,,{CANARY} is no address,key_accounts,{CANARY},{CANARY}\n"
    )
    options = LoadOptions(key=("external_id",), silent=True)
    result = load(world.workspace.lake, [str(place)], module="customers", actor=ADMIN, options=options)
    world.load = result.load_id
    rows = world.workspace.lake.read("SELECT id FROM lake.crm.customers WHERE external_id = 'EXT-load'")
    world.hidden["customers"].append(rows.item())
    # A source of which both know, for it brought what they see: the same values once more.
    known, values = folder / "known.csv", texts(world.catalog.module("customers"), "plaincustomers")
    known.write_text(f"external_id,name\n{values['external_id']},{values['name']}\n")
    load(world.workspace.lake, [str(known)], module="customers", actor=ADMIN, options=options)


def _files(world: World) -> None:
    upload = io.BytesIO(CANARY.encode())
    upload.name = f"{CANARY}.txt"
    about = ("customers", world.hidden["customers"][0])
    ids = files.store(world.workspace, uploads=[upload], actor=ADMIN, about=about)
    world.hidden["files"] += ids


def _note_what_flows_made(world: World) -> None:
    """Everything that is neither seen nor hidden yet was made beside the records above: by whom it hangs on."""
    for slug in world.catalog.modules:
        rows = world.workspace.lake.read(
            f"SELECT id::VARCHAR AS id FROM lake.crm.{slug} WHERE deleted_at IS NULL"
        )
        known = {*world.seen[slug], *world.hidden[slug]}
        for made in set(rows["id"]) - known:
            plain = _of_a_seen_customer(world, slug, made)
            (world.seen if plain else world.hidden)[slug].append(made)


def _of_a_seen_customer(world: World, module: str, record_id: str) -> bool:
    row = world.workspace.lake.read(
        f"SELECT customer::VARCHAR AS c FROM lake.crm.{module} WHERE id = CAST(? AS UUID)", [record_id]
    )
    return row.item() in world.seen["customers"]
