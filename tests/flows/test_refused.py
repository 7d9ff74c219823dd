"""A flow that would bring a record where a rule of its module refuses it fails, and says why."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.definitions import read_catalog, save
from crm_core.records import create
from flows.run_history import list_runs
from lake import Lake
from tests.flows.flows_of import ADMIN, activate, change, flow, leaf, rows, run

WORDS = "An important customer is taken on by a person"


def test_what_a_dependency_refuses_fails_the_run(crm: Lake) -> None:
    document = read_catalog(crm).module("customers").model_dump(mode="json", by_alias=True, exclude_none=True)
    when = {"all": [leaf("status", "eq", "active"), leaf("vip", "eq", True)]}
    rule = {"when": when, "effect": "refuse", "fields": ["status"], "message": WORDS}
    save(crm, [("module", document | {"dependencies": [rule]})], actor=ADMIN)
    taken = flow("take", {"set_field": {"status": "active"}}, module="customers", on={"fields": ["vip"]})
    activate(crm, taken)
    made = [create(crm, module="customers", values={"name": n}, actor=ADMIN).id for n in ("Ann", "Bob")]
    change(crm, made[0], "customers", vip=True)
    change(crm, made[1], "customers", vip=False)
    run(crm)
    found = {one.state: str(one.error) for one in list_runs(crm, actor=ADMIN)}
    assert set(found) == {"done", "failed"} and WORDS in found["failed"]
    assert sorted(rows(crm, "customers", "name", "status")) == [("Ann", "lead"), ("Bob", "active")]


VISITS: dict[str, Any] = {
    "slug": "visits", "title": "name", "calendar": {"starts": "begins", "ends": "ends"},
    "fields": [{"slug": "name", "kind": "text"}, *({"slug": one, "kind": "datetime"} for one in ("begins", "ends"))],
}  # fmt: skip
TEN, NINE = "2027-03-08T10:00:00Z", "2027-03-08T09:00:00Z"


@pytest.mark.parametrize(
    ("ends", "state", "there"),
    [pytest.param(TEN, "done", 1, id="at once"), pytest.param(NINE, "failed", 0, id="before")],
)
def test_a_flow_makes_no_appointment_that_ends_before_it_begins(
    crm: Lake, ends: str, state: str, there: int
) -> None:
    save(crm, [("module", VISITS)], actor=ADMIN)
    values = {"name": "Visit", "begins": TEN, "ends": ends}
    activate(crm, flow("visit", {"create_record": {"module": "visits", "values": values}}))
    create(crm, module="inquiries", values={"subject": "S"}, actor=ADMIN)
    run(crm)
    [done] = list_runs(crm, actor=ADMIN)
    assert done.state == state and ("before it begins" in str(done.error)) is (state == "failed")
    assert len(rows(crm, "visits", "name")) == there


def test_a_flow_moves_no_appointment_behind_its_end_and_goes_on_with_others(crm: Lake) -> None:
    save(crm, [("module", VISITS)], actor=ADMIN)
    activate(crm, flow("late", {"set_field": {"begins": TEN}}, module="visits", on={"fields": ["name"]}))
    for name, ends in (("Early", NINE), ("Open", None)):
        values = {"name": "New", "begins": "2027-03-08T08:00:00Z", "ends": ends}
        made = create(crm, module="visits", values=values, actor=ADMIN).id
        change(crm, made, "visits", name=name)
    run(crm)
    found = {one.state: str(one.error) for one in list_runs(crm, actor=ADMIN)}
    assert set(found) == {"done", "failed"} and "before it begins" in found["failed"]
    begins = {name: moment.hour for name, moment in rows(crm, "visits", "name", "begins")}
    assert begins == {"Early": 8, "Open": 10}
