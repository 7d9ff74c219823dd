"""Imports point down only, and each library is known in its one place."""

from __future__ import annotations

import pytest

from tests.architecture.source import FACES, LAYERS, Source, imports, sources

OWNERS = {
    "duckdb": ("lake",),
    "streamlit": ("pages", "app"),
    "st_aggrid": ("pages",),
    "fastapi": ("api",),
    "typer": ("cli",),
    "sqlglot": ("lake", "crm_core", "flows"),
}
ALLOWED = {("api/asgi.py", "streamlit")}
"""One process serves the pages and the API: the file that joins them knows both."""


def test_imports_point_down_only() -> None:
    wrong = [
        f"{source.name}:{line} imports {name}"
        for source in sources(*LAYERS)
        for name, line in imports(source)
        if LAYERS.get(_top(name), -1) > LAYERS[source.package]
    ]
    assert wrong == []


def test_faces_never_import_each_other() -> None:
    wrong = [
        f"{source.name}:{line} imports {name}"
        for source in sources(*FACES)
        for name, line in imports(source)
        if _top(name) in FACES and _top(name) != source.package and not _frame_of_pages(source, name)
    ]
    assert wrong == []


def test_pages_never_import_each_other() -> None:
    wrong = [
        f"{source.name}:{line} imports {name}"
        for source in sources("pages")
        for name, line in imports(source)
        if _top(name) == "pages" and name != "pages" and not name.startswith("pages._ui")
    ]
    assert wrong == []


@pytest.mark.parametrize("library", OWNERS)
def test_a_library_is_known_only_in_its_place(library: str) -> None:
    wrong = [
        f"{source.name}:{line} imports {name}"
        for source in sources(*LAYERS)
        for name, line in imports(source)
        if _top(name) == library
        and source.package not in OWNERS[library]
        and (source.name, library) not in ALLOWED
    ]
    assert wrong == []


def _top(name: str) -> str:
    return name.partition(".")[0]


def _frame_of_pages(source: Source, name: str) -> bool:
    # The frame stands around the pages: it is the one file that names them all.
    return source.package == "app" and _top(name) == "pages"
