"""Calendars over HTTP, read as other programs read them: with an iCalendar parser, and twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar
from starlette.testclient import TestClient

from crm_core import people
from crm_core.access import Actor
from crm_core.directory import User
from crm_core.workspace import Workspace

AsUser = Callable[[str], TestClient]
Make = Callable[..., dict[str, Any]]
START = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
HOUR = timedelta(hours=1)


@pytest.fixture
def customer(make: Make) -> str:
    return str(make("customers", name="Ada", folder="key_accounts")["id"])


def meet(make: Make, customer: str, title: str, owner: str, **values: Any) -> dict[str, Any]:
    times = {"starts_at": START.isoformat(), "ends_at": (START + HOUR).isoformat()}
    return make("appointments", title=title, customer=customer, owner=owner, **{**times, **values})


def address(client: TestClient) -> str:
    answer = client.post("/v1/calendar")
    assert answer.status_code == 201
    return str(answer.json()["path"]).removeprefix("/api")


def titles(body: bytes) -> set[str]:
    return {str(event["summary"]) for event in Calendar.from_ical(body).walk("VEVENT")}


def test_an_appointment_is_a_file_that_calendars_read(as_user: AsUser, make: Make, customer: str) -> None:
    hard = 'Tea; "coffee", ' + "ünïcödé 🦆 " * 12 + "\\n and \r\nmore\x07"
    made = meet(make, customer, hard, "anna", place="Harbour, gate 4")
    answer = as_user("anna").get(f"/v1/modules/appointments/records/{made['id']}/calendar.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    (event,) = Calendar.from_ical(answer.content).walk("VEVENT")
    assert (event["uid"], event["sequence"]) == (made["id"], made["version"])
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (START, START + HOUR)
    assert str(event["summary"]).replace("\r", "") == hard.replace("\x07", "").replace("\r", "")
    assert event["location"] == "Harbour, gate 4"
    assert event["status"] == "CONFIRMED"


def test_who_does_not_see_an_appointment_gets_no_file(as_user: AsUser, make: Make, customer: str) -> None:
    made = meet(make, customer, "Private", "anna")
    path = f"/v1/modules/appointments/records/{made['id']}/calendar.ics"
    assert as_user("olaf").get(path).status_code == 404
    assert as_user("nobody").get(path).status_code == 401
    there = f"/v1/modules/customers/records/{customer}/calendar.ics"
    assert as_user("anna").get(there).status_code == 422


def test_an_address_gives_what_its_person_works_on(as_user: AsUser, make: Make, customer: str) -> None:
    open_to_all = str(make("customers", name="Bea")["id"])
    meet(make, customer, "Hers", "anna")
    meet(make, open_to_all, "His", "olaf")
    meet(make, open_to_all, "Both", "olaf", workers=["olaf", "anna"])
    meet(
        make,
        open_to_all,
        "Long ago",
        "anna",
        starts_at="2020-01-01T10:00:00Z",
        ends_at="2020-01-01T11:00:00Z",
    )
    stranger = as_user("nobody")
    found = titles(stranger.get(address(as_user("anna"))).content)
    assert {"Hers", "Both"} <= found and not found & {"His", "Long ago"}
    assert "Both" in titles(stranger.get(address(as_user("olaf"))).content)


def test_what_is_closed_to_a_person_leaves_his_calendar(
    as_user: AsUser, make: Make, admin: TestClient
) -> None:
    theirs = str(make("customers", name="Cy")["id"])
    made = meet(make, theirs, "Was shared", "olaf")
    path = address(as_user("olaf"))
    assert "Was shared" in titles(as_user("nobody").get(path).content)
    gone = admin.delete(f"/v1/modules/appointments/records/{made['id']}")
    assert gone.status_code == 204
    assert "Was shared" not in titles(as_user("nobody").get(path).content)


def test_who_asks_again_is_told_that_nothing_changed(as_user: AsUser, make: Make, customer: str) -> None:
    made = meet(make, customer, "Talk", "anna")
    path, client = address(as_user("anna")), as_user("nobody")
    tag = client.head(path).headers["etag"]
    assert client.get(path).headers["etag"] == tag
    again = client.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    changed = as_user("anna").patch(
        f"/v1/modules/appointments/records/{made['id']}", json={"status": "cancelled"}
    )
    assert changed.status_code == 200
    fresh = client.get(path, headers={"If-None-Match": tag})
    assert fresh.status_code == 200 and fresh.headers["etag"] != tag
    (event,) = [one for one in Calendar.from_ical(fresh.content).walk("VEVENT") if one["uid"] == made["id"]]
    assert event["status"] == "CANCELLED" and event["sequence"] > made["version"]


def test_an_address_ends_with_the_next_or_when_it_is_taken_back(as_user: AsUser) -> None:
    first, second = address(as_user("vera")), address(as_user("vera"))
    client = as_user("nobody")
    assert [client.get(path).status_code for path in (first, second)] == [404, 200]
    assert as_user("vera").delete("/v1/calendar").status_code == 204
    assert [client.get(path).status_code for path in (second, "/v1/calendar/guess.ics")] == [404, 404]
    assert as_user("vera").delete("/v1/calendar").status_code == 204


def test_the_lake_knows_no_address(as_user: AsUser, workspace: Workspace) -> None:
    token = address(as_user("anna")).split("/")[-1].removesuffix(".ics")
    kept = workspace.lake.read("SELECT * FROM lake.access.calendar_feeds").rows()
    assert kept and token not in str(kept)


def test_a_program_without_a_person_has_no_calendar(admin: TestClient) -> None:
    answer = admin.post("/v1/calendar")
    assert answer.status_code == 422 and "only users" in answer.json()["detail"]


def test_who_left_has_no_calendar_any_more(as_user: AsUser, workspace: Workspace) -> None:
    path = address(as_user("vera"))
    gone = User("vera", "Vera Costa", "vera@forwarder.example", "viewer", ("sales",), active=False)
    people.save_users(workspace.lake, [gone], actor=Actor.local_admin())
    try:
        assert as_user("nobody").get(path).status_code == 404
    finally:
        there = User("vera", "Vera Costa", "vera@forwarder.example", "viewer", ("sales",))
        people.save_users(workspace.lake, [there], actor=Actor.local_admin())
