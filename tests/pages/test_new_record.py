"""The dialog for a new record: what its folder and values require, who may be the same, and what is made."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import records
from crm_core.access import Actor
from crm_core.workspace import Workspace
from tests.pages.conftest import Open, told

KNOWN = {"name": "Anna Berger", "email": "anna@berger.example", "phone": "+49301234567"}


@pytest.fixture(scope="module")
def anna(empty_workspace: Workspace) -> str:
    """A customer that is there already."""
    lake = empty_workspace.lake
    return records.create(lake, module="customers", values=KNOWN, actor=Actor.local_admin()).id


@pytest.fixture
def dialog(empty: Open, anna: str) -> Iterator[AppTest]:
    """The dialog for a new customer, just opened."""
    page = empty("pages/customers.py")
    yield page.button(key="new:customers").click().run()


def labels(page: AppTest) -> list[str]:
    return [
        box.label.replace("\\", "") for box in page.text_input if str(box.key).startswith("new:customers")
    ]


def test_what_is_required_follows_what_is_entered(dialog: AppTest) -> None:
    assert "Company" in labels(dialog) and "Name *" in labels(dialog)
    page = dialog.selectbox(key="new:customers:kind").select("company").run()
    assert "Company *" in labels(page)


def test_fields_that_the_values_hide_are_not_asked_for(dialog: AppTest) -> None:
    page = dialog.toggle(key="new:customers:more").set_value(True).run()
    assert "First name" in labels(page)
    page = page.selectbox(key="new:customers:kind").select("company").run()
    assert "First name" not in labels(page)


@pytest.mark.parametrize(
    ("field", "typed", "reason"),
    [
        ("email", "ANNA@berger.example", "same e-mail"),
        ("phone", "030 1234567", "same phone"),
        ("name", "Anna Bergr", "similar"),
    ],
)
def test_who_is_there_already_is_named_and_can_be_opened(
    dialog: AppTest, anna: str, field: str, typed: str, reason: str
) -> None:
    page = dialog.text_input(key=f"new:customers:{field}").set_value(typed).run()
    link = page.button(key=f"new:customers:same:{anna}")
    assert reason in link.label
    page = link.click().run()
    assert page.query_params["id"] == anna and "Anna Berger" in told(page)
    assert not [box for box in page.text_input if box.key == "new:customers:name"]


def test_a_new_customer_has_its_tags_and_opens_at_once(dialog: AppTest, empty_workspace: Workspace) -> None:
    name = f"New {uuid4().hex[:8]}"
    dialog.text_input(key="new:customers:name").set_value(name)
    dialog.multiselect(key="new:customers:tags").set_value(["vip"])
    page = dialog.button(key="new:customers:create").click().run()
    found = empty_workspace.lake.read(
        "SELECT CAST(id AS VARCHAR) AS id, tags, kind FROM lake.crm.customers WHERE name = ?", [name]
    ).row(0)
    assert found[1:] == (["vip"], "person") and page.query_params["id"] == found[0]
    assert f">{name}<" in told(page)


def test_the_panel_beside_a_customer_names_likely_duplicates(
    empty: Open, anna: str, empty_workspace: Workspace
) -> None:
    lake, actor = empty_workspace.lake, Actor.local_admin()
    twin = records.create(lake, module="customers", values={**KNOWN, "name": "A. B."}, actor=actor).id
    page = empty("customers", id=anna)
    assert "same e-mail, same phone number" in told(page) and twin in told(page)
    records.delete(lake, module="customers", record_id=twin, actor=actor)
    page = empty("customers", id=anna).button(key=f"look:same:{anna}").click().run()
    assert "None found" in told(page)
