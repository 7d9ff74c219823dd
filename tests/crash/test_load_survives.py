"""A load that is killed at any moment is there as a whole or not at all, and is there once when it is repeated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crm_core.access import Actor
from crm_core.definitions import apply_pack
from crm_core.loading import LoadOptions, load
from crm_core.loading.files import LARGE
from crm_core.workspace import prepare
from lake import Lake, LakeConfig, maintenance
from tests.crash.killing import killed
from tests.crm_core.conftest import PACK

KILLS = 2
ROWS = LARGE + 1000  # so that they are written as files outside the lock
ADMIN = Actor.local_admin()

LOADER = """
import sys
from pathlib import Path
from crm_core.access import Actor
from crm_core.loading import LoadOptions, load
from lake import Lake, LakeConfig

with Lake.open(LakeConfig(catalog=sys.argv[1], data_path=sys.argv[2], threads=2)) as lake:
    print("ready", flush=True)
    options = LoadOptions(source="erp", key=tuple(filter(None, sys.argv[4].split(","))))
    load(lake, [Path(sys.argv[3])], module="customers", actor=Actor.local_admin(), options=options)
    print("done", flush=True)
"""


@pytest.fixture
def config(tmp_path: Path, new_catalog: Callable[[Path], str]) -> LakeConfig:
    config = LakeConfig(catalog=new_catalog(tmp_path), data_path=str(tmp_path / "data"), threads=2)
    with Lake.open(config) as lake:
        prepare(lake)
        apply_pack(lake, str(PACK), actor=Actor.system())
    return config


def write_file(path: Path, version: int) -> Path:
    lines = (f"AA{n},Person {n},v{version if n % 2 else 0}p{n}@x.example\n" for n in range(ROWS))
    path.write_text("tax id,name,email\n" + "".join(lines))
    return path


def of_version(lake: Lake, version: int) -> tuple[object, ...]:
    """How many records, and how many of them, their primary addresses and their sources are of a version."""
    found = lake.read(
        f"""SELECT
        (SELECT count(*) FROM lake.crm.customers) AS records,
        (SELECT count(DISTINCT number) FROM lake.crm.customers) AS numbers,
        (SELECT count(*) FROM lake.crm.customers WHERE email LIKE 'v{version}p%') AS changed,
        (SELECT count(*) FROM lake.crm.contact_points WHERE deleted_at IS NULL AND "primary"
            AND standardised LIKE 'v{version}p%') AS points,
        (SELECT count(*) FROM lake.crm.contact_points WHERE deleted_at IS NULL AND "primary") AS primary,
        (SELECT count(*) FROM lake.crm.customers__source) AS sources,
        (SELECT count(*) FROM lake.crm.customers__source WHERE email LIKE 'v{version}p%') AS said"""
    )
    return found.row(0)


def whole(version: int) -> tuple[int, ...]:
    half = ROWS // 2 if version else ROWS
    return (ROWS, ROWS, half, half, ROWS, ROWS, half)


NOTHING = (0,) * 7


@pytest.mark.parametrize("key", ["tax_id", ""], ids=["upsert", "insert"])
def test_a_first_load_that_is_killed_is_whole_or_not_there(
    config: LakeConfig, tmp_path: Path, key: str
) -> None:
    path = write_file(tmp_path / "people.csv", 0)
    with Lake.open(config) as lake:
        for _ in range(KILLS):
            with killed(LOADER, config, str(path), key, within=2.0):
                pass
            assert of_version(lake, 0) in (NOTHING, whole(0))
        options = LoadOptions(source="erp", key=(key,) if key else ())
        result = load(lake, [path], module="customers", actor=ADMIN, options=options)
        assert result.inserted + result.unchanged == ROWS
        assert of_version(lake, 0) == whole(0)
        maintenance.run(lake, everything=True)
        assert of_version(lake, 0) == whole(0)


def test_an_update_that_is_killed_is_whole_or_not_there(config: LakeConfig, tmp_path: Path) -> None:
    options = LoadOptions(source="erp", key=("tax_id",))
    with Lake.open(config) as lake:
        load(lake, [write_file(tmp_path / "people.csv", 0)], module="customers", actor=ADMIN, options=options)
        done = 0
        for version in range(1, KILLS + 1):
            path = write_file(tmp_path / "people.csv", version)
            with killed(LOADER, config, str(path), "tax_id", within=3.0):
                pass
            if of_version(lake, version) == whole(version):
                done = version
            assert of_version(lake, done) == whole(done)
            loads = lake.read("SELECT count(*) AS n FROM lake.ops.loads WHERE snapshot IS NOT NULL").item()
        load(lake, [path], module="customers", actor=ADMIN, options=options)
        assert of_version(lake, KILLS) == whole(KILLS)
        again = lake.read("SELECT count(*) AS n FROM lake.ops.loads WHERE snapshot IS NOT NULL").item()
        assert again == loads + (done != KILLS)
