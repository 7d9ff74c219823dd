"""The shipped workspace of a forwarder with mail coming in, made once and copied for each file or test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.definitions import apply_pack
from crm_core.mail.arrivals import Arrival
from crm_core.mail.store import Taken, store
from crm_core.records import create
from crm_core.workspace import prepare
from flows import mail_in, schema_sql
from lake import Lake, LakeConfig, table

ADMIN = Actor.local_admin()
OURS = frozenset({"help@freight.example"})


@dataclass(frozen=True)
class Office:
    """A lake with a pack, where its mail's bytes lie, and short ways to what tests look at."""

    lake: Lake
    files: Path

    def take(
        self, raw: bytes | str, *, sender: str | None = "ida@shipper.example", via: str = "smtp", **more: Any
    ) -> Taken:
        """Let a message come in."""
        content = raw.encode() if isinstance(raw, str) else raw
        arrival = Arrival(content, via, sender, ("help@freight.example",), **more)
        return store(self.lake, arrival, files=self.files, own=OURS)

    def customer(self, name: str, email: str) -> str:
        """A new customer."""
        return create(self.lake, module="customers", values={"name": name, "email": email}, actor=ADMIN).id

    def one(self, module: str, record_id: str | None) -> dict[str, Any]:
        """The columns of a record."""
        [row] = self.lake.read(
            f"SELECT * FROM {table('crm', module)} WHERE id = CAST(? AS UUID)", [record_id]
        ).to_dicts()
        return row

    def count(self, place: str, name: str, where: str = "true") -> int:
        """How many rows of a table fit."""
        found = self.lake.read(f"SELECT count(*) AS n FROM {table(place, name)} WHERE {where}")
        return int(found["n"][0])

    @property
    def mail_in(self) -> mail_in.MailIn:
        """How this office takes mail in."""
        return mail_in.MailIn(self.files, OURS)


NewOffice = Callable[[Path], LakeConfig]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> LakeConfig:
    """The shipped pack in a lake, closed again."""
    folder = tmp_path_factory.mktemp("office")
    config = LakeConfig(
        catalog=f"sqlite:{folder / 'catalog.sqlite'}", data_path=str(folder / "data"), threads=1
    )
    with Lake.open(config) as lake:
        prepare(lake, schemas=[schema_sql()])
        apply_pack(lake, "logistics", actor=Actor.system())
    return config


@pytest.fixture(scope="session")
def new_office(prepared: LakeConfig) -> NewOffice:
    """Makes an office of one's own in a folder."""

    def make(folder: Path) -> LakeConfig:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(prepared.place, folder / "catalog.sqlite")
        return replace(prepared, catalog=f"sqlite:{folder / 'catalog.sqlite'}")

    return make


@pytest.fixture(scope="module")
def office(new_office: NewOffice, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One office for all tests of a file: each looks only at what it brought itself."""
    folder = tmp_path_factory.mktemp("office")
    with Lake.open(new_office(folder)) as lake:
        yield Office(lake, folder / "files")


@pytest.fixture
def own_office(new_office: NewOffice, tmp_path: Path) -> Iterator[Office]:
    """An office for one test alone."""
    with Lake.open(new_office(tmp_path)) as lake:
        yield Office(lake, tmp_path / "files")
