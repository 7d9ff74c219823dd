"""The short actions that change the record: moved, given a status, tagged and untagged."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.definitions import read_catalog
from flows.actions import parse_action
from flows.check import check_flow
from flows.cycles import find_cycles
from flows.model import parse_flow, to_flow_document
from lake import Lake
from tests.flows.flows_of import activate, flow, inquiry, leaf, rows, run

CASES: list[Any] = [
    pytest.param({"change_status": "won"}, {"status": "won"}, id="a status"),
    pytest.param({"change_status": {"status": "closed"}}, {"status": "closed"}, id="a status by name"),
    pytest.param(
        {"move_folder": "claims"},
        {"folder": "claims", "status": "opened"},
        id="a folder and its first status",
    ),
    pytest.param(
        {"move_folder": {"folder": "secret", "status": "acknowledged"}},
        {"folder": "secret", "status": "acknowledged"},
        id="a folder and a status",
    ),
    pytest.param(
        {"move_folder": {"folder": "secret"}}, {"folder": "secret", "status": "new"}, id="kept status"
    ),
    pytest.param({"add_tag": "vip"}, {"tags": ["x", "vip"]}, id="a tag"),
    pytest.param({"add_tag": ["x", "{{ channel }}"]}, {"tags": ["x", "form"]}, id="tags, one from a field"),
    pytest.param({"remove_tag": ["x", "nope"]}, {"tags": []}, id="tags taken"),
]


@pytest.fixture(scope="module")
def met(shared: Lake) -> dict[str, str]:
    """Case → the inquiry that its flow met, and no other: its note is the case's name."""
    cases = {str(case.id): case.values[0] for case in CASES}
    flows = [flow(f"f{n}", do, when=leaf("note", "eq", case)) for n, (case, do) in enumerate(cases.items())]
    activate(shared, *flows)
    made = {case: inquiry(shared, note=case, channel="form", tags=["x"]) for case in cases}
    run(shared)
    return made


@pytest.mark.parametrize(("do", "expected"), CASES)
def test_the_record_is_as_the_action_says(
    shared: Lake, met: dict[str, str], request: pytest.FixtureRequest, do: Any, expected: dict[str, Any]
) -> None:
    found = {row[0]: row[1:] for row in rows(shared, "inquiries", "id", *expected)}
    assert found[met[request.node.callspec.id]] == tuple(expected.values())


@pytest.mark.parametrize(
    ("do", "said"),
    [
        pytest.param({"change_status": "nope"}, "cannot be 'nope'", id="status"),
        pytest.param({"move_folder": "nope"}, "its folders are", id="folder"),
        pytest.param(
            {"move_folder": {"folder": "claims", "status": "won"}}, "opened", id="status of another"
        ),
        pytest.param({"add_tag": "{{ nope }}"}, "missing field", id="field of a tag"),
    ],
)
def test_what_cannot_be_is_said_when_the_flow_is_saved(shared: Lake, do: Any, said: str) -> None:
    assert said in " ".join(check_flow(read_catalog(shared), parse_flow(flow("try", do))))


@pytest.mark.parametrize(
    "given", [{"add_tag": []}, {"add_tag": [1]}, {"move_folder": 3}, {"change_status": None}]
)
def test_another_shape_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        parse_action(given)


@pytest.mark.parametrize("do", [case.values[0] for case in CASES], ids=[case.id for case in CASES])
def test_it_reads_back_as_it_was_written(do: Any) -> None:
    document = to_flow_document(parse_flow(flow("try", do)))
    assert to_flow_document(parse_flow(document)) == document


def test_a_status_that_another_flow_waits_for_closes_a_circle(shared: Lake) -> None:
    one = flow("one", {"change_status": "won"}, on={"fields": ["status"], "is": "closed"})
    two = flow("two", {"move_folder": "claims"}, on={"fields": ["status"], "is": "won"})
    catalog = read_catalog(shared)
    assert find_cycles(catalog, [parse_flow(one), parse_flow(two)]) == [("one", "two")]
    three = flow("two", {"add_tag": "{{ channel }}"}, on={"fields": ["status"], "is": "won"})
    assert find_cycles(catalog, [parse_flow(one), parse_flow(three)]) == []


def test_it_says_what_it_reads(shared: Lake) -> None:
    action = parse_action({"add_tag": ["vip", "{{ customer.country }}", "{{ channel }}"]})
    assert action.reads(read_catalog(shared), "inquiries") == {"customer.country", "channel"}
