"""Commands from other systems: run, test or cancel a flow, answered once for each idempotency key."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from crm_core.access import Actor
from crm_core.shape import to_json_value
from flows.cancelling import cancel_runs, cancel_runs_of
from flows.errors import CommandInvalid
from flows.manual import CommandResult, as_result, command_result, run_flow, run_on_values
from flows.trial import try_flow
from lake import Lake, Transaction, table

_COMMANDS = table("ops", "flow_commands")
_KEYS = ("command", "flow", "record", "records", "payload", "run_id", "idempotency_key")
COMMANDS = ("run", "test", "cancel")


class AlreadyDone(Exception):
    """The command was carried out already, in the meantime."""

    def __init__(self, command_id: str) -> None:
        self.command_id = command_id


def execute_command(lake: Lake, document: Mapping[str, Any], *, actor: Actor) -> dict[str, Any]:
    """Carry out a command as `POST /api/v1/flows/execute-command` takes it.

    `{"command": "run"|"test"|"cancel", "flow": slug or id, "record": id | "records": [id] | "payload": values,
    "idempotency_key"?}`. A run is cancelled by its flow and record, or by its `"run_id"`, or that of its command. A key
    belongs to the actor: the same command under it is answered and not carried out again.

    Returns:
        `{"run_id", "state", "results": [{"record_id", "run_id", "state", "error", "effects"}]}`, ready for JSON.

    Raises:
        CommandInvalid: It is incomplete, contradicts itself, or its key stands for another command.
        UnknownFlow, UnknownRun, RecordNotFound, Forbidden, Conflict, ValuesInvalid: As the command says.
    """
    command = _checked(document)
    match command["command"]:
        case "cancel":
            return _cancel(lake, command, actor)
        case "test":
            return _test(lake, command, actor)
    return _run(lake, command, actor)


def _checked(document: Mapping[str, Any]) -> dict[str, Any]:
    command = {str(key): value for key, value in document.items() if value is not None}
    for key, value in command.items():
        if key not in _KEYS:
            raise CommandInvalid(key, f"“{key}” is unknown; there are {', '.join(_KEYS)}")
        if isinstance(value, str) and "\x00" in value:
            raise CommandInvalid(None, f"{key} holds the character U+0000, which no text may; leave it out")
    name = command.get("command")
    if name not in COMMANDS:
        raise CommandInvalid(name, f"command is one of {', '.join(COMMANDS)}, not {name!r}")
    if name != "cancel":
        _check_targets(command)
    elif "run_id" not in command:
        _check_targets(command, kinds=("record", "records"))
    elif not isinstance(command["run_id"], str):
        raise CommandInvalid(command["run_id"], "run_id is the id of a run or of a command")
    if not isinstance(command.get("idempotency_key", ""), str):
        raise CommandInvalid(command["idempotency_key"], "idempotency_key is a text")
    return command


def _check_targets(
    command: Mapping[str, Any], *, kinds: Sequence[str] = ("record", "records", "payload")
) -> None:
    if not isinstance(command.get("flow"), str) or not command["flow"]:
        raise CommandInvalid(command.get("flow"), "flow is the slug or id of a flow")
    given = [key for key in ("record", "records", "payload") if key in command]
    if len(given) != 1 or given[0] not in kinds:
        raise CommandInvalid(given, f"exactly one of {', '.join(kinds[:-1])} and {kinds[-1]} is needed")
    types: dict[str, type] = {"record": str, "records": list, "payload": dict}
    if not isinstance(command[given[0]], types[given[0]]):
        raise CommandInvalid(command[given[0]], f"{given[0]} is of the wrong kind")


def _ids(command: Mapping[str, Any]) -> list[str]:
    return [command["record"]] if "record" in command else [str(one) for one in command.get("records", ())]


def _run(lake: Lake, command: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    key, body = command.get("idempotency_key"), _digest(command)
    known = known_command(lake.read, key, body, actor)
    if known is not None:
        return _answer(command_result(lake, known, actor))
    remember = remember_command(key, body, actor)
    try:
        if "payload" in command:
            done = run_on_values(lake, command["flow"], values=command["payload"], actor=actor, also=remember)
        else:
            done = run_flow(lake, command["flow"], ids=_ids(command), actor=actor, also=remember)
    except AlreadyDone as earlier:
        done = command_result(lake, earlier.command_id, actor)
    return _answer(done)


def _digest(command: Mapping[str, Any]) -> str:
    body = {name: value for name, value in command.items() if name != "idempotency_key"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()


def known_command(read: Callable[..., Any], key: str | None, body: str, actor: Actor) -> str | None:
    """The id of the command that was carried out under a key; None when there is none.

    Raises:
        CommandInvalid: The key stands for another command.
    """
    if key is None:
        return None
    found = read(
        f"SELECT body_sha256, answer FROM {_COMMANDS} WHERE key = ? AND actor = ?", [key, actor.user]
    )
    if not found.height:
        return None
    if found["body_sha256"][0] != body:
        raise CommandInvalid(key, f"the idempotency key {key!r} stands for another command; use a new one")
    return str(found["answer"][0])


def remember_command(key: str | None, body: str, actor: Actor) -> Callable[[Transaction, str], None] | None:
    """What stores the key with the effects of its command, in the same transaction."""
    if key is None:
        return None

    def also(tx: Transaction, command_id: str) -> None:
        known = known_command(tx.read, key, body, actor)
        if known is not None:
            raise AlreadyDone(known)
        tx.execute(
            f"INSERT INTO {_COMMANDS} VALUES (?, ?, ?, ?, ?)",
            [key, body, command_id, actor.user, datetime.now(UTC)],
        )

    return also


def _test(lake: Lake, command: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    trial = try_flow(lake, command["flow"], actor=actor, ids=_ids(command), values=command.get("payload"))
    results = [to_json_value(asdict(record)) for record in trial.records]
    return {"run_id": None, "state": "tested", "results": results}


def _cancel(lake: Lake, command: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    if "run_id" in command:
        runs, dropped = cancel_runs(lake, command["run_id"], actor=actor)
    else:
        runs, dropped = cancel_runs_of(lake, command["flow"], record_ids=_ids(command), actor=actor)
    answer = _answer(as_result(runs, command.get("run_id", "")))
    for result in answer["results"]:
        result["state"] = "cancelled"
    return answer | {"state": "cancelled", "messages_dropped": dropped}


def _answer(result: CommandResult) -> dict[str, Any]:
    document: dict[str, Any] = to_json_value(asdict(result))
    return document
