"""The list on the left: folders as a tree, and what stands in a folder and below it."""

from __future__ import annotations

import pytest

from crm_core.listing import below, both, folder_tree, in_folders, read_list, tagged
from crm_core.model import Module
from tests.crm_core.views.conftest import ADMIN, Small

FOLDERS = [
    ("north", None), ("east", None), ("oslo", "north"), ("berlin", "east"), ("bergen", "north"), ("mitte", "berlin"),
    ("lost", "nowhere"), ("head", "tail"), ("tail", "head"),
]  # fmt: skip
PLACES = Module.model_validate(
    {"slug": "places", "folders": [{"slug": slug, "parent": parent} for slug, parent in FOLDERS]}
)


def test_folders_stand_below_their_parents_and_none_is_lost() -> None:
    assert [(folder.slug, depth) for folder, depth in folder_tree(PLACES)] == [
        ("north", 0), ("oslo", 1), ("bergen", 1), ("east", 0), ("berlin", 1), ("mitte", 2), ("lost", 0), ("head", 0),
        ("tail", 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("east", ("east", "berlin", "mitte")),
        ("north", ("north", "oslo", "bergen")),
        ("mitte", ("mitte",)),
        ("no", ("no",)),
    ],
)
def test_a_folder_holds_what_lies_below_it(folder: str, found: tuple[str, ...]) -> None:
    assert below(PLACES, folder) == found


def test_a_list_is_narrowed_by_folders_and_a_tag(small: Small) -> None:
    small.put(
        "customers",
        {"name": "A", "tags": ["vip"]},
        {"name": "B", "folder": "key", "tags": ["vip"]},
        {"name": "C"},
    )
    found = {
        folders: [
            item.hit.title
            for item in read_list(
                small.lake, small.catalog, module="customers", actor=ADMIN, sort="name",
                condition=both(in_folders(folders), tagged("vip")),
            ).items
        ]
        for folders in (("open",), ("key",), ("open", "key"))
    }  # fmt: skip
    assert found == {("open",): ["A"], ("key",): ["B"], ("open", "key"): ["A", "B"]}
