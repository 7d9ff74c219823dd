"""Flows written by hand: everything that is wrong is said at once, with the line that it stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm_core.errors import DefinitionInvalid, Told
from crm_core.problems import errors_of
from crm_core.yaml import YamlInvalid
from flows.document import read_flow_text
from flows.store import apply_flows, list_flows
from lake import Lake
from tests.flows.flows_of import ADMIN, flow

TEN_MISTAKES = """\
# A flow that somebody changed in a hurry.
flow: answer
name: Answer
modul: inquiries
module: inquiries
folders: [nowhere]
trigger:
  event: updated
  fields:
    - status
    - colour
when:
  all:
    - {field: amount, op: greater, value: 5}
    - any:
        - field: amount
          op: gt
          value: many
        - {field: customer.nme, op: is_set}
do:
  - set_field:
      note: fine
      status: pending
  - craete_task: {title: Call}
  - create_task:
      title: "Call {{ nobody }}"
      owner: ghost
  - send_email: {to: "{{ email }}", template: no-such}
"""
LINES = [4, 6, 11, 14, 18, 19, 23, 24, 26, 27, 28]
WORDS = [
    "modul", "nowhere", "colour", "greater", "many", "nme", "pending", "craete_task", "nobody", "ghost", "no-such",
]  # fmt: skip


def problems_of(lake: Lake, source: Any) -> list[Told]:
    with pytest.raises(DefinitionInvalid) as refused:
        apply_flows(lake, source, actor=ADMIN)
    assert list_flows(lake) == []
    return [problem for problem in refused.value.problems if isinstance(problem, Told)]


def test_every_mistake_of_a_definition_is_told_at_once_with_its_line(shared: Lake) -> None:
    told = problems_of(shared, TEN_MISTAKES)
    assert [problem.line for problem in told] == LINES, "\n".join(told)
    for line, word, problem in zip(LINES, WORDS, told, strict=True):
        assert problem.startswith(f"line {line}: ") and word in problem
    assert [error["line"] for error in errors_of(DefinitionInvalid("x", told))] == LINES
    assert errors_of(DefinitionInvalid("x", told))[3]["field"] == "when.all.0.op"


def test_a_file_says_its_lines_and_a_folder_names_the_file(shared: Lake, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("flow: b\nmodule: nope\ntrigger: {event: manual}\ndo: [{stop: done}]\n")
    (tmp_path / "a.yaml").write_text("flows:\n- flow: a\n  module: inquiries\n  do: [{stop: done}]\n")
    assert problems_of(shared, tmp_path / "a.yaml") == ["line 2: trigger is missing"]
    first, second = problems_of(shared, tmp_path)
    assert first == "a.yaml line 2: trigger is missing" and second.startswith("b.yaml line 2: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("flow: a\nflow: b\nmodule: inquiries\ntrigger: {event: manual}\ndo: [{stop: x}]",
                     ["line 2: “flow” stands here again"], id="a key that stands twice"),
        pytest.param("flow: a\nmodule: inquiries\ntrigger: {event: x, fields: [nope]}\ndo: [{stop: x}]",
                     ["line 3: trigger", "line 3: the trigger names a missing field"], id="a trigger"),
        pytest.param("flow: a\nmodule: inquiries\ntrigger: {event: manual}\ndo: []",
                     ["line 4: at least one step"], id="no step"),
        pytest.param("flow: a\nmodule: inquiries\ntrigger: {event: manual}\nstate: on\nwhen: 5\ndo: [{stop: x}]",
                     ["line 4: state", "line 5: when: a condition is"], id="a state and a condition"),
        pytest.param("- just\n- words", ["line 1: it is 'just'", "line 2: it is 'words'"], id="no flows"),
        pytest.param("flow: A B\nmodule: 5\ndo: x", ["line 1: flow", "line 1: trigger is missing", "line 2: module",
                     "line 3: a list of steps"], id="too little to go on"),
    ],
)  # fmt: skip
def test_mistakes_are_told_where_they_stand(shared: Lake, text: str, said: list[str]) -> None:
    told = sorted(problems_of(shared, text))
    assert len(told) == len(said), told
    assert all(one.startswith(begin) for one, begin in zip(told, sorted(said), strict=True)), told


def test_mistakes_within_steps_are_told_where_they_stand(shared: Lake) -> None:
    text = """flow: deep
module: inquiries
trigger: {event: created}
do:
  - if: {field: amount, op: gt, value: 3}
    then:
      - set_field:
          nope: 1
    else_if:
      - if:
          field: amount
          op: like
        then: [{fly: high}]
    else:
      - wait: {for: soon}
  - for_each: customer
    do:
      - set_field: {note: x}
  - stop: there
"""
    assert [(one.line, one.column is not None) for one in problems_of(shared, text)] == [
        (8, True), (12, True), (13, True), (15, True), (16, True),
    ]  # fmt: skip


def test_plain_data_tells_the_flow_and_the_place(shared: Lake) -> None:
    told = problems_of(shared, [flow("a", {"set_field": {"nope": 1}}), flow("b") | {"folders": ["x"]}])
    assert [problem.place for problem in told] == [("do", 0, "set_field", "nope"), ("folders", 0)]
    assert all(problem.line is None for problem in told)
    assert told[0].startswith("The flow a: step 1 (set_field): ")


def test_a_text_that_is_no_yaml_says_where_reading_stopped(shared: Lake) -> None:
    with pytest.raises(YamlInvalid, match="line 3"):
        apply_flows(shared, "flow: a\nmodule: b\n do: [", actor=ADMIN)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "n0: &n0 [x, x]\n" + "".join(f"n{n + 1}: &n{n + 1} [*n{n}, *n{n}]\n" for n in range(40)),
            id="many",
        ),
        pytest.param("flow: &a {flow: *a}", id="one in itself"),
        pytest.param("[" * 5000 + "]" * 5000, id="too deep"),
    ],
)
def test_what_grows_without_end_is_refused(text: str) -> None:
    with pytest.raises(YamlInvalid, match=r"aliases|too deep"):
        read_flow_text(text)


def test_an_alias_is_read_as_what_it_stands_for(shared: Lake) -> None:
    text = "- &a {flow: a, module: inquiries, trigger: {event: manual}, do: [{fly: 1}]}\n\n- *a"
    assert [one.line for one in problems_of(shared, text)] == [1, 1]
