"""The terminal as people and scripts use it: real processes on a real home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Answer:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        return json.loads(self.out)


Run = Callable[..., Answer]


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of all commands here."""
    return tmp_path_factory.mktemp("terminal")


@pytest.fixture(scope="session")
def parent() -> Iterator[subprocess.Popen[str]]:
    """The process that all commands are forked from."""
    command = [sys.executable, "-m", "tests.cli.forking"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


@pytest.fixture(scope="session")
def merganser(home: Path, parent: subprocess.Popen[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs `merganser` with some arguments in a process of its own."""
    files = {name: tmp_path_factory.mktemp("said") / name for name in ("input", "output", "errors")}

    def run(*arguments: str, input: str = "", **settings: str) -> Answer:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MERGANSER_")}
        env = kept | {"MERGANSER_HOME": str(home), "PYTHONPATH": str(ROOT)} | settings
        for name, path in files.items():
            path.write_text(input if name == "input" else "")
        asked = {"arguments": arguments, "environment": env}
        assert parent.stdin is not None and parent.stdout is not None
        parent.stdin.write(json.dumps(asked | {name: str(path) for name, path in files.items()}) + "\n")
        parent.stdin.flush()
        code = int(parent.stdout.readline())
        return Answer(code, files["output"].read_text(), files["errors"].read_text())

    return run


@pytest.fixture(scope="session")
def filled(merganser: Run, home: Path) -> Iterator[Run]:
    """The same, on a home with a small demo."""
    made = merganser("demo", "--size", "60", "--json")
    assert made.code == 0, made.err
    yield merganser
