"""Which tests share a worker: those of a file, or of a folder where all use one thing that takes long to make.

What a file's tests share is then made once, not once for each worker. The marks of `--dist loadgroup` would say the
same, but pytest-xdist 3.8 passes them on within the ids of tests, which pytest 9.2 no longer lets it change: nothing
fails, and nothing is grouped.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/browser", "tests/canary", "tests/crm_core/demo")
# What takes longest begins first, so that the end finds no worker with one long file and the other with none.
FIRST = (
    "tests/browser",
    "tests/real_data",
    "tests/kinds",
    "tests/crash",
    "tests/canary",
    "tests/cli",
    "tests/pages",
    "tests/crm_core/demo",
)


class Spread(LoadScopeScheduling):
    """Gives a worker a whole file, or a whole folder of those that belong together."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def scope_of(nodeid: str) -> str:
    """The file or folder that a test shares its worker with."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests in the order in which they begin."""
    return sorted(items, key=lambda item: _rank(item.nodeid))


def on_a_catalog(items: Sequence[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The tests that ask for a lake on the chosen catalog, and those which would only do the same again."""
    chosen: tuple[list[pytest.Item], list[pytest.Item]] = ([], [])
    for item in items:
        chosen["catalog_kind" not in getattr(item, "fixturenames", ())].append(item)
    return chosen


def _rank(nodeid: str) -> int:
    ranks = (rank for rank, folder in enumerate(FIRST) if nodeid.startswith(f"{folder}/"))
    return next(ranks, len(FIRST))
