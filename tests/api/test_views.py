"""What belongs to one record, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

Make = Callable[..., dict[str, Any]]


def test_a_profile_shows_the_record_and_what_belongs_to_it(admin: TestClient, make: Make) -> None:
    customer = make("customers", name="Profiled")
    make("inquiries", subject="A question", customer=customer["id"])
    answer = admin.get(f"/v1/modules/customers/records/{customer['id']}/profile")
    profile = answer.json()
    assert (answer.status_code, profile["title"]) == (200, "Profiled")
    related = {part["module"]: part for part in profile["related"]}
    assert [item["title"] for item in related["inquiries"]["items"]] == ["A question"]
    assert "A question" in [entry["title"] for entry in profile["timeline"]["items"]]


def test_links_are_made_listed_and_taken_away(admin: TestClient, make: Make) -> None:
    first, second = make("customers", name="Parent AG"), make("customers", name="Child AG")
    links = f"/v1/modules/customers/records/{first['id']}/links/related"
    assert admin.post(links, json={"id": second["id"], "type": "branch"}).status_code == 204
    page = admin.get(links).json()
    assert ([item["name"] for item in page["items"]], page["total"]) == (["Child AG"], 1)
    assert page["links"][second["id"]]["type"] == "branch"
    assert admin.delete(f"{links}/{second['id']}").status_code == 204
    assert admin.get(links).json()["total"] == 0


def test_history_tells_who_changed_what(as_user: Callable[[str], TestClient], make: Make) -> None:
    made = make("customers", name="Historic", city="Oslo")
    place = f"/v1/modules/customers/records/{made['id']}"
    as_user("anna").patch(place, json={"city": "Bergen"})
    changes = as_user("anna").get(f"{place}/history").json()["items"]
    [city] = [change for change in changes if change["field"] == "city" and change["old"] == "Oslo"]
    assert (city["new"], city["actor"], city["door"]) == ("Bergen", "anna", "api")


def test_a_history_comes_in_pages_newest_first(admin: TestClient, make: Make) -> None:
    place = f"/v1/modules/customers/records/{make('customers', name='Paged')['id']}"
    for city in ("Oslo", "Bergen", "Voss"):
        admin.patch(place, json={"city": city})
    first = admin.get(f"{place}/history", params={"limit": 2}).json()
    assert [one["new"] for one in first["items"]] == ["Voss", "Bergen"]
    rest = admin.get(f"{place}/history", params={"limit": 2, "before": first["next"]}).json()
    assert ("Oslo", "update") in [(one["new"], one["kind"]) for one in rest["items"]]
    assert rest["next"] is None and {one["kind"] for one in rest["items"]} == {"update", "insert"}


def test_a_timeline_has_the_changes_when_they_are_asked_for(admin: TestClient, make: Make) -> None:
    made = make("customers", name="Timed", city="Oslo")
    place = f"/v1/modules/customers/records/{made['id']}"
    admin.patch(place, json={"city": "Bergen"})
    entries = admin.get(f"{place}/timeline", params={"kinds": "changes"}).json()["items"]
    assert [field["new"] for entry in entries for field in entry["fields"] if field["field"] == "city"] == [
        "Bergen"
    ]


@pytest.mark.parametrize("view", ["profile", "timeline", "history", "links/customer"])
def test_a_hidden_record_has_no_views(as_user: Callable[[str], TestClient], make: Make, view: str) -> None:
    hidden = make("inquiries", subject="CANARY", folder="tenders")
    answer = as_user("olaf").get(f"/v1/modules/inquiries/records/{hidden['id']}/{view}")
    assert answer.status_code in (404, 422) and "CANARY" not in answer.text


def test_an_unknown_link_names_those_there_are(admin: TestClient, make: Make) -> None:
    made = make("customers", name="Linkless")
    answer = admin.get(f"/v1/modules/customers/records/{made['id']}/links/nope")
    assert answer.status_code == 422 and "inquiries" in answer.json()["detail"]
