"""A hostile mail in a real browser: it is seen as it looks, and nothing in it runs, moves or is fetched unasked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.server import Served
from tests.mail.test_shown import HOSTILE

PIXEL = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)


@pytest.fixture
def tracker() -> Iterator[tuple[str, list[str]]]:
    """A host that notes what is fetched from it: its address, and the paths."""
    asked: list[str] = []

    class Noting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('Referer', '')}".strip())
            self.send_response(200)
            self.send_header("Content-Type", "image/gif")
            self.end_headers()
            self.wfile.write(PIXEL)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is told."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Noting)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def letter(place: Path, tracker: str) -> Path:
    """All hostile mails in one, whose addresses are those of the tracker."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "eve@hostile.example", "sales@us.example", "A hostile mail"
    made.set_content("Look at me")
    evil = "".join(HOSTILE.values()).replace("https://t.example", tracker).replace("alert(1)", "top.hacked=1")
    made.add_alternative(f"<h1>Look at me</h1><img src='cid:dot'>{evil}", subtype="html")
    made.get_payload()[1].add_related(PIXEL, "image", "gif", cid="<dot>")  # type: ignore[union-attr, index]
    place.write_bytes(made.as_bytes())
    return place


def test_a_hostile_mail_is_looked_at_and_does_nothing(
    served: Served, browser_page: Page, tracker: tuple[str, list[str]], tmp_path: Path
) -> None:
    page, (host, asked) = browser_page, tracker
    done = served.run("mail", "import", str(letter(tmp_path / "hostile.eml", host)))
    assert done.returncode == 0, done.stdout + done.stderr
    steps.open_page(page, served, "inbox")
    steps.row(page, "A hostile mail").click()
    expect(steps.title(page)).to_contain_text("A hostile mail")
    steps.still(page)
    page.locator('[data-click^="formatted:"]').click()
    frame = page.frame_locator(".m-frame iframe")
    expect(frame.get_by_role("heading", name="Look at me")).to_be_visible()
    within = "picture => picture.complete && picture.naturalWidth"
    assert frame.locator('img[src^="data:image/gif"]').evaluate(within) == 1
    assert not asked and page.evaluate("window.hacked") is None and page.url.startswith(served.url)
    steps.still(page)
    page.locator('[data-click^="images:"]').click()
    expect(frame.locator(f'img[src^="{host}"]').first).to_be_attached()
    expect(frame.get_by_role("heading", name="Look at me")).to_be_visible()
    page.wait_for_function("() => !document.querySelector('[data-click^=\"images:\"]')")
    for _ in range(50):
        if asked:
            break
        page.wait_for_timeout(100)
    assert set(asked) == {"/open.gif?who=ann"} and page.evaluate("window.hacked") is None
