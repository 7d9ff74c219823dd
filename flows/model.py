"""A flow as an administrator describes it: a trigger, a condition, and ordered actions. Frozen data."""

from functools import cached_property
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from crm_core.model import All, Condition
from crm_core.model.base import DashedSlug, Definition, Slug
from crm_core.model.condition import to_document
from crm_core.model.documents import Document
from flows.actions import Action
from flows.errors import FlowInvalid
from flows.problems import Place, condition_place, words_of
from flows.steps import Numbered, Stop, numbered
from flows.steps_reading import StepsInvalid, parse_steps, steps_as_documents
from flows.triggers import EVENTS, Event, Trigger

__all__ = ["EVENTS", "Event", "FlowDefinition", "Trigger", "parse_flow", "to_flow_document"]


class FlowDefinition(Definition):
    """When something happens to a record of `module`, and the condition holds, do the actions in their order.

    `flow` is its slug; `id` is short, stable and what other systems name it by: the lake gives one unless the
    document brings its own. Without `folders` all count. More records than `limit` in one window are held until a
    person has looked; 0 means never, None what the workspace says. `do` are steps (`flows.steps`).
    """

    flow: DashedSlug
    id: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,40}$")
    name: str = ""
    description: str = ""
    module: Slug
    folders: tuple[DashedSlug, ...] = ()
    trigger: Trigger
    when: Condition = All()
    limit: int | None = Field(default=None, ge=0)
    do: tuple[Any, ...] = Field(min_length=1)

    @field_validator("do", mode="before")
    @classmethod
    def _read_steps(cls, given: Any) -> Any:
        return parse_steps(given)

    @field_validator("when", mode="before")
    @classmethod
    def _nothing_asked_is_always_true(cls, given: Any) -> Any:
        return {"all": []} if given is None or given == {} else given

    @cached_property
    def steps(self) -> tuple[Numbered, ...]:
        """Every step with its number, in the order in which they read."""
        return numbered(self.do)

    @property
    def actions(self) -> tuple[Action, ...]:
        """Every action, wherever in the tree it stands."""
        return tuple(one.step for one in self.steps if isinstance(one.step, Action))

    @property
    def title(self) -> str:
        """What people read: the name, or the slug made readable."""
        return self.name or self.flow.replace("-", " ").replace("_", " ").capitalize()


def parse_flow(document: Any) -> FlowDefinition:
    """Read a flow from plain data (parsed YAML or JSON).

    Raises:
        FlowInvalid: With everything that is wrong with its shape; `flows.check` looks at the rest.
    """
    if not isinstance(document, dict):
        wrong = f"it is {document!r}, not an object with flow, module, trigger and do"
        raise FlowInvalid("The flow", [((), wrong)])
    name, found = document.get("flow", "without a name"), []
    given = dict(document)
    try:
        if "do" in given:
            given["do"] = parse_steps(given["do"])
    except StepsInvalid as error:
        found += [(place, sentence) for place, sentence in error.problems]
        # The rest is looked at all the same, with a step that can stand for what cannot be read.
        given["do"] = (Stop(),)
    try:
        flow = FlowDefinition.model_validate(given)
    except ValidationError as error:
        found += [_problem(one) for one in error.errors()]
    if found:
        raise FlowInvalid(f"The flow {name}", list(dict.fromkeys(found)))
    return flow


def _problem(found: ErrorDetails) -> tuple[Place, str]:
    """What pydantic found, in words, with its place in the document."""
    place: Place = found["loc"]
    if place[:1] == ("when",):
        place = ("when", *condition_place(place[1:]))
    where = " ".join(str(part + 1) if isinstance(part, int) else part for part in place) or "the flow"
    known = _known(place) if found["type"] == "extra_forbidden" else ""
    return place, where + words_of(found) + known


def _known(place: Place) -> str:
    """The keys that stand at a place, where that is known."""
    if len(place) == 1:
        return f": there are {', '.join(_KEYS)}"
    if place[:1] == ("trigger",):
        return f": a trigger has {', '.join(one.alias or name for name, one in Trigger.model_fields.items())}"
    return ": a comparison has field, op, value" if place[:1] == ("when",) else ""


_KEYS = (*FlowDefinition.model_fields, "state")


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
    if flow.limit is not None:
        document["limit"] = flow.limit
    document["do"] = steps_as_documents(flow.do)
    return document
