"""Libraries that run in the browser: served as scripts that browsers keep for good, and nothing beside them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from api.vendor import FOLDER
from pages._ui.calendar import LIBRARY
from pages._ui.components import SORTABLE


@pytest.mark.parametrize(("address", "name"), [(LIBRARY, "FullCalendar"), (SORTABLE, "Sortable")])
def test_a_library_is_a_script_that_never_changes(
    as_user: Callable[[str], TestClient], address: str, name: str
) -> None:
    answer = as_user("").get(address.removeprefix("/api"))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert name in answer.text


@pytest.mark.parametrize("name", ["none.js", "fullcalendar-license.md", "..%2Fdocs.js", "%2e%2e/docs.js"])
def test_nothing_else_is_served_beside_it(as_user: Callable[[str], TestClient], name: str) -> None:
    assert as_user("").get(f"/vendor/{name}").status_code == 404


def test_each_library_has_its_version_in_its_name_and_its_licence_beside_it() -> None:
    scripts = sorted(FOLDER.glob("*.js"))
    assert scripts
    for script in scripts:
        library = re.fullmatch(r"([a-z]+)-\d+\.\d+\.\d+\.js", script.name)
        assert library is not None
        assert "License" in (FOLDER / f"{library[1]}-license.md").read_text()
