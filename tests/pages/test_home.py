"""Home: what waits for the one who looks, ticked off and taken back where it stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crm_core import my_work, people, records
from crm_core.access import Actor
from crm_core.directory import User
from crm_core.my_work import Card, Item
from crm_core.people import read_directory, save_users
from crm_core.workspace import Workspace
from pages._ui import home, home_cards
from pages._ui.home_cards import Done, Visit
from pages._ui.session import Here
from tests.pages.conftest import Open, told

MIA = Actor("mia", "agent", ("sales",), "Mia Berg")
NOW = datetime.now(UTC)
VISIT = Visit()


@pytest.fixture
def task(empty_workspace: Workspace) -> str:
    """A task of Mia's that is late."""
    lake = empty_workspace.lake
    save_users(lake, [User("mia", "Mia Berg", teams=("sales",))], actor=Actor.system())
    values = {"title": "Call back", "owner": "mia", "due": NOW - timedelta(days=1)}
    return records.create(lake, module="tasks", values=values, actor=Actor.system()).id


def click(workspace: Workspace, state: home.HomeState, verb: str, *values: str) -> None:
    """What a click does, without the redraw of a browser."""
    now = Here(workspace, workspace.catalog, MIA)
    if verb == "done":
        home.tick_off(now, state, *values)
    else:
        home.undo(now, state)


def due(workspace: Workspace) -> Card:
    return my_work.read_due(workspace.lake, workspace.catalog, actor=MIA)


def test_a_task_is_ticked_off_and_taken_back_where_it_stands(empty_workspace: Workspace, task: str) -> None:
    state = home.HomeState()
    click(empty_workspace, state, "done", "tasks", task)
    assert [item.id for item in due(empty_workspace).items if item.id == task] == []
    assert state.done is not None and state.done.title == "Call back"
    click(empty_workspace, state, "undo")
    assert task in [item.id for item in due(empty_workspace).items] and state.done is None


def test_what_is_not_due_cannot_be_ticked_off(empty_workspace: Workspace) -> None:
    state = home.HomeState()
    made = records.create(
        empty_workspace.lake, module="customers", values={"name": "Ada"}, actor=Actor.system()
    )
    click(empty_workspace, state, "done", "customers", made.id)
    assert state.done is None


def test_a_viewer_has_nothing_to_tick(empty_workspace: Workspace) -> None:
    late = Item("tasks", "x", "Late", NOW - timedelta(hours=1), "tasks", "open", 1, flagged=True)
    viewer = Here(empty_workspace, empty_workspace.catalog, Actor("vera", "viewer"))
    agent = Here(empty_workspace, empty_workspace.catalog, MIA)
    assert "done:tasks" not in home_cards.due_card(viewer, Card((late,), 1, 1), VISIT)
    assert "done:tasks" in home_cards.due_card(agent, Card((late,), 1, 1), VISIT)


def test_words_of_strangers_are_text(empty_workspace: Workspace) -> None:
    now = Here(empty_workspace, empty_workspace.catalog, MIA)
    evil = "<img src=x onerror=alert(1)>"
    came = Item("communications", "x", evil, NOW, None, None, 1, text=evil, whose=evil, flagged=True)
    for card in home_cards.CARDS.values():
        assert "<img" not in card(now, Card((came,), 1, 1), Visit(Done("c", evil)))


def test_what_came_since_one_last_looked_stands_apart(empty_workspace: Workspace) -> None:
    now = Here(empty_workspace, empty_workspace.catalog, MIA)
    came = [
        Item("communications", f"{n}", f"Mail {n}", NOW - timedelta(hours=n), None, None, 1) for n in (1, 3)
    ]
    told_ = home_cards.activity_card(now, Card(tuple(came), 2, 0), Visit(looked=NOW - timedelta(hours=2)))
    new, _, old = told_.partition("Earlier")
    assert "Since you last looked" in new and "Mail 1" in new and "Mail 3" in old


def test_who_has_no_work_of_his_own_sees_what_there_is_for_all(demo: Open) -> None:
    page = demo("pages/home.py")
    assert page.segmented_control(key="home:whose").value == home.EVERYBODY
    assert "From customers" in told(page) and "m-line" in told(page)


@pytest.mark.parametrize("filled", [True, False], ids=["beside others' work", "where nobody has any record"])
def test_cards_are_read_once_also_to_know_whose_work_is_shown(
    empty_workspace: Workspace, task: str, filled: bool
) -> None:
    now, state = Here(empty_workspace, empty_workspace.catalog, MIA), home.HomeState()
    home.decide(now, state, filled=filled)
    read = {item.id for card in state.read.values() for item in card.items}
    assert (state.everybody, task in read) == (not filled, filled)


@pytest.mark.parametrize(
    ("hour", "word"), [(8, "Good morning"), (13, "Good afternoon"), (22, "Good evening"), (2, "Good evening")]
)
def test_one_is_greeted_by_the_hour(empty_workspace: Workspace, hour: int, word: str) -> None:
    now = Here(
        empty_workspace, empty_workspace.catalog, Actor("mia", "agent", name="Mia Berg", time_zone="UTC")
    )
    assert home.greeting(now, datetime(2026, 11, 20, hour, tzinfo=UTC)) == f"{word}, Mia"


def test_an_administrator_lets_a_colleague_in(empty_workspace: Workspace) -> None:
    lake, admin = empty_workspace.lake, Actor("ann", "admin", name="Ann")
    given = {
        "name": "Zoë Ünal",
        "email": "z@tests.example",
        "role": "agent",
        "teams": ["sales"],
        "actor": admin,
    }
    slugs = [people.invite(lake, **given).slug for _ in range(2)]  # type: ignore[arg-type]
    assert slugs == ["zoe-unal", "zoe-unal-2"]
    assert read_directory(lake).users["zoe-unal"].teams == ("sales",)


def test_everybody_has_a_home_of_his_own(demo: Open, demo_workspace: Workspace) -> None:
    users = [user for user in read_directory(demo_workspace.lake).active if user.role == "agent"]
    page = demo("pages/home.py", acting=users[0].slug)
    card = my_work.read_due(demo_workspace.lake, demo_workspace.catalog, actor=users[0].actor)
    assert card.items and card.items[0].title in told(page)
