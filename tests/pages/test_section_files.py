"""The section of files: what is put in stands there, is looked at, renamed, deleted and brought back."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import files, records, uploads
from crm_core.workspace import Workspace
from pages._ui import file_preview
from pages._ui.components import Click
from pages._ui.sections import section_of
from pages._ui.sections.files import _keep
from tests.pages.conftest import Open, told
from tests.pages.test_sections import ADMIN, figure, made, spot

LETTER = b"Dear <b>Ada</b>,\n\n<script>alert(1)</script>"


@pytest.fixture
def customer(empty_workspace: Workspace) -> str:
    """Somebody of whom nothing is known yet."""
    return made(empty_workspace, "customers", name="Ada Papers")


def put(workspace: Workspace, customer: str, name: str, content: bytes) -> str:
    """Put a file in as the box does, and give its id."""
    here = spot(workspace, "files", customer)
    here.state.within["box"] = box = uploads.open_box()
    with uploads.receiving(box, name) as write:
        write(content)
    _keep(here)
    return str(here.state.within["file"])


def drawn(page: AppTest) -> str:
    assert not page.exception
    return told(page)


def test_what_is_put_in_counts_and_belongs_to_the_customer(empty_workspace: Workspace, customer: str) -> None:
    file_id = put(empty_workspace, customer, "letter.txt", LETTER)
    assert figure(empty_workspace, "files", customer) == {"Files": 1, "Together": len(LETTER)}
    kept = files.open_file(empty_workspace, file_id=file_id, actor=ADMIN)
    assert kept.place.read_bytes() == LETTER and kept.record["customer"] == customer
    assert kept.record["media_type"] == "text/html"  # by its bytes


def test_what_comes_in_while_other_files_are_stored_is_kept_next(
    empty_workspace: Workspace, customer: str
) -> None:
    here, listeners = spot(empty_workspace, "files", customer), empty_workspace.lake.door.listeners
    here.state.within["box"] = box = uploads.open_box()

    def send(name: str) -> None:
        with uploads.receiving(box, name) as write:
            write(name.encode())

    send("first.txt")
    listeners.append(lambda: send("second.txt"))
    _keep(here)
    listeners.pop()
    _keep(here)
    assert figure(empty_workspace, "files", customer)["Files"] == 2 and uploads.files_in(box) == ()


def test_a_file_that_is_not_what_it_says_is_told_of_and_its_text_stays_text(
    empty: Open, empty_workspace: Workspace, customer: str
) -> None:
    put(empty_workspace, customer, "offer.pdf", b"MZ\x90\0\3\0")
    page = drawn(empty("customers", id=customer, section="files"))
    assert "offer.pdf" in page and "says .pdf, is a program" in page and "?download=1" in page
    letter = files.open_file(
        empty_workspace, file_id=put(empty_workspace, customer, "a.txt", LETTER), actor=ADMIN
    )
    shown = file_preview.preview(letter, actor=ADMIN)
    assert "&lt;script&gt;alert(1)" in shown and "<script" not in shown


@pytest.mark.parametrize(
    ("name", "content", "tag"),
    [("a.png", b"\x89PNG\r\n\x1a\n", "<img "), ("a.pdf", b"%PDF-1.7", "data-frame="), ("a.mp3", b"ID3\4", "<audio "),
     ("a.mp4", b"\0\0\0\x18ftypisom", "<video "), ("a.txt", b"plain", "<pre>plain"),
     ("a.zip", b"PK\x03\x04", "not shown")],
    ids=["picture", "pdf", "sound", "film", "text", "archive"],
)  # fmt: skip
def test_a_file_is_shown_as_what_it_is(
    empty_workspace: Workspace, customer: str, name: str, content: bytes, tag: str
) -> None:
    kept = files.open_file(
        empty_workspace, file_id=put(empty_workspace, customer, name, content), actor=ADMIN
    )
    assert tag in file_preview.preview(kept, actor=ADMIN)


def test_a_file_is_deleted_and_brought_back_but_not_by_who_may_only_look(
    empty_workspace: Workspace, customer: str
) -> None:
    file_id = put(empty_workspace, customer, "letter.txt", LETTER)
    heard = section_of("files").clicked
    assert heard is not None
    counts = []
    for verb, locked in (("delete-file", True), ("delete-file", False), ("restore-file", False)):
        assert heard(spot(empty_workspace, "files", customer, locked=locked), Click(verb, (file_id,)))
        counts.append(figure(empty_workspace, "files", customer)["Files"])
    assert counts == [1, 0, 1]


def test_a_file_is_renamed(empty: Open, empty_workspace: Workspace, customer: str) -> None:
    file_id = put(empty_workspace, customer, "letter.txt", LETTER)
    page = empty("customers", id=customer, section="files")
    page.session_state["page:workspace:customers"].within["file"] = file_id
    page.run().button(f"files:ask:rename:{customer}").click().run()
    page.text_input(f"files:rename:1:name:{customer}").set_value("Brief.txt")
    page.button(f"files:save:rename:{customer}").click().run()
    assert not page.exception
    record = records.read_record(
        empty_workspace.lake, empty_workspace.catalog, module="files", record_id=file_id, actor=ADMIN
    )
    assert record["name"] == "Brief.txt" and "Brief.txt" in told(page)
