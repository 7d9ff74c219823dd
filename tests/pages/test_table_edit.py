"""Cells edited in a table: which can be, what a typed text becomes, and what is said when it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import records, serving
from crm_core.access import Actor
from crm_core.model.fields import BooleanField, DateField, IntegerField, MoneyField, TextField
from crm_core.workspace import Workspace
from pages._ui.fields import FieldContext
from pages._ui.grid import read_answer
from pages._ui.session import Here
from pages._ui.table_edit import editors_of, typed_cells, value_of
from tests.pages.conftest import told

ADMIN, VIEWER = Actor.local_admin(), Actor("vera", "viewer")
EUR = {"amount": Decimal("12.5000"), "currency": "EUR"}
MONEY = MoneyField(slug="amount")


@pytest.mark.parametrize(
    ("field", "text", "current", "value"),
    [
        pytest.param(MONEY, "1,204.50", EUR, {"amount": Decimal("1204.50"), "currency": "EUR"}, id="keeps currency"),
        pytest.param(MONEY, "7 usd", EUR, {"amount": Decimal(7), "currency": "USD"}, id="another currency"),
        pytest.param(MONEY, "abc", EUR, {"amount": "abc", "currency": "EUR"}, id="no amount"),
        pytest.param(MONEY, " ", EUR, None, id="emptied"),
        pytest.param(IntegerField(slug="n"), "1.204", None, Decimal("1.204"), id="a point is a point"),
        pytest.param(IntegerField(slug="n"), "many", None, "many", id="no number"),
        pytest.param(BooleanField(slug="b"), "false", True, False, id="no"),
        pytest.param(DateField(slug="d"), "2027-01-15", None, "2027-01-15", id="a day"),
        pytest.param(TextField(slug="t"), "=1+1", "x", "=1+1", id="text as it is"),
    ],
)  # fmt: skip
def test_a_typed_text_becomes_a_value_or_goes_on_to_be_refused(
    field: Any, text: str, current: Any, value: Any
) -> None:
    assert value_of(field, text, current) == value


def test_short_kinds_are_edited_and_nothing_by_who_only_looks(empty_workspace: Workspace) -> None:
    catalog = empty_workspace.catalog
    module, context = catalog.module("deals"), FieldContext(users={"ann": "Ann"})
    columns = ("title", "customer", "amount", "expected_close", "status", "owner", "updated_at")
    here = Here(empty_workspace, catalog, ADMIN)
    found = {name: one.way for name, one in editors_of(here, module, columns, context).items()}
    assert found == {
        "title": "text", "amount": "number", "expected_close": "date", "status": "choice", "owner": "choice"
    }  # fmt: skip
    assert editors_of(Here(empty_workspace, catalog, VIEWER), module, columns, context) == {}
    item = {"version": 7, "title": None, "amount": EUR, "owner": "ann"}
    assert typed_cells(module, item, ["title", "amount", "owner"]) == {
        "base__": "7", "title__edit": "", "amount__edit": "12.5 EUR", "owner__edit": "ann"
    }  # fmt: skip


@pytest.mark.parametrize("column", ["secret", "id"])
def test_a_cell_that_is_not_edited_is_not_heard(column: str) -> None:
    sent = {"event": "cellValueChanged", "edited": {"id": "1", "column": column, "text": "x", "version": 3}}
    answer = read_answer(sent, offered=frozenset({"1"}), known=frozenset(), editable=frozenset({"name"}))
    assert answer is not None and answer.edited is None


def _script(deal: str, column: str, text: str, version: int) -> None:
    """A page that writes one cell, once, and shows what is said of it."""
    import streamlit as st

    from crm_core.query import read_record
    from pages._ui import edits, html
    from pages._ui.grid import Edited
    from pages._ui.session import here
    from pages._ui.table_edit import write

    now = here()
    module = now.catalog.module("deals")

    def read() -> edits.Shown:
        item = read_record(now.lake, now.catalog, module="deals", record_id=deal, actor=now.actor)
        return edits.Shown(module, item)

    if "wrote" not in st.session_state:
        st.session_state["wrote"] = True
        refused = write(now, module, read().record, Edited(deal, column, text, version, 1))
        st.html(html.note(refused.why if refused else "taken"))
    edits.draw(now, read(), name="Steel")


@pytest.fixture
def deal(empty_workspace: Workspace) -> Iterator[str]:
    """A deal of 10 EUR; the pages are served."""
    serving.serve(empty_workspace)
    values = {"title": "Steel", "amount": {"amount": "10", "currency": "EUR"}}
    yield records.create(empty_workspace.lake, module="deals", values=values, actor=ADMIN).id
    serving.stop()


def amount(workspace: Workspace, deal: str) -> Any:
    read = records.read_record(workspace.lake, workspace.catalog, module="deals", record_id=deal, actor=ADMIN)
    return read["amount"]["amount"], read["version"]


def test_an_edit_is_written_and_undone_and_a_wrong_one_says_why(
    empty_workspace: Workspace, deal: str
) -> None:
    page = AppTest.from_function(_script, args=(deal, "amount", "ten", 0), default_timeout=30).run()
    assert "is no amount" in told(page) and amount(empty_workspace, deal)[0] == 10
    page = AppTest.from_function(_script, args=(deal, "amount", "11", 0), default_timeout=30).run()
    assert "Amount of Steel saved." in told(page) and amount(empty_workspace, deal)[0] == 11
    next(button for button in page.button if button.label == "Undo").click().run()
    assert amount(empty_workspace, deal)[0] == 10


def test_an_edit_that_began_before_somebody_elses_waits_for_a_decision(
    empty_workspace: Workspace, deal: str
) -> None:
    began = amount(empty_workspace, deal)[1]
    records.update(empty_workspace.lake, module="deals", record_id=deal, values={"amount": "20"}, actor=ADMIN)
    page = AppTest.from_function(_script, args=(deal, "amount", "30", began), default_timeout=30).run()
    assert all(f"€{one}.00" in told(page) for one in (10, 20, 30)) and amount(empty_workspace, deal)[0] == 20
    next(button for button in page.button if button.label == "Keep mine").click().run()
    assert amount(empty_workspace, deal)[0] == 30
