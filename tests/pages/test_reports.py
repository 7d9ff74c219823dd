"""Reports in the browser: found, asked, built without code, saved, and the records behind a number."""

from __future__ import annotations

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from crm_core.model import Report
from crm_core.model.condition import to_document
from crm_core.reports.opening import records_of
from crm_core.reports.run import run_report
from crm_core.reports.store import reports_of, save_report
from crm_core.workspace import Workspace
from pages._ui.table_state import TableState
from tests.crm_core.conftest import ADMIN, AGENT, OTHER
from tests.crm_core.reports.conftest import NOW
from tests.pages.report_world import Open, reports, told, workspace

__all__ = ["reports", "workspace"]


def drawn(app: AppTest) -> dict[str, float]:
    """Group → value of the first chart."""
    proto = app.get("vega_lite_chart")[0].proto
    sent = proto.data.data or proto.datasets[0].data.data
    rows = pa.ipc.open_stream(sent).read_all().to_pylist()
    return {row["first"]: row["value"] for row in rows}


def test_the_list_has_what_one_is_offered_and_who_may_makes_more(reports: Open, workspace: Workspace) -> None:
    mine = Report(slug="new", name="Bob's own", module="customers", shared_with="me")
    save_report(workspace.lake, mine, actor=AGENT)
    for acting, own, may in (("bob", True, True), ("sue", False, True), ("vic", False, False)):
        page = reports(acting)
        assert "By kind" in told(page) and ("Bob&#39;s own" in told(page)) == own and not page.exception
        assert any(button.key == "report:new" for button in page.button) == may


def test_a_report_is_drawn_of_what_one_sees_with_its_numbers_below(reports: Open) -> None:
    assert drawn(reports(report="by-kind")) == {"Person": 2, "Company": 1}
    page = reports("sue", report="by-kind")
    assert drawn(page) == {"Person": 1, "Company": 1} and not page.exception
    assert "open:0" in told(page)
    amounts = told(reports(report="credit"))
    assert "€30.00" in amounts and "$7.00" in amounts


def test_a_number_opens_the_table_of_its_records(reports: Open, workspace: Workspace) -> None:
    catalog = workspace.catalog
    result = run_report(workspace.lake, catalog, catalog.reports["credit"], actor=ADMIN, now=NOW)
    behind = records_of(catalog, result, result.rows[0], now=NOW)
    page = reports()
    page.session_state["page:table:customers"] = TableState(filter=to_document(behind))
    page.session_state["nav:goto"] = ("customers", {"view": "table"})
    page = page.switch_page("pages/reports.py").run()
    shown = told(page)
    assert (
        "2 customers" in shown and "Credit is set and Credit currency is EUR" in shown and not page.exception
    )


def test_a_report_is_built_without_code_and_saved_for_oneself(reports: Open, workspace: Workspace) -> None:
    page = reports("bob", build="new")
    page.selectbox(key="build:1:module").select("customers").run()
    page.selectbox(key="build:2:measure").select("sum").run()
    page.selectbox(key="build:2:measure:customers:sum:of").select("credit").run()
    page.selectbox(key="build:2:group:customers:0").select("kind").run()
    assert drawn(page) == {"Person": 30} and not page.exception
    page.button(key="build:2:save:do").click().run()
    assert "Give it a name first." in page.toast[0].value.replace("\\", "")
    page.text_input(key="build:2:save:name").set_value("Credit by kind").run()
    page.button(key="build:2:save:do").click().run()
    saved = next(one for one in reports_of(workspace.catalog, actor=AGENT) if one.name == "Credit by kind")
    assert (saved.measure.kind, saved.measure.field, saved.groups[0].field) == ("sum", "credit", "kind")
    assert saved.owner == "bob" and saved not in reports_of(workspace.catalog, actor=OTHER)
    assert "Credit by kind" in told(page)


def test_a_statement_is_tried_as_it_is_written(reports: Open) -> None:
    page = reports(build="new")
    page.segmented_control(key="build:1:kind").set_value("sql").run()
    page.text_area(key="build:1:sql").set_value("SELECT * FROM secrets").run()
    assert "secrets" in told(page) and not page.exception
    page.text_area(key="build:1:sql").set_value("SELECT kind, count(*) n FROM customers GROUP BY ALL").run()
    assert drawn(page) == {"person": 2, "company": 1}


@pytest.mark.parametrize("query", [{"report": "nothing"}, {"dashboard": "nothing"}, {"report": "lost"}])
def test_what_is_not_there_is_told_and_leads_back(reports: Open, query: dict[str, str]) -> None:
    page = reports(**query)
    assert "There is no" in told(page) and not page.exception
    assert any(button.key == "report:back" for button in page.button)


def test_one_broken_card_says_so_and_the_others_stand(reports: Open) -> None:
    page = reports(dashboard="board")
    assert "There is no report “lost”" in told(page) and not page.exception
    assert drawn(page) == {"Person": 2, "Company": 1} and "€30.00" in told(page)
