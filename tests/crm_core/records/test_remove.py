"""Deleting is soft, restoring brings everything back, and neither goes past the rules."""

from __future__ import annotations

import pytest

from crm_core import records
from crm_core.errors import Forbidden, RecordNotFound, VersionConflict
from crm_core.model import parse_condition
from crm_core.records.remove import KeyTaken
from tests.crm_core.conftest import ADMIN, AGENT, OTHER, VIEWER, Crm


def test_a_deleted_record_leaves_every_list_and_comes_back(crm: Crm) -> None:
    made = crm.create(name="A", age=3)
    before = crm.read(made)
    records.delete(crm.lake, module="customers", record_id=made, actor=ADMIN)
    with pytest.raises(RecordNotFound):
        crm.read(made)
    done = records.restore(crm.lake, module="customers", record_id=made, actor=ADMIN)
    changed = {"updated_at", "change_id", "version"}
    assert {k: v for k, v in crm.read(made).items() if k not in changed} == {
        k: v for k, v in before.items() if k not in changed
    }
    assert crm.read(made)["version"] == done.version


def test_several_are_deleted_together_or_none(crm: Crm) -> None:
    first, second = crm.create(name="A"), crm.create(name="B")
    with pytest.raises(RecordNotFound):
        records.delete(crm.lake, module="customers", record_id=[first, "nope"], actor=ADMIN)
    assert records.delete(crm.lake, module="customers", record_id=[first, second], actor=ADMIN).count == 2


def test_what_the_actor_does_not_see_cannot_be_deleted_or_restored(crm: Crm) -> None:
    made = crm.create(name="A", folder="active", actor=AGENT)
    with pytest.raises(RecordNotFound):
        records.delete(crm.lake, module="customers", record_id=made, actor=OTHER)
    with pytest.raises(Forbidden):
        records.delete(crm.lake, module="customers", record_id=made, actor=VIEWER)
    records.delete(crm.lake, module="customers", record_id=made, actor=AGENT)
    with pytest.raises(RecordNotFound):
        records.restore(crm.lake, module="customers", record_id=made, actor=OTHER)


def test_a_record_that_changed_since_is_not_deleted(crm: Crm) -> None:
    made = crm.create(name="A")
    base = crm.read(made)["version"]
    records.update(crm.lake, module="customers", record_id=made, values={"name": "B"}, actor=ADMIN)
    with pytest.raises(VersionConflict):
        records.delete(crm.lake, module="customers", record_id=made, actor=ADMIN, base_version=base)


def test_restoring_fails_when_the_key_is_taken(crm: Crm) -> None:
    made = crm.create(name="A", tax_id="DE1")
    records.delete(crm.lake, module="customers", record_id=made, actor=ADMIN)
    other = crm.create(name="B", tax_id="DE1")
    with pytest.raises(KeyTaken) as raised:
        records.restore(crm.lake, module="customers", record_id=made, actor=ADMIN)
    assert (raised.value.field, raised.value.value, raised.value.status) == ("tax_id", "DE1", 409)
    records.update(crm.lake, module="customers", record_id=other, values={"tax_id": None}, actor=ADMIN)
    records.restore(crm.lake, module="customers", record_id=made, actor=ADMIN)


def test_all_that_match_are_deleted_and_a_dry_run_deletes_none(crm: Crm) -> None:
    old, young = crm.create(name="A", age=90), crm.create(name="B", age=9)
    condition = parse_condition({"field": "age", "op": "gt", "value": 50})
    dry = records.delete_where(crm.lake, module="customers", condition=condition, actor=ADMIN, dry_run=True)
    assert dry.ids == (old,) and crm.read(old)["age"] == 90
    assert records.delete_where(crm.lake, module="customers", condition=condition, actor=ADMIN).ids == (old,)
    assert crm.read(young)["age"] == 9


def test_links_to_a_deleted_record_are_kept_and_come_back(crm: Crm) -> None:
    customer = crm.create(name="A")
    task = crm.create("tasks", title="t", customer=customer)
    records.delete(crm.lake, module="customers", record_id=customer, actor=ADMIN)
    assert crm.read(task, "tasks")["customer"] == customer
    records.restore(crm.lake, module="customers", record_id=customer, actor=ADMIN)
    assert crm.read(customer)["name"] == "A"
