"""Links: rows of a many-to-many with values of their own, or the reference on whichever side has it."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.errors import Forbidden, RecordNotFound, ValuesInvalid
from crm_core.model import parse_condition
from crm_core.records.links import NoSuchRelationship
from tests.crm_core.conftest import ADMIN, AGENT, OTHER, VIEWER, Crm


def link(
    crm: Crm, record_id: str, to: Any, relationship: str = "related", actor: Actor = ADMIN, **values: Any
) -> records.Changed:
    return records.link(
        crm.lake,
        module="customers",
        record_id=record_id,
        relationship=relationship,
        to=to,
        actor=actor,
        values=values,
    )


def links(crm: Crm) -> list[tuple[str, str, str]]:
    rows = crm.lake.read(
        "SELECT from_id, to_id, type FROM lake.crm.customers__related WHERE deleted_at IS NULL"
    )
    return sorted(rows.rows())


def test_a_link_has_values_of_its_own_and_their_defaults(crm: Crm) -> None:
    a, b, c = (crm.create(name=name) for name in "ABC")
    link(crm, a, [b, c], type="parent")
    link(crm, b, c)
    assert links(crm) == sorted([(a, b, "parent"), (a, c, "parent"), (b, c, "family")])


def test_the_other_side_links_the_same_way_round(crm: Crm) -> None:
    a, b = crm.create(name="A"), crm.create(name="B")
    link(crm, b, a, "related_by", type="parent")
    assert links(crm) == [(a, b, "parent")]


def test_linking_again_changes_only_what_is_given(crm: Crm) -> None:
    a, b = crm.create(name="A"), crm.create(name="B")
    link(crm, a, b, type="parent", since="2020-01-01")
    before = crm.lake.snapshot()
    assert link(crm, a, b).unchanged == 1 and link(crm, a, b, type="Parent").unchanged == 1
    assert crm.lake.snapshot() == before
    assert link(crm, a, b, since="2021-01-01").count == 1 and links(crm) == [(a, b, "parent")]


def test_unlinking_keeps_the_row_and_what_is_not_linked_is_no_error(crm: Crm) -> None:
    a, b = crm.create(name="A"), crm.create(name="B")
    link(crm, a, b)
    off = {"module": "customers", "record_id": b, "relationship": "related_by", "to": a, "actor": ADMIN}
    assert records.unlink(crm.lake, **off).count == 1 and links(crm) == []  # type: ignore[arg-type]
    assert records.unlink(crm.lake, **off).count == 0  # type: ignore[arg-type]
    assert crm.lake.read("SELECT count(*) AS n FROM lake.crm.customers__related")["n"][0] == 1


def test_the_links_own_values_are_judged(crm: Crm) -> None:
    a, b = crm.create(name="A"), crm.create(name="B")
    with pytest.raises(ValuesInvalid) as raised:
        link(crm, a, b, type="friend", since="x", colour="red")
    assert {(p.field, p.code) for p in raised.value.problems} == {
        ("type", "option"), ("since", "type"), ("colour", "unknown_field"),
    }  # fmt: skip
    with pytest.raises(ValuesInvalid, match="required"):
        link(crm, a, b, type=None)


def test_both_sides_must_be_visible(crm: Crm) -> None:
    hidden = crm.create(name="H", folder="active", actor=AGENT)
    seen = crm.create(name="S", actor=OTHER)
    for near, far in ((hidden, seen), (seen, hidden), (seen, "nope")):
        with pytest.raises(RecordNotFound):
            link(crm, near, far, actor=OTHER)
    with pytest.raises(Forbidden):
        link(crm, seen, seen, actor=VIEWER)


def test_an_unknown_relationship_names_those_there_are(crm: Crm) -> None:
    with pytest.raises(NoSuchRelationship) as raised:
        link(crm, crm.create(name="A"), "x", "nothing")
    assert "related" in raised.value.known


def test_a_list_of_references_is_linked_on_the_other_side(crm: Crm) -> None:
    customer, task = crm.create(name="A"), crm.create("tasks", title="t")
    link(crm, customer, task, "tasks")
    link(crm, customer, task, "about_tasks")
    record = crm.read(task, "tasks")
    assert (record["customer"], record["about"]) == (customer, {"module": "customers", "id": customer})
    records.unlink(
        crm.lake, module="customers", record_id=customer, relationship="tasks", to=task, actor=ADMIN
    )
    assert crm.read(task, "tasks")["customer"] is None


def test_a_reference_can_be_linked_like_any_relationship(crm: Crm) -> None:
    customer, task = crm.create(name="A"), crm.create("tasks", title="t")
    own = {"module": "tasks", "record_id": task, "actor": ADMIN}
    records.link(crm.lake, relationship="about", to=f"customers:{customer}", **own)  # type: ignore[arg-type]
    records.link(crm.lake, relationship="customer", to=customer, **own)  # type: ignore[arg-type]
    assert crm.read(task, "tasks")["about"] == {"module": "customers", "id": customer}
    with pytest.raises(ValuesInvalid, match="points to one record"):
        records.link(crm.lake, relationship="customer", to=[customer, customer], **own)  # type: ignore[arg-type]


def test_all_that_match_are_linked_to_one(crm: Crm) -> None:
    hub, first, second = crm.create(name="Hub"), crm.create(name="A", age=1), crm.create(name="B", age=1)
    condition = parse_condition({"field": "age", "op": "eq", "value": 1})
    given: dict[str, Any] = {
        "module": "customers",
        "condition": condition,
        "relationship": "related",
        "to": hub,
        "actor": ADMIN,
    }
    assert records.link_where(crm.lake, **given, dry_run=True).count == 2 and links(crm) == []
    records.link_where(crm.lake, **given)
    assert links(crm) == sorted([(first, hub, "family"), (second, hub, "family")])
    assert records.unlink_where(crm.lake, **given, dry_run=True).count == 2 and len(links(crm)) == 2
    assert records.unlink_where(crm.lake, **given).count == 2 and links(crm) == []


def test_all_that_match_can_refer_to_one_and_cease_to(crm: Crm) -> None:
    customer, other = crm.create(name="A"), crm.create(name="B")
    task, kept = crm.create("tasks", title="t"), crm.create("tasks", title="t", customer=other)
    condition = parse_condition({"field": "customer", "op": "is_empty"})
    given: dict[str, Any] = {"module": "tasks", "relationship": "customer", "to": customer, "actor": ADMIN}
    assert records.link_where(crm.lake, condition=condition, **given).ids == (task,)
    everything = parse_condition({})
    assert records.unlink_where(crm.lake, condition=everything, **given).ids == (task,)
    assert crm.read(kept, "tasks")["customer"] == other


def test_a_list_of_references_cannot_be_linked_to_many_at_once(crm: Crm) -> None:
    with pytest.raises(ValuesInvalid, match="one by one"):
        given: dict[str, Any] = {"module": "customers", "relationship": "tasks", "to": "x", "actor": ADMIN}
        records.link_where(crm.lake, condition=parse_condition({}), **given)
