"""Windows may be cut anywhere: the same flows are set off by the same changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_core.definitions import read_catalog
from crm_core.model import Catalog
from crm_core.records import create, delete
from flows.active import active_flows
from flows.runner import run_until_current
from flows.runs import RUNS
from flows.staging import Window
from flows.window import stage_window
from flows.windows import next_window
from lake import Lake
from tests.flows.conftest import NewLake
from tests.flows.flows_of import ADMIN, activate, change, flow, leaf, rows

TASK = {"create_task": {"title": "{{ subject }}"}}


@pytest.fixture(scope="module")
def history(new_lake: NewLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake in which much happened and no flow ran yet."""
    with Lake.open(new_lake(tmp_path_factory.mktemp("history"))) as lake:
        activate(
            lake,
            flow("born", TASK, when=leaf("amount", "ge", 2)),
            flow("moved", TASK, on={"fields": ["status"], "is": ["won", "closed"]}),
            flow("grew", TASK, on={"fields": ["amount"]}, when=leaf("amount", "changed")),
            flow("gone", TASK, on="deleted"),
        )
        values = [{"subject": f"s{number}", "amount": number} for number in range(4)]
        ids = list(create(lake, module="inquiries", values=values, actor=ADMIN).ids)
        for number, record in enumerate(ids):
            change(lake, record, status="won", amount=number + 1)
            change(lake, record, status="closed", subject=f"t{number}")
        delete(lake, module="inquiries", record_id=ids[0], actor=ADMIN)
        yield lake


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.sets(st.integers(min_value=0, max_value=14), max_size=5))
def test_a_window_may_be_cut_anywhere(history: Lake, cuts: set[int]) -> None:
    whole = next_window(history, after=read_catalog(history).version)
    assert whole is not None
    window, catalog = whole
    ends = sorted({window.after + cut for cut in cuts} | {window.until})
    found, after = set(), window.after
    for end in (end for end in ends if window.after < end <= window.until):
        found |= set(_effects(history, catalog, replace(window, after=after, until=end, at=end)))
        after = end
    assert found == set(_effects(history, catalog, window)) and len(found) == 15


def _effects(lake: Lake, catalog: Catalog, window: Window) -> list[tuple[Any, ...]]:
    """Who was set off by what, and the title of the task that comes of it."""
    with lake.session() as session:
        stage_window(session, lake, catalog, active_flows(catalog), window)
        runs = session.read(f"SELECT id, flow, record_id, snapshot FROM {RUNS} WHERE state = 'done'")
        if not runs.height:
            return []
        titles = session.read('SELECT _run AS id, title FROM "flow_inserts__tasks"')
        return list(runs.join(titles, on="id").select("flow", "record_id", "snapshot", "title").iter_rows())


def test_a_branch_on_a_relative_date_is_asked_anew_in_each_window(crm: Lake) -> None:
    soon = {"if": leaf("due", "within_next", "5d"), "then": [{"set_field": {"note": "soon"}}]}
    activate(crm, flow("urgent", soon | {"else": [{"set_field": {"note": "later"}}]}))
    for month in (3, 4):
        create(crm, module="inquiries", values={"subject": f"{month}", "due": "2026-04-03"}, actor=ADMIN)
        run_until_current(crm, now=datetime(2026, month, 1, tzinfo=UTC))
    assert rows(crm, "inquiries", "subject", "note") == [("3", "later"), ("4", "soon")]
