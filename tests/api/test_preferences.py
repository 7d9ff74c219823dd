"""Preferences over HTTP: one's own alone."""

from __future__ import annotations

from collections.abc import Callable

from starlette.testclient import TestClient

PATH = "/v1/preferences"


def test_a_viewer_sets_reads_and_removes_what_is_his_own(as_user: Callable[[str], TestClient]) -> None:
    vera, admin = as_user("vera"), as_user("admin")
    assert vera.put(f"{PATH}/columns.customers", json={"value": ["name", "city"]}).status_code == 204
    assert vera.get(PATH).json()["chosen"] == {"columns.customers": ["name", "city"]}
    assert admin.get(PATH).json()["chosen"] == {}
    assert vera.delete(f"{PATH}/columns.customers").status_code == 204
    assert vera.get(PATH).json()["chosen"] == {}


def test_what_is_unknown_or_of_another_kind_is_told(as_user: Callable[[str], TestClient]) -> None:
    vera = as_user("vera")
    unknown, wrong = (
        vera.put(f"{PATH}/colour", json={"value": 1}),
        vera.put(f"{PATH}/fold.left", json={"value": 1}),
    )
    assert (unknown.status_code, wrong.status_code) == (404, 422)
    assert "There is no preference “colour”" in unknown.json()["detail"]
    assert "takes true or false, not 1" in wrong.json()["detail"]
    assert vera.put(f"{PATH}/fold.left", json={"valu": True}).status_code == 422
    assert vera.delete(f"{PATH}/colour").status_code == 404


def test_nobody_has_none(as_user: Callable[[str], TestClient]) -> None:
    assert as_user("nobody").get(PATH).status_code == 401
