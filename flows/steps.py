"""What a flow does: a small tree of steps that reads like a sentence, numbered in the order in which it reads."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import Field, field_validator, model_serializer, model_validator

from crm_core.model import All, Condition
from crm_core.model.base import Definition
from crm_core.model.condition import to_document
from crm_core.operands import SPAN_EXAMPLES
from flows.actions import Action

Place = tuple[str | int, ...]
"""Where something stands in a document: keys and indices from the top."""

CONTROLS = ("if", "wait", "for_each", "call", "stop")
"""The keys of the steps that are no action."""

_SPAN = re.compile(r"^\s*\d{1,6}\s*(min|h|d|w|mo|y)\s*$")
_OFFSET = re.compile(r"^\s*[+-]?\s*\d{1,6}\s*(min|h|d|w|mo|y)\s*$")
_CLOCK = re.compile(r"^([01]\d|2[0-3]):[0-5]\d$")


@dataclass(frozen=True)
class Arm:
    """One way of a branch: the steps that are done when its condition holds and none before it did."""

    when: Condition
    then: tuple["Step", ...]


@dataclass(frozen=True)
class Branch:
    """`if … then … else_if … else`: the first arm whose condition holds is taken, else what stands under `else`."""

    arms: tuple[Arm, ...]
    otherwise: tuple["Step", ...] = ()


class Wait(Definition):
    """Go on later: after a time (`for`), at a date of the record (`until`, `offset`, `at`), or when something happens.

    Events are those of the record itself, or of the records of a related list (`of`) for which `when` holds. `within`
    says how long it is waited for at most; then `on_timeout` is done, and the flow goes on behind the wait.
    """

    for_: str | None = Field(default=None, alias="for")
    until: str | None = Field(default=None, min_length=1, max_length=200)
    offset: str = "0d"
    at: str | None = None
    event: Literal["created", "updated", "deleted"] | None = None
    fields: tuple[str, ...] = ()
    was: Any = None
    is_: Any = Field(default=None, alias="is")
    of: str | None = None
    when: Condition = All()
    within: str | None = None
    on_timeout: tuple[Any, ...] = Field(default=(), exclude=True)

    @field_validator("for_", "within")
    @classmethod
    def _is_a_span(cls, span: str | None) -> str | None:
        if span is not None and not _SPAN.match(span):
            raise ValueError(f"{span!r} is no length of time; write {SPAN_EXAMPLES}")
        return span

    @field_validator("offset")
    @classmethod
    def _is_an_offset(cls, span: str) -> str:
        if not _OFFSET.match(span):
            raise ValueError(f"{span!r} is no length of time before or after; write -2d, 0d or +4h")
        return span

    @field_validator("at")
    @classmethod
    def _is_a_time_of_day(cls, at: str | None) -> str | None:
        if at is not None and not _CLOCK.match(at):
            raise ValueError(f"{at!r} is no time of day; write 09:00")
        return at

    @model_validator(mode="after")
    def _says_what_for(self) -> "Wait":
        given = [
            name
            for name, value in (("for", self.for_), ("until", self.until), ("event", self.event))
            if value is not None
        ]
        if len(given) != 1:
            raise ValueError("wait takes exactly one of for (a time), until (a date field) and event")
        if self.until is None and {"offset", "at"} & self.model_fields_set:
            raise ValueError("offset and at belong to until")
        about_event = {"fields", "was", "is_", "of", "when", "within"} & self.model_fields_set
        if self.event is None and about_event:
            raise ValueError("fields, was, is, of, when and within belong to event")
        if self.event is not None and self.within is None:
            raise ValueError("an event may never come: say within, how long it is waited for, such as 7d")
        if (self.fields or {"was", "is_"} & self.model_fields_set) and self.event != "updated":
            raise ValueError(f"fields, was and is belong to the event updated, not to {self.event}")
        if {"was", "is_"} & self.model_fields_set and len(self.fields) != 1:
            raise ValueError("was and is ask about one field: name it, as in fields: [status]")
        if (
            self.of is None
            and "when" in self.model_fields_set
            and self.when != All()
            and self.event == "deleted"
        ):
            raise ValueError("of a record that is deleted nothing can be asked")
        return self

    @property
    def asks_was(self) -> bool:
        """Whether the old value counts."""
        return "was" in self.model_fields_set

    @property
    def asks_is(self) -> bool:
        """Whether the new value counts."""
        return "is_" in self.model_fields_set

    @model_serializer
    def _only_what_was_said(self) -> dict[str, Any]:
        names = {"for_": "for", "is_": "is"}
        document: dict[str, Any] = {}
        for name in (
            "for_",
            "until",
            "offset",
            "at",
            "event",
            "of",
            "fields",
            "was",
            "is_",
            "when",
            "within",
        ):
            if name in self.model_fields_set:
                value = getattr(self, name)
                document[names.get(name, name)] = (
                    to_document(value) if name == "when" else list(value) if name == "fields" else value
                )
        return document


@dataclass(frozen=True)
class ForEach:
    """Do steps for every related record of a list, for which `when` holds; those steps see the related record."""

    path: str
    when: Condition
    do: tuple["Step", ...]


@dataclass(frozen=True)
class Call:
    """Begin another flow, on this record or on one that `on` leads to; its condition counts. It is not waited for."""

    flow: str
    on: str | None = None


@dataclass(frozen=True)
class Stop:
    """End here; `reason` is told in the run."""

    reason: str = ""


Step: TypeAlias = Action | Branch | Wait | ForEach | Call | Stop


@dataclass(frozen=True)
class Numbered:
    """A step with its number, where it stands in the document, and the numbers of the for-each steps around it."""

    number: int
    step: Step
    place: Place
    within: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """What it is called in YAML."""
        return key_of(self.step)


def key_of(step: Step) -> str:
    """The key under which a step stands in YAML."""
    match step:
        case Branch():
            return "if"
        case Wait():
            return "wait"
        case ForEach():
            return "for_each"
        case Call():
            return "call"
        case Stop():
            return "stop"
    return step.key


def numbered(steps: Sequence[Step], *, place: Place = ("do",)) -> tuple[Numbered, ...]:
    """Every step of a tree, depth first, numbered from 0 in the order in which it reads."""
    found: list[Numbered] = []

    def walk(some: Sequence[Step], where: Place, around: tuple[int, ...]) -> None:
        for index, step in enumerate(some):
            number = len(found)
            here = (*where, index)
            found.append(Numbered(number, step, here, around))
            for keys, inner in children(step):
                walk(inner, (*here, *keys), (*around, number) if isinstance(step, ForEach) else around)

    walk(steps, place, ())
    return tuple(found)


def children(step: Step) -> Iterator[tuple[Place, tuple[Step, ...]]]:
    """The lists of steps within a step, each with the keys under which it stands in the document."""
    match step:
        case Branch(arms=arms, otherwise=otherwise):
            yield ("then",), arms[0].then
            for index, arm in enumerate(arms[1:]):
                yield ("else_if", index, "then"), arm.then
            if otherwise:
                yield ("else",), otherwise
        case Wait(on_timeout=on_timeout):
            if on_timeout:
                yield ("on_timeout",), on_timeout
        case ForEach(do=do):
            yield ("do",), do


def size(step: Step) -> int:
    """How many numbers a step takes: itself and everything within it."""
    return 1 + sum(size(one) for _, inner in children(step) for one in inner)
