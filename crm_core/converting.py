"""What a request becomes: a task, a deal or a quote, linked to it both ways, in one commit."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.definitions import read_catalog_in
from crm_core.errors import Conflict, UnknownModule
from crm_core.model import Catalog, Module
from crm_core.people import read_directory_in
from crm_core.query import read_record
from crm_core.records.create import create_in
from crm_core.records.rows import write_rows
from crm_core.records.writer import Writer
from lake import Change, Lake, Transaction, table

TARGETS = ("tasks", "deals", "quotes")
TAKEN = ("in_progress", "open")
"""The status that a request comes to when something is made of it, from those before it: the first there is."""

Values = Mapping[str, Any]


def targets(catalog: Catalog, module: str) -> tuple[str, ...]:
    """What a request of a module can become here: what refers to it."""
    return tuple(
        one
        for one in TARGETS
        if one in catalog.modules and any(module in r.targets for r in catalog.references(one))
    )


def convert(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, to: str, actor: Actor, values: Values | None = None,
    door: str = "api",
) -> str:  # fmt: skip
    """Make a task, a deal or a quote of a request; returns its id.

    It takes over subject, words, customer and team, and refers to the request, which shows it among what belongs to
    it. The request gets an owner, the actor, where it has none, and is in progress from then on. A deal that
    there is already becomes that of the quote.

    Args:
        lake: the lake.
        catalog: the definitions.
        module: the module of the request.
        record_id: the request.
        to: what is made, one of `targets`.
        actor: who makes it.
        values: further values of it, which count before those of the request.
        door: through which door.

    Raises:
        Forbidden: The actor may only look.
        UnknownModule: A request cannot become that here.
        RecordNotFound: There is no such request, or none that the actor may see.
        Conflict: It has one already, of what it can have only one.
        ValuesInvalid: With every problem; nothing was written.
    """
    actor.require_change("records")
    known = targets(catalog, module)
    if to not in known:
        raise UnknownModule(to, known)
    record = read_record(lake, catalog, module=module, record_id=record_id, actor=actor)

    def work(tx: Transaction) -> str:
        current = read_catalog_in(tx, lake)
        directory = read_directory_in(tx, lake)
        writer = Writer(current, directory, actor, door)
        # A program and the local administrator have no desk on which work could lie.
        me = actor.user if actor.user in {user.slug for user in directory.active} else None
        own = current.module(module)
        given = {**_values(tx, current, own, record, to), **(values or {})}
        given.setdefault("owner", record.get("owner") or me)
        [made] = create_in(tx, writer, module=to, values=[given])
        change = _progress(own, record, me)
        write_rows(tx, writer, module=module, rows=pl.DataFrame([{"id": record["id"], **change}]))
        return made

    reason = f"{catalog.module(to).one.lower()} made of {catalog.module(module).one.lower()}"
    done = lake.commit(work, Change(actor=actor.user, door=door, reason=reason))
    definitions.note_commit(lake, done.snapshot)
    people.note_commit(lake, done.snapshot)
    return done.value


def _values(tx: Transaction, catalog: Catalog, own: Module, record: Values, to: str) -> dict[str, Any]:
    module = catalog.module(to)
    subject = str(record.get("subject") or record.get("name") or own.one)
    words = {
        "title": f"Answer {subject}" if to == "tasks" else subject,
        "description": record.get("message"), "service": record.get("service"), "origin": record.get("origin"),
        "destination": record.get("destination"),
    }  # fmt: skip
    given = {name: value for name, value in words.items() if value and _takes(module, name, value)}
    given |= {"team": record["team"]} if record.get("team") else {}
    for reference in catalog.references(to):
        if own.slug in reference.targets:
            about = {"module": own.slug, "id": record["id"]}
            given[reference.slug] = about if reference.polymorphic else record["id"]
            if reference.unique:
                _refuse_second(tx, to, reference.slug, str(record["id"]), own)
        elif reference.slug in ("customer", "business") and record.get(reference.slug):
            given[reference.slug] = record[reference.slug]
    deal = _deal_of(tx, catalog, own.slug, str(record["id"])) if to == "quotes" else None
    return given | ({"deal": deal} if deal else {})


def _takes(module: Module, name: str, value: Any) -> bool:
    field = module.field(name)
    options = getattr(field, "options", None)
    return field is not None and (options is None or value in {option.value for option in options})


def _refuse_second(tx: Transaction, to: str, reference: str, record_id: str, own: Module) -> None:
    there = tx.read(
        f"SELECT 1 AS there FROM {table('crm', to)} WHERE deleted_at IS NULL AND {reference} = CAST(? AS UUID)",
        [record_id],
    )
    if there.height:
        raise Conflict(f"This {own.one.lower()} has one of {to} already. Open it from what belongs to it.")


def _deal_of(tx: Transaction, catalog: Catalog, module: str, record_id: str) -> str | None:
    """The deal that was made of a request before, where quotes refer to deals."""
    if "deals" not in catalog.modules or catalog.reference("quotes", "deal") is None:
        return None
    reference = next((r for r in catalog.references("deals") if r.targets == (module,)), None)
    if reference is None:
        return None
    found = tx.read(
        f"SELECT CAST(id AS VARCHAR) AS id FROM {table('crm', 'deals')} "
        f"WHERE deleted_at IS NULL AND {reference.slug} = CAST(? AS UUID) LIMIT 1",
        [record_id],
    )
    return str(found["id"][0]) if found.height else None


def _progress(own: Module, record: Values, me: str | None) -> dict[str, Any]:
    """What changes of the request itself."""
    folder = own.folder(record["folder"] or "") or own.default_folder
    order = [status.slug for status in folder.statuses]
    taken = next((slug for slug in TAKEN if slug in order), None)
    change: dict[str, Any] = {}
    if taken is not None and record["status"] in order[: order.index(taken)]:
        change["status"] = taken
    if me is not None and not record.get("owner"):
        change["owner"] = me
    return change
