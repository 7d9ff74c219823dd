"""The public intake: what strangers hand in, written many at a time and answered once it is durable.

An inquiry, its first message, the consents and the answer kept under an idempotency key are one transaction,
shared with whoever hands something in at the same moment.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from sqlglot import exp

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.customers_by_address import find_customers
from crm_core.errors import CrmError, UnknownModule
from crm_core.intake_forms import FORMS, MODULES, Contact, Form, Inquiry, intake_module, read_form, values_of
from crm_core.model import Catalog, Module
from crm_core.records.create import WRITTEN, Creation, create_each_in
from crm_core.records.writer import Writer
from crm_core.trees import column, text
from crm_core.values.fragments import literal, sql
from lake import Change, Lake, Transaction, ident, new_id, table

__all__ = ["FORMS", "Answer", "Form", "KeyReused", "forget_old_answers", "submit"]

DOOR = "public"
KEYS_LIVE = timedelta(hours=24)
# Strangers see nothing; what is written for them may point to a customer, so the writer must see it.
_ACTOR = Actor("public", "admin", name="Public intake")
_KEPT = table("ops", "idempotency")
_CONSENTS = table("access", "consents")


class KeyReused(CrmError):
    """An idempotency key came again with another body."""

    status = 422

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(
            f"The Idempotency-Key {key!r} was used for another body. Use a new key for a new request."
        )


@dataclass(frozen=True)
class Answer:
    """What the sender is told. `repeated` when the same request had been answered so before."""

    reference: str
    inquiry_id: str
    repeated: bool = False


@dataclass(frozen=True)
class Submission:
    """One thing that was handed in, on its way into a shared transaction."""

    lake: Lake
    form: Form
    given: Contact | Inquiry
    change: Change
    key: str | None = None
    digest: str = ""
    inquiry_id: str = field(default_factory=new_id)

    @property
    def keys(self) -> frozenset[str]:
        """Two of one idempotency key are never written together."""
        return frozenset((f"idempotency:{self.key}",)) if self.key else frozenset()


class _AlreadyAnswered(Exception):
    """Tells the group that nothing was written for this one."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__(answer.reference)


def submit(lake: Lake, *, form: Form, body: Mapping[str, Any], key: str | None = None) -> Answer:
    """Take in a contact or an inquiry; returns once it is durable.

    It is linked to a customer when exactly one live customer has its e-mail address; nothing of the customer is
    changed, for anybody may write any address.

    Args:
        lake: the lake.
        form: which form it is.
        body: what came in; properties that the form does not know are kept.
        key: the sender's idempotency key, which counts for 24 hours.

    Raises:
        ValuesInvalid: With everything that is missing or cannot be used.
        KeyReused: The key came before with another body.
        UnknownModule: The workspace takes no inquiries.
    """
    given = read_form(form, body)
    kept = f"{form}:{key}" if key else None
    digest = _digest(body) if key else ""
    if kept is not None and (known := _read_kept(lake, [kept])):
        return _repeat(known[kept], digest, kept)
    change = Change(actor=_ACTOR.user, door=DOOR, reason=f"submit-{form}")
    submission = Submission(lake, form, given, change, kept, digest)
    try:
        answer, version = lake.group.submit(_write_together, submission)
    except _AlreadyAnswered as found:
        return found.answer
    # What this process has just written were records, so the definitions and people it knows still stand.
    definitions.note_commit(lake, version)
    people.note_commit(lake, version)
    return answer


def forget_old_answers(lake: Lake, *, now: datetime | None = None) -> int:
    """Forget the answers whose keys count no more; returns how many."""
    limit = (now or datetime.now(UTC)) - KEYS_LIVE
    if not lake.read(f"SELECT count(*) FROM {_KEPT} WHERE created_at <= ?", [limit]).item():
        return 0
    change = Change(actor="system", door="maintenance", reason="idempotency keys that count no more")
    work = lambda tx: tx.execute(f"DELETE FROM {_KEPT} WHERE created_at <= ?", [limit])  # noqa: E731
    forgotten: int = lake.commit(work, change).value
    return forgotten


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _read_kept(reader: Lake | Transaction, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Key → digest of the body and answer, of those that count."""
    rows = reader.read(
        f"SELECT key, body_sha256, answer FROM {_KEPT} WHERE created_at > $since AND key IN (SELECT unnest($keys))",
        {"keys": list(keys), "since": datetime.now(UTC) - KEYS_LIVE},
    )
    return {key: (digest, answer) for key, digest, answer in rows.iter_rows()}


def _repeat(kept: tuple[str, str], digest: str, key: str) -> Answer:
    if kept[0] != digest:
        raise KeyReused(key.partition(":")[2])
    return Answer(**json.loads(kept[1]), repeated=True)


def _write_together(tx: Transaction, given: Sequence[Submission]) -> list[tuple[Answer, int] | Exception]:
    """The handler of the shared transaction: sets of inquiries, messages, consents and kept answers."""
    lake = given[0].lake
    catalog = definitions.read_catalog_in(tx, lake)
    module = intake_module(catalog)
    if module is None:
        return [UnknownModule(MODULES[0], sorted(catalog.modules))] * len(given)
    outcomes: dict[str, Answer | Exception] = _answered(tx, given)
    open_ = [one for one in given if one.inquiry_id not in outcomes]
    writer = Writer(catalog, people.read_directory_in(tx, lake), _ACTOR, DOOR)
    customers = find_customers(tx, lake, catalog, emails={_address(one) for one in open_})
    wanted = [_inquiry(one, module, customers, catalog) for one in open_]
    for one, error in zip(open_, create_each_in(tx, writer, wanted) if wanted else (), strict=True):
        if error is not None:
            outcomes[one.inquiry_id] = error
    written = [one for one in open_ if one.inquiry_id not in outcomes]
    if written:
        outcomes |= _answers(tx, module, written)
        _write_messages(tx, catalog, module)
        _write_consents(tx, written, customers)
        _keep(tx, [one for one in written if one.key], outcomes)
    told = [outcomes[one.inquiry_id] for one in given]
    return [(one, tx.snapshot) if isinstance(one, Answer) else one for one in told]


def _answered(tx: Transaction, given: Sequence[Submission]) -> dict[str, Answer | Exception]:
    """Those whose key was answered after they had looked."""
    keyed = [one for one in given if one.key is not None]
    kept = _read_kept(tx, [str(one.key) for one in keyed]) if keyed else {}
    outcomes: dict[str, Answer | Exception] = {}
    for one in keyed:
        if one.key in kept:
            try:
                outcomes[one.inquiry_id] = _AlreadyAnswered(_repeat(kept[one.key], one.digest, one.key))
            except KeyReused as error:
                outcomes[one.inquiry_id] = error
    return outcomes


def _address(one: Submission) -> str:
    return (one.given.email or "").strip().lower()


def _customer_of(one: Submission, customers: Mapping[str, str]) -> str | None:
    return customers.get(_address(one))


def _inquiry(one: Submission, module: Module, customers: Mapping[str, str], catalog: Catalog) -> Creation:
    values = values_of(one.given, module, form=one.form)
    if catalog.reference(module.slug, "customer") is not None:
        values["customer"] = _customer_of(one, customers)
    return Creation(one.lake, module.slug, (values,), _ACTOR, DOOR, False, one.change, (one.inquiry_id,))


def _answers(tx: Transaction, module: Module, written: Sequence[Submission]) -> dict[str, Answer | Exception]:
    number = next((f.slug for f in module.fields if f.kind == "auto_number"), "id")
    rows = tx.read(
        f"SELECT CAST(id AS VARCHAR), CAST({ident(number)} AS VARCHAR) FROM {ident(WRITTEN)} "
        "WHERE id IN (SELECT CAST(unnest($ids) AS UUID))",
        {"ids": [one.inquiry_id for one in written]},
    )
    return {record_id: Answer(reference, record_id) for record_id, reference in rows.iter_rows()}


def _write_messages(tx: Transaction, catalog: Catalog, module: Module) -> None:
    """The first message of each inquiry that was just written, as far as the workspace keeps messages.

    Its values are those of the inquiry, which have passed all rules: one statement makes the rows from it.
    """
    messages = catalog.modules.get("communications")
    if messages is None:
        return
    folder = messages.default_folder
    given = {f.slug for f in module.fields} | {r.slug for r in catalog.references(module.slug)}
    made = {
        "id": sql("uuidv7()"),
        "folder": literal(folder.slug),
        "status": literal(folder.start_status) if folder.start_status else exp.null(),
        "source": column("source"),
        "created_at": sql("$now"),
        "updated_at": sql("$now"),
        "change_id": sql("CAST(_change_id AS UUID)"),
        "version": sql("$version"),
        "channel": literal("form"),
        "direction": literal("in"),
        "state": literal("received"),
        "from": exp.Coalesce(this=_copied("email", given), expressions=[_copied("phone", given)]),
        "subject": _copied("subject", given),
        "text": _copied("message", given),
        "occurred_at": sql("$now"),
        "customer": _copied("customer", given),
        "about": column("id"),
        "about__module": literal(module.slug),
    }
    known = [name for name in made if name in catalog.columns(messages.slug)]
    select = exp.select(*[made[name] for name in known]).from_(exp.to_table(WRITTEN))
    names = ", ".join(ident(name) for name in known)
    tx.execute(
        f"INSERT INTO {table('crm', messages.slug)} ({names}) {text(select)}",
        {"now": tx.occurred_at, "version": tx.snapshot},
    )


def _copied(slug: str, given: set[str]) -> exp.Expr:
    return column(slug) if slug in given else exp.null()


def _write_consents(tx: Transaction, written: Sequence[Submission], customers: Mapping[str, str]) -> None:
    rows = [
        (
            new_id(),
            address,
            channel,
            _customer_of(one, customers),
            purpose,
            f"submit-{one.form}",
            one.change.id,
        )
        for one in written
        for purpose in dict.fromkeys(one.given.consent)
        for channel, address in (("email", _address(one)), ("phone", one.given.phone or ""))
        if address
    ]
    if not rows:
        return
    names = ["id", "address", "channel", "record_id", "purpose", "source", "change_id"]
    tx.register("intake_consents", pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row"))
    tx.execute(
        f"INSERT INTO {_CONSENTS} (id, address, channel, module, record_id, purpose, state, source, occurred_at, "
        "change_id) SELECT CAST(id AS UUID), address, channel, CASE WHEN record_id IS NOT NULL THEN 'customers' END, "
        "CAST(record_id AS UUID), purpose, 'granted', source, $now, CAST(change_id AS UUID) FROM intake_consents",
        {"now": tx.occurred_at},
    )


def _keep(tx: Transaction, keyed: Sequence[Submission], outcomes: Mapping[str, Answer | Exception]) -> None:
    """Keep the answers under their keys, for requests that come again."""
    rows = []
    for one in keyed:
        answer = outcomes[one.inquiry_id]
        if isinstance(answer, Answer):
            told = json.dumps({"reference": answer.reference, "inquiry_id": answer.inquiry_id})
            rows.append((one.key, one.digest, told, one.change.id))
    if not rows:
        return
    names = ["key", "body_sha256", "answer", "change_id"]
    tx.register("intake_kept", pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row"))
    tx.execute(
        f"INSERT INTO {_KEPT} SELECT key, body_sha256, answer, $now, CAST(change_id AS UUID) FROM intake_kept",
        {"now": tx.occurred_at},
    )
