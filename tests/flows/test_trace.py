"""What a condition saw: per record and leaf, in the lake, over the pages, and however many changed at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import serving
from crm_core.access import Actor
from crm_core.definitions import apply_pack
from crm_core.records import create, update
from crm_core.settings import read_settings
from crm_core.workspace import Workspace, open_workspace
from flows import schema_sql
from flows.run_history import list_runs
from flows.why import explain_run
from lake import Lake
from tests.flows.conftest import HERE, SYSTEM
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, leaf, run

ANNA = Actor("anna", "agent", ("sales",))
WHEN = {"all": [leaf("amount", "ge", 10), {"not": leaf("customer.country", "eq", "FR")}]}


def told(lake: Lake, run_id: str, actor: Actor = ADMIN) -> list[tuple[Any, ...]]:
    trace = explain_run(lake, run_id, actor=actor).trace or ()
    return [(one.field, one.op, one.value, one.true, one.seen) for one in trace]


def test_a_run_of_a_large_window_is_explained_when_it_is_asked_for(crm: Lake) -> None:
    activate(crm, flow("f", when=WHEN))
    customer = create(crm, module="customers", values={"name": "C", "country": "DE"}, actor=ADMIN).id
    values = [{"subject": "s", "amount": number % 20, "customer": customer} for number in range(2100)]
    ids = create(crm, module="inquiries", values=values, actor=ADMIN).ids
    run(crm)
    done = list_runs(crm, actor=ADMIN, state="done", limit=5000)
    untraced = [one for one in done if one.trace is None]
    assert len(done) == 1050 and len(untraced) == 50
    amounts = {record: number % 20 for number, record in enumerate(ids)}
    one = untraced[0]
    seen = str(amounts[str(one.record_id)])
    # What happens to the record and its customer afterwards is not what the condition saw.
    update(crm, module="inquiries", record_id=str(one.record_id), values={"amount": 1}, actor=ADMIN)
    update(crm, module="customers", record_id=customer, values={"country": "FR"}, actor=ADMIN)
    assert told(crm, one.id) == [
        ("amount", "ge", "10", True, seen), ("customer.country", "eq", "FR", False, "DE"),
    ]  # fmt: skip
    misses = list_runs(crm, actor=ADMIN, state="not_matched")
    assert len(misses) <= 5 and all(told(crm, one.id)[0][3] is False for one in misses)


def test_a_leaf_over_a_record_that_one_may_not_see_is_hidden(crm: Lake) -> None:
    activate(crm, flow("f", when=WHEN))
    secret = create(
        crm, module="customers", values={"name": "C", "country": "DE", "folder": "board"}, actor=ADMIN
    )
    inquiry(crm, amount=12, customer=secret.id)
    run(crm)
    [one] = list_runs(crm, actor=ANNA)
    assert [leaf[3:] for leaf in told(crm, one.id, ANNA)] == [(True, "12"), (None, None)]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace that the pages of this process share."""
    pack = tmp_path / "empty.yaml"
    pack.write_text("workspace: {name: Testing}\n")
    settings = read_settings({}, home=tmp_path, pack=str(pack), threads=1)
    with open_workspace(settings, schemas=[schema_sql()]) as opened:
        apply_pack(opened.lake, HERE / "workspace.yaml", actor=SYSTEM)
        serving.serve(opened)
        yield opened
        serving.stop()


def flows_page(tab: str, run: str, record: str) -> None:
    """The page of flows at a tab, with a run or a record chosen as clicks choose them."""
    from pages._ui import flows_page
    from pages._ui.flows_state import FlowsState
    from pages._ui.state import page_state

    state = page_state(FlowsState, page="flows")
    state.flow, state.tab, state.run, state.record = "f", tab, run, record
    flows_page.draw()


def test_the_page_shows_what_each_leaf_saw(workspace: Workspace) -> None:
    lake = workspace.lake
    activate(lake, flow("f", when=WHEN))
    customer = create(lake, module="customers", values={"name": "C", "country": "FR"}, actor=ADMIN).id
    record = inquiry(lake, amount=7, customer=customer)
    run(lake)
    [one] = list_runs(lake, actor=ADMIN)
    for arguments in (("runs", one.id, ""), ("why", "", record)):
        app = AppTest.from_function(flows_page, args=arguments, default_timeout=60).run()
        assert not app.exception
        [table] = [str(html.proto.body) for html in app.get("html") if "Value seen" in str(html.proto.body)]
        assert "Amount" in table and ">7<" in table and "France" in table
        assert table.count(">No<") == 2, (
            "the amount is too low, and the country is the one that is not wanted"
        )
