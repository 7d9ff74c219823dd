"""A record given to somebody, as its owner or as one more of its workers."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.directory import User
from crm_core.people import save_users
from crm_core.records import create
from flows.actions import parse_action
from flows.check import check_flow
from flows.model import parse_flow, to_flow_document
from lake import Lake
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, leaf, rows, run

USERS = [
    User("anna", "Anna", teams=("sales",)),
    User("ben", "Ben", teams=("sales",)),
    User("dora", "Dora", teams=("service",)),
]
CASES: list[Any] = [
    pytest.param("ben", ("ben", ["ben", "dora"], None), id="a user"),
    pytest.param(
        {"user": "ben", "owner": False}, ("dora", ["dora", "ben"], None), id="a worker beside the owner"
    ),
    pytest.param({"team": "sales"}, ("anna", ["anna", "dora"], "sales"), id="a team"),
    pytest.param({"team": "sales", "by": "least_open"}, ("ben", ["ben", "dora"], "sales"), id="least open"),
    pytest.param(
        {"team": "sales", "owner": False}, ("dora", ["dora", "anna"], None), id="a worker of a team"
    ),
    pytest.param({"user": "gone"}, ("dora", ["dora"], None), id="who is not there any more"),
]


@pytest.fixture(scope="module")
def met(shared: Lake) -> dict[str, str]:
    """Case → the inquiry that its flow met, and no other; anna has an open one, ben a closed one."""
    save_users(shared, [*USERS, User("gone", "Gone", active=False)], actor=Actor.system())
    load = [{"subject": "S", "owner": "anna"}, {"subject": "S", "owner": "ben", "status": "closed"}]
    create(shared, module="inquiries", values=load, actor=ADMIN)
    cases = {str(case.id): case.values[0] for case in CASES}
    flows = [
        flow(f"f{n}", {"assign_worker": who}, when=leaf("note", "eq", case))
        for n, (case, who) in enumerate(cases.items())
    ]
    activate(shared, *flows)
    made = {case: inquiry(shared, note=case, owner="dora") for case in cases}
    run(shared)
    return made


@pytest.mark.parametrize(("who", "expected"), CASES)
def test_the_record_is_his(
    shared: Lake, met: dict[str, str], request: pytest.FixtureRequest, who: Any, expected: tuple[Any, ...]
) -> None:
    found = {row[0]: row[1:] for row in rows(shared, "inquiries", "id", "owner", "workers", "team")}
    assert found[met[request.node.callspec.id]] == expected


def test_a_record_of_nobody_goes_to_whoever_has_the_customer(crm: Lake) -> None:
    save_users(crm, USERS, actor=Actor.system())
    activate(crm, flow("f", {"assign_worker": {"by": "owner"}}))
    customer = create(crm, module="customers", values={"name": "C", "owner": "ben"}, actor=ADMIN).id
    create(crm, module="inquiries", values={"subject": "S", "customer": customer}, actor=Actor.system())
    run(crm)
    assert rows(crm, "inquiries", "owner") == ["ben"]


@pytest.mark.parametrize(
    ("who", "said"),
    [
        pytest.param({"team": "nope"}, "there is no team “nope”; there are sales, service", id="team"),
        pytest.param({"user": "nope"}, "there is no user “nope”; there are anna", id="user"),
    ],
)
def test_whom_there_is_not_is_said_when_the_flow_is_saved(shared: Lake, who: Any, said: str) -> None:
    parsed = parse_flow(flow("try", {"assign_worker": who}))
    [problem] = check_flow(read_catalog(shared), parsed, users=frozenset({"anna"}))
    assert said in problem


@pytest.mark.parametrize(
    "who", [{}, {"by": "round_robin"}, {"user": "anna", "team": "sales"}, {"team": "sales", "by": "luck"}, 3]
)
def test_who_it_is_must_be_said_once(who: Any) -> None:
    with pytest.raises(ValueError, match=r"assign_worker|say who|by"):
        parse_action({"assign_worker": who})


@pytest.mark.parametrize("who", [case.values[0] for case in CASES] + [{"by": "owner"}])
def test_it_reads_back_as_it_was_written(who: Any) -> None:
    document = to_flow_document(parse_flow(flow("try", {"assign_worker": who})))
    assert document["do"] == [{"assign_worker": {"user": who} if isinstance(who, str) else who}]
