"""A workspace with a field of every kind, made once and copied for each test that writes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crm_core import definitions, people, records
from crm_core.access import Actor
from crm_core.model import Catalog
from crm_core.people import User
from crm_core.records import Writer
from crm_core.settings import read_settings
from crm_core.shape import Record
from crm_core.workspace import Workspace, open_workspace, prepare
from flows import schema_sql
from lake import Lake, LakeConfig

ADMIN = Actor("ann", "admin", name="Ann")
AGENT = Actor("bob", "agent", ("service",), "Bob")
OTHER = Actor("sue", "agent", ("sales",), "Sue")
VIEWER = Actor("vic", "viewer", ("service",), "Vic")
USERS = (
    User("ann", "Ann Admin", "ann@tests.example", "admin"),
    User("bob", "Bob Agent", "bob@tests.example", "agent", ("service",)),
    User("sue", "Sue Seller", "sue@tests.example", "agent", ("sales",)),
    User("vic", "Vic Viewer", "vic@tests.example", "viewer", ("service",)),
    User("old", "Olga Old", None, "agent", active=False),
)
PACK = Path(__file__).with_name("workspace.yaml")


@dataclass(frozen=True)
class Crm:
    """The lake of a test, with short ways to what tests look at."""

    lake: Lake

    @property
    def catalog(self) -> Catalog:
        """The definitions as they are now."""
        return definitions.read_catalog(self.lake)

    def create(self, module: str = "customers", actor: Actor = ADMIN, **values: Any) -> str:
        """Create a record and give its id."""
        given = {"name": "Somebody", **values} if module == "customers" else values
        return records.create(self.lake, module=module, values=given, actor=actor).id

    def read(self, record_id: str, module: str = "customers", actor: Actor = ADMIN) -> Record:
        """A record as the actor sees it."""
        return records.read_record(self.lake, self.catalog, module=module, record_id=record_id, actor=actor)

    def writer(self, actor: Actor = ADMIN, **more: Any) -> Writer:
        """A writer for an actor."""
        return Writer(self.catalog, people.read_directory(self.lake), actor, **more)

    def points(self, customer: str) -> list[tuple[str, str, bool]]:
        """(kind, standardised, primary) of the live contact points of a customer, in order."""
        rows = self.lake.read(
            'SELECT kind, standardised, "primary" FROM lake.crm.contact_points '
            "WHERE deleted_at IS NULL AND customer = ?::UUID ORDER BY kind, standardised",
            [customer],
        )
        return rows.rows()


@dataclass(frozen=True)
class Template:
    """A workspace as it was made once: its folder, and its catalog where that is no file in it."""

    folder: Path
    catalog: str
    copy_catalog: Callable[[str], str]
    open: Callable[[Path, str, int], Workspace]

    @classmethod
    def of(cls, made: Workspace, opener: Callable[[Path, str, int], Workspace], **more: Any) -> Template:
        """What a workspace is by now, which is closed."""
        made.close()
        settings = made.settings
        catalog = "" if made.lake.config.kind == "sqlite" else str(made.lake.config.catalog)
        # Moved, since a lake finds its files at its new place only when nothing is left at the old one.
        return cls(settings.home.rename(settings.home.with_name("template")), catalog, open=opener, **more)

    def copy(self, folder: Path, *, threads: int) -> Workspace:
        """Open a copy of it, in a folder that is not there yet."""
        shutil.copytree(self.folder, folder)
        return self.open(folder, self.catalog and self.copy_catalog(self.catalog), threads)


@pytest.fixture(scope="session")
def template(
    tmp_path_factory: pytest.TempPathFactory,
    catalog_kind: str,
    new_catalog: Callable[[Path], str],
    copy_catalog: Callable[[str], str],
) -> Template:
    """The workspace as it was made once."""
    folder = tmp_path_factory.mktemp("workspace") / "home"
    catalog = "" if catalog_kind == "sqlite" else new_catalog(folder)
    made = _open(folder, catalog, threads=1)
    people.save_users(made.lake, USERS, actor=Actor.system())
    return Template.of(made, _open, copy_catalog=copy_catalog)


@pytest.fixture(scope="session")
def threads() -> int:
    """One: for tables this small a second one gives nothing, and takes a fifth of the processor's time."""
    return 1


@pytest.fixture
def crm(template: Template, tmp_path: Path, threads: int) -> Iterator[Crm]:
    """The workspace without any record, for one test alone."""
    with template.copy(tmp_path / "home", threads=threads) as workspace:
        yield Crm(workspace.lake)


@pytest.fixture(scope="module")
def shared(template: Template, tmp_path_factory: pytest.TempPathFactory, threads: int) -> Iterator[Crm]:
    """The workspace for all tests of a file: for those that write nothing, or nothing others look at."""
    with template.copy(tmp_path_factory.mktemp("shared") / "home", threads=threads) as workspace:
        yield Crm(workspace.lake)


def _open(folder: Path, catalog: str, threads: int) -> Workspace:
    settings = {"MERGANSER_HOME": str(folder), "MERGANSER_PACK": str(PACK), "MERGANSER_THREADS": str(threads)}
    chosen = read_settings(settings | ({"MERGANSER_CATALOG": catalog} if catalog else {}))
    # With the tables of flows, as every program that people start: once imported, they take part in an undo.
    return open_workspace(chosen, schemas=[schema_sql()])


@pytest.fixture(scope="session")
def freight(tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]) -> Iterator[Crm]:
    """The pack `logistics` without a record, for all tests that make customers of their own."""
    folder = tmp_path_factory.mktemp("freight")
    with Lake.open(
        LakeConfig(catalog=new_catalog(folder), data_path=str(folder / "data"), threads=1)
    ) as lake:
        prepare(lake)
        definitions.apply_pack(lake, "logistics", actor=Actor.local_admin())
        people.save_users(lake, USERS, actor=Actor.system())
        yield Crm(lake)
