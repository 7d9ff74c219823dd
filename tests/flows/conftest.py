"""A small workspace for flows: customers, inquiries, tasks and messages in a real lake."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from crm_core.access import Actor
from crm_core.definitions import apply_pack
from crm_core.workspace import prepare
from flows import schema_sql
from lake import Lake, LakeConfig

HERE = Path(__file__).parent
SYSTEM = Actor.system()


@pytest.fixture(scope="session")
def prepared_config(
    tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]
) -> LakeConfig:
    """A lake with the workspace's definitions, made once and closed again."""
    folder = tmp_path_factory.mktemp("flows")
    config = LakeConfig(catalog=new_catalog(folder), data_path=str(folder / "data"), threads=1)
    with Lake.open(config) as lake:
        fill(lake)
    return config


def fill(lake: Lake) -> Lake:
    """Give a lake the workspace's definitions."""
    prepare(lake, schemas=[schema_sql()])
    apply_pack(lake, HERE / "workspace.yaml", actor=SYSTEM)
    return lake


NewLake = Callable[[Path], LakeConfig]


@pytest.fixture(scope="session")
def new_lake(prepared_config: LakeConfig, catalog_kind: str, copy_catalog: Callable[[str], str]) -> NewLake:
    """Makes a lake of one's own in a folder, with the workspace's definitions."""

    def make(folder: Path) -> LakeConfig:
        # New files of all copies lie side by side; none has another's in its catalog.
        if catalog_kind != "sqlite":
            return replace(prepared_config, catalog=copy_catalog(prepared_config.catalog))
        shutil.copy(prepared_config.place, folder / "catalog.sqlite")
        return replace(prepared_config, catalog=f"sqlite:{folder / 'catalog.sqlite'}")

    return make


@pytest.fixture
def crm_config(new_lake: NewLake, tmp_path: Path) -> LakeConfig:
    """A lake of one's own that has the workspace's definitions."""
    return new_lake(tmp_path)


@pytest.fixture(scope="module")
def shared(new_lake: NewLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """As `crm`, one for all tests of a file: each looks only at what it made itself."""
    with Lake.open(new_lake(tmp_path_factory.mktemp("shared"))) as lake:
        yield lake


@pytest.fixture
def crm(crm_config: LakeConfig) -> Iterator[Lake]:
    """A lake with the workspace's definitions and no records."""
    with Lake.open(crm_config) as lake:
        yield lake
