"""What people said to messages of a purpose: read for a record, and recorded when they say something else.

It is said of an address and counts for whoever has it; `access.consents` is append-only, the latest counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import Problem, ValuesInvalid
from crm_core.model import Catalog, Module
from crm_core.query import read_record
from crm_core.relations import Relations, relations_for
from crm_core.shape import Record
from crm_core.trees import column, lake_table, text
from lake import Change, Lake, Transaction, new_id, table

STATES = ("granted", "withdrawn", "objected", "denied")
"""What can be said; `withdrawn` takes back what was granted, `objected` refuses what needs no consent."""

CHANNELS = {"email": "email", "phone": "phone", "sms": "phone", "whatsapp": "phone"}
"""Channel → the kind of address that it is about; `phone` speaks for every message to the number."""

LONGEST_REASON = 500
MOST = 200
_TABLE = table("access", "consents")
_KINDS = ("email", "phone")
_SAID, _CHANGE = "c", "h"


@dataclass(frozen=True)
class Consent:
    """What was said once: by which address, of messages of what kind, when, by what way, and who wrote it down why."""

    id: str
    address: str
    channel: str
    purpose: str
    state: str
    source: str
    occurred_at: datetime
    by: str = ""
    reason: str = ""

    @property
    def allows(self) -> bool:
        """Whether it allows such messages."""
        return self.state == "granted"


def read_consents(
    lake: Lake, catalog: Catalog, *, module: str, record: Record, actor: Actor, at: int | None = None
) -> tuple[Consent, ...]:
    """What counts for the addresses in a record's own fields, one for each address, channel and purpose.

    The record is one that the actor has read. Now, or as of a snapshot; one statement.
    """
    relations = relations_for(lake, catalog, actor, at)
    given = list(addresses_of(catalog.module(module), record))
    if not given:
        return ()
    told = [column(name, _SAID) for name in ("purpose", "channel", "address")]
    among = told[-1].isin(*relations.params.bind_all(given))
    latest = _said(relations).where(among).distinct(*told).order_by(*(one.copy() for one in told), *_newest())
    return tuple(Consent(**row) for row in lake.read(text(latest), relations.params.values).to_dicts())


def read_consent_history(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None
) -> tuple[Consent, ...]:
    """Everything that was said by any address of a record, contact points too, the newest first, with who and why.

    Nothing for a record that is not there, or not for the actor to see.
    """
    relations = Relations(catalog, actor, at=at)
    own = catalog.module(module)
    among = [column("record_id", _SAID).isin(query=_row(relations, module, record_id, "id"))]
    points = _points(relations, own, record_id)
    for query in (
        *(_row(relations, module, record_id, field.slug) for field in own.fields if field.kind in _KINDS),
        *([points] if points is not None else []),
    ):
        among.append(column("address", _SAID).isin(query=query))
    told = [
        exp.Coalesce(this=column(name, _CHANGE), expressions=[exp.Literal.string("")]).as_(shown)
        for name, shown in (("actor", "by"), ("reason", "reason"))
    ]
    changes = lake_table("changes", schema="ops", alias=_CHANGE, at=at)
    said = (
        _said(relations)
        .select(*told)
        .join(changes, on=column("id", _CHANGE).eq(column("change_id", _SAID)), join_type="left")
        .where(exp.or_(*among))
        .order_by(*_newest())
        .limit(MOST)
    )
    return tuple(Consent(**row) for row in lake.read(text(said), relations.params.values).to_dicts())


def _row(relations: Relations, module: str, record_id: str, slug: str) -> exp.Select:
    """A column of the record, where the actor sees it."""
    key = relations.params.bind(record_id, "UUID")
    return (
        exp.select(column(slug, "r"))
        .from_(relations.table(module, "r"))
        .where(column("id", "r").eq(key), relations.predicate(module, "r"))
    )


def record_consent(
    lake: Lake,
    *,
    module: str,
    record_id: str,
    address: str,
    channel: str,
    purpose: str,
    state: str,
    reason: str,
    actor: Actor,
    source: str = "person",
    door: str = "api",
) -> str:
    """Write down what somebody said; returns the id of what was said. What was said before is kept.

    Args:
        lake: the lake.
        module: of which module he is a record.
        record_id: his id.
        address: one of his addresses, as it stands in the record or its contact points.
        channel: one of `CHANNELS` that fits the address.
        purpose: one of the workspace's purposes.
        state: one of `STATES`.
        reason: how one knows, such as `said so on the phone`.
        actor: who writes it down.
        source: by what way it was said.
        door: through which door.

    Raises:
        Forbidden: The actor may only look.
        RecordNotFound: There is no such record, or none that the actor may see.
        ValuesInvalid: With everything that is wrong.
    """
    actor.require_change("consents")
    catalog = read_catalog(lake)
    record = read_record(lake, catalog, module=module, record_id=record_id, actor=actor)
    known = read_addresses(lake, catalog, module=module, record=record, actor=actor)
    given = {
        "address": address,
        "channel": channel,
        "purpose": purpose,
        "state": state,
        "reason": reason.strip(),
    }
    if found := list(_problems(catalog, known, given)):
        raise ValuesInvalid(module, found)
    said = new_id()

    def work(tx: Transaction) -> None:
        tx.execute(
            f"INSERT INTO {_TABLE} BY NAME SELECT CAST($id AS UUID) AS id, $address AS address, $channel AS channel, "
            "$module AS module, CAST($record AS UUID) AS record_id, $purpose AS purpose, $state AS state, "
            "$source AS source, $now AS occurred_at, CAST($change AS UUID) AS change_id",
            {"id": said, "module": module, "record": record_id, "source": source, "now": tx.occurred_at,
             "change": tx.change_id, **{name: given[name] for name in ("address", "channel", "purpose", "state")}},
        )  # fmt: skip

    lake.commit(work, Change(actor=actor.user, door=door, reason=given["reason"]))
    return said


def addresses_of(module: Module, record: Mapping[str, Any]) -> dict[str, str]:
    """Address → `email` or `phone`, of those in a record's own fields."""
    kinds = {field.slug: field.kind for field in module.fields if field.kind in _KINDS}
    return {str(record[slug]): kind for slug, kind in kinds.items() if record.get(slug)}


def read_addresses(
    lake: Lake, catalog: Catalog, *, module: str, record: Record, actor: Actor
) -> dict[str, str]:
    """Address → `email` or `phone`, of all that a record has: its own first, then its contact points."""
    relations = relations_for(lake, catalog, actor)
    own = addresses_of(catalog.module(module), record)
    points = _points(relations, catalog.module(module), str(record["id"]), "kind")
    if points is None:
        return own
    rows = lake.read(text(points), relations.params.values).rows()
    return own | {address: kind for address, kind in rows if address not in own}


def _points(relations: Relations, module: Module, record_id: str, *more: str) -> exp.Select | None:
    points = module.contact_points
    if points is None or points.module not in relations.catalog.modules:
        return None
    return (
        exp.select(column("standardised", "p"), *[column(name, "p") for name in more])
        .from_(relations.narrowed(points.module, "p", {points.reference: [record_id]}))
        .where(
            column(points.reference, "p").eq(relations.params.bind(record_id, "UUID")),
            column("deleted_at", "p").is_(exp.null()),
            exp.not_(column("standardised", "p").is_(exp.null())),
        )
    )


def _said(relations: Relations) -> exp.Select:
    names = ("address", "channel", "purpose", "state", "occurred_at")
    source = exp.Coalesce(this=column("source", _SAID), expressions=[exp.Literal.string("")])
    place = lake_table(
        "consents", schema="access", alias=_SAID, at=relations.at, catalog=relations.catalog_name
    )
    return exp.select(
        exp.cast(column("id", _SAID), "VARCHAR").as_("id"), *[column(name, _SAID) for name in names],
        source.as_("source"),
    ).from_(place)  # fmt: skip


def _newest() -> list[exp.Expr]:
    return [exp.Ordered(this=column(name, _SAID), desc=True) for name in ("occurred_at", "id")]


def _problems(catalog: Catalog, known: Mapping[str, str], given: Mapping[str, str]) -> Iterator[Problem]:
    kind = known.get(given["address"])
    if kind is None:
        told = ", ".join(known) or "none"
        yield Problem(
            "address", "unknown", f"it is no address of the record; those are {told}", given["address"]
        )
    if CHANNELS.get(given["channel"]) is None or (kind and CHANNELS[given["channel"]] != kind):
        fitting = ", ".join(one for one, about in CHANNELS.items() if kind in (None, about))
        yield Problem("channel", "invalid", f"choose one of {fitting}", given["channel"])
    purposes = [one.slug for one in catalog.workspace.purposes]
    if given["purpose"] not in purposes:
        yield Problem(
            "purpose", "unknown", f"the workspace's purposes are {', '.join(purposes)}", given["purpose"]
        )
    if given["state"] not in STATES:
        yield Problem("state", "invalid", f"choose one of {', '.join(STATES)}", given["state"])
    if not given["reason"]:
        yield Problem("reason", "required", "say how you know, such as: said so on the phone")
    elif len(given["reason"]) > LONGEST_REASON:
        yield Problem(
            "reason", "too_long", f"it has {len(given['reason'])} letters; {LONGEST_REASON} are the most"
        )
