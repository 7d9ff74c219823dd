"""Notifications over HTTP."""

from __future__ import annotations

from collections.abc import Callable

from starlette.testclient import TestClient


def test_nothing_is_told_to_who_was_told_nothing(as_user: Callable[[str], TestClient]) -> None:
    client = as_user("vera")
    assert client.get("/v1/notifications", params={"unread": True}).json() == {"items": [], "unread": 0}
    assert client.post("/v1/notifications/read").json() == {"marked": 0}
    assert client.post("/v1/notifications/read", json={"ids": ["x"]}).json() == {"marked": 0}
    assert client.post("/v1/notifications/read", json={"id": "x"}).status_code == 422


def test_a_stranger_reads_nobodys(as_user: Callable[[str], TestClient]) -> None:
    assert as_user("nobody").get("/v1/notifications").status_code == 401
