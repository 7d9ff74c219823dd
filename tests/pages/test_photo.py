"""The photo of a customer: put in and taken away in the heading, and shown in the list."""

from __future__ import annotations

import io

from PIL import Image

from crm_core import uploads
from crm_core.listing import read_list
from crm_core.profile import Head, read_head
from crm_core.workspace import Workspace
from pages._ui import header_photo
from pages._ui.components import Click
from pages._ui.session import Here
from pages._ui.workspace_state import WorkspaceState
from tests.pages.conftest import Open, told
from tests.pages.test_sections import ADMIN, made


def head(workspace: Workspace, record: str) -> Head:
    return read_head(workspace.lake, workspace.catalog, module="customers", record_id=record, actor=ADMIN)


def pixels() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), (10, 120, 200)).save(out, "PNG")
    return out.getvalue()


def test_a_photo_stands_in_heading_and_list_until_it_is_taken_away(
    empty: Open, empty_workspace: Workspace
) -> None:
    ada = made(empty_workspace, "customers", name="Ada Portrait")
    page = empty("customers", id=ada)
    assert 'data-click="photo"' in told(page) and "background-image" not in told(page)
    now, state = Here(empty_workspace, empty_workspace.catalog, ADMIN), WorkspaceState(selected=ada)
    file_id = sent(now, state, ada, "portrait.png", pixels())
    assert head(empty_workspace, ada).record["photo"] == [file_id]
    assert "/small)" in told(empty("customers", id=ada))
    listed = read_list(empty_workspace.lake, empty_workspace.catalog, module="customers", actor=ADMIN)
    assert {item.hit.id: item.picture for item in listed.items}[ada] == file_id
    assert header_photo.clicked(now, head(empty_workspace, ada), state, Click("photo-remove", ()))
    assert not head(empty_workspace, ada).record["photo"]


def test_what_is_no_picture_is_no_photo(empty: Open, empty_workspace: Workspace) -> None:
    ada = made(empty_workspace, "customers", name="Ada Fake")
    now, state = Here(empty_workspace, empty_workspace.catalog, ADMIN), WorkspaceState(selected=ada)
    assert sent(now, state, ada, "portrait.png", b"MZ\x90\0\3") is None
    assert 'data-click="photo"' not in told(empty("customers", acting="vera", id=ada))


def sent(now: Here, state: WorkspaceState, record: str, name: str, content: bytes) -> str | None:
    """Send a picture as the box does; the file that the record has then."""
    box = uploads.open_box()
    with uploads.receiving(box, name) as write:
        write(content)
    header_photo.keep(now, head(now.workspace, record), state, box)
    kept = head(now.workspace, record).record["photo"]
    return str(kept[0]) if kept else None
