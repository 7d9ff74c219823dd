"""What tests of a file share is made once: they go to one worker, and where it is costly so does a folder."""

from __future__ import annotations

import pytest

from tests.architecture.source import ROOT
from tests.spread import FIRST, TOGETHER, on_a_catalog, scope_of


@pytest.mark.parametrize(
    ("test", "scope"),
    [
        pytest.param("tests/lake/test_feed.py::test_a[x::y@z]", "tests/lake/test_feed.py", id="a file"),
        pytest.param("tests/browser/test_kit.py::test_a", "tests/browser", id="a folder that stays together"),
    ],
)
def test_a_test_goes_where_its_file_or_folder_goes(test: str, scope: str) -> None:
    assert scope_of(test) == scope


@pytest.mark.parametrize("folder", [*TOGETHER, *FIRST])
def test_a_folder_that_is_named_is_there(folder: str) -> None:
    assert list((ROOT / folder).glob("test_*.py"))


def test_what_asks_for_a_catalog_runs_on_each(request: pytest.FixtureRequest, catalog_kind: str) -> None:
    assert on_a_catalog([request.node]) == ([request.node], [])


def test_what_asks_for_none_is_not_run_again(request: pytest.FixtureRequest) -> None:
    assert on_a_catalog([request.node]) == ([], [request.node])
