"""Changing records: what is absent stays, what others changed since is a conflict, and moves settle the status."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.errors import Forbidden, RecordNotFound, ValuesInvalid, VersionConflict
from crm_core.model import parse_condition
from lake import Change
from tests.crm_core.conftest import ADMIN, AGENT, OTHER, VIEWER, Crm


def update(crm: Crm, record_id: str, actor: Actor = ADMIN, **values: Any) -> records.Changed:
    return records.update(crm.lake, module="customers", record_id=record_id, values=values, actor=actor)


def codes(crm: Crm, record_id: str, actor: Actor = ADMIN, **values: Any) -> set[tuple[str, str]]:
    with pytest.raises(ValuesInvalid) as raised:
        update(crm, record_id, actor, **values)
    return {(problem.field, problem.code) for problem in raised.value.problems}


def test_what_is_absent_stays_and_none_clears(crm: Crm) -> None:
    made = crm.create(name="A", age=3, notes="n")
    done = update(crm, made, age=None, vip=True)
    record = crm.read(made)
    assert (record["name"], record["age"], record["vip"], record["notes"]) == ("A", None, True, "n")
    assert record["version"] == done.version and record["change_id"] == done.change_id


def test_giving_what_is_there_changes_nothing(crm: Crm) -> None:
    made = crm.create(name="A", langs=["de"], credit="5")
    before = crm.lake.snapshot()
    done = update(crm, made, name=" A ", langs=["German"], credit=5)
    assert (done.ids, done.unchanged, crm.lake.snapshot()) == ((), 1, before)


def test_a_record_can_be_sent_back_as_it_was_read(crm: Crm) -> None:
    made = crm.create(
        name="A", credit="5 USD", home={"city": "Bonn"}, langs=["de"], facts={"a": 1}, born="2000-01-01"
    )
    assert update(crm, made, **crm.read(made)).unchanged == 1


def test_an_amount_without_a_currency_keeps_the_one_there_is(crm: Crm) -> None:
    made = crm.create(name="A", credit="5 USD")
    update(crm, made, credit=6)
    assert crm.read(made)["credit"] == {"amount": Decimal("6"), "currency": "USD"}
    update(crm, made, credit=None)
    assert crm.read(made)["credit"] is None


@pytest.mark.parametrize(
    ("before", "values", "folder", "status"),
    [
        ({"status": "won"}, {"folder": "active"}, "active", "won"),
        ({"status": "new"}, {"folder": "active"}, "active", "open"),
        ({"status": "new"}, {"folder": "active", "status": "won"}, "active", "won"),
        ({"status": "won"}, {"folder": None}, "leads", "won"),
        ({"status": "won"}, {"status": None}, "leads", "new"),
        ({"folder": "active"}, {"folder": "leads"}, "leads", "new"),
        ({"folder": "active"}, {"folder": "leads", "status": "open"}, "leads", "new"),
        ({"folder": "active"}, {"name": "B"}, "active", "open"),
    ],
    ids=str,
)
def test_on_a_move_the_same_status_stays_else_the_start(
    crm: Crm, before: dict[str, Any], values: dict[str, Any], folder: str, status: str
) -> None:
    made = crm.create(name="A", **before)
    update(crm, made, **values)
    assert (crm.read(made)["folder"], crm.read(made)["status"]) == (folder, status)


def test_a_status_of_another_folder_is_refused(crm: Crm) -> None:
    assert codes(crm, crm.create(name="A"), status="open") == {("status", "option")}
    assert codes(crm, crm.create(name="A"), folder="active", status="lost") == {("status", "option")}


def test_the_owner_joins_and_stays_among_the_workers(crm: Crm) -> None:
    made = crm.create(name="A", owner="bob")
    update(crm, made, owner="sue")
    assert crm.read(made)["workers"] == ["sue", "bob"]
    update(crm, made, workers=["vic"])
    assert crm.read(made)["workers"] == ["sue", "vic"]


@pytest.mark.parametrize(
    ("before", "values", "expected"),
    [
        ({}, {"name": None}, ("name", "required")),
        ({}, {"number": "C-7"}, ("number", "read_only")),
        ({}, {"status": "lost"}, ("reason", "required")),
        ({"credit": 5}, {"credit": 6, "vip": True}, ("credit", "read_only")),
        ({}, {"vat_id": "V"}, ("vat_id", "hidden")),
        ({"kind": "company", "tier": "platinum"}, {"kind": "person", "tier": "platinum", "age": 1}, None),
        ({}, {"age": "old"}, ("age", "type")),
    ],
    ids=str,
)
def test_the_changed_row_is_judged_by_the_rules_that_the_change_bears_on(
    crm: Crm, before: dict[str, Any], values: dict[str, Any], expected: tuple[str, str] | None
) -> None:
    made = crm.create(name="A", **before)
    if expected is None:
        update(crm, made, **values)
    else:
        assert codes(crm, made, **values) == {expected}


def test_a_new_rule_does_not_stand_in_the_way_of_other_fields(crm: Crm) -> None:
    made = crm.create(name="A", kind="company", vat_id="V")
    update(crm, made, kind="person")
    assert crm.read(made)["vat_id"] == "V"
    update(crm, made, age=5)


def test_keys_stay_unique(crm: Crm) -> None:
    crm.create(name="A", tax_id="DE1")
    second = crm.create(name="B", tax_id="DE2")
    assert codes(crm, second, tax_id="DE1") == {("tax_id", "unique")}
    assert update(crm, second, tax_id="DE2").unchanged == 1


def test_keys_can_be_exchanged_in_one_change(crm: Crm) -> None:
    first, second = crm.create(name="A", tax_id="DE1"), crm.create(name="B", tax_id="DE2")
    swap = {first: {"tax_id": "DE2"}, second: {"tax_id": "DE1"}}
    records.update_each(crm.lake, module="customers", values=swap, actor=ADMIN)
    assert (crm.read(first)["tax_id"], crm.read(second)["tax_id"]) == ("DE2", "DE1")


def test_a_reference_that_stays_is_not_asked_again(crm: Crm) -> None:
    customer = crm.create(name="A")
    task = crm.create("tasks", title="t", customer=customer)
    records.delete(crm.lake, module="customers", record_id=customer, actor=ADMIN)
    values = {"title": "u", "customer": customer}
    records.update(crm.lake, module="tasks", record_id=task, values=values, actor=ADMIN)
    assert crm.read(task, "tasks")["title"] == "u"


class TestConflicts:
    def test_a_field_that_both_changed_is_a_conflict(self, crm: Crm) -> None:
        made = crm.create(name="A", age=1)
        base = crm.read(made)["version"]
        update(crm, made, name="B", age=2)
        with pytest.raises(VersionConflict) as raised:
            values = {"name": "C", "age": 2, "vip": True}
            records.update(
                crm.lake, module="customers", record_id=made, values=values, actor=ADMIN, base_version=base
            )
        assert raised.value.conflicts == ({"field": "name", "base": "A", "current": "B", "yours": "C"},)
        assert crm.read(made)["name"] == "B"

    def test_fields_that_only_one_changed_are_both_kept(self, crm: Crm) -> None:
        made = crm.create(name="A", credit=1)
        base = crm.read(made)["version"]
        update(crm, made, credit=2)
        records.update(
            crm.lake, module="customers", record_id=made, values={"name": "B"}, actor=ADMIN, base_version=base
        )
        assert (crm.read(made)["name"], crm.read(made)["credit"]["amount"]) == ("B", Decimal(2))

    def test_a_base_that_the_lake_has_forgotten_is_told_as_unknown(self, crm: Crm) -> None:
        made = crm.create(name="A")
        update(crm, made, name="B")
        with pytest.raises(VersionConflict) as raised:
            records.update(
                crm.lake,
                module="customers",
                record_id=made,
                values={"name": "C"},
                actor=ADMIN,
                base_version=0,
            )
        assert raised.value.conflicts[0]["base"] is None


class TestRights:
    @pytest.mark.parametrize("record_id", ["nope", "019f0000-0000-7000-8000-000000000000", ""], ids=repr)
    def test_a_record_that_is_not_there_is_not_found(self, crm: Crm, record_id: str) -> None:
        with pytest.raises(RecordNotFound):
            update(crm, record_id, name="B")

    def test_a_record_that_the_actor_does_not_see_is_not_found_either(self, crm: Crm) -> None:
        made = crm.create(name="A", folder="active", actor=AGENT)
        with pytest.raises(RecordNotFound):
            update(crm, made, OTHER, name="B")

    def test_viewers_change_nothing(self, crm: Crm) -> None:
        with pytest.raises(Forbidden):
            update(crm, crm.create(name="A"), VIEWER, name="B")

    def test_an_agent_may_hand_a_record_to_others_and_see_it_no_more(self, crm: Crm) -> None:
        made = crm.create(name="A", actor=OTHER)
        update(crm, made, OTHER, folder="active", owner="bob", workers=["bob"])
        with pytest.raises(RecordNotFound):
            crm.read(made, actor=OTHER)
        assert crm.read(made, actor=AGENT)["workers"] == ["bob"]


class TestWhere:
    ADULTS = parse_condition({"field": "age", "op": "ge", "value": 18})

    def test_all_that_match_and_that_the_actor_sees_are_changed(self, crm: Crm) -> None:
        seen, young = crm.create(name="A", age=20), crm.create(name="B", age=3)
        hidden = crm.create(name="C", age=30, folder="active", actor=AGENT)
        done = records.update_where(
            crm.lake, module="customers", condition=self.ADULTS, values={"vip": True}, actor=OTHER
        )
        assert done.ids == (seen,)
        assert [crm.read(one)["vip"] for one in (seen, young, hidden)] == [True, None, None]

    def test_a_dry_run_tells_what_would_change_and_writes_nothing(self, crm: Crm) -> None:
        first = crm.create(name="A", age=20)
        crm.create(name="B", age=20, vip=True)
        before = crm.lake.snapshot()
        done = records.update_where(
            crm.lake,
            module="customers",
            condition=self.ADULTS,
            values={"vip": True},
            actor=ADMIN,
            dry_run=True,
        )
        assert (done.ids, done.unchanged, crm.lake.snapshot()) == ((first,), 1, before)

    def test_one_record_that_breaks_a_rule_keeps_all_as_they_are(self, crm: Crm) -> None:
        crm.create(name="A", age=20)
        crm.create(name="B", age=20, kind="company")
        with pytest.raises(ValuesInvalid) as raised:
            records.update_where(
                crm.lake, module="customers", condition=self.ADULTS, values={"vat_id": "V"}, actor=ADMIN
            )
        assert len(raised.value.problems) == 1
        assert crm.lake.read("SELECT count(vat_id) AS n FROM lake.crm.customers")["n"][0] == 0

    def test_nothing_that_matches_is_no_commit(self, crm: Crm) -> None:
        before = crm.lake.snapshot()
        done = records.update_where(
            crm.lake, module="customers", condition=self.ADULTS, values={"vip": True}, actor=ADMIN
        )
        assert done.ids == () and crm.lake.snapshot() == before

    def test_a_change_over_a_set_equals_it_over_each_record(self, crm: Crm) -> None:
        given = [
            {"name": f"N{i}", "status": ("new", "won")[i % 2], "owner": (None, "bob")[i % 3 == 0]}
            for i in range(12)
        ]
        ids = records.create(crm.lake, module="customers", values=[*given, *given], actor=ADMIN).ids
        values = {"folder": "active", "owner": "sue", "credit": "7 USD"}
        for one in ids[:12]:
            update(crm, one, **values)
        rest = parse_condition({"field": "id", "op": "in", "value": list(ids[12:])})
        records.update_where(crm.lake, module="customers", condition=rest, values=values, actor=ADMIN)
        ignored = {"id", "number", "created_at", "updated_at", "change_id", "version"}
        rows = [{k: v for k, v in crm.read(one).items() if k not in ignored} for one in ids]
        assert rows[:12] == rows[12:]


def test_what_else_must_happen_happens_in_the_same_transaction(crm: Crm) -> None:
    seen = []

    def hook(tx: Any, catalog: Any, event: records.Event) -> None:
        seen.append((event.module, event.kind, tx.read(f"SELECT count(*) AS n FROM {event.table}")["n"][0]))

    from crm_core.records import hooks

    records.on_written(hook)
    try:
        made = crm.create("tasks", title="t")
        records.update(crm.lake, module="tasks", record_id=made, values={"title": "u"}, actor=ADMIN)
        records.delete(crm.lake, module="tasks", record_id=made, actor=ADMIN)
        records.restore(crm.lake, module="tasks", record_id=made, actor=ADMIN)
    finally:
        hooks._hooks.remove(hook)
    assert seen == [
        ("tasks", "insert", 1),
        ("tasks", "update", 1),
        ("tasks", "delete", 1),
        ("tasks", "restore", 1),
    ]


def test_a_definition_that_changed_meanwhile_counts(crm: Crm) -> None:
    from crm_core import definitions

    made = crm.create("tasks", title="t")
    document = crm.catalog.stored["module", "tasks"].document
    fields = [
        {**field, "max_length": 3} if field["slug"] == "title" else field for field in document["fields"]
    ]
    definitions.save(crm.lake, [("module", document | {"fields": fields})], actor=ADMIN)
    with pytest.raises(ValuesInvalid):
        change = Change(actor="ann", door="api")
        records.update(
            crm.lake, module="tasks", record_id=made, values={"title": "long"}, actor=ADMIN, change=change
        )
