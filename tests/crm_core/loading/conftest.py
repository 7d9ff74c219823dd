"""Ways to write a file, load it, and look at what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.loading import LoadOptions, LoadResult, Preview, UndoResult, load, preview, read_rejects, undo
from tests.crm_core.conftest import ADMIN, Crm

STAMPS = ("change_id", "version")
Loader = Callable[..., LoadResult]


@dataclass
class Loading:
    """A workspace, and a folder for its files."""

    crm: Crm
    folder: Path

    def write(self, text: str | bytes, name: str = "file.csv") -> Path:
        """Write a file and give its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def load(
        self,
        text: str | bytes,
        module: str = "customers",
        *,
        name: str = "file.csv",
        actor: Actor = ADMIN,
        **more: Any,
    ) -> LoadResult:
        """Load a text; its rows are accounted for, whatever it is."""
        result = load(
            self.crm.lake, [self.write(text, name)], module=module, actor=actor, options=LoadOptions(**more)
        )
        assert result.read == result.inserted + result.updated + result.unchanged + result.rejected
        return result

    def preview(self, text: str, module: str = "customers", **more: Any) -> Preview:
        """What loading a text would do."""
        return preview(
            self.crm.lake, [self.write(text)], module=module, actor=ADMIN, options=LoadOptions(**more)
        )

    def undo(self, result: LoadResult) -> UndoResult:
        """Take a load back."""
        return undo(self.crm.lake, result.load_id, actor=ADMIN)

    def rejects(self, result: LoadResult) -> list[tuple[Any, ...]]:
        """(line, column, value, code, whether the row was loaded) of what was not taken."""
        told = read_rejects(self.crm.lake, result.load_id, actor=ADMIN)
        return [(r["line"], r["column"], r["value"], r["code"], r["row_loaded"]) for r in told]

    def rows(
        self, columns: str, module: str = "customers", where: str = "deleted_at IS NULL"
    ) -> list[tuple[Any, ...]]:
        """Columns of the records of a module, in order."""
        return self.crm.lake.read(
            f"SELECT {columns} FROM lake.crm.{module} WHERE {where} ORDER BY ALL"
        ).rows()

    def tables(self, *names: str) -> dict[str, list[tuple[Any, ...]]]:
        """Whole tables, but for the stamps of the last change."""
        found = {}
        for name in names:
            frame = self.crm.lake.read(f"SELECT * FROM lake.crm.{name} ORDER BY ALL")
            kept = [column for column in frame.columns if column not in STAMPS]
            found[name] = sorted(frame.select(kept).rows(), key=repr)
        return found

    def id_of(self, tax_id: str) -> str:
        """The id of the customer with a tax id."""
        sql = "SELECT id::VARCHAR FROM lake.crm.customers WHERE tax_id = ? AND deleted_at IS NULL"
        return str(self.crm.lake.read(sql, [tax_id]).item())


@pytest.fixture(scope="session")
def threads() -> int:
    """Two: a load must be right when its parts run side by side."""
    return 2


@pytest.fixture
def loading(crm: Crm, tmp_path: Path) -> Loading:
    return Loading(crm, tmp_path / "files")


@pytest.fixture(scope="module")
def looking(shared: Crm, tmp_path_factory: pytest.TempPathFactory) -> Loading:
    """For previews, which write nothing."""
    return Loading(shared, tmp_path_factory.mktemp("files"))
