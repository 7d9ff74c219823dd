"""What a flow can do, one file a kind; an action is data that says which rows it wants written."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from flows.actions.add_tag import AddTag
from flows.actions.assign_worker import AssignWorker
from flows.actions.base import Action, Insert, Message, Plan, Side, StepContext, Update
from flows.actions.change_status import ChangeStatus
from flows.actions.create_record import CreateRecord
from flows.actions.create_task import CreateTask
from flows.actions.move_folder import MoveFolder
from flows.actions.remove_tag import RemoveTag
from flows.actions.send_email import SendEmail
from flows.actions.set_field import SetField
from flows.checks import Checks

ACTIONS: dict[str, type[Action]] = {
    kind.key: kind
    for kind in (
        CreateTask,
        SetField,
        ChangeStatus,
        MoveFolder,
        AddTag,
        RemoveTag,
        AssignWorker,
        CreateRecord,
        SendEmail,
    )
}
"""Every kind of action, by the key under which it stands in a flow."""

__all__ = [
    "ACTIONS",
    "Action",
    "AddTag",
    "AssignWorker",
    "ChangeStatus",
    "Checks",
    "CreateRecord",
    "CreateTask",
    "Insert",
    "Message",
    "MoveFolder",
    "Plan",
    "RemoveTag",
    "SendEmail",
    "SetField",
    "Side",
    "StepContext",
    "Update",
    "parse_action",
]


def parse_action(document: Any) -> Action:
    """Read one action: an object with exactly one key, its kind.

    Raises:
        ValueError: When it is none, or its kind is unknown.
    """
    if isinstance(document, Action):
        return document
    if not isinstance(document, Mapping) or len(document) != 1:
        raise ValueError(f"an action has one key, one of {', '.join(ACTIONS)}; this is {document!r}")
    [(key, options)] = document.items()
    kind = ACTIONS.get(key)
    if kind is None:
        raise ValueError(f"there is no action “{key}”; there are {', '.join(ACTIONS)}")
    try:
        return kind.read(options)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([key, *(str(part) for part in first["loc"])])
        raise ValueError(f"{place}: {first['msg'].removeprefix('Value error, ')}") from error
