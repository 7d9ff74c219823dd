"""A small demo, made once for the tests of this folder that only read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_core.access import Actor
from crm_core.definitions import apply_pack
from crm_core.demo import DemoMade, make_demo
from crm_core.workspace import prepare
from lake import Lake, LakeConfig

UNTIL = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
SIZE = 120


@dataclass(frozen=True)
class Demo:
    """A lake with the demo, what was told of it, and where the blobs are."""

    lake: Lake
    made: DemoMade
    files: Path
    told: list[tuple[str, int, int]]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    config = LakeConfig(catalog=new_catalog(folder), data_path=str(folder / "data"), threads=1)
    told: list[tuple[str, int, int]] = []
    with Lake.open(config) as lake:
        prepare(lake)
        apply_pack(lake, "logistics", actor=Actor.local_admin())
        made = make_demo(
            lake, size=SIZE, until=UNTIL, files=folder / "files", progress=lambda *step: told.append(step)
        )
        yield Demo(lake, made, folder / "files", told)
