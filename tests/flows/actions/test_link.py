"""Links that flows make and take away: references, and rows of a many-to-many with values of their own."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from crm_core.definitions import read_catalog
from crm_core.errors import DefinitionInvalid
from crm_core.records import create, delete, link
from flows.check import check_flow
from flows.model import parse_flow
from flows.run_history import list_runs, show_run
from lake import Lake, table
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, rows, run

WATCH = {"relationship": "watchers", "to": "{{ customer }}"}


def customer(lake: Lake, name: str = "C") -> str:
    return create(lake, module="customers", values={"name": name}, actor=ADMIN).id


def links(lake: Lake, *columns: str) -> list[tuple[Any, ...]]:
    """The live links between inquiries and customers."""
    names = ", ".join(
        columns or ("CAST(from_id AS VARCHAR)", "CAST(to_id AS VARCHAR)", "role", "since", "weight")
    )
    there = table("crm", "inquiries__watchers")
    return lake.read(f"SELECT {names} FROM {there} WHERE deleted_at IS NULL ORDER BY ALL").rows()


def test_a_link_is_made_with_its_values_and_defaults(crm: Lake) -> None:
    values = {"role": "buyer", "since": "{{ due }}"}
    activate(crm, flow("f", {"link": {**WATCH, "values": values}}))
    one, two = customer(crm), customer(crm)
    made = [inquiry(crm, customer=one, due="2026-03-01"), inquiry(crm, customer=two)]
    run(crm)
    first, second = (made[0], one, "buyer", date(2026, 3, 1), 1), (made[1], two, "buyer", None, 1)
    assert sorted(links(crm)) == sorted([first, second])
    told = crm.read(f"SELECT actor FROM {table('ops', 'changes')} WHERE flow_run_id IS NOT NULL")
    assert told["actor"].to_list() == ["flow:f", "flow:f"]


def test_a_link_that_is_there_takes_the_values_that_are_named_and_is_none_twice(crm: Lake) -> None:
    activate(crm, flow("f", {"link": {**WATCH, "values": {"role": "broker"}}}, on={"fields": ["note"]}))
    other = customer(crm)
    record = inquiry(crm, customer=other)
    link(crm, module="inquiries", record_id=record, relationship="watchers", to=other,
         values={"role": "buyer", "weight": 7}, actor=ADMIN)  # fmt: skip
    for note in ("a", "b"):
        change(crm, record, note=note)
    run(crm)
    assert links(crm, "role", "weight") == [("broker", 7)]


def test_a_link_is_taken_away_from_either_side(crm: Lake) -> None:
    other, kept = customer(crm), customer(crm)
    record = inquiry(crm, customer=other)
    for one in (other, kept):
        link(crm, module="inquiries", record_id=record, relationship="watchers", to=one,
             values={"role": "buyer"}, actor=ADMIN)  # fmt: skip
    away = {"unlink": {"relationship": "watched", "to": record}}
    activate(crm, flow("f", away, module="customers", on={"fields": ["name"]}))
    change(crm, other, module="customers", name="D")
    run(crm)
    assert links(crm, "CAST(to_id AS VARCHAR)") == [(kept,)]


def test_what_is_not_there_is_not_linked_and_the_run_says_so(crm: Lake) -> None:
    activate(crm, flow("f", {"link": {**WATCH, "values": {"role": "buyer"}}}))
    gone = customer(crm)
    record = inquiry(crm, customer=gone)
    delete(crm, module="customers", record_id=gone, actor=ADMIN)
    run(crm)
    [one] = list_runs(crm, actor=ADMIN, record_id=record)
    [effect] = show_run(crm, one.id, actor=ADMIN).effects
    assert (links(crm), effect.outcome, effect.detail) == (
        [],
        "skipped",
        "the record to link to is not there",
    )


@pytest.mark.parametrize(
    ("do", "left"),
    [
        pytest.param({"unlink": {"relationship": "customer"}}, [False, False], id="wherever it leads"),
        pytest.param({"unlink": {"relationship": "customer", "to": "ONE"}}, [False, True], id="one"),
        pytest.param({"link": {"relationship": "customer", "to": "ONE"}}, [True, True], id="set"),
    ],
)
def test_a_reference_is_set_and_emptied(crm: Lake, do: Any, left: list[bool]) -> None:
    one, two = customer(crm), customer(crm)
    [(key, options)] = do.items()
    activate(crm, flow("f", {key: {name: one if part == "ONE" else part for name, part in options.items()}}))
    for owner in (one, two):
        inquiry(crm, customer=owner)
    run(crm)
    found = rows(crm, "inquiries", "customer")
    assert sorted(value is not None for value in found) == left
    assert one in found if key == "link" else one not in found


@pytest.mark.parametrize(
    ("do", "said"),
    [
        pytest.param(
            {"link": {"relationship": "nope", "to": "{{ customer }}"}}, "watchers", id="relationship"
        ),
        pytest.param({"link": {"relationship": "watchers", "to": "{{ subject }}"}}, "needs the id", id="to"),
        pytest.param({"link": WATCH}, "needs “role”", id="a required value"),
        pytest.param({"link": {**WATCH, "values": {"role": "x"}}}, "its options are", id="an option"),
        pytest.param({"link": {**WATCH, "values": {"role": "buyer", "x": 1}}}, "no field “x”", id="a field"),
        pytest.param({"unlink": {"relationship": "watchers"}}, "which link goes", id="which of several"),
        pytest.param(
            {"link": {"relationship": "customer", "to": "{{ record }}"}}, "points to customers", id="module"
        ),
    ],
)
def test_what_cannot_be_linked_is_said_when_the_flow_is_saved(shared: Lake, do: Any, said: str) -> None:
    problems = check_flow(read_catalog(shared), parse_flow(flow("try", do)))
    assert said in " ".join(map(str, problems))


def test_values_and_ends_must_be_given(shared: Lake) -> None:
    for wrong in ({"link": {"relationship": "watchers"}}, {"unlink": {**WATCH, "values": {"role": "x"}}}):
        with pytest.raises(DefinitionInvalid, match=r"needs to|no values"):
            parse_flow(flow("try", wrong))
