"""Everything that is wrong with a flow's document at once, however much of it cannot be read."""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from crm_core.errors import DefinitionInvalid
from crm_core.model import Catalog
from crm_core.model.documents import STATES
from flows.check import check_flow
from flows.model import FlowDefinition, parse_flow
from flows.problems import Place, Told
from flows.steps import CONTROLS
from flows.triggers import WATCHING

_ROUNDS = 20
_GONE = object()
_WITHIN = ("then", "else", "do", "on_timeout")
"""Keys of a step under which other steps stand, which speak for themselves."""

_STAND_INS: Mapping[str, Any] = {"flow": "unnamed", "trigger": {"event": "manual"}, "do": [{"stop": ""}]}
_ANYTHING = {"op": "is_set"}
_OF_UPDATED = frozenset({"fields", "was", "is"})


def examine_flow(
    catalog: Catalog, document: Any, *, users: frozenset[str] | None = None
) -> tuple[FlowDefinition | None, list[Told]]:
    """Read a flow and say everything that is wrong with it: its shape, and what it names.

    What cannot be read is told, left out, and the rest is looked at all the same.

    Args:
        catalog: the definitions.
        document: plain data, with or without `state`.
        users: the slugs of the users there are; None leaves them unchecked.

    Returns:
        The flow when nothing is wrong, else None; and the problems, each with its place in the document.
    """
    told = _state_problems(document)
    plain = (
        {key: value for key, value in document.items() if key != "state"}
        if isinstance(document, dict)
        else document
    )
    rest = _Rest(plain)
    flow = rest.read()
    told += rest.told
    if flow is not None:
        found = check_flow(catalog, flow, users=users)
        told += [Told(problem, _pinpoint(plain, problem, rest.origin(_place(problem)))) for problem in found]
    told = list({(problem.place, str(problem)): problem for problem in told}.values())
    return (flow if not told else None), told


def _state_problems(document: Any) -> list[Told]:
    state = document.get("state", "draft") if isinstance(document, Mapping) else "draft"
    if state in STATES:
        return []
    return [Told(f"state: it is one of {', '.join(STATES)}, not {state!r}", ("state",))]


def _place(problem: str) -> Place:
    return problem.place if isinstance(problem, Told) else ()


class _Rest:
    """What is left of a document when the parts that cannot be read are taken out, one round after the other."""

    def __init__(self, document: Any) -> None:
        self._given = document
        self._marked = copy.deepcopy(document)
        self.told: list[Told] = []

    def read(self) -> FlowDefinition | None:
        """The flow that the rest is; None when too little is left to be looked at."""
        for _ in range(_ROUNDS):
            try:
                return parse_flow(self._cleaned())
            except DefinitionInvalid as error:
                found = [(self.origin(_place(problem)), str(problem)) for problem in error.problems]
            known = [problem.place for problem in self.told]
            self.told += [
                Told(sentence, _pinpoint(self._given, sentence, place))
                for place, sentence in found
                if not any(_follows(place, one) for one in known)
            ]
            if not self._cut_all([place for place, _ in found]):
                return None
        return None

    def _cut_all(self, places: Sequence[Place]) -> bool:
        """Take parts out; returns whether there is anything left to be looked at."""
        done: list[Place] = []
        for place in places:
            if any(place[: len(one)] == one for one in done):
                continue
            cut = self._cut(place)
            if not cut or cut == ("module",):
                return False
            done.append(cut)
        return True

    def origin(self, place: Place) -> Place:
        """Where a part of the rest stands in the whole document."""
        here, found = self._marked, list[int | str]()
        for part in place:
            if isinstance(here, list) and isinstance(part, int):
                there = [number for number, value in enumerate(here) if value is not _GONE]
                part = there[part] if part < len(there) else len(here)
            found.append(part)
            here = _part(here, part)
        return tuple(found)

    def _cleaned(self) -> Any:
        rest = _without_gone(self._marked)
        if not self.told or not isinstance(rest, dict):
            return rest
        return rest | {key: value for key, value in _STAND_INS.items() if not rest.get(key)}

    def _cut(self, place: Place) -> Place:
        """Take a part out, or what holds it when it is not there; something takes its place where it must.

        Returns:
            What was taken out; nothing when that would be everything.
        """
        while place and _part(self._marked, place) is _GONE:
            place = place[:-1]
        if not place:
            return ()
        holder, last = _part(self._marked, place[:-1]), place[-1]
        part = holder[last]
        if last == "op" and part != _ANYTHING["op"]:
            holder["op"] = _ANYTHING["op"]
        elif _names_a_field(part):
            holder[last] = {"field": part["field"], **_ANYTHING}
        elif place in (("trigger",), ("trigger", "event")) and _watches_fields(self._marked["trigger"]):
            asked = {key: value for key, value in self._marked["trigger"].items() if key in _OF_UPDATED}
            self._marked["trigger"] = {"event": "updated", **asked}
        elif isinstance(holder, list):
            # A step that does nothing in its place keeps the numbers of those behind it.
            holder[int(last)] = {"stop": ""} if place[-2] in _WITHIN and part != {"stop": ""} else _GONE
        else:
            del holder[last]
        return place


def _watches_fields(trigger: Any) -> bool:
    """Whether it is a trigger of something else that watches fields, which can still be looked at."""
    return (
        isinstance(trigger, dict)
        and bool(set(trigger) & _OF_UPDATED)
        and trigger.get("event") not in WATCHING
    )


def _names_a_field(part: Any) -> bool:
    """Whether it is a comparison whose field can still be looked at."""
    is_leaf = isinstance(part, dict) and isinstance(part.get("field"), str)
    return is_leaf and part.get("op") != _ANYTHING["op"]


def _part(document: Any, place: Place | int | str) -> Any:
    """A part of a document; `_GONE` when it is not there."""
    for step in place if isinstance(place, tuple) else (place,):
        is_there = (isinstance(document, Mapping) and step in document) or (
            isinstance(document, list) and isinstance(step, int) and step < len(document)
        )
        if not is_there:
            return _GONE
        document = document[step]
    return document


def _without_gone(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_gone(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_gone(part) for part in value if part is not _GONE]
    return value


def _follows(place: Place, told: Place) -> bool:
    """Whether a problem may only be what is left of one that was told: one lies within the other."""
    shared = min(len(place), len(told))
    return place[:shared] == told[:shared]


# --- the part of a step that a sentence speaks of --------------------------------------------------------


def _pinpoint(document: Any, sentence: str, place: Place) -> Place:
    """The part within a place that a sentence names: the key it begins with, or the first thing it quotes."""
    node = _part(document, place)
    if not isinstance(node, (dict, list)):
        return place
    parts = list(_named_parts(node, ()))
    said = re.sub(r"^step \d+(?: \(\w+\))?: ", "", sentence)
    label = re.match(r"([\w.]+): ", said)
    begins = [label[1].split(".")[-1]] if label else []
    received, quoted = re.findall(r"'([^']+)'", said), re.findall(r"“([^”]+)”", said)
    named = [at for word in begins for at, key, _ in parts if key == word]
    named += [at for word in received for at, _, value in parts if value == word]
    for word in quoted:
        named += [at for at, key, _ in parts if key == word]
        named += [at for at, _, value in parts if value == word]
        named += [at for at, _, value in parts if word in value]
    return (*place, *named[0]) if named else place


def _named_parts(node: Any, place: Place) -> Iterator[tuple[Place, str, str]]:
    """Every key and plain value of a step: place, key (or nothing), value as text (or nothing)."""
    inner: Iterable[tuple[Any, Any]] = node.items() if isinstance(node, dict) else enumerate(node)
    is_control = isinstance(node, dict) and any(key in node for key in CONTROLS)
    for key, value in inner:
        if is_control and key in _WITHIN:
            continue
        at = (*place, key)
        nested = isinstance(value, (dict, list))
        yield at, key if isinstance(key, str) else "", "" if nested else str(value)
        if nested and len(at) < 12:
            yield from _named_parts(value, at)
