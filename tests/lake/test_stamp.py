"""The number of the current snapshot is known without asking the catalog, as long as nobody has written to it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from lake import Change, Lake, LakeConfig, Transaction
from lake.stamp import CatalogFiles


@pytest.fixture
def config(tmp_path: Path) -> LakeConfig:
    return LakeConfig(catalog=f"sqlite:{tmp_path / 'catalog.sqlite'}", data_path=str(tmp_path / "data"))


def write(lake: Lake, number: int) -> int | None:
    def work(tx: Transaction) -> None:
        tx.execute(f"CREATE TABLE lake.main.t{number} (n INTEGER)")

    return lake.commit(work, Change(actor="system", door="test", reason="a table")).snapshot


def age(config: LakeConfig, seconds: float) -> None:
    """Let the catalog's files look as if they had been written some time ago."""
    for name in (config.place, f"{config.place}-wal"):
        if Path(name).exists():
            os.utime(name, (time.time() - seconds, time.time() - seconds))


def test_what_another_connection_writes_is_seen_at_once_also_after_a_long_rest(config: LakeConfig) -> None:
    with Lake.open(config) as one, Lake.open(config) as other:
        for number in range(8):
            age(config, 100 - number)
            assert one.snapshot() == one.snapshot() == other.snapshot()
            written = write(other, number)
            assert one.snapshot() == written == other.snapshot()


def test_files_at_rest_keep_their_stamp_and_lose_it_with_a_commit(config: LakeConfig) -> None:
    files = CatalogFiles(Path(config.place))
    with Lake.open(config) as lake:
        age(config, 60)
        rest = files.stamp()
        assert rest is not None
        assert files.stamp() == rest
        write(lake, 1)
        assert files.stamp() != rest


def test_files_written_a_moment_ago_have_no_stamp_yet(config: LakeConfig) -> None:
    with Lake.open(config) as lake:
        write(lake, 1)
        assert CatalogFiles(Path(config.place)).stamp() is None
