"""Files under the links that pages hand out: in ranges, as what their bytes are, for who may see them now."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from crm_core import files, links, records
from crm_core.access import Actor
from crm_core.workspace import Workspace
from tests.api.conftest import ADMIN

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
Get = Callable[..., Any]


class Named(io.BytesIO):
    """Bytes as a browser hands them over."""

    def __init__(self, name: str, content: bytes) -> None:
        super().__init__(content)
        self.name = name


@pytest.fixture
def get(as_user: Callable[[str], TestClient]) -> Get:
    """Follows the address of a file as a browser without a key does."""
    client = as_user("nobody")

    def follow(address: str, *, more: str = "", **headers: str) -> Any:
        return client.get(address.removeprefix("/api") + more, headers=headers)

    return follow


def kept(workspace: Workspace, name: str, content: bytes, **more: Any) -> str:
    return files.store(workspace, uploads=[Named(name, content)], actor=ADMIN, **more)[0]


def test_a_file_is_shown_to_its_person_and_to_no_cache(workspace: Workspace, get: Get) -> None:
    content = b"%PDF-1.7 " + bytes(range(256)) * 20
    answer = get(files.address(kept(workspace, "Plan für Öl “1”.pdf", content), actor=ADMIN))
    assert (answer.status_code, answer.content) == (200, content)
    told = answer.headers
    assert told["content-type"] == "application/pdf" and told["content-length"] == str(len(content))
    assert told["cache-control"] == "private, no-store" and told["x-content-type-options"] == "nosniff"
    name = "filename=\"Plan f_r _l _1_.pdf\"; filename*=UTF-8''Plan%20f%C3%BCr%20%C3%96l%20%E2%80%9C1%E2%80%9D.pdf"
    assert told["content-disposition"] == f"inline; {name}"


def test_a_player_gets_the_part_that_it_asks_for(workspace: Workspace, get: Get) -> None:
    address = files.address(kept(workspace, "call.wav", b"RIFF0000WAVEfmt " + b"ab" * 500), actor=ADMIN)
    part = get(address, Range="bytes=16-19")
    assert (part.status_code, part.content, part.headers["content-range"]) == (
        206,
        b"abab",
        "bytes 16-19/1016",
    )
    assert (
        get(address, Range="bytes=-2").content == b"ab" and get(address).headers["accept-ranges"] == "bytes"
    )
    beyond = get(address, Range="bytes=5000-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */1016")


@pytest.mark.parametrize(
    ("name", "content", "served"),
    [
        ("a.png", PNG, ("inline", "image/png")),
        ("b.pdf", b"MZ\x90\0\3\0", ("attachment", "application/octet-stream")),
        ("c.png", b"<html><script>alert(1)</script>", ("attachment", "application/octet-stream")),
        ("d.svg", b'<svg onload="alert(1)"/>', ("attachment", "application/octet-stream")),
        ("e.html", PNG, ("inline", "image/png")),
        ("f.txt", b"  <!doctype html><p>", ("attachment", "application/octet-stream")),
        ("g.txt", "grüße".encode(), ("inline", "text/plain; charset=utf-8")),
        ("h.csv", "grüße, und mehr".encode("cp1252"), ("inline", "text/plain; charset=windows-1252")),
        ("i.docx", b"PK\x03\x04word/", ("attachment", "application/octet-stream")),
    ],
    ids=["picture", "program", "page as picture", "svg", "as page", "page as text", "text", "old text", "office"],
)  # fmt: skip
def test_bytes_and_not_a_name_decide_what_a_browser_may_show(
    workspace: Workspace, get: Get, name: str, content: bytes, served: tuple[str, str]
) -> None:
    address = files.address(kept(workspace, name, content), actor=ADMIN)
    answer = get(address)
    assert (answer.headers["content-disposition"].split(";")[0], answer.headers["content-type"]) == served
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and policy.endswith("; sandbox") and "script" not in policy
    assert get(address, more="?download=1").headers["content-disposition"].startswith("attachment;")


def test_a_link_gives_nothing_to_a_person_who_may_see_the_file_no_more(
    workspace: Workspace, get: Get, make: Callable[..., dict[str, Any]]
) -> None:
    customer = make("customers", name="Whose file it is")["id"]
    temp = Actor("temp", "agent")
    ours = kept(workspace, "ours.txt", b"ours", also={"customer": customer})
    address, admins = files.address(ours, actor=temp), files.address(ours, actor=ADMIN)
    assert get(address).content == b"ours"
    records.update(workspace.lake, module="files", record_id=ours, values={"customer": None}, actor=ADMIN)
    assert (get(address).status_code, get(admins).status_code) == (404, 200)
    records.delete(workspace.lake, module="files", record_id=ours, actor=ADMIN)
    assert get(admins).status_code == 404


def test_a_link_of_another_kind_or_hour_leads_nowhere(workspace: Workspace, get: Get) -> None:
    file_id = kept(workspace, "a.txt", b"a")
    other = links.sign("export", actor=ADMIN, claims=[file_id])
    old = links.sign("file", actor=ADMIN, claims=[file_id], now=datetime.now(UTC) - timedelta(hours=2))
    good = files.address(file_id, actor=ADMIN)
    forged = good[:-1] + ("A" if good[-1] != "A" else "B")
    for address in (files.PATH + other, files.PATH + old, forged, files.PATH + "%C3%A4"):
        answer = get(address)
        assert answer.status_code == 404 and "new one" in answer.json()["detail"]
