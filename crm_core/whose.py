"""Whose a request is, when that is found out later than it came in."""

import polars as pl

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.definitions import read_catalog_in
from crm_core.model import Catalog, Module, Reference
from crm_core.people import read_directory_in
from crm_core.query import read_record
from crm_core.records.rows import write_rows
from crm_core.records.writer import Writer
from lake import Change, Lake, Transaction, ident, table

CUSTOMERS, CUSTOMER = "customers", "customer"


def give_to_customer(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, customer: str, actor: Actor, door: str = "api"
) -> None:  # fmt: skip
    """Write down whose a request is, and of all that is about it and is nobody's yet: messages, files, tasks.

    Args:
        lake: the lake.
        catalog: the definitions.
        module: the module of the request.
        record_id: the request.
        customer: the customer.
        actor: who says so.
        door: through which door.

    Raises:
        Forbidden: The actor may only look.
        RecordNotFound: There is no such request or customer, or none that the actor may see.
    """
    actor.require_change("records")
    own = read_record(lake, catalog, module=module, record_id=record_id, actor=actor)
    whose = read_record(lake, catalog, module=CUSTOMERS, record_id=customer, actor=actor)

    def work(tx: Transaction) -> None:
        current = read_catalog_in(tx, lake)
        writer = Writer(current, read_directory_in(tx, lake), actor, door)
        found = {module: [own["id"]]} | {
            one.slug: _about(tx, one.slug, reference, own["id"])
            for one in current.modules.values()
            if (reference := _reference_to(current, one, module)) is not None
        }
        for slug, ids in found.items():
            if ids:
                rows = pl.DataFrame({"id": ids, CUSTOMER: [whose["id"]] * len(ids)})
                write_rows(tx, writer, module=slug, rows=rows)

    one = catalog.module(module).one.lower()
    done = lake.commit(work, Change(actor=actor.user, door=door, reason=f"customer of the {one}"))
    definitions.note_commit(lake, done.snapshot)
    people.note_commit(lake, done.snapshot)


def _reference_to(catalog: Catalog, one: Module, module: str) -> Reference | None:
    """How records of a module that can be a customer's refer to a request."""
    if one.slug == module or catalog.reference(one.slug, CUSTOMER) is None:
        return None
    return next((r for r in catalog.references(one.slug) if module in r.targets), None)


def _about(tx: Transaction, slug: str, reference: Reference, record_id: str) -> list[str]:
    """The records that refer to a request and are nobody's."""
    column = ident(reference.slug)
    found = tx.read(
        f"SELECT CAST(id AS VARCHAR) AS id FROM {table('crm', slug)} "
        f"WHERE deleted_at IS NULL AND {column} = CAST(? AS UUID) AND {CUSTOMER} IS NULL",
        [record_id],
    )
    return found["id"].to_list()
