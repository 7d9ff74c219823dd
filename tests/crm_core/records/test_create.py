"""Creating records: defaults, rules, all problems at once, and many callers in one transaction."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.errors import Forbidden, UnknownModule, ValuesInvalid
from lake import Change, new_id
from tests.crm_core.conftest import ADMIN, AGENT, OTHER, VIEWER, Crm


def problems(
    crm: Crm, *values: dict[str, Any], module: str = "customers", actor: Actor = ADMIN
) -> set[tuple[int, str, str]]:
    """(row, field, code) of everything wrong with the values; nothing may have been written."""
    before = crm.lake.snapshot()
    with pytest.raises(ValuesInvalid) as raised:
        records.create(crm.lake, module=module, values=list(values), actor=actor)
    assert crm.lake.snapshot() == before
    return {(problem.row, problem.field, problem.code) for problem in raised.value.problems}


def test_a_record_has_every_value_in_its_standard_form(crm: Crm) -> None:
    file = crm.create("files", name="a.pdf")
    made = crm.create(
        name=" Anna ", notes="hi", email="Anna@EXAMPLE.com", phone="030 1234567", country="Germany", kind="Company",
        age=42, score=1.5, credit={"amount": "12.50", "currency": "usd"}, tax_id="DE1",
        home={"city": "Bonn", "country": "Germany"},
        born="2000-02-01", seen="2026-07-01T10:00", langs=["German", "en"], manager="Bob Agent", vip=False,
        site="shop.example", facts={"a": [1, None, "x"]}, papers=[file], vat_id="V1", tier="platinum",
    )  # fmt: skip
    record = crm.read(made)
    expected: dict[str, Any] = {
        "name": "Anna", "notes": "hi", "email": "Anna@example.com", "phone": "+49301234567", "country": "DE",
        "kind": "company",
        "age": 42, "score": Decimal("1.5"), "credit": {"amount": Decimal("12.5"), "currency": "USD"}, "tax_id": "DE1",
        "home": {"street": None, "postal_code": None, "city": "Bonn", "region": None, "country": "DE"},
        "langs": ["de", "en"], "manager": "bob", "vip": False, "site": "https://shop.example",
        "facts": {"a": [1, None, "x"]}, "papers": [file], "reason": None, "tier": "platinum",
        "seen": datetime(2026, 7, 1, 8, tzinfo=UTC), "number": "C-0001",
    }  # fmt: skip
    assert {name: record[name] for name in expected} == expected


def test_what_is_not_named_takes_its_default(crm: Crm) -> None:
    record = crm.read(crm.create(name="A", actor=AGENT))
    assert (record["kind"], record["folder"], record["status"]) == ("person", "leads", "new")
    assert (record["owner"], record["workers"], record["source"]) == ("bob", ["bob"], "api")
    due = crm.read(crm.create("tasks", title="t"), "tasks")["due"]
    assert timedelta(days=6) < due - datetime.now(UTC) < timedelta(days=8)


def test_none_is_meant_and_takes_no_default(crm: Crm) -> None:
    record = crm.read(crm.create(name="A", kind=None, owner=None))
    assert record["kind"] is None and record["owner"] is None and record["workers"] is None


def test_a_record_of_the_machinery_has_no_owner(crm: Crm) -> None:
    assert crm.read(crm.create(name="A", actor=Actor.system()))["owner"] is None


def test_the_owner_is_among_the_workers(crm: Crm) -> None:
    assert crm.read(crm.create(name="A", owner="bob", workers=["sue"]))["workers"] == ["bob", "sue"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, "new"),
        ({"folder": "active"}, "open"),
        ({"folder": "active", "status": "In Progress"}, "open"),
        ({"status": "Won"}, "won"),
    ],
    ids=str,
)
def test_a_status_is_one_of_the_folders(crm: Crm, given: dict[str, str], status: str) -> None:
    assert crm.read(crm.create(name="A", **given))["status"] == status


def test_all_problems_of_all_records_are_told_at_once(crm: Crm) -> None:
    first = {"age": "x", "email": "no", "nonsense": 1, "status": "open"}
    second = {"name": "B", "kind": ["a"], "facts": "{", "credit": {"sum": 1}, "notes": "a\x00b"}
    assert problems(crm, first, {"name": "ok"}, second) == {
        (0, "age", "type"), (0, "email", "type"), (0, "nonsense", "unknown_field"), (0, "name", "required"),
        (0, "status", "option"), (2, "kind", "type"), (2, "facts", "type"), (2, "credit", "type"),
        (2, "notes", "nul_character"),
    }  # fmt: skip


def test_a_problem_has_what_was_received_as_it_was(crm: Crm) -> None:
    with pytest.raises(ValuesInvalid) as raised:
        records.create(crm.lake, module="customers", values={"name": "A", "age": 12.5}, actor=ADMIN)
    [problem] = raised.value.problems
    assert problem.received == 12.5 and problem.as_dict().keys() == {"field", "code", "message", "received"}


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"vat_id": "V"}, "vat_id", "hidden"),
        ({"status": "lost"}, "reason", "required"),
        ({"vip": True, "credit": 5}, "credit", "read_only"),
        ({"tier": "platinum"}, "tier", "option"),
        ({"number": "C-9"}, "number", "read_only"),
        ({"created_at": "2020-01-01"}, "created_at", "read_only"),
        ({"papers": ["019f0000-0000-7000-8000-000000000000"]}, "papers", "file"),
    ],
    ids=lambda value: str(value),
)
def test_rules_of_the_whole_row_hold(crm: Crm, values: dict[str, Any], field: str, code: str) -> None:
    assert problems(crm, {"name": "A", **values}) == {(0, field, code)}


def test_whoever_is_trusted_may_give_what_is_read_only(crm: Crm) -> None:
    values = {"name": "A", "number": "C-0041", "created_at": "2020-01-01T00:00:00Z"}
    made = records.create(crm.lake, module="customers", values=values, actor=ADMIN, trusted=True)
    assert crm.read(made.id)["number"] == "C-0041" and crm.read(made.id)["created_at"].year == 2020
    assert crm.read(crm.create(name="B"))["number"] == "C-0042"


def test_numbers_count_up_in_the_order_of_the_values(crm: Crm) -> None:
    made = records.create(
        crm.lake, module="customers", values=[{"name": str(i)} for i in range(60)], actor=ADMIN
    )
    numbers = [crm.read(record_id)["number"] for record_id in (made.ids[0], made.ids[59])]
    assert numbers == ["C-0001", "C-0060"] and crm.read(crm.create())["number"] == "C-0061"


def test_a_key_is_unique_among_live_records(crm: Crm) -> None:
    first = crm.create(name="A", tax_id="DE1")
    assert problems(crm, {"name": "B", "tax_id": "DE1"}) == {(0, "tax_id", "unique")}
    assert problems(crm, {"name": "B", "tax_id": "DE2"}, {"name": "C", "tax_id": "DE2"}) == {
        (1, "tax_id", "unique")
    }
    records.delete(crm.lake, module="customers", record_id=first, actor=ADMIN)
    crm.create(name="B", tax_id="DE1")


def test_a_reference_must_lead_to_a_record_that_the_actor_sees(crm: Crm) -> None:
    secret = crm.create(name="S", folder="active", actor=AGENT)
    seen = crm.create(name="O")
    assert crm.read(crm.create("tasks", title="t", customer=seen, actor=OTHER), "tasks")["customer"] == seen
    assert problems(crm, {"title": "t", "customer": secret}, module="tasks", actor=OTHER) == {
        (0, "customer", "reference")
    }
    crm.create("tasks", title="t", customer=secret, actor=AGENT)


@pytest.mark.parametrize(
    "about", [{"module": "files", "id": "x"}, {"module": "customers"}, "not-an-id"], ids=str
)
def test_a_reference_to_several_modules_needs_both_parts(crm: Crm, about: Any) -> None:
    found = (
        problems(crm, {"title": "t", "about": about}, module="tasks")
        if about != {"module": "customers"}
        else None
    )
    assert found is None or {code for _, _, code in found} <= {"type", "reference"}


def test_a_reference_to_several_modules_keeps_which(crm: Crm) -> None:
    customer = crm.create(name="A")
    about = {"module": "customers", "id": customer}
    task = crm.create("tasks", title="t", about=about)
    assert crm.read(task, "tasks")["about"] == about
    wrong = {"module": "tasks", "id": customer}
    assert problems(crm, {"title": "t", "about": wrong}, module="tasks") == {(0, "about", "reference")}


def test_viewers_create_nothing_and_unknown_modules_are_named(crm: Crm) -> None:
    with pytest.raises(Forbidden):
        crm.create(actor=VIEWER)
    with pytest.raises(UnknownModule):
        crm.create("nothing")


def test_a_record_is_recorded_under_the_change_it_is_given(crm: Crm) -> None:
    then = datetime(2025, 3, 1, tzinfo=UTC)
    change = Change(actor="public", door="intake", reason="a form", occurred_at=then)
    made = records.create(
        crm.lake, module="tasks", values={"title": "t"}, actor=Actor.system(), change=change
    )
    record = crm.read(made.id, "tasks")
    assert (record["change_id"], record["created_at"], record["version"]) == (change.id, then, made.version)
    told = crm.lake.read("SELECT actor, door, reason FROM lake.ops.changes WHERE id = ?", [change.id]).rows()
    assert told == [("public", "intake", "a form")]


def test_many_records_are_one_commit(crm: Crm) -> None:
    before = crm.lake.snapshot()
    made = records.create(
        crm.lake, module="tasks", values=[{"title": str(i)} for i in range(300)], actor=ADMIN
    )
    assert made.version == before + 1 and len(set(made.ids)) == 300
    assert records.count(crm.lake, crm.catalog, module="tasks", actor=ADMIN) == 300


def test_callers_share_a_transaction_and_each_learns_his_own_outcome(crm: Crm) -> None:
    start = threading.Barrier(24)

    def call(number: int) -> str:
        start.wait()
        values = {
            "name": f"N{number}",
            "tax_id": f"DE{number // 2}",
            "age": "x" if number % 8 == 7 else number,
        }
        try:
            return records.create(
                crm.lake, module="customers", values=values, actor=(ADMIN, AGENT)[number % 2]
            ).id
        except ValuesInvalid as error:
            return ",".join(sorted(problem.code for problem in error.problems))

    with ThreadPoolExecutor(24) as pool:
        outcomes = list(pool.map(call, range(24)))
    for first, second in zip(outcomes[::2], outcomes[1::2], strict=True):
        assert sorted(len(one) == 36 for one in (first, second)) == [False, True]
    stored = crm.lake.read("SELECT name, tax_id, owner, number FROM lake.crm.customers")
    assert stored.height == 12 and stored["tax_id"].n_unique() == 12 and stored["number"].n_unique() == 12


def test_a_key_lost_to_a_caller_who_was_refused_himself_is_free(crm: Crm) -> None:
    from crm_core.records.create import Creation, _create_together

    rows = [{"name": "A", "tax_id": "DE1", "age": "x"}, {"name": "B", "tax_id": "DE1"}]
    change = Change(actor="ann", door="api")
    wanted = [
        Creation(crm.lake, "customers", (row,), ADMIN, "api", False, change, (new_id(),)) for row in rows
    ]
    outcomes = crm.lake.commit(lambda tx: _create_together(tx, wanted), Change(actor="ann", door="api")).value
    assert isinstance(outcomes[0], ValuesInvalid) and not isinstance(outcomes[1], Exception)
    assert crm.lake.read("SELECT name FROM lake.crm.customers")["name"].to_list() == ["B"]


def test_creating_nothing_is_no_commit(crm: Crm) -> None:
    before = crm.lake.snapshot()
    assert records.create(crm.lake, module="tasks", values=[], actor=ADMIN).ids == ()
    assert crm.lake.snapshot() == before


def test_records_can_be_created_within_an_open_transaction(crm: Crm) -> None:
    def work(tx: Any) -> tuple[str, ...]:
        [customer] = records.create_in(
            tx, crm.writer(), module="customers", values=[{"name": "A", "email": "a@b.example"}]
        )
        return records.create_in(
            tx, crm.writer(), module="tasks", values=[{"title": "t", "customer": customer}]
        )

    done = crm.lake.commit(work, Change(actor="ann", door="intake"))
    task = crm.read(done.value[0], "tasks")
    assert task["change_id"] == done.change_id and crm.read(task["customer"])["email"] == "a@b.example"
