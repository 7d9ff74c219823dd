"""Saved reports and dashboards: whose they are, what they may ask, and what becomes of them when fields go."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core import definitions, records
from crm_core.errors import DefinitionInvalid, Forbidden
from crm_core.model import Dashboard, Report
from crm_core.reports.errors import ReportInvalid, ReportNotFound
from crm_core.reports.run import run_report
from crm_core.reports.store import (
    dashboard_of,
    delete_report,
    report_of,
    reports_of,
    save_dashboard,
    save_report,
)
from lake.errors import QueryRefused
from tests.crm_core.conftest import ADMIN, AGENT, OTHER, VIEWER, Crm


def report(**described: Any) -> Report:
    given = {"slug": "new", "name": "Mine", "shared_with": "me"}
    return Report.model_validate(given | ({} if "sql" in described else {"module": "customers"}) | described)


def test_a_report_is_offered_to_whom_it_is_shared_with(crm: Crm) -> None:
    mine = save_report(crm.lake, report(), actor=AGENT)
    save_report(crm.lake, report(name="Ours", shared_with="team", team="service"), actor=AGENT)
    save_report(crm.lake, report(name="All", shared_with="everyone", locked=True), actor=ADMIN)
    offered = {a.user: [one.name for one in reports_of(crm.catalog, actor=a)] for a in (AGENT, OTHER, VIEWER)}
    assert offered == {"bob": ["All", "Mine", "Ours"], "sue": ["All"], "vic": ["All", "Ours"]}
    with pytest.raises(ReportNotFound):
        report_of(crm.catalog, mine, actor=OTHER)
    again = report_of(crm.catalog, mine, actor=AGENT).model_copy(update={"name": "Renamed"})
    assert save_report(crm.lake, again, actor=AGENT) == mine
    with pytest.raises(Forbidden):
        delete_report(crm.lake, mine, actor=OTHER)
    delete_report(crm.lake, mine, actor=AGENT)
    assert [one.name for one in reports_of(crm.catalog, actor=AGENT)] == ["All", "Ours"]


@pytest.mark.parametrize(
    "with_whom", [{"shared_with": "everyone"}, {"shared_with": "team", "team": "sales"}, {"locked": True}],
    ids=["with everybody", "with a team of others", "locked"],
)  # fmt: skip
def test_an_agent_shares_only_with_his_teams(shared_lake: Crm, with_whom: dict[str, Any]) -> None:
    with pytest.raises(Forbidden):
        save_report(shared_lake.lake, report(**with_whom), actor=AGENT)
    with pytest.raises(Forbidden):
        save_report(shared_lake.lake, report(), actor=VIEWER)


@pytest.fixture(scope="module")
def shared_lake(shared: Crm) -> Crm:
    """A lake for tests whose saves are refused."""
    return shared


@pytest.mark.parametrize(
    ("described", "words"),
    [
        pytest.param({"groups": [{"field": "colour"}]}, "colour", id="an unknown field"),
        pytest.param({"groups": [{"field": "facts"}]}, "grouped by “facts”", id="a field of another kind"),
        pytest.param({"groups": [{"field": "age", "bucket": "week"}]}, "no date", id="a bucket of a number"),
        pytest.param({"measure": {"kind": "sum", "field": "name"}}, "no number", id="a sum of names"),
        pytest.param({"measure": {"kind": "sum", "field": "tasks.due"}}, "list of related", id="a list"),
        pytest.param({"date": "name"}, "no date", id="a range of names"),
        pytest.param({"when": {"field": "age", "op": "gt", "value": "x"}}, "number", id="a value that does not fit"),
        pytest.param({"module": "ships"}, "no module “ships”", id="an unknown module"),
        pytest.param({"name": " "}, "name", id="no name"),
    ],
)  # fmt: skip
def test_a_report_of_what_is_not_there_is_refused(
    shared_lake: Crm, described: dict[str, Any], words: str
) -> None:
    with pytest.raises(DefinitionInvalid, match=words):
        save_report(shared_lake.lake, report(**described), actor=ADMIN)


def test_a_field_that_goes_is_told_by_the_reports_that_used_it(crm: Crm) -> None:
    slug = save_report(crm.lake, report(groups=[{"field": "tier"}], shared_with="everyone"), actor=ADMIN)
    board = Dashboard.model_validate(
        {"slug": "new", "name": "Board", "cards": [{"report": slug, "width": 2}]}
    )
    kept = save_dashboard(crm.lake, board, actor=ADMIN)
    module = crm.catalog.module("customers")
    rest = tuple(field for field in module.fields if field.slug != "tier")
    changed = module.model_copy(update={"fields": rest, "dependencies": ()})
    definitions.save(crm.lake, [("module", changed)], actor=ADMIN)
    with pytest.raises(ReportInvalid, match="tier"):
        run_report(crm.lake, crm.catalog, report_of(crm.catalog, slug, actor=AGENT), actor=AGENT)
    assert dashboard_of(crm.catalog, kept, actor=AGENT).cards[0].report == slug
    delete_report(crm.lake, slug, actor=ADMIN)
    with pytest.raises(DefinitionInvalid, match="which there is not"):
        save_dashboard(crm.lake, board, actor=ADMIN)


def test_a_statement_sees_what_its_reader_sees(crm: Crm) -> None:
    people = [
        {"name": "A", "folder": "leads"},
        {"name": "B", "folder": "active"},
        {"name": "C", "folder": "leads"},
    ]
    records.create(crm.lake, module="customers", values=people, actor=ADMIN)
    sql = "SELECT folder, count(*) AS n FROM customers WHERE created_at >= $from GROUP BY ALL ORDER BY n DESC"
    slug = save_report(crm.lake, report(sql=sql, shared_with="everyone"), actor=ADMIN)
    answers = {}
    for actor in (ADMIN, OTHER):
        found = run_report(crm.lake, crm.catalog, report_of(crm.catalog, slug, actor=actor), actor=actor)
        answers[actor.user] = {row.keys[0].label: int(row.value) for row in found.rows}
    assert answers == {"ann": {"leads": 2, "active": 1}, "sue": {"leads": 2}}
    for wrong, fault in (
        ("SELECT * FROM ops.changes", QueryRefused),
        ("SELECT name FROM customers", ReportInvalid),
    ):
        with pytest.raises(fault):
            save_report(crm.lake, report(sql=wrong), actor=ADMIN)
