"""A draft of a mail or a note stands where it was left, in whichever browser, until somebody is done with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import files, records, uploads
from crm_core.access import Actor
from crm_core.drafts import Draft, drafts_of
from crm_core.intake import submit
from crm_core.workspace import Workspace
from flows import outbox
from pages._ui import composing
from tests.pages.conftest import Open, told

ADMIN = Actor.local_admin()


@pytest.fixture
def anna(empty_workspace: Workspace) -> str:
    """A customer."""
    values = {"name": "Anna Berger", "email": "anna@buyer.example"}
    return records.create(empty_workspace.lake, module="customers", values=values, actor=ADMIN).id


def keep(workspace: Workspace, record: str, **content: Any) -> None:
    """What the page keeps while somebody types."""
    given = {"to": "anna@buyer.example", "subject": "Freight", "text": "Half a sen", "customer": record}
    made = composing.Composing(**{**given, **content})
    drafts_of(workspace.lake).keep(composing.kept(made, record=record), actor=ADMIN)


def attached(workspace: Workspace) -> tuple[tuple[str, str], ...]:
    """What came in as a file of a mail: its name and digest."""
    box = uploads.open_box()
    with uploads.receiving(box, "offer.pdf") as write:
        write(b"%PDF-1.4 an offer")
    came = files.keep_bytes(workspace, box)
    uploads.close_box(box)
    return came


def places(workspace: Workspace, record: str) -> list[str]:
    return [one.place for one in drafts_of(workspace.lake).read(record, actor=ADMIN)]


def text_box(page: AppTest) -> str:
    [box] = [box for box in page.text_area if str(box.key).startswith("compose:")]
    return str(box.value)


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def test_a_mail_is_gone_on_with_and_gone_once_it_is_sent(
    empty: Open, empty_workspace: Workspace, anna: str
) -> None:
    keep(empty_workspace, anna)
    page = empty("customers", id=anna, section="communications")
    assert text_box(page) == "Half a sen" and "Draft kept" in told(page)
    page = press(page, "Send")
    assert not page.exception and places(empty_workspace, anna) == []
    assert outbox.list_messages(empty_workspace.lake, actor=ADMIN)[0].subject == "Freight"
    assert not [box for box in page.text_area if str(box.key).startswith("compose:")]


def test_a_mail_is_thrown_away(empty: Open, empty_workspace: Workspace, anna: str) -> None:
    keep(empty_workspace, anna)
    page = press(empty("customers", id=anna, section="communications"), "Discard")
    assert not page.exception and places(empty_workspace, anna) == [] and "Draft kept" not in told(page)


def test_nobody_else_sees_it(empty: Open, empty_workspace: Workspace, anna: str) -> None:
    keep(empty_workspace, anna)
    page = empty("customers", acting="vera", id=anna, section="communications")
    assert "Half a sen" not in told(page) and not page.text_area


def test_an_answer_keeps_what_it_answers_and_its_files(
    empty_workspace: Workspace, anna: str, tmp_path: Path
) -> None:
    came = attached(empty_workspace)
    keep(empty_workspace, anna, answers="m", about=("customers", anna), place="mail:re:m", came=came)
    found = composing.restored(drafts_of(empty_workspace.lake).read(anna, actor=ADMIN))
    assert found is not None and (found.answers, found.about, found.place) == (
        "m",
        ("customers", anna),
        "mail:re:m",
    )
    [file] = files.store_kept(empty_workspace, found.came, actor=ADMIN, about=found.about)
    assert (
        files.open_file(empty_workspace, file_id=file, actor=ADMIN).place.read_bytes() == b"%PDF-1.4 an offer"
    )


def test_what_was_attached_becomes_a_file_once_however_often_the_mail_is_refused(
    empty: Open, empty_workspace: Workspace, anna: str
) -> None:
    keep(empty_workspace, anna, to="nobody", came=attached(empty_workspace))
    page = press(empty("customers", id=anna, section="communications"), "Send")
    found = composing.restored(drafts_of(empty_workspace.lake).read(anna, actor=ADMIN))
    assert not page.exception and found is not None and (len(found.files), found.came) == (1, ())


def test_a_note_in_the_inbox_is_gone_on_with_and_gone_once_it_is_added(
    empty: Open, empty_workspace: Workspace
) -> None:
    body = {"name": "Ida", "email": "ida@x.example", "subject": "Freight to Riga", "message": "How much?"}
    asked = submit(empty_workspace.lake, form="contact", body=body).inquiry_id
    draft = Draft(asked, "note", {"text": "She calls on"})
    drafts_of(empty_workspace.lake).keep(draft, actor=ADMIN)
    page = empty("pages/inbox.py")
    assert "A note: draft kept" in told(page)
    page.session_state[f"more:{asked}"] = True
    page = page.run()
    assert page.text_area(key=f"note:text:{asked}").value == "She calls on"
    page = press(page, "Add note")
    assert not page.exception and places(empty_workspace, asked) == []


@pytest.mark.parametrize(
    ("place", "files", "came"),
    [(0, ("b",), ("c", "d")), (1, ("a",), ("c", "d")), (2, ("a", "b"), ("d",)), (3, ("a", "b"), ("c",))],
    ids=str,
)
def test_what_is_attached_is_taken_out_by_its_place(
    place: int, files: tuple[str, ...], came: tuple[str, ...]
) -> None:
    made = composing.Composing(files=("a", "b"), came=(("c", "1"), ("d", "2")))
    made.without(place)
    assert (made.files, tuple(name for name, _ in made.came)) == (files, came)
