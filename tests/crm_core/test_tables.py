"""A changed definition changes its tables in the same transaction, and nothing is lost."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from crm_core import definitions
from crm_core.errors import DefinitionInvalid
from crm_core.tables import existing_tables, source_columns, wanted_tables
from tests.crm_core.conftest import ADMIN, Crm


def change_fields(crm: Crm, module: str, **kinds: str | None) -> tuple[str, ...]:
    """Save a module whose fields have other kinds; None takes a field away."""
    document = copy.deepcopy(crm.catalog.stored["module", module].document)
    kept = [field for field in document["fields"] if kinds.get(field["slug"], "") is not None]
    document["fields"] = [
        {"slug": f["slug"], "kind": kinds[f["slug"]]} if f["slug"] in kinds else f for f in kept
    ] + [{"slug": s, "kind": k} for s, k in kinds.items() if k and s not in {f["slug"] for f in kept}]
    return definitions.save(crm.lake, [("module", document)], actor=ADMIN).tables


def save_vehicles(crm: Crm, *fields: dict[str, Any]) -> None:
    module = {"slug": "vehicles", "fields": list(fields)}
    definitions.save(crm.lake, [("module", module)], actor=ADMIN)


def test_there_is_a_table_for_everything_defined(crm: Crm) -> None:
    have = existing_tables(crm.lake)
    for name, columns in wanted_tables(crm.catalog).items():
        assert have[name] == columns, name


def test_a_new_field_is_a_new_column_and_old_rows_have_none(crm: Crm) -> None:
    task = crm.create("tasks", title="a")
    assert change_fields(crm, "tasks", hours="integer") == ("add the column hours to tasks",)
    assert crm.read(task, "tasks")["hours"] is None
    assert crm.read(crm.create("tasks", title="b", hours=3), "tasks")["hours"] == 3


def test_a_field_that_is_taken_away_comes_back_with_its_values(crm: Crm) -> None:
    save_vehicles(crm, {"slug": "plate", "kind": "text"}, {"slug": "seats", "kind": "integer"})
    vehicle = crm.create("vehicles", plate="X", seats=4)
    change_fields(crm, "vehicles", seats=None)
    assert "seats" not in crm.read(vehicle, "vehicles")
    change_fields(crm, "vehicles", seats="integer")
    assert crm.read(vehicle, "vehicles")["seats"] == 4


@pytest.mark.parametrize(
    ("kind", "given", "wider", "expected"),
    [
        ("integer", 12, "decimal", Decimal("12")),
        ("integer", 12, "text", "12"),
        ("boolean", True, "text", "true"),
        ("date", "2026-07-01", "text", "2026-07-01"),
        ("date", "2026-07-01", "datetime", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("datetime", "2026-07-01T10:00:00Z", "text", "2026-07-01T10:00:00Z"),
        ("email", "a@b.example", "long_text", "a@b.example"),
    ],
    ids=lambda value: str(value),
)
def test_a_kind_can_become_a_wider_one(crm: Crm, kind: str, given: Any, wider: str, expected: Any) -> None:
    save_vehicles(crm, {"slug": "x", "kind": kind})
    vehicle = crm.create("vehicles", x=given)
    before = crm.lake.snapshot()
    change_fields(crm, "vehicles", x=wider)
    assert crm.read(vehicle, "vehicles")["x"] == expected
    assert crm.lake.read(f"SELECT count(*) AS n FROM lake.crm.vehicles AT (VERSION => {before})")["n"][0] == 1


@pytest.mark.parametrize(
    ("kind", "narrower"),
    [("text", "integer"), ("decimal", "integer"), ("text", "address"), ("address", "text"), ("decimal", "money"),
     ("multi_select", "select"), ("money", "decimal"), ("text", "boolean")],
    ids=lambda value: str(value),
)  # fmt: skip
def test_a_kind_that_would_lose_values_is_refused(crm: Crm, kind: str, narrower: str) -> None:
    save_vehicles(crm, {"slug": "x", "kind": kind})
    with pytest.raises(DefinitionInvalid, match="add a field with another slug"):
        change_fields(crm, "vehicles", x=narrower)


def test_a_reference_that_may_point_to_more_modules_keeps_where_it_points(crm: Crm) -> None:
    customer = crm.create(name="A")
    task = crm.create("tasks", title="t", customer=customer)
    link = {
        "module": "tasks",
        "slug": "customer",
        "kind": "many_to_one",
        "to": ["customers", "files"],
        "inverse": "tasks",
    }
    definitions.save(crm.lake, [("relationship", link)], actor=ADMIN)
    assert crm.read(task, "tasks")["customer"] == {"module": "customers", "id": customer}


def test_rows_of_a_table_that_is_sorted_can_still_be_changed(crm: Crm) -> None:
    document = copy.deepcopy(crm.catalog.stored["module", "customers"].document) | {
        "sort": ["country", "name"]
    }
    definitions.save(crm.lake, [("module", document)], actor=ADMIN)
    assert crm.read(crm.create(name="Z"))["name"] == "Z"


def test_the_deliverables_views_show_live_rows_and_new_columns(crm: Crm) -> None:
    crm.create("tasks", title="a")
    change_fields(crm, "tasks", hours="integer")
    crm.create("tasks", title="b", hours=2)
    rows = crm.lake.read('SELECT title, hours FROM lake.main."db_ai-loop_V3_Tasks" ORDER BY title').rows()
    assert rows == [("a", None), ("b", 2)]


def test_a_field_called_like_a_column_of_the_source_table_has_another_there(crm: Crm) -> None:
    save_vehicles(crm, {"slug": "file", "kind": "text"}, {"slug": "plate", "kind": "text"})
    module = crm.catalog.module("vehicles")
    assert source_columns(crm.catalog, module) == {"file": "file__given", "plate": "plate"}
    assert existing_tables(crm.lake)["vehicles__source"]["file__given"] == "VARCHAR"
