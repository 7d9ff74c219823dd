"""A session to stage in, and a way to write a file and see what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lake import Lake, LakeConfig, Session
from lake.ingest import Options, Staged, stage


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("lake")
    config = LakeConfig(catalog=f"sqlite:{folder}/catalog.sqlite", data_path=str(folder / "data"), threads=1)
    with Lake.open(config) as lake, lake.session() as opened:
        yield opened


@dataclass(frozen=True)
class Seen:
    """What was staged: rows as `(line, *cells)`, defects as `(line, code)` by whether they drop the row."""

    staged: Staged
    rows: list[tuple[object, ...]]
    dropped: list[tuple[int, str]]
    noted: list[tuple[int, str]]


Read = Callable[..., Seen]


@pytest.fixture
def read(session: Session, tmp_path: Path) -> Read:
    def read_bytes(data: bytes | str, *, name: str = "people.csv", **options: object) -> Seen:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return see(session, stage(session, [path], options=Options(**options)))  # type: ignore[arg-type]

    return read_bytes


def see(session: Session, staged: Staged) -> Seen:
    rows = [row[1:] for row in session.read(f"SELECT * FROM {staged.table} ORDER BY file_no, line").rows()]
    defects = session.read(f"SELECT line, code, row_dropped FROM {staged.defects} ORDER BY ALL").rows()
    dropped = [(line, code) for line, code, drops in defects if drops]
    assert (staged.rows, staged.rows_dropped) == (len(rows), len(dropped))
    return Seen(staged, rows, dropped, [(line, code) for line, code, drops in defects if not drops])
