"""A small workspace of four modules, with somebody in each role."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest

from crm_core import definitions
from crm_core.access import Actor
from crm_core.model import Catalog
from crm_core.workspace import prepare
from lake import Change, Lake, LakeConfig, Transaction, ident, table

ADMIN = Actor("ann", "admin")
AGENT = Actor("bob", "agent", ("service",))
SELLER = Actor("sue", "agent", ("sales",))
VIEWER = Actor("vic", "viewer", ("service",))
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

STATUSES = [{"slug": "new", "start": True}, {"slug": "done", "end": True}]
MODULES: list[dict[str, Any]] = [
    {
        "slug": "customers", "title": "name", "subtitle": "company", "profile": True,
        "contact_points": {"module": "contact_points", "reference": "customer"},
        "fields": [
            {"slug": "name", "kind": "text", "searchable": True},
            {"slug": "company", "kind": "text", "searchable": True},
            {"slug": "email", "kind": "email"}, {"slug": "phone", "kind": "phone"},
            {"slug": "country", "kind": "country"},
            {"slug": "credit", "kind": "money"}, {"slug": "home", "kind": "address"},
        ],
        "folders": [{"slug": "open", "statuses": STATUSES}, {"slug": "key", "teams": ["sales"], "statuses": STATUSES}],
    },
    {
        "slug": "contact_points", "title": "value", "access": "parent", "parent": "customer",
        "fields": [
            {"slug": "value", "kind": "text"}, {"slug": "standardised", "kind": "text"},
            {"slug": "kind", "kind": "select", "options": ["email", "phone"]}, {"slug": "label", "kind": "text"},
            {"slug": "primary", "kind": "boolean"}, {"slug": "invalid", "kind": "boolean"},
        ],
    },
    {
        "slug": "invoices", "title": "number", "access": "parent", "parent": "customer", "timeline": {"date": "issued"},
        "fields": [
            {"slug": "number", "kind": "text"}, {"slug": "total", "kind": "money"},
            {"slug": "issued", "kind": "datetime"},
        ],
    },
    {
        "slug": "payments", "title": "number", "access": "parent", "parent": "invoice", "timeline": {"date": "paid_at"},
        "fields": [{"slug": "number", "kind": "text"}, {"slug": "paid_at", "kind": "datetime"}],
    },
    {
        "slug": "tasks", "title": "title", "timeline": {}, "fields": [{"slug": "title", "kind": "text"}],
        "folders": [{"slug": "all", "statuses": STATUSES}],
    },
    {
        "slug": "communications", "title": "subject", "timeline": {"date": "occurred_at", "text": "text"},
        "fields": [
            {"slug": "subject", "kind": "text"}, {"slug": "text", "kind": "long_text"},
            {"slug": "direction", "kind": "select", "options": ["in", "out"]},
            {"slug": "occurred_at", "kind": "datetime"},
        ],
    },
    {
        "slug": "inquiries", "title": "subject", "timeline": {"text": "message"},
        "fields": [{"slug": "subject", "kind": "text"}, {"slug": "message", "kind": "long_text"}],
    },
]  # fmt: skip
LINKS: list[dict[str, Any]] = [
    {"module": "contact_points", "slug": "customer", "kind": "many_to_one", "to": "customers", "inverse": "points"},
    {"module": "invoices", "slug": "customer", "kind": "many_to_one", "to": "customers", "inverse": "invoices"},
    {"module": "payments", "slug": "invoice", "kind": "many_to_one", "to": "invoices", "inverse": "payments"},
    {"module": "tasks", "slug": "customer", "kind": "many_to_one", "to": "customers", "inverse": "tasks"},
    {"module": "tasks", "slug": "about", "kind": "many_to_one", "to": ["customers", "invoices"],
     "inverse": "about_tasks"},
    {"module": "communications", "slug": "customer", "kind": "many_to_one", "to": "customers", "inverse": "messages"},
    {"module": "inquiries", "slug": "customer", "kind": "many_to_one", "to": "customers", "inverse": "inquiries"},
    {"module": "customers", "slug": "related", "kind": "many_to_many", "to": "customers", "inverse": "related_by"},
]  # fmt: skip


@dataclass
class Small:
    """The lake, its definitions, and a way to put rows into a module as they are."""

    lake: Lake
    catalog: Catalog
    ids: dict[str, str] = field(default_factory=dict)

    def put(self, module: str, *rows: dict[str, Any]) -> list[str]:
        """Insert rows; what is not given is a live row of the first folder, new, made at `NOW`."""
        folder = self.catalog.module(module).default_folder.slug
        base = {"folder": folder, "status": "new", "created_at": NOW, "updated_at": NOW}
        made = [{"id": str(uuid4()), **base, **row} for row in rows]
        columns = self.catalog.columns(module)
        frame = pl.DataFrame(
            {name: [row.get(name) for row in made] for name in {n for r in made for n in r}}, strict=False
        )
        listed = ", ".join(f"{ident(name)}::{columns[name]} AS {ident(name)}" for name in frame.columns)

        def work(tx: Transaction) -> None:
            tx.register("rows", frame)
            tx.execute(
                f"INSERT INTO {table('crm', module)} BY NAME SELECT {listed}, ? AS version FROM rows",
                [tx.snapshot],
            )

        self.lake.commit(work, Change(actor="test", door="test"))
        return [row["id"] for row in made]

    def change(self, module: str, record_id: str, **values: Any) -> None:
        """Set columns of one row."""
        sets = ", ".join(f"{ident(name)} = ?" for name in values)
        sql = f"UPDATE {table('crm', module)} SET {sets} WHERE id = ?"
        self.lake.commit(
            lambda tx: tx.execute(sql, [*values.values(), record_id]), Change(actor="test", door="test")
        )


def titles(items: Sequence[Any], name: str = "name") -> list[Any]:
    """One field of some records."""
    return [item[name] for item in items]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the workspace as it was made once; each test works on a copy."""
    folder = tmp_path_factory.mktemp("small")
    with Lake.open(config_in(folder)) as lake:
        prepare(lake)
        teams = [("team", {"slug": slug, "name": slug.title()}) for slug in ("sales", "service")]
        documents = [*teams, *[("module", m) for m in MODULES], *[("relationship", r) for r in LINKS]]
        definitions.save(lake, documents, actor=ADMIN)
    # Moved, since a lake finds its files at its new place only when nothing is left at the old one.
    return folder.rename(folder.with_name("small-template"))


@pytest.fixture(params=["lake", "serving copy"])
def small(made: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Small]:
    """The workspace without any record: read from the lake, and from the copy that a server keeps."""
    shutil.copytree(made, tmp_path / "small")
    with Lake.open(config_in(tmp_path / "small")) as lake:
        if request.param == "serving copy":
            lake.start_mirror()
        yield Small(lake, definitions.read_catalog(lake))


def config_in(folder: Path) -> LakeConfig:
    """The lake of a folder."""
    return LakeConfig(
        catalog=f"sqlite:{folder / 'catalog.sqlite'}", data_path=str(folder / "data"), threads=1
    )
