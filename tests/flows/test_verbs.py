"""The verbs of the terminal for flows, as scripts use them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import app
from tests.flows.conftest import HERE

FLOW = """
flow: call-back
module: inquiries
trigger: {event: created}
when: {field: amount, op: ge, value: 10}
do:
  - create_task: {title: "Call about {{ subject }}", team: sales, due: {in: 4h}}
"""
Verb = Callable[..., Any]


@pytest.fixture(scope="module")
def merganser(tmp_path_factory: pytest.TempPathFactory) -> Verb:
    """Runs a verb with `--json` on a home with the workspace's definitions; gives its answer."""
    home = tmp_path_factory.mktemp("home")
    env = {"MERGANSER_HOME": str(home), "MERGANSER_PACK": str(HERE / "workspace.yaml")}

    def verb(*arguments: str, code: int = 0) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--json"], env=env)
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    return verb


@pytest.fixture(scope="module")
def applied(merganser: Verb, tmp_path_factory: pytest.TempPathFactory) -> Verb:
    """The same, with an active flow."""
    path = tmp_path_factory.mktemp("flows") / "call-back.yaml"
    path.write_text(FLOW)
    assert merganser("flows", "apply", str(path)) == {"flows": {"call-back": "created"}, "warnings": []}
    assert [(one["flow"], one["state"]) for one in merganser("flows", "list")] == [("call-back", "draft")]
    assert merganser("flows", "activate", "call-back")["flows"] == {"call-back": "changed"}
    return merganser


def load(merganser: Verb, folder: Path, *more: str, subject: str = "A") -> Any:
    """Two inquiries, of which one matters."""
    path = folder / "inquiries.csv"
    path.write_text(f"subject,amount\n{subject} large,12\n{subject} small,3\n")
    return merganser("load", str(path), "--module", "inquiries", *more)


def titles(merganser: Verb) -> list[str]:
    return [row["title"] for row in merganser("query", "SELECT title FROM tasks ORDER BY title")]


def test_a_load_sets_off_flows_and_their_runs_tell_what_they_saw(applied: Verb, tmp_path: Path) -> None:
    load(applied, tmp_path)
    assert "Call about A large" in titles(applied)
    runs = applied("flows", "runs", "--flow", "call-back")
    told = {run["trace"][0]["seen"]: (run["state"], run["trace"][0]["true"]) for run in runs}
    assert told == {"12": ("done", True), "3": ("not_matched", False)}
    [small] = [run["record_id"] for run in runs if run["state"] == "not_matched"]
    why = applied("flows", "why", "call-back", "--module", "inquiries", "--id", small)
    assert (why["fired"], why["matched"], why["leaves"][0]["seen"]) == (True, False, "3")
    done = applied("flows", "run", "call-back", "--module", "inquiries", "--id", small)
    assert done["results"][0]["state"] == "not_matched"
    past = applied("flows", "backtest", "call-back", "--since", "today - 1d", "--sample", "1")
    assert past["matched"] >= 1 and len(past["samples"]) == 1


def test_a_silent_load_is_replayed(applied: Verb, tmp_path: Path) -> None:
    done = load(applied, tmp_path, "--silent", subject="B")
    assert "Call about B large" not in titles(applied)
    applied("flows", "replay", "--load", done["load_id"])
    assert "Call about B large" in titles(applied)
    assert applied("flows", "replay", "--load", "nope", code=1)["type"].endswith("unknown-load")


def test_a_paused_flow_does_nothing(applied: Verb, tmp_path: Path) -> None:
    applied("flows", "pause", "call-back")
    load(applied, tmp_path, subject="C")
    assert "Call about C large" not in titles(applied)
    applied("flows", "activate", "call-back")


def test_a_broken_flow_is_refused_with_every_problem(merganser: Verb, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(FLOW.replace("call-back", "broken").replace("amount", "nope").replace("sales", "ghosts"))
    problem = merganser("flows", "apply", str(path), code=1)
    said = " ".join(error["message"] for error in problem["errors"])
    assert "nope" in said and "ghosts" in said
    assert "broken" not in [one["flow"] for one in merganser("flows", "list")]


def test_a_flow_is_edited_compared_paused_and_taken_back(merganser: Verb, tmp_path: Path) -> None:
    path = tmp_path / "edited.yaml"
    path.write_text(FLOW.replace("call-back", "edited").replace("event: created", "event: manual"))
    merganser("flows", "apply", str(path))
    merganser("flows", "activate", "edited")
    path.write_text(path.read_text().replace("value: 10", "value: 20"))
    merganser("flows", "apply", str(path), "--draft")
    [listed] = [one for one in merganser("flows", "list") if one["flow"] == "edited"]
    assert (listed["state"], listed["live_version"], listed["draft_version"]) == ("active", 2, 3)
    assert merganser("flows", "diff", "edited")["lines"] == ["when value: 10 → 20"]
    assert "value: 10" in merganser("flows", "show", "edited", "--version", "2")
    merganser("flows", "pause", "edited", "--queue")
    merganser("flows", "activate", "edited")
    merganser("flows", "rollback", "edited", "1")
    states = [(one["version"], one["state"]) for one in merganser("flows", "versions", "edited")]
    assert states[0] == (7, "active") and states[-1] == (1, "draft") and (4, "paused") in states
    meant = merganser("flows", "activate", "edited", "--version", "1", "--dry-run")
    assert (meant["flow"], meant["problems"], meant["cycles"]) == ("edited", [], [])
    assert merganser("flows", "duplicate", "edited", "A copy") == {"flow": "a-copy"}
    assert merganser("flows", "discard", "a-copy", code=1)["status"] == 409


def test_a_flow_is_tried_tried_again_and_its_held_runs_are_decided(applied: Verb, tmp_path: Path) -> None:
    load(applied, tmp_path, "--silent", subject="T")
    sql = "SELECT CAST(id AS VARCHAR) AS id FROM inquiries WHERE subject = 'T large'"
    [record] = [row["id"] for row in applied("query", sql)]
    [tried] = applied("flows", "test", "call-back", "--id", record)["records"]
    assert (tried["state"], tried["steps"][0]["values"]["title"]) == ("done", "Call about T large")
    [made] = applied("flows", "test", "call-back", "--values", '{"subject": "V", "amount": 3}')["records"]
    assert made["state"] == "not_matched"
    assert applied("flows", "test", "call-back", "--values", "[", code=1)["status"] == 422
    ran = applied("flows", "run", "call-back", "--module", "inquiries", "--id", record)["run_id"]
    assert applied("flows", "retry", ran, code=1)["status"] == 409
    assert applied("flows", "cancel", ran) == {"runs": [ran], "messages_dropped": 0}
    assert applied("flows", "release", "call-back") == {"released": 0}
    assert applied("flows", "drop", "call-back") == {"dropped": 0}


def test_the_mistakes_of_a_file_are_told_with_their_lines(merganser: Verb, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(FLOW.replace("amount", "amont").replace("sales", "seals"))
    errors = merganser("flows", "apply", str(tmp_path), code=1)["errors"]
    assert [(error["field"], error["line"]) for error in errors] == [
        ("when.field", 5),
        ("do.0.create_task.team", 7),
    ]
