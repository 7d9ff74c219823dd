"""What a flow can do, one file a kind; an action is data that says which rows it wants written."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from flows.actions.add_tag import AddTag
from flows.actions.assign_worker import AssignWorker
from flows.actions.base import Action, Insert, Message, Plan, Side, StepContext, Update
from flows.actions.call_webhook import CallWebhook
from flows.actions.change_status import ChangeStatus
from flows.actions.create_record import CreateRecord
from flows.actions.create_task import CreateTask
from flows.actions.link import Link
from flows.actions.move_folder import MoveFolder
from flows.actions.notify import Notify
from flows.actions.remove_tag import RemoveTag
from flows.actions.send_email import SendEmail
from flows.actions.send_message import SendMessage
from flows.actions.set_field import SetField
from flows.actions.unlink import Unlink
from flows.checks import Checks
from flows.problems import Place, ShapeInvalid, Told, words_of

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
        Link,
        Unlink,
        SendEmail,
        Notify,
        SendMessage,
        CallWebhook,
    )
}
"""Every kind of action, by the key under which it stands in a flow."""

__all__ = [
    "ACTIONS",
    "Action",
    "AddTag",
    "AssignWorker",
    "CallWebhook",
    "ChangeStatus",
    "Checks",
    "CreateRecord",
    "CreateTask",
    "Insert",
    "Link",
    "Message",
    "MoveFolder",
    "Notify",
    "Plan",
    "RemoveTag",
    "SendEmail",
    "SendMessage",
    "SetField",
    "Side",
    "StepContext",
    "Unlink",
    "Update",
    "parse_action",
]


def parse_action(document: Any) -> Action:
    """Read one action: an object with exactly one key, its kind.

    Raises:
        ShapeInvalid: When it is none, or its kind is unknown; with everything that is wrong.
    """
    if isinstance(document, Action):
        return document
    if not isinstance(document, Mapping) or len(document) != 1:
        raise ShapeInvalid([f"an action has one key, one of {', '.join(ACTIONS)}; this is {document!r}"])
    [(key, options)] = document.items()
    kind = ACTIONS.get(key)
    if kind is None:
        raise ShapeInvalid([Told(f"there is no action “{key}”; there are {', '.join(ACTIONS)}", (key,))])
    try:
        return kind.read(options)
    except ValidationError as error:
        raise ShapeInvalid(_problem((key, *found["loc"]), found) for found in error.errors()) from error


def _problem(place: Place, found: ErrorDetails) -> Told:
    return Told(".".join(map(str, place)) + words_of(found), place)
