"""Pages run by AppTest over a real workspace: an empty one, and one with a small demo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import serving
from crm_core.access import Actor
from crm_core.demo import make_demo
from crm_core.directory import User
from crm_core.people import save_users
from crm_core.settings import read_settings
from crm_core.workspace import Workspace, open_workspace
from flows import schema_sql

APP = str(Path(__file__).resolve().parents[2] / "app.py")
UNTIL = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
Open = Callable[..., AppTest]


@contextmanager
def _opened(home: Path, catalog: str, **given: str) -> Iterator[Workspace]:
    settings = read_settings({}, home=home, catalog=catalog, threads=1, **given)
    with open_workspace(settings, schemas=[schema_sql()]) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def empty_workspace(
    tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]
) -> Iterator[Workspace]:
    """A workspace with the definitions of the pack, somebody who only looks, and no record."""
    home = tmp_path_factory.mktemp("empty")
    with _opened(home, new_catalog(home)) as workspace:
        save_users(workspace.lake, [User(slug="vera", name="Vera", role="viewer")], actor=Actor.system())
        yield workspace


@pytest.fixture(scope="module")
def bare_workspace(
    tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]
) -> Iterator[Workspace]:
    """A workspace without any module."""
    home = tmp_path_factory.mktemp("bare")
    pack = home / "bare.yaml"
    pack.write_text("workspace: {name: Bare, pack: bare}\n")
    with _opened(home, new_catalog(home), pack=str(pack)) as workspace:
        yield workspace


@pytest.fixture(scope="session")
def demo_workspace(
    tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]
) -> Iterator[Workspace]:
    """A workspace with a small demo, which tests only read."""
    home = tmp_path_factory.mktemp("demo")
    with _opened(home, new_catalog(home)) as workspace:
        make_demo(workspace.lake, size=60, until=UNTIL, files=home / "files")
        yield workspace


def _opener(workspace: Workspace) -> Iterator[Open]:
    serving.serve(workspace)

    def open_page(path: str, *, acting: str = "", **query: str) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=30)
        if acting:
            app.session_state["acting_as"] = acting
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        if path.startswith("pages/"):
            return app.switch_page(path).run()
        # The page of a module is no file: one goes there as a link in a page does.
        app.session_state["nav:goto"] = (path, query)
        return app.switch_page("pages/customers.py").run()

    yield open_page
    serving.stop()


@pytest.fixture
def empty(empty_workspace: Workspace) -> Iterator[Open]:
    """Opens a page over the empty workspace: `empty("pages/inbox.py")`, `empty("tasks")`."""
    yield from _opener(empty_workspace)


@pytest.fixture
def bare(bare_workspace: Workspace) -> Iterator[Open]:
    """Opens a page over the workspace without a module."""
    yield from _opener(bare_workspace)


def told(app: AppTest) -> str:
    """All HTML that a page has drawn, as one text."""
    return "\n".join(str(element.proto.body) for element in app.get("html"))


@pytest.fixture
def demo(demo_workspace: Workspace) -> Iterator[Open]:
    """Opens a page over the demo, as its first administrator or `acting` as another user."""
    yield from _opener(demo_workspace)
