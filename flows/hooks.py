"""What other systems send to a flow's own address: proved to be theirs, made a record, and given to the flow."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import Conflict
from crm_core.model import Catalog
from crm_core.model.fields import EmailField, PhoneField
from crm_core.records import update
from crm_core.settings import Settings
from crm_core.values.standards import to_address, to_e164
from flows.active import ActiveFlow, active_flows
from flows.commands import AlreadyDone, known_command, remember_command
from flows.errors import CommandInvalid, UnknownHook
from flows.manual import CommandResult, command_result, run_flow, run_on_values
from flows.secrets import is_same, webhook_secret
from flows.store import find_live
from lake import Change, Lake, Transaction, ident, new_id, table

PURPOSE = "hook"
PATH = "/api/hooks/"
_MOST_ID = 255
_MISSING = object()


@dataclass(frozen=True)
class HookAnswer:
    """What became of a message: the run, its state, and the record that the message made or changed."""

    run_id: str
    state: str
    record_id: str | None


@dataclass(frozen=True)
class HookAddress:
    """Where a flow's messages go, and the secret that they are proved with."""

    flow: str
    url: str
    secret: str


class _Appeared(Exception):
    """The record is there after all: somebody made it since it was looked for."""


def address(lake: Lake, settings: Settings, flow: str, *, actor: Actor) -> HookAddress:
    """The address and the secret of a flow that waits for a webhook.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownFlow: There is no such flow.
        Conflict: It waits for something else.
    """
    actor.require_admin("secrets of flows")
    stored = find_live(read_catalog(lake), flow)
    if stored.document.get("trigger", {}).get("event") != "webhook":
        raise Conflict(
            f"The flow {stored.slug} waits for no webhook; its trigger would be {{event: webhook}}."
        )
    id = stored.document.get("id") or stored.id
    base = settings.public_url or f"http://{settings.host}:{settings.port}"
    return HookAddress(stored.slug, f"{base}{PATH}{id}", webhook_secret(settings, PURPOSE, id))


def prove(
    lake: Lake, settings: Settings, flow_id: str, *, body: bytes, headers: Mapping[str, str]
) -> ActiveFlow:
    """The active flow of a message that was signed with its secret, or brings it as a bearer token.

    Args:
        lake: the lake.
        settings: where the secret comes from.
        flow_id: the id in the address.
        body: the message as it came in.
        headers: by their names in lower case.

    Raises:
        UnknownHook: There is no such flow, or the secret is not its: a stranger cannot tell which.
    """
    proved = _is_proved(webhook_secret(settings, PURPOSE, flow_id), body, headers)
    found = next((flow for flow in active_flows(read_catalog(lake)) if flow.id == flow_id), None)
    if not proved or found is None or found.definition.trigger.event != "webhook":
        raise UnknownHook
    return found


def _is_proved(secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and is_same(token.strip(), secret):
        return True
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        # The library splits and decodes what a stranger wrote without asking whether it can.
        return False
    return True


def receive(
    lake: Lake, flow: ActiveFlow, payload: Mapping[str, Any], *, body: bytes, key: str = ""
) -> HookAnswer:
    """Make or change the record that a message is about, and run the flow on it.

    A new record, its runs and the key are one commit. A record that is there is changed first; when the process dies
    then, the same message finishes the work.

    Args:
        lake: the lake.
        flow: the flow, as `prove` gives it.
        payload: the message.
        body: the message as it came in, by which a repeated one is known.
        key: the message's own id; the same is carried out once and answered alike.

    Raises:
        CommandInvalid: The message lacks what the flow needs, or its id stands for another one.
        ValuesInvalid: A value is none of its field.
        Conflict: Several records have the key.
    """
    actor = Actor.system()
    if len(key) > _MOST_ID:
        raise CommandInvalid(key[:40], f"webhook-id has {len(key)} characters; {_MOST_ID} are the most")
    stored_key = f"{PURPOSE}:{flow.id}:{key}" if key else None
    digest = hashlib.sha256(body).hexdigest()
    known = known_command(lake.read, stored_key, digest, actor)
    if known is not None:
        return _answer(command_result(lake, known, actor))
    values = mapped(flow, payload)
    try:
        return _answer(_carry_out(lake, flow, values, stored_key, digest, actor))
    except AlreadyDone as earlier:
        return _answer(command_result(lake, earlier.command_id, actor))


def mapped(flow: ActiveFlow, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a message by field; what it does not have is left out, what it has as null is cleared.

    Raises:
        CommandInvalid: It has none of them, or not the one that the record is found by.
    """
    trigger = flow.definition.trigger
    found = {field: _at(payload, place) for field, place in trigger.map.items()}
    values = {field: value for field, value in found.items() if value is not _MISSING}
    if not values:
        raise CommandInvalid(
            sorted(payload)[:20], f"it has none of {', '.join(sorted(trigger.map.values()))}"
        )
    if trigger.key and values.get(trigger.key) in (None, ""):
        place = trigger.map[trigger.key]
        raise CommandInvalid(sorted(payload)[:20], f"it has no {place}, by which the record is found")
    return values


def _at(payload: Any, place: str) -> Any:
    here = payload
    for part in place.split("."):
        if isinstance(here, Mapping) and part in here:
            here = here[part]
        elif isinstance(here, list) and part.isascii() and part.isdigit() and int(part[:9]) < len(here):
            here = here[int(part[:9])]
        else:
            return _MISSING
    return here


def _carry_out(
    lake: Lake, flow: ActiveFlow, values: dict[str, Any], key: str | None, digest: str, actor: Actor
) -> CommandResult:
    remember = remember_command(key, digest, actor)

    def also(tx: Transaction, command_id: str) -> None:
        if remember is not None:
            remember(tx, command_id)
        if _find(tx, lake, flow, values):
            raise _Appeared

    there = _find(lake, lake, flow, values)
    if not there:
        try:
            return run_on_values(lake, flow.id, values=values, actor=actor, also=also, event="webhook")
        except _Appeared:
            there = _find(lake, lake, flow, values)
    change = Change(id=new_id(), actor=actor.user, door="flow:hook", reason=flow.definition.title)
    module = flow.definition.module
    update(lake, module=module, record_id=there, values=values, actor=actor, change=change)
    return run_flow(lake, flow.id, ids=[there], actor=actor, also=remember, event="webhook")


def _find(reader: Lake | Transaction, lake: Lake, flow: ActiveFlow, values: Mapping[str, Any]) -> str:
    """The id of the live record that has the message's key; empty when there is none, or nothing is looked for.

    Raises:
        Conflict: There are several.
    """
    key, module = flow.definition.trigger.key, flow.definition.module
    if not key:
        return ""
    wanted = _standard(read_catalog(lake), module, key, str(values[key]))
    found = reader.read(
        f"SELECT CAST(id AS VARCHAR) AS id FROM {table('crm', module)} "
        f"WHERE {ident(key)} = ? AND deleted_at IS NULL LIMIT 2",
        [wanted],
    )["id"].to_list()
    if len(found) > 1:
        raise Conflict(
            f"Several records of {module} have {wanted!r} as {key}; a message is about one. Merge them."
        )
    return str(found[0]) if found else ""


def _standard(catalog: Catalog, module: str, key: str, given: str) -> str:
    """The value as it is stored."""
    field = catalog.module(module).field(key)
    if isinstance(field, EmailField):
        return to_address(given.strip()) or given
    if isinstance(field, PhoneField):
        return to_e164(given, catalog.workspace.country) or given
    return given.strip()


def _answer(result: CommandResult) -> HookAnswer:
    record = result.results[0].record_id if result.results else None
    return HookAnswer(result.run_id, result.state, record)
