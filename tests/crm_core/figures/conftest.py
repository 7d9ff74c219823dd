"""A customer of one's own, ways to give it records, and its rows as plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from crm_core import definitions, people, records
from crm_core.access import Actor
from crm_core.workspace import prepare
from lake import Lake, LakeConfig, table
from tests.crm_core.conftest import ADMIN, USERS, Crm

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


@dataclass
class Book:
    """One customer: `add` gives it a record, `ask` reads a figure, `rows` has its records as they are stored."""

    crm: Crm
    customer: str

    def add(self, module: str, **values: Any) -> str:
        """Make a record of the customer."""
        return self.crm.create(module, **{"customer": self.customer} | values)

    def change(self, module: str, record_id: str, **values: Any) -> None:
        """Change a record."""
        records.update(self.crm.lake, module=module, record_id=record_id, values=values, actor=ADMIN)

    def ask(self, slug: str, *, actor: Actor = ADMIN, at: int | None = None, now: datetime = NOW) -> Any:
        """What the figures of a section say."""
        read = import_module(f"crm_core.figures.{slug}").read
        return read(
            self.crm.lake, self.crm.catalog, module="customers", record_id=self.customer, actor=actor, at=at,
            now=now,
        )  # fmt: skip

    def rows(self, module: str) -> list[dict[str, Any]]:
        """The live rows of a module that name the customer."""
        return self.crm.lake.read(
            f"SELECT * FROM {table('crm', module)} WHERE customer = ?::UUID AND deleted_at IS NULL",
            [self.customer],
        ).to_dicts()

    def shown(self, slug: str) -> list[tuple[str, Any, str]]:
        """(label, value, currency) of the figures."""
        return [(one.label, one.value, one.currency) for one in self.ask(slug).figure]


@pytest.fixture
def book(freight: Crm) -> Book:
    """A customer of the forwarder; beside him another, whose records must not count."""
    return Book(freight, freight.create(name="Somebody"))


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]) -> Iterator[Crm]:
    """The pack `ecommerce` without a record."""
    folder = tmp_path_factory.mktemp("shop")
    config = LakeConfig(catalog=new_catalog(folder), data_path=str(folder / "data"), threads=1)
    with Lake.open(config) as lake:
        prepare(lake)
        definitions.apply_pack(lake, "ecommerce", actor=Actor.local_admin())
        people.save_users(lake, USERS, actor=Actor.system())
        yield Crm(lake)


@pytest.fixture
def buyer(shop: Crm) -> Book:
    """A customer of the shop."""
    return Book(shop, shop.create(name="Buyer"))
