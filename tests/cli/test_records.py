"""Records and what people do with them, in the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Run


def made(run: Run, module: str, *fields: str) -> str:
    answer = run("records", "create", module, *fields, "--json")
    assert answer.code == 0, answer.out
    return str(answer.json["id"])


def told(run: Run, *words: str) -> Any:
    answer = run(*words, "--json")
    assert answer.code == 0, answer.out + answer.err
    return answer.json


def test_a_record_is_made_changed_taken_back_deleted_and_restored(filled: Run) -> None:
    customer = made(filled, "customers", "name=Ida Berg", "city=Oslo", 'tags=["over-terminal"]')
    changed = told(filled, "records", "change", "customers", customer, "city=", "name=Ida Dahl")
    seen = told(filled, "records", "show", "customers", customer)
    assert (seen["name"], seen["city"], seen["tags"]) == ("Ida Dahl", None, ["over-terminal"])
    told(filled, "records", "undo", changed["change_id"])
    assert told(filled, "records", "show", "customers", customer)["city"] == "Oslo"
    told(filled, "records", "delete", "customers", customer)
    assert filled("records", "show", "customers", customer).code == 1
    told(filled, "records", "restore", "customers", customer)
    assert told(filled, "records", "show", "customers", customer)["name"] == "Ida Berg"


@pytest.mark.parametrize("wrong", ["name", "=x", "tags=[1"])
def test_a_value_that_is_not_written_as_one_is_refused(filled: Run, wrong: str) -> None:
    answer = filled("records", "create", "customers", wrong, "--json")
    assert (answer.code, answer.json["status"]) == (1, 422)


def test_a_search_forgives_a_typing_error(filled: Run) -> None:
    customer = made(filled, "customers", "name=Kvitebjørn Transport")
    found = told(filled, "search", "kvitebjorn transprt", "--module", "customers")
    assert (customer, True) in [(one["id"], one["similar"]) for one in found]


def test_what_is_done_on_a_profile_stands_in_it(filled: Run) -> None:
    customer = made(filled, "customers", "name=Ole", "email=ole@terminal.example")
    call = ("records", "call", "customers", customer, "--seconds", "60", "--task", "Write to Ole")
    logged = told(filled, *call)
    told(filled, "records", "pin", "customers", customer, "tasks", logged["task"])
    line = told(filled, "records", "timeline", "customers", customer)
    assert next((one["kind"], one["pinned"]) for one in line if one["id"] == logged["task"]) == (
        "tasks",
        True,
    )
    said = ("--address", "ole@terminal.example", "--purpose", "marketing", "--state", "granted")
    told(filled, "records", "consent", "customers", customer, *said, "--reason", "said so")
    [consent] = told(filled, "records", "consents", "customers", customer)
    assert (consent["state"], consent["reason"]) == ("granted", "said so")


def test_a_request_becomes_a_task_and_a_tag_has_a_colour(filled: Run) -> None:
    asked = made(filled, "inquiries", "subject=Two pallets", 'tags=["pallets"]')
    task = told(filled, "records", "convert", "inquiries", asked, "tasks", "title=Measure them")
    assert told(filled, "records", "show", "tasks", task["id"])["title"] == "Measure them"
    told(filled, "tags", "colour", "inquiries", "pallets", "teal")
    assert {"tag": "pallets", "records": 1, "color": "teal"} in told(filled, "tags", "list", "inquiries")


def test_many_are_changed_after_a_look(filled: Run) -> None:
    for n in range(2):
        made(filled, "customers", f"name=Many {n}", "city=Terminalville")
    words = ("--filter", '{"field": "city", "op": "eq", "value": "Terminalville"}', "city=Elsewhere")
    assert told(filled, "records", "bulk", "customers", *words, "--dry-run")["changing"] == 2
    assert told(filled, "records", "bulk", "customers", *words)["changed"] == 2


def test_a_calendar_has_an_address_until_it_is_taken_back(filled: Run) -> None:
    assert told(filled, "calendar", "address", "--as", "anna")["path"].startswith("/api/v1/calendar/")
    assert told(filled, "calendar", "revoke", "--as", "anna") == {"revoked": True}
    assert filled("calendar", "address", "--json").json["status"] == 422


def test_a_person_sets_and_removes_a_preference(filled: Run) -> None:
    told(filled, "preferences", "set", "columns.customers", '["name"]')
    told(filled, "preferences", "set", "home.whose", "everybody")
    chosen = told(filled, "preferences", "list")["chosen"]
    assert chosen == {"columns.customers": ["name"], "home.whose": "everybody"}
    for key in chosen:
        told(filled, "preferences", "remove", key)
    assert told(filled, "preferences", "list")["chosen"] == {}
    wrong = filled("preferences", "set", "fold.left", "maybe", "--json")
    assert (wrong.code, wrong.json["status"]) == (1, 422)
