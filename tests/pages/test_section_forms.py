"""Short forms at the top of sections: what a value that is typed hides, brings, requires and narrows, at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import definitions, records
from crm_core.access import Actor
from crm_core.definition_documents import plain
from crm_core.workspace import Workspace
from tests.crm_core.conftest import Template
from tests.pages.conftest import _opener

ADMIN = Actor("ann", "admin", name="Ann")
SLUG = "inquiries"


def when(field: str, op: str, value: Any, effect: str, *fields: str, **more: Any) -> dict[str, Any]:
    return {"when": {"field": field, "op": op, "value": value}, "effect": effect, "fields": fields, **more}


RULES = [
    when("service", "eq", "claim", "options", "priority", options=["high", "urgent"]),
    when("service", "eq", "claim", "required", "company"),
    when("service", "ne", "tracking", "visible", "channel"),
    when("channel", "eq", "phone", "required", "phone"),
]


@pytest.fixture(scope="module")
def shaped(begun: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace whose inquiries have rules of their own."""
    with begun.copy(tmp_path_factory.mktemp("shaped") / "home", threads=1) as workspace:
        document = plain(workspace.catalog.module(SLUG))
        document["dependencies"] = [*document["dependencies"], *RULES]
        booked = plain(workspace.catalog.module("appointments"))
        booked["dependencies"] = [when("place", "eq", "Oslo", "required", "description")]
        definitions.save(workspace.lake, [("module", document), ("module", booked)], actor=ADMIN)
        yield workspace


class Opened:
    """The form for a new inquiry of a customer of whom nothing is known."""

    def __init__(self, workspace: Workspace, open_page: Any) -> None:
        made = records.create(workspace.lake, module="customers", values={"name": "Ada"}, actor=ADMIN)
        self.workspace, self.customer, self.typed = workspace, made.id, dict[str, Any]()
        page: AppTest = open_page("customers", id=made.id, section=SLUG)
        self.page = page.button(key=f"{SLUG}:ask:new:{made.id}").click().run()

    def widgets(self) -> dict[str, Any]:
        """Field → its widget, of the form."""
        found = [
            one for kind in ("text_input", "text_area", "selectbox", "date_input") for one in self.page.get(kind)
            if str(one.key).startswith(f"{SLUG}:new:") and str(one.key).endswith(self.customer)
        ]  # fmt: skip
        return {str(one.key).split(":")[-2]: one for one in found}

    def marked(self) -> set[str]:
        """The fields that must be given."""
        return {name for name, one in self.widgets().items() if str(one.label).endswith("*")}

    def give(self, name: str, value: Any) -> None:
        widget = self.widgets()[name]
        if widget.form_id:
            self.typed[name] = value  # the page hears of it when the form is sent
        else:
            self.page = widget.set_value(value).run()

    def save(self) -> list[dict[str, Any]]:
        """Press Save; the inquiries that are there then."""
        for name, value in self.typed.items():
            self.widgets()[name].set_value(value)
        self.page = self.page.button(key=f"{SLUG}:save:new:{self.customer}").click().run()
        assert not self.page.exception
        lake, catalog = self.workspace.lake, self.workspace.catalog
        found = records.read_page(lake, catalog, module=SLUG, actor=ADMIN).items
        return [row for row in found if row["customer"] == self.customer]


@pytest.fixture
def form(shaped: Workspace) -> Iterator[Opened]:
    for open_page in _opener(shaped):
        yield Opened(shaped, open_page)


CARGO = {"origin", "destination", "weight_kg", "ready_date"}


def test_a_choice_brings_fields_and_another_takes_them_away(form: Opened) -> None:
    assert not CARGO & form.widgets().keys()
    form.give("service", "sea_freight")
    assert form.widgets().keys() >= CARGO
    form.give("service", "general")
    assert not CARGO & form.widgets().keys()


def test_what_was_brought_is_saved_and_what_is_gone_is_not(form: Opened) -> None:
    form.give("service", "sea_freight")
    for name, value in {"subject": "Two boxes", "origin": "Hamburg"}.items():
        form.give(name, value)
    [row] = form.save()
    assert (row["subject"], row["origin"], row["customer"]) == ("Two boxes", "Hamburg", form.customer)
    assert not form.widgets()


def test_a_field_of_the_form_goes_with_a_value_and_is_not_saved(form: Opened) -> None:
    form.give("channel", "chat")
    form.give("service", "tracking")
    assert "channel" not in form.widgets()
    form.give("subject", "Where is it?")
    [row] = form.save()
    assert row["channel"] == "form", "the default of the field, and not what was chosen before it went"


def test_what_a_value_requires_is_asked_for_and_marked(form: Opened) -> None:
    assert form.marked() == {"subject"}
    form.give("service", "claim")
    assert form.marked() == {"subject", "company"}
    form.give("channel", "phone")
    assert form.marked() == {"subject", "company", "phone"}
    form.give("service", "general")
    assert form.marked() == {"subject", "phone"} and "company" not in form.widgets()


def test_choices_are_narrowed_and_one_that_is_no_more_allowed_is_dropped(form: Opened) -> None:
    assert form.widgets()["priority"].options == ["Low", "Normal", "High", "Urgent"]
    form.give("service", "claim")
    assert form.widgets()["priority"].options == ["High", "Urgent"]
    assert form.widgets()["priority"].value is None, "the default is not among them"
    for name, value in {"subject": "Wet", "company": "Ada & Co", "priority": "urgent"}.items():
        form.give(name, value)
    [row] = form.save()
    assert (row["priority"], row["company"]) == ("urgent", "Ada & Co")


def test_what_is_missing_is_told_beside_its_field_and_nothing_else_is_lost(form: Opened) -> None:
    form.give("service", "claim")
    form.give("subject", "Wet")
    assert not form.save()
    assert form.widgets()["subject"].value == "Wet" and form.widgets()["service"].value == "claim"
    assert any("problem" in str(one.proto.body) for one in form.page.get("html"))


def test_only_fields_that_decide_stand_outside_the_form(form: Opened) -> None:
    heard = {name for name, one in form.widgets().items() if not one.form_id}
    assert heard == {"service", "channel"}


def test_the_form_of_the_calendar_asks_for_what_a_value_requires(shaped: Workspace) -> None:
    made = records.create(shaped.lake, module="customers", values={"name": "Ada"}, actor=ADMIN).id

    def given(page: AppTest, name: str) -> Any:
        boxes = [one for kind in ("text_input", "text_area") for one in page.get(kind)]
        return next(
            (one for one in boxes if str(one.key).endswith(f":{name}") and "calendar_form" in one.key), None
        )

    for open_page in _opener(shaped):
        page = open_page("customers", id=made, section="calendar")
        page = page.button(key=f"calendar:{made}:new").click().run()
        assert given(page, "description") is None
        given(page, "title").set_value("Visit")
        page = given(page, "place").set_value("Oslo").run()
        assert str(given(page, "description").label).endswith("*")
        given(page, "description").set_value("By train")
        next(button for button in page.button if button.label == "Book").click().run()
    found = records.read_page(shaped.lake, shaped.catalog, module="appointments", actor=ADMIN).items
    assert [row["description"] for row in found if row["customer"] == made] == ["By train"]
