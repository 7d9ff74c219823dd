"""Reports over HTTP and in the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

import cli
from crm_core.access import Actor
from crm_core.model import Report
from crm_core.reports.store import save_report
from crm_core.workspace import Workspace

Make = Callable[..., dict[str, Any]]
SLUG = "new-customers-by-tag"


@pytest.fixture(scope="module")
def tagged(workspace: Workspace, admin: TestClient) -> None:
    """Two customers with tags, one of whom only sales may see."""
    for name, folder in (("Rita Report", "leads"), ("Rolf Report", "key_accounts")):
        values = {"name": name, "folder": folder, "team": "sales", "tags": ["reported", "=evil"]}
        assert admin.post("/v1/modules/customers/records", json=values).status_code == 201


@pytest.mark.usefixtures("tagged")
def test_a_report_answers_of_what_the_key_may_see(
    admin: TestClient, as_user: Callable[[str], TestClient]
) -> None:
    def counted(client: TestClient) -> dict[str, str]:
        answer = client.get(f"/v1/reports/{SLUG}/rows").json()
        assert answer["groups"] == ["Tags"] and answer["unit"] == "number"
        return {row["groups"][0]["label"]: row["value"] for row in answer["rows"]}

    assert counted(admin)["reported"] == "2" and counted(as_user("olaf"))["reported"] == "1"
    assert as_user("nobody").get(f"/v1/reports/{SLUG}/rows").status_code == 401
    csv = admin.get(f"/v1/reports/{SLUG}/rows", params={"format": "csv"}).text
    assert csv.startswith("Tags,Records\r\n") and "'=evil,2" in csv


@pytest.mark.usefixtures("tagged")
def test_a_range_is_days(admin: TestClient) -> None:
    path = f"/v1/reports/{SLUG}/rows"
    before = admin.get(path, params={"to": "2001-01-01"}).json()
    assert (before["rows"], before["from"], before["to"]) == ([], None, "2001-01-01")
    for days in ({"from": "yesterday"}, {"from": "2026-02-01", "to": "2026-01-01"}):
        assert admin.get(path, params=days).status_code == 422


def test_one_lists_what_one_is_offered(
    workspace: Workspace, admin: TestClient, as_user: Callable[[str], TestClient]
) -> None:
    anna = Actor("anna", "agent", ("sales",))
    mine = Report(slug="new", name="Anna's", module="customers", shared_with="me")
    slug = save_report(workspace.lake, mine, actor=anna)
    lists = {
        user: {one["slug"] for one in as_user(user).get("/v1/reports").json()["items"]}
        for user in ("anna", "olaf")
    }
    assert slug in lists["anna"] and slug not in lists["olaf"] and SLUG in lists["olaf"]
    assert as_user("olaf").get(f"/v1/reports/{slug}/rows").status_code == 404


@pytest.mark.usefixtures("tagged")
def test_the_terminal_asks_the_same(workspace: Workspace) -> None:
    env = {"MERGANSER_HOME": str(workspace.settings.home), "MERGANSER_CATALOG": workspace.settings.catalog}

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(cli.app, ["report", *arguments], env=env)
        assert done.exit_code == 0, done.output
        return done.stdout

    assert SLUG in {one["slug"] for one in json.loads(run("list", "--json"))}
    answer = json.loads(run("run", SLUG, "--json"))
    assert {"Tags": "reported", "Records": 2} in answer["rows"]
    assert "reported,2" in run("run", SLUG, "--format", "csv")
