"""What a form shows of the rules, and what its record is judged by, are the same."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core import records
from crm_core.dependencies import read_states
from crm_core.errors import ValuesInvalid
from tests.crm_core.conftest import ADMIN, Crm

FORBIDDEN = [{"vat_id": "V"}, {"tier": "platinum"}, {"vip": True, "credit": 5}, {"status": "lost"}]


@pytest.mark.parametrize("kind", ["person", "company", None], ids=str)
@pytest.mark.parametrize("values", FORBIDDEN, ids=str)
def test_what_a_form_forbids_is_refused_and_what_it_allows_is_taken(
    shared: Crm, kind: str | None, values: dict[str, Any]
) -> None:
    given = {"name": "A", "kind": kind, **values}
    states = read_states(shared.lake, shared.catalog, module="customers", record=given, actor=ADMIN)
    limits = {slug: {option.value for option in options} for slug, options in states.options.items()}
    forbidden = bool(values.keys() & (states.hidden | states.read_only)) or bool(
        states.required - given.keys()
    )
    forbidden |= any(given[slug] not in limits[slug] for slug in limits.keys() & values.keys())
    try:
        records.create(shared.lake, module="customers", values=given, actor=ADMIN)
        refused = False
    except ValuesInvalid:
        refused = True
    assert refused is forbidden
