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
def merganser(home: Path) -> Run:
    """Runs `merganser` with some arguments in a process of its own."""

    def run(*arguments: str, input: str = "", **settings: str) -> Answer:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MERGANSER_")}
        env = kept | {"MERGANSER_HOME": str(home), "PYTHONPATH": str(ROOT)} | settings
        command = [sys.executable, "-c", "from cli import app; app()", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=env, input=input, capture_output=True, text=True, timeout=300
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def filled(merganser: Run, home: Path) -> Iterator[Run]:
    """The same, on a home with a small demo."""
    made = merganser("demo", "--size", "60", "--json")
    assert made.code == 0, made.err
    yield merganser
