"""A small workspace with reports of all kinds and a dashboard, and the page over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import definitions, people, records, serving
from crm_core.settings import read_settings
from crm_core.workspace import Workspace, open_workspace
from flows import schema_sql
from tests.crm_core.conftest import ADMIN, PACK, USERS
from tests.pages.conftest import page_at, told

__all__ = ["Open", "reports", "told", "workspace"]
ROWS = [
    {"name": "Anna", "kind": "person", "credit": {"amount": "10", "currency": "EUR"}, "folder": "active"},
    {"name": "Bert", "kind": "person", "credit": {"amount": "20", "currency": "EUR"}},
    {"name": "Cora", "kind": "company", "credit": {"amount": "7", "currency": "USD"}},
]
Open = Callable[..., AppTest]


@pytest.fixture(scope="module")
def workspace(
    tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]
) -> Iterator[Workspace]:
    """Three customers, one of whom a team alone sees, and reports of all kinds."""
    home = tmp_path_factory.mktemp("reports")
    settings = read_settings({}, home=home, catalog=new_catalog(home), threads=1, pack=str(PACK))
    with open_workspace(settings, schemas=[schema_sql()]) as opened:
        people.save_users(opened.lake, USERS, actor=ADMIN)
        records.create(opened.lake, module="customers", values=ROWS, actor=ADMIN)
        definitions.save(opened.lake, [("report", one) for one in _shipped()], actor=ADMIN)
        cards = [{"report": "by-kind", "width": 2}, {"report": "lost"}, {"report": "credit"}]
        board = {"slug": "board", "name": "Board", "cards": cards}
        definitions.save(opened.lake, [("dashboard", board)], actor=ADMIN)
        definitions.save(opened.lake, [], retire=[("report", "lost")], actor=ADMIN)
        yield opened


def _shipped() -> list[dict[str, Any]]:
    by_kind = {"slug": "by-kind", "name": "By kind", "module": "customers", "groups": [{"field": "kind"}]}
    credit = {"slug": "credit", "name": "Credit", "module": "customers", "chart": "number",
              "measure": {"kind": "sum", "field": "credit"}}  # fmt: skip
    return [by_kind, credit, {"slug": "lost", "name": "Lost", "module": "customers"}]


@pytest.fixture
def reports(workspace: Workspace) -> Iterator[Open]:
    """Opens the page of reports, as somebody."""
    serving.serve(workspace)

    def open_reports(acting: str = "ann", **query: str) -> AppTest:
        return page_at("pages/reports.py", acting=acting, from_home=True, **query)

    yield open_reports
    serving.stop()
