"""A flow that is edited comes apart into steps that can be moved, and goes together again."""

from __future__ import annotations

from typing import Any

import pytest

from pages._ui.flow_draft import (
    FlowDraft,
    add_block,
    around,
    draft_document,
    duplicate,
    find,
    insert,
    move,
    new_step,
    open_draft,
    remove,
    remove_block,
    walk,
)

OPEN = {"field": "status", "op": "eq", "value": "open"}
LADDER: dict[str, Any] = {
    "flow": "ladder", "name": "Ladder", "module": "invoices", "folders": [], "trigger": {"event": "created"},
    "when": OPEN,
    "do": [
        {"wait": {"event": "updated", "fields": ["status"], "is": "paid", "within": "7d"}, "on_timeout": [
            {"if": OPEN, "then": [{"create_task": {"title": "Call"}}], "else_if": [
                {"if": {"not": OPEN}, "then": [{"add_tag": ["late"]}]},
            ], "else": [{"stop": "paid"}]},
        ]},
        {"for_each": "customer.tasks", "when": OPEN, "do": [{"set_field": {"status": "done"}}]},
        {"call": "thank-you", "on": "customer"},
        {"change_status": "reminded"},
        {"stop": ""},
    ],
}  # fmt: skip


def flow(*steps: dict[str, Any]) -> FlowDraft:
    return open_draft({"flow": "f", "module": "tasks", "trigger": {"event": "created"}, "do": list(steps)})


def tags(draft: FlowDraft) -> list[Any]:
    return list(draft_document(draft)["do"])


def step_id(draft: FlowDraft, at: int) -> str:
    return list(walk(draft.root))[at][2].id


A, B, C = ({"add_tag": [name]} for name in "abc")


def test_a_flow_comes_back_as_it_went_in() -> None:
    draft = open_draft(LADDER)
    assert draft_document(draft) == LADDER
    assert not draft.changed


def test_every_step_is_found_at_its_place_in_the_document() -> None:
    for place, _, step in walk(open_draft(LADDER).root):
        document: Any = LADDER
        for part in place:
            document = document[part]
        assert step.kind in document


def test_what_is_not_said_is_left_out() -> None:
    draft = open_draft({**LADDER, "name": "", "description": "", "when": {}, "limit": None})
    assert not {"name", "description", "when", "limit"} & set(draft_document(draft))


@pytest.mark.parametrize(
    ("at", "by", "left"),
    [
        pytest.param(1, -1, [B, A, C], id="up"),
        pytest.param(1, 1, [A, C, B], id="down"),
        pytest.param(0, -1, [A, B, C], id="not beyond the first"),
        pytest.param(2, 1, [A, B, C], id="not beyond the last"),
    ],
)
def test_a_step_moves_among_its_neighbours(at: int, by: int, left: list[Any]) -> None:
    draft = flow(A, B, C)
    move(draft, step_id(draft, at), by)
    assert tags(draft) == left


@pytest.mark.parametrize(
    ("by", "left"),
    [
        pytest.param(-1, [A, {"if": OPEN, "then": [B]}], id="before it"),
        pytest.param(1, [{"if": OPEN, "then": [B]}, A], id="behind it"),
    ],
)
def test_a_step_goes_out_of_a_branch_at_its_edge(by: int, left: list[Any]) -> None:
    draft = flow({"if": OPEN, "then": [A, B] if by < 0 else [B, A]})
    move(draft, step_id(draft, 1 if by < 0 else 2), by)
    assert tags(draft) == left


def test_a_step_goes_into_a_neighbour_that_is_empty() -> None:
    draft = flow(A)
    insert(draft, draft.root.id, new_step("for_each", {"path": "tasks", "when": {}}))
    move(draft, step_id(draft, 0), 1)
    assert tags(draft) == [{"for_each": "tasks", "do": [A]}]


def test_steps_are_added_doubled_and_removed() -> None:
    draft = flow(A, {"if": OPEN, "then": [B]})
    again = duplicate(draft, step_id(draft, 1))
    assert again is not None
    assert again != step_id(draft, 1)
    remove(draft, step_id(draft, 0))
    assert tags(draft) == [{"if": OPEN, "then": [B]}] * 2
    assert draft.changed


def test_else_if_stands_before_otherwise_and_each_can_go() -> None:
    draft = flow({"if": OPEN, "then": [A], "else": [B]})
    found = find(draft, step_id(draft, 0))
    assert found is not None
    block = add_block(found[1], "else_if")
    assert list(tags(draft)[0]) == ["if", "then", "else_if", "else"]
    remove_block(draft, block.id)
    assert tags(draft) == [{"if": OPEN, "then": [A], "else": [B]}]


def test_the_first_arm_of_a_branch_stays() -> None:
    draft = flow({"if": OPEN, "then": [A]})
    found = find(draft, step_id(draft, 0))
    assert found is not None
    remove_block(draft, found[1].blocks[0].id)
    assert tags(draft) == [{"if": OPEN, "then": [A]}]


def test_a_step_knows_what_it_stands_within() -> None:
    draft = open_draft(LADDER)
    asked = {step.kind: [one.kind for one in around(draft, step.id)] for _, _, step in walk(draft.root)}
    assert asked["create_task"] == ["wait", "if"]
    assert asked["set_field"] == ["for_each"]
    assert asked["call"] == []
