"""People told by a flow: who is, with what words, and that the run says when nobody is."""

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
from flows.model import parse_flow
from flows.notifications import list_notifications
from flows.run_history import list_runs, show_run
from lake import Lake, table
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, leaf, run

USERS = [
    User("anna", "Anna", teams=("sales",)),
    User("ben", "Ben", teams=("sales", "service")),
    User("dora", "Dora", teams=("service",)),
]
CASES: list[Any] = [
    pytest.param({"users": "anna"}, ["anna"], id="a user"),
    pytest.param({"teams": ["sales", "service"]}, ["anna", "ben", "dora"], id="teams"),
    pytest.param({"owner": True}, ["dora"], id="the owner"),
    pytest.param({"workers": True, "users": ["ben"]}, ["anna", "ben", "dora"], id="the workers and a user"),
]


@pytest.fixture(scope="module")
def met(shared: Lake) -> dict[str, str]:
    """Case → the inquiry that its flow met, and no other: Dora's, with Anna at work too."""
    save_users(shared, USERS, actor=Actor.system())
    cases = {str(case.id): case.values[0] for case in CASES}
    flows = [
        flow(f"f{n}", {"notify": {**who, "text": "{{ subject }} waits"}}, when=leaf("note", "eq", case))
        for n, (case, who) in enumerate(cases.items())
    ]
    activate(shared, *flows)
    made = {case: inquiry(shared, note=case, owner="dora", workers=["dora", "anna"]) for case in cases}
    run(shared)
    return made


@pytest.mark.parametrize(("who", "expected"), CASES)
def test_those_are_told_and_each_once(
    shared: Lake, met: dict[str, str], request: pytest.FixtureRequest, who: Any, expected: list[str]
) -> None:
    told = table("ops", "notifications")
    found = shared.read(
        f"SELECT user_slug, text, title FROM {told} WHERE record_id = CAST(? AS UUID) ORDER BY user_slug",
        [met[request.node.callspec.id]],
    ).rows()
    assert found == [(user, "S waits", None) for user in expected]


def test_a_notice_leads_to_its_record_and_run(shared: Lake, met: dict[str, str]) -> None:
    anna = USERS[0].actor
    [one] = [n for n in list_notifications(shared, actor=anna) if n.record_id == met["a user"]]
    [ran] = [r for r in list_runs(shared, actor=ADMIN, record_id=met["a user"]) if r.state == "done"]
    assert (one.module, one.run_id, one.flow) == ("inquiries", ran.id, "f0")


def test_a_record_of_nobody_tells_nobody_and_the_run_says_so(crm: Lake) -> None:
    activate(crm, flow("f", {"notify": {"owner": True, "text": "x"}}))
    record = create(crm, module="inquiries", values={"subject": "S"}, actor=Actor.system()).id
    run(crm)
    [one] = list_runs(crm, actor=ADMIN, record_id=record)
    [effect] = show_run(crm, one.id, actor=ADMIN).effects
    assert (one.state, effect.outcome, effect.detail) == ("done", "skipped", "there is nobody to tell")


@pytest.mark.parametrize(
    ("who", "said"),
    [
        pytest.param({"teams": ["nope"]}, "there is no team “nope”", id="team"),
        pytest.param({"users": ["nope"]}, "there is no user “nope”", id="user"),
        pytest.param(
            {"owner": True, "title": "{{ nope }}"}, "title: the template names a missing", id="field"
        ),
    ],
)
def test_what_cannot_be_told_is_said_when_the_flow_is_saved(shared: Lake, who: Any, said: str) -> None:
    document = flow("try", {"notify": {**who, "text": "x"}})
    [problem] = check_flow(read_catalog(shared), parse_flow(document), users=frozenset({"anna"}))
    assert said in str(problem)


@pytest.mark.parametrize("given", [{}, {"text": "x"}, {"owner": True}, "anna"])
def test_who_and_what_must_be_given(given: Any) -> None:
    with pytest.raises(ValueError, match=r"say who|text|notify takes"):
        parse_action({"notify": given})
