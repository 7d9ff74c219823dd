"""A flow that would bring a record where a rule of its module refuses it fails, and says why."""

from __future__ import annotations

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
