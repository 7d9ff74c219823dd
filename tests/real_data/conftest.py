"""Real data that packages ship, and ways to load it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crm_core.access import Actor
from crm_core.loading import LoadOptions, LoadResult, load, load_contract
from crm_core.settings import read_settings
from crm_core.workspace import Workspace, open_workspace
from flows import schema_sql
from lake import Lake

ROOT = Path(__file__).resolve().parents[2]
ADMIN = Actor.local_admin()


@dataclass(frozen=True)
class Filled:
    """A workspace that real data are loaded into."""

    lake: Lake

    def load(self, path: Path, module: str, **more: Any) -> LoadResult:
        """Load a file; its rows are accounted for."""
        return self._balanced(path, module, LoadOptions(silent=True, **more))

    def load_mapped(self, path: Path, mapping: Path) -> LoadResult:
        """Load a file as a mapping says."""
        contract = load_contract(mapping, source=mapping.stem)
        return self._balanced(path, contract.module, LoadOptions(contract=contract, silent=True))

    def read(self, sql: str) -> pl.DataFrame:
        """Read the lake."""
        return self.lake.read(sql)

    def _balanced(self, path: Path, module: str, options: LoadOptions) -> LoadResult:
        result = load(self.lake, [path], module=module, actor=ADMIN, options=options)
        assert result.read == result.inserted + result.updated + result.unchanged + result.rejected
        return result


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Filled]]:
    """Makes workspaces with the definitions of a pack."""
    opened: list[Workspace] = []

    def make(pack: str) -> Filled:
        home = tmp_path_factory.mktemp("home")
        settings = {"MERGANSER_HOME": str(home), "MERGANSER_PACK": pack, "MERGANSER_MEMORY_LIMIT": "1GB"}
        opened.append(open_workspace(read_settings(settings), schemas=[schema_sql()]))
        return Filled(opened[-1].lake)

    yield make
    for workspace in opened:
        workspace.close()
