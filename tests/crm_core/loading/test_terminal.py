"""The way of a file at the terminal: a dry run, the load, its rejects mended and loaded, and the way back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import app
from tests.crm_core.conftest import PACK

BAD = "tax id,name,age\nDE1,Anna,old\nDE2,,5\nDE3,Cora,7\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("terminal")


def merganser(home: Path, *arguments: str, ends: int = 0) -> Any:
    """What a command says with `--json`."""
    env = {"MERGANSER_HOME": str(home), "MERGANSER_PACK": str(PACK)}
    done = CliRunner().invoke(app, [*arguments, "--json"], env=env)
    assert done.exit_code == ends, done.output
    return json.loads(done.stdout)


def counts(result: dict[str, Any]) -> tuple[int, ...]:
    return tuple(
        result[name] for name in ("read", "inserted", "updated", "unchanged", "rejected", "values_rejected")
    )


def test_a_file_is_tried_loaded_mended_and_taken_back(home: Path) -> None:
    file, mended = home / "people.csv", home / "mended.csv"
    file.write_text(BAD)
    given = ("--module", "customers", "--key", "tax_id", "--source", "erp")
    assert counts(merganser(home, "load", str(file), *given, "--dry-run")) == (3, 2, 0, 0, 1, 1)
    first = merganser(home, "load", str(file), *given)
    assert counts(first) == (3, 2, 0, 0, 1, 1)
    told = merganser(home, "rejects", first["load_id"], "--out", str(mended))
    assert [(r["line"], r["column"], r["value"], r["row_loaded"]) for r in told] == [
        (2, "age", "old", True),
        (3, "name", "", False),
    ]
    mended.write_text(mended.read_text().replace("Anna,old", "Anna,41").replace('DE2,"",5', "DE2,Bob,5"))
    second = merganser(home, "load", str(mended), *given)
    assert counts(second) == (2, 1, 1, 0, 0, 0)
    people = "SELECT tax_id, name, age FROM customers ORDER BY tax_id"
    assert [(r["name"], r["age"]) for r in merganser(home, "query", people)] == [
        ("Anna", 41),
        ("Bob", 5),
        ("Cora", 7),
    ]
    assert [one["state"] for one in merganser(home, "loads")] == ["done", "done"]
    assert merganser(home, "undo", second["load_id"])["conflicts"] == []
    assert [(r["name"], r["age"]) for r in merganser(home, "query", people)] == [("Anna", None), ("Cora", 7)]
    assert merganser(home, "undo", second["load_id"], ends=1)["status"] == 409
