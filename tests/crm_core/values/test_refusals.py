"""Changes that a dependency refuses: a status that open steps of a required checklist keep a customer out of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm_core import records
from crm_core.definitions import save
from crm_core.dependencies import read_states
from crm_core.errors import DefinitionInvalid, ValuesInvalid
from crm_core.loading import LoadOptions, load
from tests.crm_core.conftest import ADMIN, Crm

BLOCKED = [("status", "refused")]


def change(crm: Crm, module: str, record_id: str, **values: Any) -> records.Changed:
    return records.update(crm.lake, module=module, record_id=record_id, values=values, actor=ADMIN)


def checked(crm: Crm, *, required_for: str | None = "active", **more: Any) -> tuple[str, list[str]]:
    """A customer who is taken on, with a checklist of two steps."""
    customer = crm.create(name="New", folder="active", **more)
    made = crm.create("checklists", title="Start", customer=customer, required_for=required_for)
    steps = [crm.create("checklist_steps", title=title, checklist=made) for title in ("One", "Two")]
    return customer, steps


def refused(crm: Crm, customer: str, **values: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValuesInvalid, match="has open steps; do them first") as error:
        change(crm, "customers", customer, **values)
    return [(problem.field, problem.code) for problem in error.value.problems]


def test_a_status_waits_for_the_last_step(freight: Crm) -> None:
    customer, steps = checked(freight)
    assert refused(freight, customer, status="active") == BLOCKED
    change(freight, "checklist_steps", steps[0], done=True)
    assert refused(freight, customer, status="active") == BLOCKED
    change(freight, "checklist_steps", steps[1], done=True)
    assert change(freight, "customers", customer, status="active").count == 1


def test_steps_of_other_lists_and_other_statuses_do_not_count(freight: Crm) -> None:
    customer, steps = checked(freight)
    for step in steps:
        change(freight, "checklist_steps", step, done=True)
    other = freight.create("checklists", title="Review", customer=customer)
    freight.create("checklist_steps", title="Open, but not required", checklist=other)
    assert change(freight, "customers", customer, status="at_risk").count == 1
    assert change(freight, "customers", customer, status="active").count == 1


def test_a_move_that_brings_the_status_along_is_refused_too(freight: Crm) -> None:
    customer, steps = checked(freight)
    assert refused(freight, customer, folder="key_accounts") == BLOCKED
    for step in steps:
        records.delete(freight.lake, module="checklist_steps", record_id=step, actor=ADMIN)
    change(freight, "customers", customer, folder="key_accounts")
    assert freight.read(customer)["status"] == "active"


def test_a_record_that_is_so_already_may_be_changed(freight: Crm) -> None:
    customer = freight.create(name="Old", folder="active", status="active")
    made = freight.create("checklists", title="Late", customer=customer, required_for="active")
    freight.create("checklist_steps", title="Open", checklist=made)
    assert change(freight, "customers", customer, name="Older").count == 1
    assert change(freight, "customers", customer, status="active").unchanged == 1


def test_of_a_set_nothing_is_written_when_one_is_refused(freight: Crm) -> None:
    (first, _), second = checked(freight), freight.create(name="Free", folder="active")
    values = {second: {"status": "active"}, first: {"status": "active"}}
    with pytest.raises(ValuesInvalid) as error:
        records.update_each(freight.lake, module="customers", values=values, actor=ADMIN)
    assert [(problem.row, problem.code) for problem in error.value.problems] == [(1, "refused")]
    assert freight.read(second)["status"] == "onboarding"


def test_a_load_leaves_the_row_out(freight: Crm, tmp_path: Path) -> None:
    blocked, _ = checked(freight, external_id="load-1")
    free = freight.create(name="Free", folder="active", external_id="load-2")
    file = tmp_path / "status.csv"
    file.write_text("external_id,status,city\nload-1,active,Bonn\nload-2,active,Bonn\n")
    done = load(
        freight.lake, [file], module="customers", actor=ADMIN, options=LoadOptions(key=("external_id",))
    )
    assert (done.updated, done.rejected) == (1, 1)
    now = [freight.read(one) for one in (blocked, free)]
    assert [(one["status"], one["city"]) for one in now] == [("onboarding", None), ("active", "Bonn")]


def test_a_form_knows_before(freight: Crm) -> None:
    customer, _ = checked(freight)
    record = freight.read(customer)
    for status, words in (("active", "open steps"), ("paused", "")):
        wanted = dict(record) | {"status": status}
        states = read_states(freight.lake, freight.catalog, module="customers", record=wanted, actor=ADMIN)
        assert words in states.refused.get("status", "") and bool(states.refused) == bool(words)


def test_a_new_record_can_be_refused(freight: Crm) -> None:
    document = freight.catalog.module("claims").model_dump(mode="json", by_alias=True, exclude_none=True)
    rule = {
        "when": {"field": "amount", "op": "gt", "value": 1000000},
        "effect": "refuse",
        "fields": ["amount"],
    }
    ruled = document | {"dependencies": [rule | {"message": "That is too much"}]}
    save(freight.lake, [("module", ruled)], actor=ADMIN)
    freight.create("claims", title="Small", amount="10")
    with pytest.raises(ValuesInvalid, match="too much"):
        freight.create("claims", title="Big", amount="2000000")
    save(freight.lake, [("module", document)], actor=ADMIN)


def test_a_rule_about_related_records_must_name_what_there_is(freight: Crm) -> None:
    document = freight.catalog.module("customers").model_dump(mode="json", by_alias=True, exclude_none=True)
    broken = [{"over": "nothing"}, {"over": "checklists.steps", "field": "colour"}]
    rules = [
        {"when": {"all": []}, "effect": "refuse", "fields": ["status"],
         "related": {"over": one["over"], "when": {"field": one.get("field", "done"), "op": "is_set"}}}
        for one in broken
    ]  # fmt: skip
    with pytest.raises(DefinitionInvalid, match=r"nothing.*colour"):
        save(freight.lake, [("module", document | {"dependencies": rules})], actor=ADMIN)
