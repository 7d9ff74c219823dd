"""The states of fields: asked for one record after another, and as time goes on."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_core.definitions import save
from crm_core.dependencies import FieldStates, read_states
from tests.crm_core.conftest import ADMIN, Crm

BY_VALUE = {
    "when": {"field": "about", "op": "eq", "value": "price"},
    "effect": "visible",
    "fields": ["price"],
}
BY_TIME = {"when": {"field": "due", "op": "lt", "value": "now"}, "effect": "required", "fields": ["excuse"]}


def reviews(*dependencies: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A module whose fields depend on others."""
    fields = [
        {"slug": "about", "kind": "text"},
        {"slug": "due", "kind": "datetime"},
        {"slug": "price", "kind": "integer"},
        {"slug": "excuse", "kind": "text"},
    ]
    document = {"slug": "reviews", "title": "about", "fields": fields}
    return "module", document | {"dependencies": list(dependencies)}


def states(crm: Crm, **values: object) -> FieldStates:
    return read_states(crm.lake, crm.catalog, module="reviews", record=values, actor=ADMIN)


def test_every_record_is_judged_by_its_own_values(crm: Crm) -> None:
    save(crm.lake, [reviews(BY_VALUE)], actor=ADMIN)
    found = [states(crm, about=about).hidden for about in ("price", "service", None, "price")]
    assert found == [set(), {"price"}, {"price"}, set()]


def test_what_was_in_time_is_late_a_moment_later(crm: Crm) -> None:
    save(crm.lake, [reviews(BY_VALUE, BY_TIME)], actor=ADMIN)
    due = datetime.now(UTC) + timedelta(seconds=1.5)
    assert states(crm, about="price", due=due).required == set()
    time.sleep(1.6)
    assert states(crm, about="price", due=due).required == {"excuse"}
