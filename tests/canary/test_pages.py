"""Every page, drawn for an administrator first, then for the two: nothing forbidden is sent to the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import serving
from pages._ui.session import _ACTING as ACTING
from tests.canary.walk import walks
from tests.canary.world import CANARY, World

ROOT = Path(__file__).resolve().parents[2]
NAMED = sorted(
    page.stem for page in (ROOT / "pages").glob("*.py") if page.stem not in ("__init__", "records")
)


@pytest.fixture(scope="module", autouse=True)
def served(world: World) -> Iterator[None]:
    """The pages of this process show the workspace."""
    serving.serve(world.workspace)
    yield
    serving.stop()


def sent(script: str, who: str, **address: str) -> str:
    """Everything that a page sends to the browser of somebody."""
    page = AppTest.from_string(script, default_timeout=60)
    page.session_state[ACTING] = who
    for name, value in address.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception, page.exception
    return b"".join(_messages(page._tree)).decode("utf-8", "replace").lower()


def _messages(block: object) -> Iterator[bytes]:
    proto = getattr(block, "proto", None)
    if proto is not None:
        yield proto.SerializeToString()
    for child in getattr(block, "children", {}).values():
        yield from _messages(child)


def module_page(slug: str) -> str:
    """A script that draws the page of a module."""
    return f"from pages import records\nrecords.draw({slug!r})\n"


def addresses(world: World, slug: str) -> list[dict[str, str]]:
    """A module's page without a record, at a forbidden one, and at one that is seen."""
    return [{}, {"id": world.hidden[slug][0]}, {"id": world.seen[slug][0]}]


def test_an_administrator_is_shown_them(world: World) -> None:
    assert CANARY in sent(module_page("notes"), "", id=world.hidden["notes"][0])


@pytest.mark.parametrize("name", NAMED)
def test_no_page_shows_what_is_forbidden(world: World, who: str, name: str) -> None:
    script = (ROOT / "pages" / f"{name}.py").read_text()
    sent(script, "")
    places = addresses(world, {"inbox": "inquiries"}.get(name, "customers"))
    for address in places if name in ("customers", "inbox") else places[:1]:
        assert CANARY not in sent(script, who, **address), address


def test_no_module_shows_what_is_forbidden(world: World, who: str) -> None:
    told = []
    for slug in world.catalog.modules:
        for address in addresses(world, slug) if walks(who, slug, world) else []:
            if CANARY in sent(module_page(slug), who, **address):
                told.append((slug, address))
    assert told == []


def test_the_frame_shows_nothing_that_is_forbidden(world: World, who: str) -> None:
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    page.session_state[ACTING] = who
    page.run()
    assert CANARY not in b"".join(_messages(page._tree)).decode("utf-8", "replace").lower()
