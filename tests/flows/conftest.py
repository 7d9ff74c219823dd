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
    config = LakeConfig(catalog=new_catalog(folder), data_path=str(folder / "data"), threads=2)
    with Lake.open(config) as lake:
        fill(lake)
    return config


def fill(lake: Lake) -> Lake:
    """Give a lake the workspace's definitions."""
    prepare(lake, schemas=[schema_sql()])
    apply_pack(lake, HERE / "workspace.yaml", actor=SYSTEM)
    return lake


@pytest.fixture
def crm_config(
    prepared_config: LakeConfig, catalog_kind: str, tmp_path: Path, new_catalog: Callable[[Path], str]
) -> LakeConfig:
    """A lake of one's own that has the workspace's definitions."""
    if catalog_kind == "sqlite":
        shutil.copy(prepared_config.place, tmp_path / "catalog.sqlite")
        # New files of all copies lie side by side; none has another's in its catalog.
        return replace(prepared_config, catalog=f"sqlite:{tmp_path / 'catalog.sqlite'}")
    config = LakeConfig(catalog=new_catalog(tmp_path), data_path=str(tmp_path / "data"), threads=2)
    with Lake.open(config) as lake:
        fill(lake)
    return config


@pytest.fixture
def crm(crm_config: LakeConfig) -> Iterator[Lake]:
    """A lake with the workspace's definitions and no records."""
    with Lake.open(crm_config) as lake:
        yield lake
