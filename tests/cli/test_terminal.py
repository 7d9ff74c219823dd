"""Commands: what they print, how they end, who may."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run

CSV = "name,email\nIda Berg,ida@terminal.example\nOle Dahl,nonsense\n"


def test_help_answers_at_once_and_names_every_command(merganser: Run) -> None:
    answer = merganser("--help")
    commands = {
        "serve",
        "work",
        "demo",
        "load",
        "undo",
        "loads",
        "rejects",
        "sources",
        "watch",
        "query",
        "history",
    }
    commands |= {"flows", "report", "outbox", "mail", "changes", "maintain", "check", "keys", "modules"}
    assert answer.code == 0
    assert commands - set(re.findall(r"│ ([a-z]+) ", answer.out)) == set()


def test_help_imports_nothing_heavy() -> None:
    heavy = "{'duckdb', 'polars', 'pydantic', 'fastapi'}"
    assert of_a_new_process(f"import sys, cli; print(sorted({heavy} & set(sys.modules)))") == "[]\n"


def test_a_command_imports_what_it_needs(tmp_path: Path) -> None:
    code = "from cli import app; app(['query', 'SELECT 1 AS n', '--json'])"
    assert json.loads(of_a_new_process(code, MERGANSER_HOME=str(tmp_path))) == [{"n": 1}]


def of_a_new_process(code: str, **settings: str) -> str:
    """What a process says that has imported nothing yet."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | settings
    )
    return done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("nope",), id="an unknown command"),
        pytest.param(("query",), id="a missing argument"),
        pytest.param(("load", "x.csv"), id="a missing option"),
        pytest.param(("keys", "add", "--role", "boss"), id="an unknown choice"),
        pytest.param(("flows",), id="a group alone"),
    ],
)
def test_wrong_usage_ends_with_2(merganser: Run, arguments: tuple[str, ...]) -> None:
    answer = merganser(*arguments)
    assert (answer.code, answer.out) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        pytest.param(("query", "DROP TABLE customers"), "query-refused", id="a query"),
        pytest.param(
            ("load", "nope.csv", "--module", "customers"), "not-found", id="a file that is not there"
        ),
        pytest.param(("load", "README.md", "--module", "nope"), "unknown-module", id="an unknown module"),
        pytest.param(("rejects", "nope"), "unknown-load", id="an unknown load"),
        pytest.param(("undo", "nope"), "unknown-load", id="undo of an unknown load"),
        pytest.param(("history", "customers", "nope"), "record-not-found", id="an unknown record"),
        pytest.param(("flows", "show", "nope"), "unknown-flow", id="an unknown flow"),
        pytest.param(("modules", "apply", "nope"), "pack-invalid", id="an unknown pack"),
        pytest.param(("query", "SELECT 1", "--as", "nobody"), "unknown-user", id="an unknown user"),
        pytest.param(("maintain", "--as", "hugo"), "forbidden", id="what a viewer may not"),
    ],
)
def test_a_failure_is_one_problem_document(filled: Run, arguments: tuple[str, ...], kind: str) -> None:
    answer = filled(*arguments, "--json")
    assert (answer.code, answer.json["type"]) == (1, f"urn:merganser:{kind}")
    plain = filled(*arguments)
    assert (plain.code, plain.out) == (1, "") and answer.json["detail"] in plain.err


def test_a_wrong_setting_stops_the_start_with_one_sentence(merganser: Run) -> None:
    answer = merganser("serve", MERGANSER_PORT="many")
    assert answer.code == 1
    assert answer.err.strip() == "The setting MERGANSER_PORT is 'many'; allowed is a number from 1 to 65535."


def test_a_load_tells_its_counts_and_its_rejects(filled: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text(CSV)
    dry = filled("load", str(file), "--module", "customers", "--key", "email", "--dry-run", "--json")
    done = filled("load", str(file), "--module", "customers", "--key", "email", "--json")
    names = ["load_id", "read", "inserted", "updated", "unchanged", "rejected", "values_rejected"]
    names += ["pending_references", "held_messages", "files", "snapshot", "seconds"]
    assert list(done.json) == names
    assert (done.json["read"], done.json["inserted"], done.json["rejected"]) == (2, 1, 1)
    assert (dry.json["inserted"], dry.json["snapshot"]) == (1, None)
    [reject] = filled("rejects", done.json["load_id"], "--json").json
    shown = {name: reject[name] for name in ("line", "column", "field", "value", "row_loaded")}
    assert shown == {"line": 3, "column": "email", "field": "email", "value": "nonsense", "row_loaded": False}
    assert filled("undo", done.json["load_id"], "--json").json["deleted"] == 1
    assert filled("undo", done.json["load_id"], "--json").code == 1


def test_standard_input_is_a_file(filled: Run) -> None:
    answer = filled("load", "-", "--module", "customers", "--source", "pipe", "--json", input=CSV)
    assert (answer.code, answer.json["read"]) == (0, 2)


def test_a_query_is_json_or_csv(filled: Run) -> None:
    sql = "SELECT 1.50::DECIMAL(9,2) AS d, 'nan'::DOUBLE AS n, '2026-01-02T03:04:05Z'::TIMESTAMPTZ AS t, '=1' AS f"
    rows = filled("query", sql, "--format", "json").json
    assert rows == [{"d": 1.5, "n": None, "t": "2026-01-02T03:04:05.000Z", "f": "=1"}]
    assert filled("query", "SELECT '=1' AS f", "--format", "csv").out == "f\n'=1\n"


def test_an_agent_sees_what_he_sees(filled: Run) -> None:
    counts = {}
    for user in ("grace", "david"):
        [row] = filled("query", "SELECT count(*) AS n FROM inquiries", "--as", user, "--json").json
        counts[user] = row["n"]
        [listed] = [
            m for m in filled("modules", "list", "--as", user, "--json").json if m["slug"] == "inquiries"
        ]
        assert listed["records"] == row["n"]
    assert counts["david"] < counts["grace"]


def test_definitions_go_out_and_come_in_again(filled: Run, tmp_path: Path) -> None:
    file = tmp_path / "pack.yaml"
    file.write_text(filled("modules", "export").out)
    again = filled("modules", "apply", str(file), "--json")
    assert (again.code, again.json["changes"]) == (0, [])


def test_history_and_changes_tell_who_and_why(filled: Run) -> None:
    [record] = filled("query", "SELECT id FROM customers ORDER BY id LIMIT 1", "--json").json
    told = filled("history", "customers", record["id"], "--json").json
    assert {"field", "old", "new", "occurred_at", "actor", "reason"} <= set(told[0])
    changes = filled("changes", "--limit", "2", "--json").json
    assert len(changes) == 2 and changes[0]["snapshot"] > changes[1]["snapshot"]


def test_the_commands_of_the_readme_work_on_an_empty_home(merganser: Run, tmp_path: Path) -> None:
    load_id, page = "", (ROOT / "README.md").read_text()
    for folder in re.findall(r"^mkdir -p (\S+)", page, re.MULTILINE):
        (tmp_path / folder).mkdir()
    for line in re.findall(r"^\.venv/bin/merganser (.*)", page, re.MULTILINE):
        words = line.replace("LOAD_ID", load_id).replace("inbox", str(tmp_path / "inbox")).split()
        more = ["--once"] if words[0] == "watch" else []
        answer = merganser(*words, *more, "--json", MERGANSER_HOME=str(tmp_path / "home"))
        assert answer.code == 0, f"merganser {line}: {answer.err}"
        load_id = answer.json[0]["load_id"] if words[0] == "loads" else load_id
    assert load_id


def commands_of(page: str) -> list[str]:
    text = (Path(__file__).resolve().parents[2] / page).read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line.removeprefix("merganser ") for line in lines if line.startswith("merganser ")]


def test_every_command_in_the_docs_runs(filled: Run) -> None:
    import shlex

    for line in commands_of("docs/terminal.md") + commands_of("docs/api.md"):
        if not line.startswith("demo"):
            answer = filled(*shlex.split(line))
            assert answer.code == 0, f"merganser {line}: {answer.err}"


def test_a_demo_leaves_nothing_for_the_flows_to_do(filled: Run, home: Path) -> None:
    before = filled("query", "SELECT count(*) AS n FROM tasks", "--json").json
    worked = filled("work", "--once", "--json", MERGANSER_HOME=str(home)).json
    assert worked["runs"] == 0 and filled("query", "SELECT count(*) AS n FROM tasks", "--json").json == before


def test_whatever_the_format_json_is_one_document(filled: Run) -> None:
    sql = "SELECT 1 AS n"
    for given in (
        ("--format", "json"),
        ("--format", "json", "--json"),
        ("--format", "csv", "--json"),
        ("--json",),
    ):
        assert filled("query", sql, *given).json == [{"n": 1}], given


def test_a_mail_is_written_with_a_file(merganser: Run, tmp_path: Path) -> None:
    paper = tmp_path / "offer.txt"
    paper.write_text("1,200 EUR")
    words = ("--subject", "Our offer", "--text", "See the file.", "--file", str(paper))
    sent = merganser("mail", "send", "anna@buyer.example", *words, "--json")
    assert sent.code == 0, sent.err
    [row] = merganser("outbox", "list", "--json").json
    assert (row["recipient"], row["message_id"]) == ("anna@buyer.example", sent.json["message_id"])
