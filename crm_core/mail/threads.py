"""Conversations by mail: what a message answers, by the ids it names (RFC 5322, section 3.6.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm_core.customers_by_address import cheapest_place
from crm_core.model import Catalog
from lake import Lake, Transaction, ident
from lake.names import CATALOG

MESSAGES = "communications"

_further: list[str] = []


@dataclass(frozen=True)
class Known:
    """A message that is there already: to whom it belongs, what it is about, and its conversation."""

    id: str
    thread: str | None
    customer: str | None
    module: str | None
    record: str | None


def also_known(statement: str) -> None:
    """Let ids be found that no message's record has yet: a SELECT of `message_id` and `communication_id`."""
    if statement not in _further:
        _further.append(statement)


def find_messages(
    tx: Transaction, lake: Lake, catalog: Catalog, *, ids: Sequence[str], roots: bool = True
) -> Mapping[str, Known]:
    """Message-ID → the live message that has it; of several, the newest.

    With `roots`, an id that only stands as the beginning of a conversation is found too: whoever answered a message
    that we never got belongs to it.

    Args:
        tx: the transaction that stores what answers them; it holds the writer lock.
        lake: its lake.
        catalog: the definitions.
        ids: the ids, with their brackets.
        roots: whether beginnings of conversations count.
    """
    known, asked = catalog.columns(MESSAGES), list(dict.fromkeys(ids))
    if not asked or "message_id" not in known:
        return {}
    # The server's copy is read as of now, too: nobody else writes meanwhile.
    place = cheapest_place(tx, lake, [MESSAGES])
    reader: Transaction | Lake = tx if place == CATALOG else lake
    found = _read(reader, catalog, place, "m.message_id", asked)
    for statement in _further if len(found) < len(asked) else ():
        rows = tx.read(
            f"SELECT CAST(f.communication_id AS VARCHAR) AS id, f.message_id FROM ({statement}) f "
            "WHERE f.message_id IN (SELECT unnest($ids)) AND f.communication_id IS NOT NULL",
            {"ids": asked},
        )
        sent = dict(rows.iter_rows())
        there = _read(reader, catalog, place, "CAST(m.id AS VARCHAR)", list(sent)) if sent else {}
        found |= {sent[row_id]: one for row_id, one in there.items()}
    if roots and "thread" in known and len(found) < len(asked):
        found = {**_read(reader, catalog, place, "m.thread", asked), **found}
    return found


def _read(
    reader: Transaction | Lake, catalog: Catalog, place: str, key: str, asked: list[str]
) -> dict[str, Known]:
    known = catalog.columns(MESSAGES)
    about = catalog.reference(MESSAGES, "about")

    def read(name: str) -> str:
        return f"CAST(m.{ident(name)} AS VARCHAR)" if name in known else "NULL"

    module = "NULL" if about is None else read(about.module_column)
    if about is not None and not about.polymorphic:
        module = f"'{about.targets[0]}'"
    rows = reader.read(
        f"SELECT {key} AS asked, CAST(m.id AS VARCHAR) AS id, {read('thread')} AS thread, "
        f"{read('customer')} AS customer, {module} AS module, {read('about')} AS record "
        f"FROM {ident(place, 'crm', MESSAGES)} m WHERE m.deleted_at IS NULL AND {key} IN (SELECT unnest($ids)) "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY m.created_at DESC, m.id DESC) = 1",
        {"ids": asked},
    )
    return {
        row["asked"]: Known(row["id"], row["thread"], row["customer"], row["module"], row["record"])
        for row in rows.to_dicts()
    }
