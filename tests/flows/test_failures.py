"""What can go wrong with a flow while it runs: it is told, nothing is lost, and no other flow is harmed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crm_core.definitions import read_catalog, save
from crm_core.errors import DefinitionInvalid
from crm_core.records import create
from flows.run_history import list_runs, show_run
from flows.runner import Runner, run_once
from flows.store import apply_flows
from lake import Change, Lake, table
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, leaf, rows, run, states

TASK = {"create_task": {"title": "{{ subject }}"}}
MAIL = {"send_email": {"to": "{{ email }}", "subject": "{{ subject }}", "body": "{{ customer.name }}"}}


def stored_by_hand(lake: Lake, document: dict[str, Any]) -> None:
    """An active flow as an older release, or a hand in the lake, may have left it: nobody checked it."""
    row = [document["flow"], json.dumps(document)]
    lake.commit(
        lambda tx: tx.execute(
            f"INSERT INTO {table('meta', 'definitions')} "
            "VALUES ('flow', 'x', ?, 1, 'active', ?, ?, now(), ?)",
            [*row, tx.change_id, tx.snapshot],
        ),
        Change(actor="a", door="t"),
    )


@pytest.mark.parametrize(
    ("when", "said"),
    [
        pytest.param(leaf("amount", "gt", "many"), "is a number", id="a word for a number"),
        pytest.param(leaf("amount", "gt", 10**30), "numbers up to", id="a number that no column holds"),
        pytest.param(leaf("due", "lt", "someday"), "no date or time", id="a word for a day"),
        pytest.param(leaf("kinds", "lt", "sea"), "is a list", id="order of a list"),
        pytest.param(leaf("nope", "is_set"), "does not have", id="a field that is gone"),
        pytest.param(leaf("customer.nope", "is_set"), "does not have", id="a field that is gone elsewhere"),
    ],
)
def test_a_condition_that_fits_no_more_is_told_and_harms_no_other(crm: Lake, when: Any, said: str) -> None:
    activate(crm, flow("good"))
    stored_by_hand(crm, flow("broken", TASK, when=when))
    record = inquiry(crm)
    run(crm)
    [failed] = list_runs(crm, actor=ADMIN, state="failed")
    assert failed.flow == "broken" and said in str(failed.error)
    assert rows(crm, "inquiries", "id", "note") == [(record, "good")] and rows(crm, "tasks", "id") == []


def test_a_step_that_cannot_be_computed_fails_its_runs_alone(crm: Lake) -> None:
    activate(
        crm,
        flow("far", {"set_field": {"note": "before"}}, {"set_field": {"due": {"today": "+999999y"}}}, TASK),
    )
    activate(crm, flow("good", {"set_field": {"amount": 1}}))
    inquiry(crm)
    run(crm)
    failed, good = sorted(list_runs(crm, actor=ADMIN), key=lambda one: one.flow)
    assert (failed.state, failed.failed_step, good.state) == ("failed", 1, "done") and failed.error
    assert rows(crm, "inquiries", "note", "amount", "due") == [("before", 1, None)]
    assert rows(crm, "tasks", "id") == []


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(flow("a", when=leaf("subject", "eq", "a\x00b")), id="in a condition"),
        pytest.param(flow("a", {"set_field": {"note": "a\x00b"}}), id="in a value"),
        pytest.param(flow("a", {"create_task": {"title": "\x00{{ subject }}"}}), id="in a template"),
    ],
)
def test_a_flow_with_a_character_that_the_lake_refuses_is_not_saved(crm: Lake, document: Any) -> None:
    with pytest.raises(DefinitionInvalid, match=r"U\+0000"):
        apply_flows(crm, [document | {"state": "active"}], actor=ADMIN)
    inquiry(crm)
    run(crm)
    assert states(crm) == []


def test_markup_and_quotes_pass_through_as_they_are(crm: Lake) -> None:
    nasty = "'; DROP TABLE x; -- {{ 7*7 }} {% if %} <script>alert(1)</script> \" \\ 100%"
    activate(crm, flow("f", TASK, MAIL, when=leaf("subject", "eq", nasty)))
    inquiry(crm, subject=nasty[:60], email="a@x.example")
    inquiry(crm, subject=nasty, email="a@x.example")
    run(crm)
    assert sorted(states(crm)) == ["failed", "not_matched"], "a title has at most 60 characters"
    activate(crm, flow("f", MAIL, when=leaf("subject", "eq", nasty)))
    inquiry(crm, subject=nasty, email="a@x.example")
    run(crm)
    assert rows(crm, "communications", "subject") == [nasty]


def test_circles_end_with_an_error_that_names_the_flows(crm: Lake) -> None:
    activate(
        crm,
        flow("a", {"set_field": {"note": "{{ note }}a"}}, on={"fields": ["code"]}),
        flow("b", {"set_field": {"code": "{{ note }}"}}, on={"fields": ["note"]}),
        flow("beside", {"set_field": {"amount": 5}}, on={"fields": ["note"]}),
    )
    change(crm, inquiry(crm), note="x")
    run(crm)
    [stopped] = list_runs(crm, actor=ADMIN, flow="b", state="failed")
    assert "b → a → b" in str(stopped.error) and "8 times" in str(stopped.error)
    assert rows(crm, "inquiries", "amount") == [5]


def test_what_follows_from_a_flow_belongs_to_its_chain(crm: Lake) -> None:
    customers = dict(read_catalog(crm).stored["module", "customers"].document)
    points = {"slug": "points", "title": "value", "fields": [
        {"slug": "kind", "kind": "select", "options": ["email", "phone"], "required": True},
        {"slug": "value", "kind": "text", "required": True},
        *({"slug": slug, "kind": "boolean"} for slug in ("primary", "invalid")),
        {"slug": "standardised", "kind": "text", "read_only": True},
    ]}  # fmt: skip
    link = {
        "module": "points",
        "slug": "customer",
        "kind": "many_to_one",
        "to": ["customers"],
        "inverse": "points",
    }
    holds = customers | {"contact_points": {"module": "points", "reference": "customer"}}
    save(crm, [("module", points), ("relationship", link), ("module", holds)], actor=ADMIN)
    # The primary address of a customer follows his contact points, and they follow him.
    activate(
        crm,
        flow("a", {"set_field": {"email": "a{{ email }}"}}, module="customers", on={"fields": ["email"]}),
        flow("b", {"set_field": {"value": "b{{ value }}"}}, module="points", on={"fields": ["value"]}),
        flow("c", {"set_field": {"value": "c{{ value }}"}}, module="points"),
    )
    record = create(crm, module="customers", values={"name": "C", "email": "x@x.example"}, actor=ADMIN).id
    change(crm, record, module="customers", email="y@x.example")
    by_hand = crm.snapshot()
    run(crm)
    runs = list_runs(crm, actor=ADMIN)
    assert {one.snapshot > by_hand for one in runs if one.depth == 1} == {False}
    assert max(one.depth for one in runs) > 3


def test_what_did_not_match_is_told_of_every_record(crm: Lake) -> None:
    activate(crm, flow("f", TASK, when={"all": [leaf("amount", "ge", 18), leaf("channel", "eq", "form")]}))
    values = [{"subject": f"s{number}", "amount": number, "channel": "form"} for number in range(20)]
    ids = create(crm, module="inquiries", values=values, actor=ADMIN).ids
    run(crm)
    seen = {one.record_id: show_run(crm, one.id, actor=ADMIN) for one in list_runs(crm, actor=ADMIN)}
    told = [[(one.true, one.seen) for one in seen[record].trace or ()] for record in ids]
    assert told == [[(number >= 18, str(number)), (True, "form")] for number in range(20)]


def test_a_thousand_records_take_as_many_statements_as_a_few(crm: Lake) -> None:
    when = {"any": [leaf("customer.country", "eq", "DE"), leaf("amount", "ge", 0)]}
    activate(crm, flow("f", TASK, MAIL, {"set_field": {"note": "{{ customer.name }}"}}, when=when))
    customer = create(crm, module="customers", values={"name": "C"}, actor=ADMIN).id
    run(crm)
    counts = []
    # The window of each also holds what the flow did in the one before. All three have their messages held.
    for size in (6, 6, 980):
        values = [{"subject": f"s{n}", "amount": n, "customer": customer, "email": f"p{n}@x.example"}
                  for n in range(size)]  # fmt: skip
        before = crm.snapshot()
        create(crm, module="inquiries", values=values, actor=ADMIN)
        counts.append(statements(crm, before))
    assert counts[1] == counts[2] > 0
    assert len(rows(crm, "tasks", "id")) == 992 and set(rows(crm, "inquiries", "note")) == {"C"}


def statements(lake: Lake, after: int) -> int:
    """How many statements DuckDB is given for the next window."""
    count = 0

    def seen(frame: Any, event: str, called: Any) -> None:
        nonlocal count
        count += event == "c_call" and called.__name__ == "execute"

    sys.setprofile(seen)
    try:
        report = run_once(lake, after=after)
    finally:
        sys.setprofile(None)
    assert report is not None and report.done > 0
    return count


def test_a_runner_whose_catalog_was_away_works_on_when_it_is_back(crm: Lake, tmp_path: Path) -> None:
    activate(crm, flow("f", TASK))
    runner, place = Runner(crm), crm.config.place
    Path(place).rename(tmp_path / "away")
    runner.start()
    waited_for(lambda: runner.last_error is not None)
    (tmp_path / "away").rename(place)
    inquiry(crm, subject="A")
    waited_for(lambda: bool(rows(crm, "tasks", "title")))
    runner.stop()
    assert rows(crm, "tasks", "title") == ["A"]


def waited_for(done: Callable[[], bool]) -> None:
    """Wait until it is so, half a minute at most."""
    for _ in range(300):
        if done():
            return
        time.sleep(0.1)
