"""A tag has one colour, the same for everybody, which any who may change records can change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_core.access import Actor
from crm_core.errors import Forbidden, UnknownModule, ValuesInvalid
from crm_core.settings import read_settings
from crm_core.tags import PALETTE, colour_tag, read_tag_colours
from crm_core.workspace import Workspace, open_workspace

ANN = Actor("ann", "agent")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(read_settings({}, home=tmp_path_factory.mktemp("home"), threads=1)) as opened:
        yield opened


def test_the_last_colour_stands_and_the_same_again_writes_nothing(workspace: Workspace) -> None:
    for color in ("red", "teal"):
        colour_tag(workspace.lake, module="customers", tag=" vip ", color=color, actor=ANN)
    before = workspace.lake.snapshot()
    colour_tag(workspace.lake, module="customers", tag="vip", color="teal", actor=ANN)
    assert read_tag_colours(workspace.lake, module="customers") == {"vip": "teal"}
    assert read_tag_colours(workspace.lake, module="tasks") == {} and workspace.lake.snapshot() == before


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"color": "ultraviolet"}, ValuesInvalid),
        ({"tag": "  "}, ValuesInvalid),
        ({"module": "nothing"}, UnknownModule),
        ({"actor": Actor("vera", "viewer")}, Forbidden),
    ],
    ids=["colour", "tag", "module", "viewer"],
)
def test_what_cannot_be_painted_is_refused(
    workspace: Workspace, given: dict[str, object], error: type[Exception]
) -> None:
    wanted = {"module": "customers", "tag": "new", "color": PALETTE[1], "actor": ANN, **given}
    with pytest.raises(error):
        colour_tag(workspace.lake, **wanted)  # type: ignore[arg-type]
    assert "new" not in read_tag_colours(workspace.lake, module="customers")
