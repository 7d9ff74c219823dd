"""A flow tried on the past names what it did match when it was active, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_core.access import Actor
from crm_core.definitions import apply_pack, read_catalog, save
from crm_core.errors import Forbidden
from crm_core.records import create, delete, link, restore, unlink
from crm_core.workspace import prepare
from flows import schema_sql
from flows.backtest import backtest, backtest_matches
from flows.errors import CommandInvalid
from flows.model import parse_flow
from lake import Change, Lake, LakeConfig, Transaction, table
from tests.flows.conftest import NewLake
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, leaf, run

SET = "set_field"
WORKSPACE = Path(__file__).parent / "workspace.yaml"
FLOWS = (
    flow("born", {SET: {"note": "born"}}, when=leaf("amount", "ge", 2)),
    flow("moved", {SET: {"amount": 7}}, on={"fields": ["status"], "was": "new", "is": ["won", "closed"]}),
    flow("grew", {SET: {"note": "grew"}}, on={"fields": ["amount"]}, when=leaf("amount", "changed")),
    flow("touched", {SET: {"score": 1}}, on={}, when={"not": leaf("subject", "contains", "b")}),
    flow("soon", {SET: {"note": "soon"}}, on={"fields": ["due"]}, when=leaf("due", "within_next", "7d")),
    flow("kept", {SET: {"score": 2}}, on={"event": "saved", "fields": ["amount"], "is": [2, 7]}),
    flow("gone", {"create_task": {"title": "{{ subject }}"}}, on="deleted"),
    flow("back", {"create_task": {"title": "{{ subject }}"}}, on="restored", folders=["inbox"]),
)
SLUGS = [one["flow"] for one in FLOWS]


@pytest.fixture(scope="module")
def busy(new_lake: NewLake, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake in which the flows run, and in which something was before them."""
    with Lake.open(new_lake(tmp_path_factory.mktemp("busy"))) as lake:
        inquiry(lake, amount=5)
        activate(lake, *FLOWS)
        run(lake)
        yield lake


def _by_machine(lake: Lake, record: str, door: str, occurred_at: datetime | None = None, **sets: Any) -> None:
    """One commit of another door, or of another time."""

    def work(tx: Transaction) -> None:
        assigned = ", ".join(f"{name} = ${name}" for name in sets)
        tx.execute(
            f"UPDATE {table('crm', 'inquiries')} SET {assigned}, version = $v, change_id = $c::UUID WHERE id = $id",
            {**sets, "v": tx.snapshot, "c": tx.change_id, "id": record},
        )

    lake.commit(work, Change(actor="test", door=door, occurred_at=occurred_at))


_DAYS = st.sampled_from([0, 3, 30])
_STEP = st.one_of(
    st.tuples(st.just("new"), st.integers(0, 4)),
    st.tuples(st.just("status"), st.sampled_from(["new", "won", "closed"])),
    st.tuples(st.just("amount"), st.integers(0, 4)),
    st.tuples(st.just("subject"), st.sampled_from(["a", "b"])),
    st.tuples(st.just("due"), _DAYS),
    st.tuples(st.just("silent"), st.integers(0, 4)),
    st.tuples(st.sampled_from(["delete", "restore", "run"]), st.just(0)),
)


def _do(lake: Lake, there: dict[str, bool], what: str, value: Any, which: int) -> None:
    """One step on one of the records; a step that its state does not allow is none."""
    record = list(there)[which % len(there)] if there else None
    if what == "new" or record is None:
        there[inquiry(lake, amount=value if what == "new" else 1)] = True
    elif what == "run":
        run(lake)
    elif what == "delete" and there[record]:
        delete(lake, module="inquiries", record_id=record, actor=ADMIN)
        there[record] = False
    elif what == "restore" and not there[record]:
        restore(lake, module="inquiries", record_id=record, actor=ADMIN)
        there[record] = True
    elif what == "silent":
        _by_machine(lake, record, "load:silent", amount=value)
    elif what == "due" and there[record]:
        change(lake, record, due=(datetime.now(UTC) + timedelta(days=value)).date().isoformat())
    elif what in ("status", "amount", "subject") and there[record]:
        change(lake, record, **{what: value})


def _ran(lake: Lake, slug: str, after: int) -> set[tuple[str, int]]:
    rows = lake.read(
        f"SELECT record_id, snapshot FROM {table('ops', 'flow_runs')} "
        "WHERE flow = ? AND state = 'done' AND snapshot > ?",
        [slug, after],
    )
    return set(rows.iter_rows())


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(_STEP, st.integers(0, 3)), min_size=4, max_size=14))
def test_a_flow_that_was_active_matched_what_its_backtest_names(
    busy: Lake, steps: list[tuple[tuple[str, Any], int]]
) -> None:
    start, there = busy.snapshot(), dict[str, bool]()
    for (what, value), which in steps:
        _do(busy, there, what, value, which)
    run(busy)
    end = busy.snapshot()
    for slug in SLUGS:
        found = backtest_matches(busy, slug, actor=ADMIN, since=start, until=end)
        named = set(found.select("record_id", "snapshot").iter_rows())
        assert named == _ran(busy, slug, start), slug
    assert busy.snapshot() == end


def _doc(*do: dict[str, Any], **more: Any) -> Any:
    return parse_flow(flow("draft", *do, **more))


def test_related_records_are_read_as_of_the_commit(shared: Lake) -> None:
    start = shared.snapshot()
    german = create(shared, module="customers", values={"name": "A", "country": "DE"}, actor=ADMIN).id
    first = inquiry(shared, customer=german)
    change(shared, german, "customers", country="FR")
    inquiry(shared, customer=german)
    draft = _doc({SET: {"note": "{{ customer.country }}"}}, when=leaf("customer.country", "eq", "DE"))
    found = backtest(shared, draft, actor=ADMIN, since=start)
    assert [one.record_id for one in found.samples] == [first] and found.matched == 1
    assert found.samples[0].steps[0].values == {"note": (None, "DE")}


def test_relative_dates_count_from_each_commit(shared: Lake) -> None:
    record, start = inquiry(shared, due="2026-03-10"), shared.snapshot()
    for day in (1, 5, 9, 12):
        moment = datetime(2026, 3, day, 12, tzinfo=UTC)
        _by_machine(shared, record, "demo", moment, amount=day)
    draft = _doc(on={"fields": ["amount"]}, when=leaf("due", "within_next", "5d"))
    found = backtest_matches(shared, draft, actor=ADMIN, since=start)
    assert [one.day for one in found["occurred_at"]] == [5, 9]
    days = backtest(shared, draft, actor=ADMIN, since=start).days
    assert [(one.day, one.matched, one.changed) for one in days] == [
        ("2026-03-05", 1, 1),
        ("2026-03-09", 1, 1),
    ]


def test_what_would_have_been_done_is_counted_step_by_step(shared: Lake) -> None:
    start = shared.snapshot()
    for email, amount in (("a@x.example", 1), ("b@x.example", 2), (None, 3), ("c@x.example", 4)):
        inquiry(shared, subject="S" * (amount * 20), email=email, amount=amount, kinds=["sea"])
    end = shared.snapshot()
    mail = {"to": "{{ email }}", "subject": "Hello", "body": "Dear", "purpose": "service"}
    draft = _doc(
        {SET: {"status": "acknowledged", "kinds": {"add": ["air"]}}},
        {"send_email": mail},
        {"create_task": {"title": "{{ subject }}"}},
    )
    found = backtest(shared, draft, actor=ADMIN, since=start)
    told = {(one.step, one.outcome): one.count for one in found.steps}
    # A task's title has room for sixty letters: the fourth run fails there, and what came before stands.
    assert told == {(0, "changed"): 4, (1, "sent"): 3, (1, "skipped"): 1, (2, "created"): 3}
    assert (found.matched, found.records, found.worked_out, found.failed) == (4, 4, 4, 1)
    assert (
        next(one for one in found.steps if one.outcome == "skipped").detail
        == "there is no address to send to"
    )
    first = next(one for one in found.samples if one.state == "done").steps[0].values
    assert first == {"status": ("new", "acknowledged"), "kinds": (["sea"], ["sea", "air"])}
    assert shared.snapshot() == end and shared.read(f"SELECT * FROM {table('ops', 'outbox')}").is_empty()


def test_a_message_without_consent_is_counted_as_skipped(shared: Lake) -> None:
    start = shared.snapshot()
    inquiry(shared, email="nobody@x.example")
    mail = {"to": "{{ email }}", "subject": "Offer", "body": "Buy", "purpose": "marketing"}
    found = backtest(shared, _doc({"send_email": mail}), actor=ADMIN, since=start)
    assert [(one.outcome, one.count) for one in found.steps] == [("skipped", 1)]
    assert "consent" in str(found.steps[0].detail)


def test_a_span_may_be_given_by_instants_and_ends_where_it_says(shared: Lake) -> None:
    record = inquiry(shared)
    for month in (1, 2, 3):
        _by_machine(shared, record, "demo", datetime(2031, month, 28, tzinfo=UTC), amount=month)
    draft = _doc(on={"fields": ["amount"]})
    span = {"since": datetime(2031, 1, 28, tzinfo=UTC), "until": datetime(2031, 3, 1, tzinfo=UTC)}
    found = backtest(shared, draft, actor=ADMIN, **span)
    assert [(one.snapshot, one.occurred_at.month) for one in found.samples] == [(found.until, 2)]


def test_a_field_that_was_not_there_yet_had_no_value(crm: Lake) -> None:
    inquiry(crm)
    module = dict(read_catalog(crm).stored["module", "inquiries"].document)
    module["fields"] = [*module["fields"], {"slug": "colour", "kind": "text"}]
    until = crm.snapshot()
    save(crm, [("module", module)], actor=Actor.system())
    matched = [
        backtest(crm, _doc(when=leaf("colour", op)), actor=ADMIN, until=until).matched
        for op in ("is_empty", "is_set")
    ]
    assert matched == [1, 0]


def test_links_that_came_and_went_are_found(crm: Lake) -> None:
    one = inquiry(crm)
    ann, bob = (create(crm, module="customers", values={"name": name}, actor=ADMIN).id for name in "ab")
    on = {"trigger": {"event": "linked", "link": "partners"}}
    activate(crm, flow("near") | on)
    start = crm.snapshot()
    for other in (ann, bob):
        link(crm, module="inquiries", record_id=one, relationship="partners", to=[other], actor=ADMIN)
        run(crm)
    unlink(crm, module="inquiries", record_id=one, relationship="partners", to=[ann], actor=ADMIN)
    found = backtest(crm, parse_flow(flow("near") | on), actor=ADMIN, since=start)
    assert {(one.record_id, one.snapshot) for one in found.samples} == _ran(crm, "near", start)
    assert (found.matched, found.count("changed")) == (2, 1)
    gone = parse_flow(flow("left") | {"trigger": {"event": "unlinked", "link": "partners"}})
    assert backtest(crm, gone, actor=ADMIN, since=start).matched == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"since": 5, "until": 3}, "begins before it ends"),
        ({"since": datetime(2026, 1, 1)}, "needs its time zone"),
    ],
    ids=["backwards", "without a zone"],
)
def test_a_span_that_is_none_is_refused(shared: Lake, more: dict[str, Any], message: str) -> None:
    with pytest.raises(CommandInvalid, match=message):
        backtest(shared, _doc(), actor=ADMIN, **more)


def test_only_an_administrator_tries_flows_and_not_one_that_is_run_by_hand(shared: Lake) -> None:
    agent = Actor(user="a", role="agent")
    with pytest.raises(Forbidden):
        backtest(shared, _doc(), actor=agent)
    with pytest.raises(CommandInvalid, match="manual"):
        backtest(shared, parse_flow(flow("hand") | {"trigger": {"event": "manual"}}), actor=ADMIN)


def test_the_past_before_the_first_flow_is_looked_at_like_any_other(tmp_path: Path, new_catalog: Any) -> None:
    config = LakeConfig(catalog=new_catalog(tmp_path), data_path=str(tmp_path / "data"), threads=1)
    with Lake.open(config) as lake:
        prepare(lake)
        apply_pack(lake, WORKSPACE, actor=Actor.system())
        early = create(lake, module="inquiries", values={"subject": "early", "amount": 5}, actor=ADMIN)
        change(lake, early.id, amount=6)
        prepare(lake, schemas=[schema_sql()])
        late = create(lake, module="inquiries", values={"subject": "late", "amount": 5}, actor=ADMIN)
        found = backtest(
            lake, parse_flow(flow("born", {SET: {"note": "b"}}, when=leaf("amount", "ge", 2))), actor=ADMIN
        )
        assert {one.record_id for one in found.samples} == {early.id, late.id}
        touched = backtest(
            lake, parse_flow(flow("grew", {SET: {"note": "b"}}, on={"fields": ["amount"]})), actor=ADMIN
        )
        assert [one.record_id for one in touched.samples] == [early.id]
