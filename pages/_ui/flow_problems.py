"""What keeps a flow that is being edited from running, sorted to the parts that it concerns. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crm_core.errors import DefinitionInvalid
from crm_core.model import Catalog
from flows.check import check_flow
from flows.errors import FlowInvalid
from flows.model import FlowDefinition, parse_flow
from flows.problems import Place, place_of
from pages._ui.flow_draft import FlowDraft, block_places, draft_document, walk

HEAD, TRIGGER, WHEN, STEPS = "head", "trigger", "when", "do"
"""The parts beside steps and blocks, which go by their ids."""
_STEP = re.compile(r"^step \d+( \([a-z_]+\))?: ")


@dataclass(frozen=True)
class DraftProblems:
    """What was found: the flow, where it can be read, and part → sentences.

    A part is `HEAD`, `TRIGGER`, `WHEN`, `STEPS`, or the id of a step or block.
    """

    flow: FlowDefinition | None
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(len(sentences) for sentences in self.parts.values())

    def of(self, part: str) -> Sequence[str]:
        """The sentences of a part."""
        return self.parts.get(part, ())


def find_problems(catalog: Catalog, draft: FlowDraft, *, users: frozenset[str]) -> DraftProblems:
    """Everything that is wrong with a draft, by the part that it is said beside."""
    flow, found = None, list[tuple[Place, str]]()
    try:
        flow = parse_flow(draft_document(draft))
        found = [(place_of(sentence), sentence) for sentence in check_flow(catalog, flow, users=users)]
    except FlowInvalid as error:
        found = list(error.found)
    except DefinitionInvalid as error:
        found = [((), sentence) for sentence in error.problems]
    parts = _parts(draft)
    sorted_: dict[str, list[str]] = {}
    for place, sentence in found:
        sorted_.setdefault(_part(place, parts), []).append(_STEP.sub("", sentence))
    return DraftProblems(flow, sorted_)


def _parts(draft: FlowDraft) -> dict[Place, str]:
    """Place in the document → id of the step or block that stands there."""
    parts: dict[Place, str] = {}
    for place, _, step in walk(draft.root):
        parts[place] = step.id
        for keys, block in block_places(step):
            parts[(*place, *keys)] = block.id
            if keys[0] == "else_if":
                parts[(*place, *keys[:2], "if")] = block.id
            if block.key == "then":
                parts[(*place, "if")] = block.id
    return parts


def _part(place: Place, parts: Mapping[Place, str]) -> str:
    for length in range(len(place), 1, -1):
        if place[:length] in parts:
            return parts[place[:length]]
    first = place[0] if place else HEAD
    return str(first) if first in (TRIGGER, WHEN, STEPS) else HEAD
