"""A profile's address and number are its primary contact points; whoever writes the one keeps the other in step."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crm_core import records
from crm_core.errors import RecordNotFound
from tests.crm_core.conftest import ADMIN, Crm


def add(crm: Crm, customer: str, value: str, kind: str = "email", **more: Any) -> str:
    return crm.create("contact_points", customer=customer, kind=kind, value=value, **more)


def change(crm: Crm, record_id: str, module: str = "contact_points", **values: Any) -> None:
    records.update(crm.lake, module=module, record_id=record_id, values=values, actor=ADMIN)


def test_a_new_profile_has_its_points_with_the_values_as_given(crm: Crm) -> None:
    made = crm.create(name="A", email="A@EXAMPLE.com", phone="030 1234567")
    assert crm.points(made) == [("email", "A@example.com", True), ("phone", "+49301234567", True)]
    given_values = crm.lake.read("SELECT value FROM lake.crm.contact_points ORDER BY kind")["value"].to_list()
    assert given_values == ["A@EXAMPLE.com", "030 1234567"]
    assert crm.read(made)["version"] == crm.lake.snapshot()


def test_a_new_address_of_a_profile_becomes_its_primary_point(crm: Crm) -> None:
    made = crm.create(name="A", email="a@x.example", phone="030 1234567")
    change(crm, made, "customers", email="b@x.example")
    assert crm.points(made) == [
        ("email", "a@x.example", False), ("email", "b@x.example", True), ("phone", "+49301234567", True)
    ]  # fmt: skip
    change(crm, made, "customers", email="a@x.example")
    assert [point[2] for point in crm.points(made)] == [True, False, True]


def test_a_profile_without_an_address_has_no_primary_one(crm: Crm) -> None:
    made = crm.create(name="A", email="a@x.example")
    change(crm, made, "customers", email=None)
    assert crm.points(made) == [("email", "a@x.example", False)]


def test_the_first_point_of_a_kind_becomes_the_profiles_own(crm: Crm) -> None:
    made = crm.create(name="A", email="a@x.example")
    add(crm, made, "030 1234567", "phone")
    add(crm, made, "b@x.example")
    assert (crm.read(made)["email"], crm.read(made)["phone"]) == ("a@x.example", "+49301234567")


def test_a_point_that_is_marked_primary_takes_the_place_of_the_other(crm: Crm) -> None:
    made = crm.create(name="A", email="a@x.example")
    point = add(crm, made, "b@x.example", primary=True)
    assert crm.read(made)["email"] == "b@x.example"
    change(crm, point, primary=False)
    assert crm.read(made)["email"] == "a@x.example"


def test_a_point_that_changes_changes_the_profile(crm: Crm) -> None:
    made = crm.create(name="A")
    point = add(crm, made, "a@x.example")
    change(crm, point, value="C@X.example")
    assert crm.read(made)["email"] == "C@x.example"


def test_what_is_no_address_is_kept_marked_and_never_primary(crm: Crm) -> None:
    made = crm.create(name="A")
    point = add(crm, made, "call reception", "phone")
    record = crm.read(point, "contact_points")
    assert (record["value"], record["standardised"], record["invalid"], record["primary"]) == (
        "call reception", None, True, False
    )  # fmt: skip
    assert crm.read(made)["phone"] is None


def test_when_the_primary_point_goes_the_next_one_takes_its_place(crm: Crm) -> None:
    made = crm.create(name="A")
    first, second = add(crm, made, "a@x.example"), add(crm, made, "b@x.example")
    records.delete(crm.lake, module="contact_points", record_id=first, actor=ADMIN)
    assert crm.read(made)["email"] == "b@x.example" and crm.read(second, "contact_points")["primary"]
    records.delete(crm.lake, module="contact_points", record_id=second, actor=ADMIN)
    assert crm.read(made)["email"] is None
    records.restore(crm.lake, module="contact_points", record_id=first, actor=ADMIN)
    assert crm.read(made)["email"] == "a@x.example"


def test_a_point_that_moves_to_another_profile_changes_both(crm: Crm) -> None:
    one, other = crm.create(name="A"), crm.create(name="B")
    point = add(crm, one, "a@x.example")
    change(crm, point, customer=other)
    assert (crm.read(one)["email"], crm.read(other)["email"]) == (None, "a@x.example")


def test_many_points_of_many_profiles_are_settled_as_one_set(crm: Crm) -> None:
    ids = records.create(
        crm.lake, module="customers", values=[{"name": str(i)} for i in range(20)], actor=ADMIN
    ).ids
    values = [
        {"customer": one, "kind": "email", "value": f"{n}-{i}@x.example", "primary": n == 2}
        for i, one in enumerate(ids) for n in range(4)
    ]  # fmt: skip
    records.create(crm.lake, module="contact_points", values=values, actor=ADMIN)
    assert [crm.read(one)["email"] for one in ids[:2]] == ["2-0@x.example", "2-1@x.example"]
    assert crm.lake.read('SELECT count(*) AS n FROM lake.crm.contact_points WHERE "primary"')["n"][0] == 20


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["field", "add", "mark", "unmark", "delete", "restore", "value"]),
        st.integers(0, 4),
        st.sampled_from(["a@x.example", "b@x.example", "nonsense", None]),
    ),
    max_size=6,
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
@example([("add", 0, "nonsense"), ("mark", 0, None)])
@example([("add", 0, "a@x.example"), ("add", 0, "b@x.example"), ("value", 0, "nonsense")])
def test_the_field_is_always_the_primary_point(crm: Crm, steps: list[tuple[str, int, str | None]]) -> None:
    made, points = crm.create(name="A"), []
    for verb, which, value in steps:
        if verb == "field" and value != "nonsense":
            change(crm, made, "customers", email=value)
        elif verb == "add" and value:
            points.append(add(crm, made, value))
        elif points:
            _touch(crm, verb, points[which % len(points)], value)
    primary = [address for kind, address, is_primary in crm.points(made) if kind == "email" and is_primary]
    assert primary == ([crm.read(made)["email"]] if crm.read(made)["email"] else [])


def _touch(crm: Crm, verb: str, point: str, value: str | None) -> None:
    # One that is deleted already cannot be changed, and one that is not cannot be restored.
    with contextlib.suppress(RecordNotFound):
        match verb:
            case "mark" | "unmark":
                change(crm, point, primary=verb == "mark")
            case "delete":
                records.delete(crm.lake, module="contact_points", record_id=point, actor=ADMIN)
            case "restore":
                records.restore(crm.lake, module="contact_points", record_id=point, actor=ADMIN)
            case "value" if value:
                change(crm, point, value=value)
