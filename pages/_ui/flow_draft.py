"""A flow while somebody edits it: its document with the steps as a tree that can be moved about. No Streamlit.

draft = open_draft(document)
insert(draft, draft.root.id, new_step("create_task", {"title": "Call"}))
move(draft, step_id, -1)
draft_document(draft)            # plain data, as YAML and the lake have it, finished or not
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from flows.steps import CONTROLS

Place = tuple[str | int, ...]
OPTIONAL = ("else_if", "else", "on_timeout")
"""Blocks that a step can do without."""


def _new_id() -> str:
    return uuid4().hex[:12]


@dataclass
class DraftStep:
    """One step: its kind is the key in YAML, `options` what stands under it, `blocks` the steps within it."""

    kind: str
    options: Any
    blocks: list[Block] = field(default_factory=list)
    id: str = field(default_factory=_new_id)


@dataclass
class Block:
    """Steps below each other: those of the flow, of an arm of a branch, of a list, or of a time-out."""

    key: str
    steps: list[DraftStep] = field(default_factory=list)
    when: dict[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=_new_id)


@dataclass
class FlowDraft:
    """A flow in the making. `head` is the document without its steps; `began` the document that it was opened with."""

    head: dict[str, Any]
    root: Block
    began: dict[str, Any]
    id: str = field(default_factory=_new_id)

    @property
    def module(self) -> str:
        """The module whose records the flow looks at."""
        return str(self.head.get("module", ""))

    @property
    def changed(self) -> bool:
        """Whether it is another than when it was opened, or saved last."""
        return draft_document(self) != self.began


def open_draft(
    document: Mapping[str, Any], *, tidy: Callable[[Any], dict[str, Any]] | None = None
) -> FlowDraft:
    """A document of a flow, ready to be edited; `tidy` writes each condition as the builder would."""
    whole = copy.deepcopy(dict(document))
    head = {key: value for key, value in whole.items() if key != "do"}
    draft = FlowDraft(head, Block("do", [_step(one) for one in whole.get("do") or ()]), {})
    if tidy is not None:
        _tidy(draft, tidy)
    draft.began = draft_document(draft)
    return draft


def draft_document(draft: FlowDraft) -> dict[str, Any]:
    """The document as it stands, in the order in which flows are written."""
    order = ("flow", "id", "name", "description", "module", "folders", "trigger", "when", "limit")
    head = {key: draft.head[key] for key in order if key in draft.head}
    rest = {key: value for key, value in draft.head.items() if key not in order}
    kept = {key: value for key, value in {**head, **rest}.items() if not _is_left_out(key, value)}
    return copy.deepcopy(kept | {"do": _documents(draft.root)})


def new_step(kind: str, options: Any) -> DraftStep:
    """A step of a kind with the blocks that it needs."""
    needed = {"if": "then", "for_each": "do"}.get(kind)
    return DraftStep(kind, copy.deepcopy(options), [Block(needed)] if needed else [])


def walk(block: Block, place: Place = ("do",)) -> Iterator[tuple[Place, Block, DraftStep]]:
    """Every step with its place in the document and the block that it stands in, as it reads."""
    for at, step in enumerate(block.steps):
        here = (*place, at)
        yield here, block, step
        for keys, inner in block_places(step):
            yield from walk(inner, (*here, *keys))


def block_places(step: DraftStep) -> Iterator[tuple[Place, Block]]:
    """The blocks of a step with the keys under which they stand in its document."""
    others = 0
    for block in step.blocks:
        if block.key == "else_if":
            yield ("else_if", others, "then"), block
            others += 1
        else:
            yield (block.key,), block


def find(draft: FlowDraft, step_id: str) -> tuple[Block, DraftStep] | None:
    """A step with the block that it stands in; None when it is gone."""
    return next(((block, step) for _, block, step in walk(draft.root) if step.id == step_id), None)


def find_block(draft: FlowDraft, block_id: str) -> Block | None:
    """A block by its id; None when it is gone."""
    if draft.root.id == block_id:
        return draft.root
    inner = (block for _, _, step in walk(draft.root) for block in step.blocks)
    return next((block for block in inner if block.id == block_id), None)


def insert(draft: FlowDraft, block_id: str, step: DraftStep) -> None:
    """Put a step at the end of a block."""
    block = find_block(draft, block_id)
    if block is not None:
        block.steps.append(step)


def remove(draft: FlowDraft, step_id: str) -> None:
    """Take a step out, with what stands in it."""
    found = find(draft, step_id)
    if found is not None:
        found[0].steps.remove(found[1])


def duplicate(draft: FlowDraft, step_id: str) -> str | None:
    """Put the same step once more behind a step; returns its id."""
    found = find(draft, step_id)
    if found is None:
        return None
    block, step = found
    again = _renamed(copy.deepcopy(step))
    block.steps.insert(block.steps.index(step) + 1, again)
    return again.id


def move(draft: FlowDraft, step_id: str, by: int) -> None:
    """Move a step up (-1) or down (1) among its neighbours; at the edge of its block it goes out of it.

    A neighbour that has a block which is still empty takes the step in.
    """
    found = find(draft, step_id)
    if found is None:
        return
    block, step = found
    at = block.steps.index(step)
    if 0 <= at + by < len(block.steps):
        neighbour = block.steps[at + by]
        block.steps.pop(at)
        empty = next((inner for inner in neighbour.blocks if not inner.steps), None)
        if empty is not None:
            empty.steps.append(step)
        else:
            block.steps.insert(at + by, step)
        return
    owner = _owner(draft, block)
    if owner is not None:
        around, parent = owner
        block.steps.pop(at)
        around.steps.insert(around.steps.index(parent) + (1 if by > 0 else 0), step)


def add_block(step: DraftStep, key: str) -> Block:
    """Give a step one more block: `else_if` before `else`, the others at the end."""
    block = Block(key)
    ends = key == "else_if" and step.blocks and step.blocks[-1].key == "else"
    step.blocks.insert(len(step.blocks) - 1 if ends else len(step.blocks), block)
    return block


def remove_block(draft: FlowDraft, block_id: str) -> None:
    """Take a block out that its step can do without, with its steps."""
    for _, _, step in walk(draft.root):
        step.blocks[:] = [block for block in step.blocks if block.id != block_id or block.key not in OPTIONAL]


def module_of(draft: FlowDraft, step_id: str, module_behind: Mapping[str, str] | None = None) -> str:
    """The module whose records a step sees: that of the flow, or within for-each steps that of their list.

    `module_behind` says for the id of each for-each step which module its list is of.
    """
    behind = module_behind or {}

    def search(block: Block, module: str) -> str | None:
        for step in block.steps:
            if step.id == step_id:
                return module
            inner = behind.get(step.id, module) if step.kind == "for_each" else module
            for part in step.blocks:
                found = search(part, inner)
                if found is not None:
                    return found
        return None

    return search(draft.root, draft.module) or draft.module


def around(draft: FlowDraft, step_id: str) -> list[DraftStep]:
    """The steps within which a step stands, the outermost first."""
    within = [step for _, _, step in walk(draft.root) if step.id != step_id]
    return [
        step for step in within if any(step_id == one.id for part in step.blocks for _, _, one in walk(part))
    ]


def _tidy(draft: FlowDraft, tidy: Callable[[Any], dict[str, Any]]) -> None:
    if "when" in draft.head:
        draft.head["when"] = tidy(draft.head["when"])
    for _, _, step in walk(draft.root):
        if step.kind in ("wait", "for_each") and step.options.get("when"):
            step.options["when"] = tidy(step.options["when"])
        for block in step.blocks:
            block.when = tidy(block.when) if block.when else {}


def _owner(draft: FlowDraft, block: Block) -> tuple[Block, DraftStep] | None:
    return next(((around, step) for _, around, step in walk(draft.root) if block in step.blocks), None)


def _renamed(step: DraftStep) -> DraftStep:
    step.id = _new_id()
    for block in step.blocks:
        block.id = _new_id()
        for inner in block.steps:
            _renamed(inner)
    return step


def _is_left_out(key: str, value: Any) -> bool:
    return (key in ("id", "name", "description") and not value) or (key == "when" and not value) or (
        key == "limit" and value is None
    )  # fmt: skip


def _step(document: Mapping[str, Any]) -> DraftStep:
    kind = next((key for key in CONTROLS if key in document), next(iter(document)))
    options = document[kind]
    match kind:
        case "if":
            return DraftStep("if", {}, list(_arms(document)))
        case "wait":
            later = document.get("on_timeout")
            blocks = [Block("on_timeout", [_step(one) for one in later])] if later else []
            return DraftStep("wait", options if isinstance(options, Mapping) else {"for": options}, blocks)
        case "for_each":
            asked = {"path": options, "when": document.get("when") or {}}
            return DraftStep("for_each", asked, [Block("do", [_step(one) for one in document.get("do", ())])])
        case "call":
            return DraftStep("call", {"flow": options, "on": document.get("on")})
        case "stop":
            return DraftStep("stop", {"reason": "" if options in (None, True, {}) else str(options)})
    return DraftStep(kind, options)


def _arms(document: Mapping[str, Any]) -> Iterator[Block]:
    yield Block("then", [_step(one) for one in document.get("then", ())], document["if"] or {})
    for arm in document.get("else_if") or ():
        yield Block("else_if", [_step(one) for one in arm.get("then", ())], arm.get("if") or {})
    if document.get("else") is not None:
        yield Block("else", [_step(one) for one in document["else"]])


def _documents(block: Block) -> list[dict[str, Any]]:
    return [step_document(step) for step in block.steps]


def step_document(step: DraftStep) -> dict[str, Any]:
    """A step as it stands in YAML, whether it is finished or not."""
    blocks = {block.key: block for block in step.blocks}
    match step.kind:
        case "if":
            arms = [{"if": one.when, "then": _documents(one)} for one in step.blocks if one.key == "else_if"]
            first = {"if": blocks["then"].when, "then": _documents(blocks["then"])}
            others = {"else_if": arms} if arms else {}
            return first | others | ({"else": _documents(blocks["else"])} if "else" in blocks else {})
        case "wait":
            later = {"on_timeout": _documents(blocks["on_timeout"])} if "on_timeout" in blocks else {}
            return {"wait": step.options, **later}
        case "for_each":
            asked = {"when": step.options["when"]} if step.options.get("when") else {}
            return {"for_each": step.options["path"], **asked, "do": _documents(blocks["do"])}
        case "call":
            on = {"on": step.options["on"]} if step.options.get("on") else {}
            return {"call": step.options["flow"], **on}
        case "stop":
            return {"stop": step.options["reason"]}
    return {step.kind: step.options}
