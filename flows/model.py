"""A flow as an administrator describes it: a trigger, a condition, and ordered actions. Frozen data."""

from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_serializer, model_validator

from crm_core.errors import DefinitionInvalid
from crm_core.model import All, Condition
from crm_core.model.base import DashedSlug, Definition, Slug
from crm_core.model.condition import to_document
from crm_core.model.documents import Document
from flows.actions import Action, parse_action

Event = Literal["created", "updated", "deleted", "restored", "manual"]
EVENTS: tuple[Event, ...] = ("created", "updated", "deleted", "restored", "manual")
"""Every event that can set off a flow."""


class Trigger(Definition):
    """What sets a flow off.

    `fields` narrows `updated` to changes of at least one of them. `was` and `is` (a value, or a list of which any
    counts; null for “missing”) narrow it to a change of the one field from such a value, or to one.
    """

    event: Event
    fields: tuple[str, ...] = ()
    was: Any = None
    is_: Any = Field(default=None, alias="is")

    @model_validator(mode="after")
    def _parts_fit_the_event(self) -> "Trigger":
        narrowed = self.asks_was or self.asks_is
        if (self.fields or narrowed) and self.event != "updated":
            raise ValueError(f"fields, was and is belong to the event updated, not to {self.event}")
        if narrowed and len(self.fields) != 1:
            raise ValueError("was and is ask about one field: name it, as in fields: [status]")
        return self

    @property
    def asks_was(self) -> bool:
        """Whether the old value counts; `was: null` asks for a missing one."""
        return "was" in self.model_fields_set

    @property
    def asks_is(self) -> bool:
        """Whether the new value counts."""
        return "is_" in self.model_fields_set

    @model_serializer
    def _only_what_was_said(self) -> dict[str, Any]:
        document: dict[str, Any] = {"event": self.event}
        if self.fields:
            document["fields"] = list(self.fields)
        if self.asks_was:
            document["was"] = self.was
        if self.asks_is:
            document["is"] = self.is_
        return document


class FlowDefinition(Definition):
    """When something happens to a record of `module`, and the condition holds, do the actions in their order.

    `flow` is its slug; `id` is short, stable and what other systems name it by: the lake gives one unless the
    document brings its own. Without `folders` all count.
    """

    flow: DashedSlug
    id: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,40}$")
    name: str = ""
    description: str = ""
    module: Slug
    folders: tuple[DashedSlug, ...] = ()
    trigger: Trigger
    when: Condition = All()
    do: tuple[Action, ...] = Field(min_length=1)

    @field_validator("do", mode="before")
    @classmethod
    def _read_actions(cls, given: Any) -> Any:
        if not isinstance(given, (list, tuple)):
            raise ValueError("do is a list of actions, each with one key such as create_task")
        actions, problems = [], []
        for number, item in enumerate(given, start=1):
            try:
                actions.append(parse_action(item))
            except ValueError as error:
                problems.append(f"step {number}: {error}")
        if problems:
            raise ValueError("; ".join(problems))
        return tuple(actions)

    @field_validator("when", mode="before")
    @classmethod
    def _nothing_asked_is_always_true(cls, given: Any) -> Any:
        return {"all": []} if given is None or given == {} else given

    @property
    def title(self) -> str:
        """What people read: the name, or the slug made readable."""
        return self.name or self.flow.replace("-", " ").replace("_", " ").capitalize()


def parse_flow(document: Any) -> FlowDefinition:
    """Read a flow from plain data (parsed YAML or JSON).

    Raises:
        DefinitionInvalid: With everything that is wrong with its shape; `flows.check` looks at the rest.
    """
    name = document.get("flow", "without a name") if isinstance(document, dict) else "without a name"
    if not isinstance(document, dict):
        raise DefinitionInvalid(
            "The flow", [f"it is {document!r}, not an object with flow, module, trigger and do"]
        )
    try:
        return FlowDefinition.model_validate(document)
    except ValidationError as error:
        problems = [_problem(list(item["loc"]), item["msg"], item["type"]) for item in error.errors()]
        raise DefinitionInvalid(f"The flow {name}", list(dict.fromkeys(problems))) from error


_TAGS = {"all", "any", "not", "field", "Leaf", "All", "AnyOf", "Not"}


def _problem(place: list[int | str], message: str, kind: str) -> str:
    shown = [str(part + 1) if isinstance(part, int) else part for part in place]
    where = " ".join(shown) or "the flow"
    if kind == "missing":
        return f"{where} is missing"
    if kind == "extra_forbidden":
        return f"{where} is not known here"
    return f"{where}: {message.removeprefix('Value error, ')}"


def to_flow_document(flow: FlowDefinition) -> Document:
    """The flow as plain data, in the order in which it reads; `parse_flow` reads it back."""
    document: Document = {"flow": flow.flow}
    for key in ("id", "name", "description"):
        if getattr(flow, key):
            document[key] = getattr(flow, key)
    document["module"] = flow.module
    document["folders"] = list(flow.folders)
    document["trigger"] = flow.trigger.model_dump(mode="json")
    if flow.when != All():
        document["when"] = to_document(flow.when)
    document["do"] = [action.as_document() for action in flow.do]
    return document
