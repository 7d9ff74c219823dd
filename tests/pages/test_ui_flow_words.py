"""What people read of flows: cron lines, steps of every kind, triggers, and the values that steps set."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from crm_core.model.fields import DateField, MultiSelectField, SelectField, TextField
from crm_core.workspace import Workspace
from flows.actions import ACTIONS
from flows.model import EVENTS, parse_flow
from flows.steps import CONTROLS
from pages._ui.field_views import FieldContext
from pages._ui.flow_actions import FORMS, offered_steps, step_form
from pages._ui.flow_draft import open_draft
from pages._ui.flow_event_words import cron_words, event_names, started_trigger
from pages._ui.flow_options import EDITORS, put_option
from pages._ui.flow_problems import find_problems
from pages._ui.flow_values import Target, plain, start_of, way_of
from pages._ui.flows_words import FlowWords
from pages._ui.words import bars


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("0 9 * * *", "every day at 09:00"),
        ("0 9 * * MON-FRI", "every weekday at 09:00"),
        ("30 8 * * 1,3", "every Monday and Wednesday at 08:30"),
        ("0 9 1 * *", "on the 1st of the month at 09:00"),
        ("0 0 31 12 *", "on the 31st of the month in December at 00:00"),
        ("0 * * * *", "every hour"),
        ("*/15 * * * *", "every 15 minutes"),
        ("0 9-17 * * *", "at the times of “0 9-17 * * *”"),
        ("nonsense", "at the times of “nonsense”"),
    ],
)
def test_a_cron_line_in_words(line: str, told: str) -> None:
    assert cron_words(line) == told


def told(workspace: Workspace, document: dict[str, Any]) -> str:
    flow = parse_flow({"flow": "f", "module": "invoices", "trigger": {"event": "created"}, **document})
    return FlowWords(workspace.catalog, FieldContext(), flow).sentence


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        pytest.param(
            {"trigger": {"event": "date", "field": "due", "offset": "-2d", "at": "09:00"}, "do": [{"stop": ""}]},
            "When it is 2 days before Due at 09:00 of an invoice, stop here.",
            id="a date",
        ),
        pytest.param(
            {"do": [{"wait": {"for": "3d"}}, {"stop": "enough"}]},
            "When an invoice is created, wait 3 days, then stop: enough.",
            id="a wait",
        ),
        pytest.param(
            {"do": [{"if": {"field": "due", "op": "is_set"}, "then": [{"stop": ""}], "else": [{"stop": "no"}]}]},
            "When an invoice is created, if Due is set stop here; otherwise stop: no.",
            id="a branch",
        ),
        pytest.param(
            {"do": [{"wait": {"event": "updated", "fields": ["status"], "is": "paid", "within": "7d"},
                     "on_timeout": [{"stop": ""}]}]},
            "When an invoice is created, wait until Status of it changes to Paid, at most 7 days "
            "(if it does not come in time stop here).",
            id="a wait for an event",
        ),
    ],
)  # fmt: skip
def test_a_flow_in_a_sentence(empty_workspace: Workspace, document: dict[str, Any], sentence: str) -> None:
    assert told(empty_workspace, document) == sentence


def test_every_step_has_a_form_whose_widgets_are_there() -> None:
    assert set(offered_steps()) == {*ACTIONS, *CONTROLS} == set(FORMS)
    assert {option.kind for form in FORMS.values() for option in form.options} <= set(EDITORS)


def test_a_kind_of_step_without_a_form_is_offered_all_the_same() -> None:
    assert step_form("fold_paper").name == "Fold paper"


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_begins_a_flow_that_can_run(empty_workspace: Workspace, event: str) -> None:
    catalog = empty_workspace.catalog
    assert event in event_names(catalog, "invoices")
    document = {"flow": "f", "module": "invoices", "trigger": started_trigger(catalog, "invoices", event),
                "do": [{"stop": ""}]}  # fmt: skip
    assert find_problems(catalog, open_draft(document), users=frozenset()).count == 0


def test_what_is_wrong_is_said_beside_its_part(empty_workspace: Workspace) -> None:
    draft = open_draft(
        {"flow": "f", "module": "invoices", "trigger": {"event": "updated", "fields": ["nope"]},
         "when": {"field": "nope", "op": "is_set"},
         "do": [{"stop": ""}, {"set_field": {"nope": 1}}, {"if": {"field": "nope", "op": "is_set"}, "then": []}]}
    )  # fmt: skip
    found = find_problems(empty_workspace.catalog, draft, users=frozenset())
    assert found.of(draft.root.steps[2].blocks[0].id) == ["at least one step is needed"]
    draft.root.steps.pop()
    found = find_problems(empty_workspace.catalog, draft, users=frozenset())
    assert found.count == 3
    assert found.of("trigger")
    assert found.of("when")
    assert not found.of(draft.root.steps[0].id)
    assert "nope" in found.of(draft.root.steps[1].id)[0]


TEXT = Target("title", "Title", "text", TextField(slug="title"))
CHOICE = Target("kind", "Kind", "select", SelectField(slug="kind"))
TAGS = Target("hobbies", "Hobbies", "list", MultiSelectField(slug="hobbies"))
DUE = Target("due", "Due", "date", DateField(slug="due"))


@pytest.mark.parametrize(
    ("target", "value", "way"),
    [
        pytest.param(TEXT, "Call {{ name }}", "text", id="a text"),
        pytest.param(TEXT, "{{ name }}", "text", id="a text of one field"),
        pytest.param(CHOICE, "{{ kind }}", "copy", id="a copy"),
        pytest.param(CHOICE, "call", "fixed", id="an option"),
        pytest.param(TAGS, {"add": ["vip"]}, "change", id="members"),
        pytest.param(DUE, {"today": "+3d"}, "span", id="relative"),
        pytest.param(DUE, "2026-11-22", "fixed", id="a day"),
        pytest.param(DUE, None, "nothing", id="nothing"),
    ],
)
def test_the_way_in_which_a_value_is_given(target: Target, value: Any, way: str) -> None:
    assert way_of(target, value, is_new=False) == way
    assert way_of(target, start_of(way, target), is_new=False) in (way, "fixed")


@pytest.mark.parametrize(
    ("value", "written"),
    [(Decimal("12.50"), 12.5), (Decimal("100"), 100), (date(2026, 11, 22), "2026-11-22"),
     ({"amount": Decimal("1.5"), "currency": None}, {"amount": 1.5})],
)  # fmt: skip
def test_values_are_written_as_documents_have_them(value: Any, written: Any) -> None:
    assert plain(value) == written


def test_a_single_option_stands_by_itself() -> None:
    step = open_draft({"do": [{"move_folder": "inbox"}]}).root.steps[0]
    put_option(step, step_form("move_folder"), "status", "open")
    assert step.options == {"folder": "inbox", "status": "open"}
    put_option(step, step_form("move_folder"), "status", None)
    assert step.options == "inbox"


def test_counts_as_bars() -> None:
    assert bars([0, 1, 7, 14]) == "▁▁▅█"
    assert bars([0, 0]) == "▁▁"
