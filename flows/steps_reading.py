"""Steps between their two forms: plain data as YAML and the lake have it, and the tree that is compiled."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from crm_core.model import All, Condition
from crm_core.model.condition import to_document
from flows.actions import ACTIONS, Action, parse_action
from flows.problems import ShapeInvalid, Told, problems_in, read_condition, words_of
from flows.steps import CONTROLS, Arm, Branch, Call, ForEach, Place, Step, Stop, Wait, size

MOST_STEPS = 200
DEEPEST = 10
_SLUG = re.compile(r"^[a-z][a-z0-9_-]{0,63}$")


class StepsInvalid(ValueError):
    """Steps cannot be read; `problems` are pairs of a place and a sentence."""

    def __init__(self, problems: Sequence[tuple[Place, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(sentence for _, sentence in problems))


def parse_steps(given: Any, *, place: Place = ("do",)) -> tuple[Step, ...]:
    """Read a list of steps from plain data.

    Raises:
        StepsInvalid: With everything that is wrong, each with its place.
    """
    problems: list[tuple[Place, str]] = []
    steps = _steps(given, place, problems, depth=0)
    if not problems and sum(map(size, steps)) > MOST_STEPS:
        problems.append((place, f"a flow has at most {MOST_STEPS} steps; let it call another flow"))
    if problems:
        raise StepsInvalid(problems)
    return tuple(steps)


def _steps(given: Any, place: Place, problems: list[tuple[Place, str]], *, depth: int) -> list[Step]:
    if not isinstance(given, (list, tuple)):
        problems.append((place, "a list of steps is needed, each with one key such as create_task"))
        return []
    if not given:
        problems.append((place, "at least one step is needed"))
    if depth > DEEPEST:
        problems.append(
            (place, f"steps stand at most {DEEPEST} deep in each other; let it call another flow")
        )
        return []
    steps: list[Step] = []
    for index, document in enumerate(given):
        here = (*place, index)
        before = len(problems)
        try:
            step = _step(document, here, problems, depth=depth)
        except ValidationError as error:
            # Only a wait is read by its model alone.
            wrong = ShapeInvalid(
                Told(f"wait{_where(one)}{words_of(one)}", ("wait", *one["loc"])) for one in error.errors()
            )
            problems += [(told.place, told) for told in problems_in(wrong, here, said=f"step {index + 1}: ")]
            continue
        except ValueError as error:
            problems += [(told.place, told) for told in problems_in(error, here, said=f"step {index + 1}: ")]
            continue
        if step is not None and len(problems) == before:
            steps.append(step)
    return steps


def _where(found: ErrorDetails) -> str:
    return "".join(f".{part}" for part in found["loc"])


def _step(document: Any, place: Place, problems: list[tuple[Place, str]], *, depth: int) -> Step | None:
    if isinstance(document, (Action, Wait, Branch, ForEach, Call, Stop)):
        return document
    known = ", ".join([*ACTIONS, *CONTROLS])
    if not isinstance(document, Mapping) or not document:
        raise ValueError(f"a step is an object with one of {known}; this is {document!r}")
    control = next((key for key in CONTROLS if key in document), None)
    if control is None:
        key = next(iter(document))
        if len(document) == 1 and key not in ACTIONS:
            raise ValueError(f"there is no action “{key}”; there are {known}")
        return parse_action(document)
    _refuse_unknown(document, control)
    inner = _Inner(place, problems, depth + 1)
    match control:
        case "if":
            return _branch(document, inner)
        case "wait":
            options = document["wait"]
            if not isinstance(options, Mapping):
                options = {"for": options}
            later = inner.steps(document, "on_timeout") if "on_timeout" in document else ()
            if later and "event" not in options:
                raise ValueError("on_timeout belongs to a wait for an event")
            return Wait.model_validate({**_with_condition(options), "on_timeout": later})
        case "for_each":
            do = inner.steps(document, "do")
            return ForEach(
                _path(document["for_each"], "for_each"), read_condition(document.get("when"), ("when",)), do
            )
        case "call":
            return _call(document)
    reason = document["stop"]
    return Stop(reason="" if reason in (None, {}, True) else str(reason))


_KEYS = {
    "if": {"if", "then", "else_if", "else"},
    "wait": {"wait", "on_timeout"},
    "for_each": {"for_each", "when", "do"},
    "call": {"call", "on"},
    "stop": {"stop"},
}


def _refuse_unknown(document: Mapping[str, Any], control: str) -> None:
    unknown = [key for key in document if key not in _KEYS[control]]
    if unknown:
        allowed = ", ".join(sorted(_KEYS[control]))
        raise ValueError(f"“{unknown[0]}” cannot stand beside {control}: it takes {allowed}")


def _with_condition(options: Mapping[str, Any]) -> dict[str, Any]:
    asked = {"when": read_condition(options["when"], ("wait", "when"))} if "when" in options else {}
    return {**options, **asked}


@dataclass(frozen=True)
class _Inner:
    """Reads the steps within a step, and notes what is wrong with them."""

    place: Place
    problems: list[tuple[Place, str]]
    depth: int

    def steps(self, document: Mapping[str, Any], *keys: str | int) -> tuple[Step, ...]:
        """The steps under some keys of the document."""
        given: Any = document
        for key in keys:
            given = given.get(key) if isinstance(given, Mapping) else given[int(key)]
        return tuple(_steps(given, (*self.place, *keys), self.problems, depth=self.depth))

    def condition(self, given: Any, place: Place) -> Condition:
        """A condition of the step; what is wrong with it is noted, and it stands for anything."""
        try:
            return read_condition(given, place)
        except ShapeInvalid as error:
            said = f"step {int(self.place[-1]) + 1}: "
            found = problems_in(error, self.place, said=said)
            self.problems.extend((told.place, told) for told in found)
            return All()


def _path(given: Any, key: str) -> str:
    if not isinstance(given, str) or not 1 <= len(given) <= 200:
        raise ValueError(f"{key} takes a path to related records, such as tasks; this is {given!r}")
    return given


def _call(document: Mapping[str, Any]) -> Call:
    flow, on = document["call"], document.get("on")
    if not isinstance(flow, str) or not _SLUG.match(flow):
        raise ValueError(f"call takes the slug of a flow, such as onboarding; this is {flow!r}")
    return Call(flow, None if on is None else _path(on, "on"))


def _branch(document: Mapping[str, Any], inner: _Inner) -> Branch | None:
    before = len(inner.problems)
    others = document.get("else_if") or []
    if not isinstance(others, (list, tuple)) or not all(isinstance(one, Mapping) for one in others):
        raise ValueError("else_if is a list of objects with if and then")
    arms: list[tuple[Place, Any, tuple[Step, ...]]] = [
        (("if",), document["if"], inner.steps(document, "then"))
    ]
    for index, one in enumerate(others):
        _refuse_unknown({key: value for key, value in one.items() if key != "else_if"}, "if")
        then = inner.steps(document, "else_if", index, "then")
        arms.append((("else_if", index, "if"), one.get("if"), then))
    otherwise = inner.steps(document, "else") if document.get("else") is not None else ()
    conditions = [inner.condition(when, place) for place, when, _ in arms]
    if len(inner.problems) > before:
        return None
    made = tuple(Arm(when=when, then=then) for when, (_, _, then) in zip(conditions, arms, strict=True))
    return Branch(arms=made, otherwise=otherwise)


def steps_as_documents(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Steps as plain data, in the order in which they read; `parse_steps` reads them back."""
    return [step_as_document(step) for step in steps]


def step_as_document(step: Step) -> dict[str, Any]:
    """One step as it stands in YAML."""
    match step:
        case Branch(arms=arms, otherwise=otherwise):
            return _branch_as_document(arms, otherwise)
        case Wait(on_timeout=on_timeout):
            later = {"on_timeout": steps_as_documents(on_timeout)} if on_timeout else {}
            return {"wait": step.model_dump(mode="json"), **later}
        case ForEach(path=path, when=when, do=do):
            asked = {} if when == All() else {"when": to_document(when)}
            return {"for_each": path, **asked, "do": steps_as_documents(do)}
        case Call(flow=flow, on=on):
            return {"call": flow, **({"on": on} if on else {})}
        case Stop(reason=reason):
            return {"stop": reason}
    return step.as_document()


def _branch_as_document(arms: Sequence[Arm], otherwise: Sequence[Step]) -> dict[str, Any]:
    document: dict[str, Any] = {"if": to_document(arms[0].when), "then": steps_as_documents(arms[0].then)}
    if arms[1:]:
        document["else_if"] = [
            {"if": to_document(arm.when), "then": steps_as_documents(arm.then)} for arm in arms[1:]
        ]
    if otherwise:
        document["else"] = steps_as_documents(otherwise)
    return document
