"""A mail with its markup, for a frame: for who may see it, with its own pictures, and nothing is let run."""

from __future__ import annotations

import io
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from starlette.testclient import TestClient

from crm_core import links, records
from crm_core.access import Actor
from crm_core.files import write_blob
from crm_core.mail.shown import PATH, address
from crm_core.workspace import Workspace
from tests.api.conftest import ADMIN

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30
MARKUP = '<p style="color:red">Look</p><img src="cid:logo"><img src="https://t.example/open.gif"><script>x()</script>'


@pytest.fixture(scope="module")
def mail(workspace: Workspace) -> str:
    """A mail that came in, with a picture within it."""
    letter = EmailMessage()
    letter["From"], letter["Subject"] = "a@b.example", "Look"
    letter.set_content("Look")
    letter.add_alternative(MARKUP, subtype="html")
    letter.get_payload()[1].add_related(PNG, "image", "png", cid="<logo>")  # type: ignore[union-attr, index]
    raw, _ = write_blob(workspace.settings.files_path, io.BytesIO(letter.as_bytes()))
    values = {"subject": "Look", "channel": "email", "direction": "in", "html": MARKUP, "raw": raw}
    return str(
        records.create(workspace.lake, module="communications", values=values, actor=ADMIN, trusted=True).id
    )


def test_a_mail_is_shown_with_its_own_pictures_and_nothing_is_let_run(
    as_user: Callable[[str], TestClient], mail: str
) -> None:
    def get(remote: bool) -> Any:
        return as_user("nobody").get(address(mail, actor=ADMIN, remote=remote).removeprefix("/api"))

    answer = get(False)
    assert answer.status_code == 200 and "Look" in answer.text and "data:image/png;base64," in answer.text
    assert "t.example" not in answer.text and "<script" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "img-src data:;" in policy and "form-action 'none'" in policy
    assert "sandbox allow-same-origin allow-popups" in policy and "allow-scripts" not in policy
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == (
        "no-referrer",
        "private, no-store",
    )
    shown = get(True)
    assert (
        "https://t.example/open.gif" in shown.text
        and "img-src data: https: http:;" in shown.headers["content-security-policy"]
    )


def test_a_mail_is_shown_to_nobody_who_may_not_see_it(
    as_user: Callable[[str], TestClient], mail: str
) -> None:
    client = as_user("nobody")
    assert client.get(address(mail, actor=Actor("temp", "agent")).removeprefix("/api")).status_code == 404
    other = PATH + links.sign("file", actor=ADMIN, claims=[mail, True])
    assert client.get(other.removeprefix("/api")).status_code == 404
