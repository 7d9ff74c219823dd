"""A small workspace for flows: customers, inquiries, tasks and messages in a real lake."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_core.access import Actor
from crm_core.definitions import apply_pack
from crm_core.workspace import prepare
from flows import schema_sql
from lake import Lake

HERE = Path(__file__).parent
SYSTEM = Actor.system()


@pytest.fixture
def crm(lake: Lake) -> Lake:
    """A lake with the workspace's definitions and no records."""
    prepare(lake, schemas=[schema_sql()])
    apply_pack(lake, HERE / "workspace.yaml", actor=SYSTEM)
    return lake
