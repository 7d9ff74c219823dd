"""Opened and clicked: what a message tells, once, and how little anybody else learns by asking."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api import tracking
from crm_core.access import Actor
from crm_core.records import create
from crm_core.workspace import Workspace
from flows.delivery import deliver_once
from flows.outbox import OUTBOX
from flows.tracking import Tracker, note
from lake import Change, Lake, table
from tests.flows.delivering import config, say
from tests.flows.mail_server import Mailbox, mail_server

ADMIN = Actor.local_admin()
PUBLIC = "https://crm.company.example"
TARGET = "https://shop.example/offers?a=1&b=2"
TEXT = f"Dear <b>Ann</b> & Co,\nsee {TARGET}.\nBye"
TO = "ann@buyer.example"


@pytest.fixture(scope="module")
def tracked(workspace: Workspace) -> Iterator[TestClient]:
    app: FastAPI = tracking.create_tracking(workspace.settings.model_copy(update={"public_url": PUBLIC}))
    tracking.connect(app, workspace)
    whole = Starlette(routes=[Mount(tracking.PREFIX, app=app)])
    with TestClient(whole, follow_redirects=False) as client:
        yield client


def tracker_of(workspace: Workspace) -> Tracker:
    tracker = Tracker.of(workspace.settings.model_copy(update={"public_url": PUBLIC}))
    assert tracker is not None
    return tracker


def send(workspace: Workspace, purpose: str, **more: Any) -> tuple[str, Any]:
    """Deliver a message; returns the id of its record and what arrived."""
    values = {
        "channel": "email",
        "direction": "out",
        "state": "queued",
        "to": TO,
        "subject": "S",
        "text": TEXT,
        **more,
    }
    lake, message = (
        workspace.lake,
        create(workspace.lake, module="communications", values=values, actor=ADMIN).id,
    )
    lake.commit(
        lambda tx: tx.execute(
            f"INSERT INTO {OUTBOX} BY NAME SELECT uuidv7() AS id, 'email' AS channel, CAST($m AS UUID) AS "
            "communication_id, $to AS recipient, $purpose AS purpose, 'queued' AS state, 0 AS attempts, "
            "$now AS next_attempt_at, $now AS created_at, $now AS updated_at, uuid() AS change_id",
            {"m": message, "to": TO, "purpose": purpose, "now": datetime.now(UTC)},
        ),
        Change(actor="t", door="t"),
    )
    with mail_server() as mailbox:
        deliver_once(lake, config(mailbox.url, tracker=tracker_of(workspace)))
        return message, _only(mailbox)


def _only(mailbox: Mailbox) -> Any:
    # Other tests of this workspace may have left mail to others in the outbox.
    [message] = mailbox.to(TO)
    return message


def told(lake: Lake, message: str) -> tuple[Any, ...]:
    """State, and whether it was opened and clicked."""
    found = lake.read(
        "SELECT state, opened_at IS NOT NULL AS opened, clicked_at IS NOT NULL AS clicked "
        f"FROM {table('crm', 'communications')} WHERE id = CAST(? AS UUID)",
        [message],
    )
    return found.rows()[0]


def parts_of(message: Any) -> tuple[str, str, str]:
    """The HTML of a message, and the paths of its picture and its link."""
    html = message.get_body(("html",)).get_content()
    [pixel] = re.findall(rf'src="{PUBLIC}(/m/o/[^"]+)"', html)
    [link] = re.findall(rf'href="{PUBLIC}(/m/c/[^"]+)"', html)
    return html, unescape(pixel), unescape(link)


def test_a_message_that_allows_it_tells_when_it_is_opened_and_clicked(
    workspace: Workspace, tracked: TestClient
) -> None:
    lake = workspace.lake
    say(lake, TO, "granted", purpose="marketing")
    message, arrived = send(workspace, "marketing")
    html, pixel, link = parts_of(arrived)
    assert "Dear &lt;b&gt;Ann&lt;/b&gt; &amp; Co,<br>" in html
    assert arrived.get_body(("plain",)).get_content().splitlines() == TEXT.splitlines()
    assert told(lake, message) == ("sent", False, False)
    answer = tracked.get(pixel)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert told(lake, message) == ("opened", True, False)
    before = lake.snapshot()
    assert tracked.get(pixel).status_code == 200 and lake.snapshot() == before, "the first time counts"
    answer = tracked.get(link)
    assert (answer.status_code, answer.headers["location"]) == (302, TARGET)
    assert told(lake, message) == ("opened", True, True)
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_click_says_that_it_was_opened_too(workspace: Workspace, tracked: TestClient) -> None:
    say(workspace.lake, TO, "granted", purpose="marketing")
    message, arrived = send(workspace, "marketing")
    assert tracked.head(parts_of(arrived)[2]).status_code == 302
    assert told(workspace.lake, message) == ("sent", False, False), "a look at the headers is no click"
    tracked.get(parts_of(arrived)[2])
    assert told(workspace.lake, message) == ("opened", True, True)


def test_a_message_of_a_purpose_without_tracking_tells_nothing(workspace: Workspace) -> None:
    _, arrived = send(workspace, "service")
    assert arrived.get_content_type() == "text/plain" and PUBLIC not in arrived.as_string()


def test_the_links_of_html_are_kept_as_they_are_shown(workspace: Workspace, tracked: TestClient) -> None:
    say(workspace.lake, TO, "granted", purpose="marketing")
    target = TARGET.replace("&", "&amp;")
    html = f'<body><a class="x" href="{target}">Offers</a> <a href="mailto:a@b.example">us</a></body>'
    _, arrived = send(workspace, "marketing", html=html)
    shown, _, link = parts_of(arrived)
    assert (
        '<a class="x" href=' in shown and 'href="mailto:a@b.example"' in shown and shown.count("</body>") == 1
    )
    assert tracked.get(link).headers["location"] == TARGET


@pytest.mark.parametrize("path", ["/m/o/", "/m/c/"])
@pytest.mark.parametrize("token", ["x", "AAAA", "a" * 54, "%00", "é" * 20, "A" * 5000])
def test_a_forged_token_is_answered_harmlessly(tracked: TestClient, path: str, token: str) -> None:
    answer = tracked.get(path + token)
    assert answer.status_code == (200 if path == "/m/o/" else 404) and "location" not in answer.headers


def test_a_token_leads_nowhere_that_its_message_does_not(workspace: Workspace, tracked: TestClient) -> None:
    say(workspace.lake, TO, "granted", purpose="marketing")
    message, arrived = send(workspace, "marketing")
    tracker, pixel = tracker_of(workspace), parts_of(arrived)[1]
    seen = tracker.read(pixel.removeprefix("/m/o/"))
    assert seen is not None
    elsewhere = tracker.token(seen.outbox_id, "https://evil.example/")
    assert tracked.get(f"/m/c/{elsewhere}").status_code == 404
    assert tracked.get(f"/m/c/{pixel.removeprefix('/m/o/')}").status_code == 404
    assert told(workspace.lake, message) == ("sent", False, False)


def test_what_was_noted_before_its_message_was_dropped_from_the_outbox_harms_nothing(
    workspace: Workspace,
) -> None:
    tracker = tracker_of(workspace)
    seen = tracker.read(tracker.token("0199f7d2-0000-7000-8000-000000000000"))
    assert seen is not None and not note(workspace.lake, seen, at=datetime.now(UTC))
