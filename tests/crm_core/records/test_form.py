"""A form on the screen is judged by the rules that its record will be."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core import records
from crm_core.errors import ValuesInvalid
from tests.crm_core.conftest import ADMIN, Crm


def test_a_form_hides_demands_locks_and_limits_as_it_is_filled(shared: Crm) -> None:
    values = {"name": "A", "status": "lost", "vip": "yes", "kind": "person"}
    rules = records.read_form_rules(shared.lake, module="customers", values=values, actor=ADMIN)
    assert rules.hidden == {"vat_id"}
    assert rules.required == {"name", "reason"}
    assert rules.read_only >= {"number", "credit"}
    assert [option.value for option in rules.options["tier"]] == ["basic", "gold"]


def test_a_form_of_a_module_without_dependencies_needs_no_statement(shared: Crm) -> None:
    rules = records.read_form_rules(shared.lake, module="tasks", values={}, actor=ADMIN)
    assert (rules.required, rules.hidden, rules.options) == ({"title"}, frozenset(), {})


@pytest.mark.parametrize("kind", ["person", "company", None], ids=str)
@pytest.mark.parametrize(
    "values", [{"vat_id": "V"}, {"tier": "platinum"}, {"vip": True, "credit": 5}], ids=str
)
def test_what_a_form_forbids_is_refused_and_what_it_allows_is_taken(
    shared: Crm, kind: str | None, values: dict[str, Any]
) -> None:
    given = {"name": "A", "kind": kind, **values}
    rules = records.read_form_rules(shared.lake, module="customers", values=given, actor=ADMIN)
    limited = (
        "tier" in values
        and "tier" in rules.options
        and "platinum" not in {o.value for o in rules.options["tier"]}
    )
    forbidden = bool(values.keys() & (rules.hidden | rules.read_only)) or limited
    try:
        records.create(shared.lake, module="customers", values=given, actor=ADMIN)
        refused = False
    except ValuesInvalid:
        refused = True
    assert refused is forbidden
