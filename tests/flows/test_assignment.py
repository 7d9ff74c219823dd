"""Who gets the work that flows make: over sets, from window to window, and where there is nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.directory import User
from crm_core.people import save_users
from crm_core.records import create
from flows.run_history import list_runs, show_run
from lake import Lake, table
from tests.flows.conftest import NewLake
from tests.flows.flows_of import ADMIN, activate, flow, leaf, run

SALES = [User(slug, slug.title(), teams=("sales",)) for slug in ("anna", "ben", "cleo")]
OTHERS = [User("away", "Away", teams=("sales",), active=False), User("dora", "Dora", teams=("service",))]


@pytest.fixture(scope="module")
def staffed(new_lake: NewLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake with three active users in sales, one who left, and one in service; each test has a flow of its own."""
    with Lake.open(new_lake(tmp_path_factory.mktemp("staffed"))) as lake:
        save_users(lake, [*SALES, *OTHERS], actor=Actor.system())
        yield lake


def task(slug: str, assign: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A flow that makes a task of its own name for inquiries whose note names it."""
    make = {"create_task": {"title": slug, "assign": assign, **values}}
    return flow(slug, make, when=leaf("note", "eq", slug))


def meet(lake: Lake, slug: str, count: int, **values: Any) -> None:
    """So many inquiries at once, in one window."""
    rows = [{"subject": "S", "note": slug, **values}] * count
    create(lake, module="inquiries", values=rows, actor=ADMIN)
    run(lake)


def owners(lake: Lake, slug: str) -> dict[Any, int]:
    """Owner → tasks of the flow."""
    found = lake.read(f"SELECT owner FROM {table('crm', 'tasks')} WHERE title = ?", [slug])["owner"]
    return dict(Counter(found))


def test_a_round_is_even_and_goes_on_in_the_next_window(staffed: Lake) -> None:
    activate(staffed, task("round", {"team": "sales", "by": "round_robin"}))
    meet(staffed, "round", 1000)
    assert owners(staffed, "round") == {"anna": 334, "ben": 333, "cleo": 333}
    meet(staffed, "round", 1)
    assert owners(staffed, "round") == {"anna": 334, "ben": 334, "cleo": 333}


def test_a_team_alone_means_in_turn(staffed: Lake) -> None:
    activate(staffed, task("turns", {"team": "sales"}))
    meet(staffed, "turns", 2)
    assert owners(staffed, "turns") == {"anna": 1, "ben": 1}


def test_a_new_colleague_is_seen_without_a_change_of_the_flow(crm: Lake) -> None:
    save_users(crm, SALES[:1], actor=Actor.system())
    activate(crm, task("grow", {"team": "sales"}))
    meet(crm, "grow", 1)
    save_users(crm, SALES, actor=Actor.system())
    meet(crm, "grow", 3)
    assert owners(crm, "grow") == {"anna": 2, "ben": 1, "cleo": 1}


def test_whoever_has_least_open_is_filled_up_first(crm: Lake) -> None:
    save_users(crm, SALES, actor=Actor.system())
    given = {"anna": 5, "ben": 2, "cleo": 0}
    work = [{"title": "old", "owner": who} for who, n in given.items() for _ in range(n)]
    done = [{"title": "old", "owner": "cleo", "status": "done"}] * 9
    create(crm, module="tasks", values=[*work, *done], actor=ADMIN)
    activate(crm, task("least", {"team": "sales", "by": "least_open"}))
    meet(crm, "least", 2)
    assert owners(crm, "least") == {"cleo": 2}
    meet(crm, "least", 7)
    # After six of them 5 are open for each; the seventh goes to one who had less before.
    assert owners(crm, "least") == {"cleo": 5, "ben": 4}
    meet(crm, "least", 500)
    assert sorted(owners(crm, "least")[who] + n for who, n in given.items()) == [172, 172, 172]


@pytest.mark.parametrize("by", ["round_robin", "least_open"])
def test_the_task_of_a_team_without_anybody_is_the_teams(crm: Lake, by: str) -> None:
    save_users(crm, OTHERS[:1], actor=Actor.system())
    activate(crm, task("nobody", {"team": "sales", "by": by}))
    meet(crm, "nobody", 2)
    found = crm.read(f"SELECT owner, team FROM {table('crm', 'tasks')}").rows()
    assert found == [(None, "sales")] * 2 and {one.state for one in list_runs(crm, actor=ADMIN)} == {"done"}


@pytest.mark.parametrize(
    ("own", "customers", "expected"),
    [
        pytest.param("ben", "dora", "ben", id="of the record"),
        pytest.param(None, "dora", "dora", id="of its customer"),
        pytest.param(None, None, None, id="nobody"),
    ],
)
def test_the_owner_gets_the_task(
    staffed: Lake, own: str | None, customers: str | None, expected: str | None
) -> None:
    slug = f"own-{own}-{customers}".lower()
    activate(staffed, task(slug, {"owner": True}))
    customer = create(
        staffed, module="customers", values={"name": "C", "owner": customers}, actor=Actor.system()
    ).id
    meet(staffed, slug, 1, owner=own, customer=customer)
    assert owners(staffed, slug) == {expected: 1}


def test_a_named_user_gets_the_task_unless_he_has_left(crm: Lake) -> None:
    save_users(crm, [SALES[0]], actor=Actor.system())
    activate(crm, task("anna-s", {"user": "anna"}))
    meet(crm, "anna-s", 1)
    save_users(crm, [User("anna", "Anna", teams=("sales",), active=False)], actor=Actor.system())
    meet(crm, "anna-s", 1)
    assert owners(crm, "anna-s") == {"anna": 1, None: 1}


def test_a_step_that_finds_nobody_says_so(crm: Lake) -> None:
    save_users(crm, [*OTHERS, User("eve", "Eve", active=False)], actor=Actor.system())
    notice = {"teams": ["sales", "service"], "text": "T"}
    steps = [
        {"create_task": {"title": "t", "assign": {"team": "sales"}}},
        {"create_task": {"title": "t", "team": "sales"}},
        {"create_task": {"title": "t", "team": "service"}},
        {"assign_worker": {"team": "sales", "by": "least_open", "owner": False}},
        {"assign_worker": {"user": "eve"}},
        {"notify": notice},
        {"notify": {**notice, "teams": ["sales"]}},
    ]
    activate(crm, flow("nobody", *steps))
    meet(crm, "any", 1)
    [one] = list_runs(crm, actor=ADMIN)
    told = [(effect.outcome, effect.detail) for effect in show_run(crm, one.id, actor=ADMIN).effects]
    empty = "nobody is active in team “sales”"
    assert told == [
        ("written", f"{empty}; the task has no owner"),
        ("written", f"{empty}; the task has no owner"),
        ("written", None),
        ("unchanged", f"{empty}; nobody was added"),
        ("unchanged", "“eve” is not active; the record stays with whom it is"),
        ("written", empty),
        ("skipped", empty),
    ]
