"""Pages run by AppTest over a real workspace: an empty one, and one with a small demo."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from crm_core import serving
from crm_core.access import Actor
from crm_core.demo import make_demo
from crm_core.directory import User
from crm_core.people import save_users
from crm_core.settings import read_settings
from crm_core.workspace import Workspace, open_workspace
from flows import schema_sql
from tests.crm_core.conftest import Template

APP = str(Path(__file__).resolve().parents[2] / "app.py")
UNTIL = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
Open = Callable[..., AppTest]
# For each page tested Streamlit would look through all installed packages for components, which takes longer than most
# pages; what is installed does not change meanwhile.
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)


def _opened(home: Path, catalog: str, threads: int = 1, **given: str) -> Workspace:
    settings = read_settings(
        {}, home=home, threads=threads, **({"catalog": catalog} if catalog else {}), **given
    )
    return open_workspace(settings, schemas=[schema_sql()])


@pytest.fixture(scope="session")
def begun(
    tmp_path_factory: pytest.TempPathFactory,
    catalog_kind: str,
    new_catalog: Callable[[Path], str],
    copy_catalog: Callable[[str], str],
) -> Template:
    """A workspace with the definitions of the pack, and somebody who only looks, as it was made once."""
    home = tmp_path_factory.mktemp("begun") / "home"
    made = _opened(home, "" if catalog_kind == "sqlite" else new_catalog(home))
    save_users(made.lake, [User(slug="vera", name="Vera", role="viewer")], actor=Actor.system())
    return Template.of(made, _opened, copy_catalog=copy_catalog)


@pytest.fixture(scope="module")
def empty_workspace(begun: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with the definitions of the pack, somebody who only looks, and no record."""
    with begun.copy(tmp_path_factory.mktemp("empty") / "home", threads=1) as workspace:
        workspace.lake.start_mirror()
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
        workspace.lake.start_mirror()
        yield workspace


def page_at(path: str, *, acting: str = "", from_home: bool = False, **query: str) -> AppTest:
    """A page as one comes to it by its address, `pages/inbox.py` or that of the module `tasks`.

    Args:
        path: Of the page's file, or the slug of a module.
        acting: As whom.
        from_home: Draw Home first, which knows the ways to all other pages: for tests that go on to one.
        **query: What stands in its address.
    """
    app = AppTest.from_file(APP, default_timeout=30)
    if acting:
        app.session_state["acting_as"] = acting
    if from_home:
        app.run()
    for name, value in query.items():
        app.query_params[name] = value
    if path == "pages/home.py":
        return app.run()
    if path.startswith("pages/"):
        return app.switch_page(path).run()
    # The page of a module is no file, so that `switch_page` knows no name for it: it has its address alone.
    app._page_hash = calc_hash(path)
    app.run()
    assert app._finished_page_script_hash == app._page_hash, f"no page has the address {path}"
    return app


def _opener(workspace: Workspace) -> Iterator[Open]:
    serving.serve(workspace)

    yield page_at
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
