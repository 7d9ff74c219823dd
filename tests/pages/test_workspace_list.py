"""The list of a workspace: narrowed by its address, its folders and a saved view; what one folded stays so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_core import records, views
from crm_core.access import Actor
from crm_core.model import Leaf
from crm_core.preferences import keep_preference, read_preferences
from crm_core.workspace import Workspace
from pages._ui.workspace_state import WorkspaceState
from tests.pages.conftest import Open, told

ADMIN = Actor.local_admin()
PEOPLE = [
    {"name": "Nora North", "city": "Oslo", "folder": "leads", "tags": ["ship"]},
    {"name": "Nils North", "city": "Bergen", "folder": "active"},
    {"name": "Eva East", "city": "Berlin", "folder": "leads"},
]


@pytest.fixture(scope="module")
def people(empty_workspace: Workspace) -> list[str]:
    """Three customers in two folders."""
    return [
        records.create(empty_workspace.lake, module="customers", values=one, actor=ADMIN).id for one in PEOPLE
    ]


@pytest.fixture
def oslo(empty_workspace: Workspace) -> Iterator[str]:
    """A view of everybody with those of Oslo."""
    shown = views.Shown(Leaf(field="city", op="eq", value="Oslo"))
    made = views.save_view(
        empty_workspace.lake,
        module="customers",
        name="In Oslo",
        shown=shown,
        actor=ADMIN,
        shared_with="everyone",
    )
    yield made
    views.delete_view(empty_workspace.lake, made, actor=ADMIN)


@pytest.mark.parametrize(
    ("address", "found"),
    [({"q": "north"}, 2), ({"q": "nroth"}, 0), ({"folder": "leads"}, 2), ({"q": "north", "folder": "leads"}, 1),
     ({"tag": "ship"}, 1), ({"folder": "no-such-folder"}, 3), ({"saved": "no-such-view"}, 3)],
    ids=["words", "a typing error", "folder", "words in a folder", "tag", "no such folder", "no such view"],
)  # fmt: skip
def test_a_link_narrows_the_list_as_it_was_for_who_made_it(
    empty: Open, people: list[str], address: dict[str, str], found: int
) -> None:
    page = empty("customers", id=people[2], **address)
    assert not page.exception
    assert f"Customers <small>{found}</small>" in told(page)
    assert "Eva East" in told(page)


def test_a_saved_view_narrows_the_list_and_is_taken_away_by_a_press(
    empty: Open, people: list[str], oslo: str
) -> None:
    page = empty("customers", saved=oslo)
    assert "Customers <small>1</small>" in told(page) and "In Oslo ×" in told(page)


def test_folders_say_how_many_of_those_that_are_looked_for_stand_in_them(
    empty: Open, people: list[str]
) -> None:
    text = told(empty("customers", q="north"))
    assert "New leads <small>1</small>" in text and "Key accounts <small>0</small>" in text


def test_what_somebody_folded_is_his_alone(
    empty: Open, empty_workspace: Workspace, people: list[str]
) -> None:
    keep_preference(empty_workspace.lake, "fold.left", True, actor=ADMIN)
    assert not empty("customers").exception
    assert read_preferences(empty_workspace.lake, actor=Actor("vera", "viewer")).get("fold.left") is None


def test_another_list_begins_at_its_top(people: list[str]) -> None:
    state = WorkspaceState(words=" a  b ")
    before = state.question
    state.words = "a b"
    assert state.question == before
    state.folder = "leads"
    assert state.question != before
