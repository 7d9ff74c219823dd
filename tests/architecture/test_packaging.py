"""What a newcomer installs is what was tested."""

from __future__ import annotations

import re
import tomllib

from tests.architecture.source import ROOT

PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==(\S+)", re.MULTILINE)


def test_the_test_lock_contains_the_run_lock() -> None:
    run, test = _pins("requirements.lock"), _pins("requirements-test.lock")
    assert run and run <= test


def test_the_engine_and_its_extensions_are_one_version() -> None:
    pins = dict(_pins("requirements.lock"))
    engine = [pins["duckdb"]] + [v for name, v in pins.items() if name.startswith("duckdb-extension-")]
    assert set(engine) == {"1.5.5"}


def test_every_direct_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = {_name(name) for name, _ in _pins("requirements-test.lock")}
    wanted = {_name(line) for line in [*project["dependencies"], *project["optional-dependencies"]["test"]]}
    assert wanted - locked - {"merganser"} == set()


def _pins(file: str) -> set[tuple[str, str]]:
    return set(PINNED.findall((ROOT / file).read_text()))


def _name(requirement: str) -> str:
    matched = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert matched is not None
    return re.sub(r"[-_.]+", "-", matched.group()).lower()
