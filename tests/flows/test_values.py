"""What actions set: plain values, copies, templates and relative times, as they stand in the record afterwards."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from crm_core.records import create
from flows.run_history import Run, list_runs
from lake import Change, Lake
from tests.flows.flows_of import ADMIN, activate, flow, leaf, rows, run

MOMENT = datetime(
    2026, 3, 28, 23, 30, tzinfo=UTC
)  # half past midnight in Berlin, before the clocks go forward
GIVEN: dict[str, Any] = {
    "subject": "S & Söhne", "channel": "form", "email": "a@x.example", "amount": 12, "due": "2026-01-31",
    "kinds": ["sea"], "price": {"amount": "9.90", "currency": "USD"}, "score": "1.5", "tags": ["x"],
    "answered_at": "2026-01-30T23:30:00Z",
}  # fmt: skip

CASES: list[Any] = [
    pytest.param({"note": "plain 'text' %"}, {"note": "plain 'text' %"}, id="text"),
    pytest.param({"note": "{{ subject }} / {{ amount }}"}, {"note": "S & Söhne / 12"}, id="template"),
    pytest.param({"note": "{{ code }}"}, {"note": None}, id="template of nothing"),
    pytest.param({"amount": "7", "score": 2}, {"amount": 7, "score": Decimal("2")}, id="numbers"),
    pytest.param({"amount": "{{ score }}"}, {"amount": 2}, id="a decimal as a whole number"),
    pytest.param({"score": "{{ amount }}"}, {"score": Decimal("12")}, id="a whole number as a decimal"),
    pytest.param({"channel": None, "amount": None}, {"channel": None, "amount": None}, id="cleared"),
    pytest.param({"due": "2026-02-28"}, {"due": date(2026, 2, 28)}, id="a date"),
    pytest.param({"due": {"today": "+1mo"}}, {"due": date(2026, 4, 29)}, id="in a month"),
    pytest.param({"due": "today - 1d"}, {"due": date(2026, 3, 28)}, id="yesterday in words"),
    pytest.param({"due": "{{ answered_at }}"}, {"due": date(2026, 1, 31)}, id="the day of an instant"),
    pytest.param(
        {"answered_at": "{{ due }}"},
        {"answered_at": datetime(2026, 1, 30, 23, tzinfo=UTC)},
        id="a day's beginning",
    ),
    pytest.param(
        {"answered_at": {"in": "4h"}},
        {"answered_at": datetime(2026, 3, 29, 3, 30, tzinfo=UTC)},
        id="in four hours",
    ),
    pytest.param(
        {"answered_at": {"now": "+1d"}},
        {"answered_at": datetime(2026, 3, 29, 22, 30, tzinfo=UTC)},
        id="a day of 23 hours",
    ),
    pytest.param(
        {"answered_at": "today"}, {"answered_at": datetime(2026, 3, 28, 23, tzinfo=UTC)}, id="today"
    ),
    pytest.param({"price": 5}, {"price": Decimal("5"), "price__currency": "EUR"}, id="an amount alone"),
    pytest.param(
        {"price": {"amount": "{{ amount }}", "currency": "CHF"}},
        {"price": Decimal("12"), "price__currency": "CHF"},
        id="an amount from a field",
    ),
    pytest.param(
        {"price": "{{ customer.credit }}"},
        {"price": Decimal("100"), "price__currency": "GBP"},
        id="money copied",
    ),
    pytest.param({"email": "{{ customer.email }}"}, {"email": "c@x.example"}, id="an address copied"),
    pytest.param({"kinds": ["air", "road"]}, {"kinds": ["air", "road"]}, id="a list"),
    pytest.param({"kinds": {"add": ["air", "sea"]}}, {"kinds": ["sea", "air"]}, id="members added once"),
    pytest.param({"kinds": {"remove": ["sea", "air"]}}, {"kinds": []}, id="members removed"),
    pytest.param({"tags": ["{{ channel }}", "{{ code }}"]}, {"tags": ["form"]}, id="tags from fields"),
    pytest.param({"tags": "{{ kinds }}"}, {"tags": ["sea"]}, id="a list copied"),
    pytest.param(
        {"tags": {"add": ["{{ channel }}"], "remove": ["x"]}},
        {"tags": ["form"]},
        id="tags changed from fields",
    ),
    pytest.param({"customer": None}, {"customer": None}, id="a link cut"),
]


WRONG: list[Any] = [
    pytest.param({"channel": "{{ subject }}"}, "channel", id="an option that is none"),
    pytest.param({"email": "{{ subject }}"}, "email", id="an address that is none"),
    pytest.param({"status": "opened"}, "status", id="a status of another folder"),
    pytest.param({"kinds": ["{{ channel }}"]}, "kinds", id="a member that is none"),
    pytest.param({"customer": "{{ id }}"}, "customer", id="a link that leads nowhere"),
    pytest.param({"subject": "{{ code }}"}, "subject", id="a required value cleared"),
]


@pytest.fixture(scope="module")
def met(shared: Lake) -> dict[str, str]:
    """Case → the inquiry that its flow met, and no other: its note is the case's name."""
    customer = {"name": "C", "email": "c@x.example", "credit": {"amount": 100, "currency": "GBP"}}
    owner = create(shared, module="customers", values=customer, actor=ADMIN).id
    cases = {str(case.id): case.values[0] for case in (*CASES, *WRONG)}
    flows = [
        flow(f"f{number}", {"set_field": values}, when=leaf("note", "eq", case))
        for number, (case, values) in enumerate(cases.items())
    ]
    activate(shared, *flows)
    made = create(
        shared, module="inquiries", values=[{**GIVEN, "customer": owner, "note": case} for case in cases],
        actor=ADMIN, change=Change(actor="t", door="t", occurred_at=MOMENT),
    )  # fmt: skip
    run(shared)
    return dict(zip(cases, made.ids, strict=True))


def run_of(lake: Lake, record_id: str) -> Run:
    """The run of the case's own flow."""
    found = list_runs(lake, actor=ADMIN, record_id=record_id)
    [one] = [one for one in found if one.state != "not_matched"]
    return one


@pytest.mark.parametrize(("values", "expected"), CASES)
def test_a_value_stands_in_the_record(
    shared: Lake, met: dict[str, str], request: pytest.FixtureRequest, values: Any, expected: dict[str, Any]
) -> None:
    record = met[request.node.callspec.id]
    assert run_of(shared, record).error is None
    found = {row[0]: row[1:] for row in rows(shared, "inquiries", "id", *expected)}[record]
    assert dict(zip(expected, found, strict=True)) == expected


@pytest.mark.parametrize(("values", "said"), WRONG)
def test_a_value_that_only_shows_to_be_wrong_later_fails_the_run(
    shared: Lake, met: dict[str, str], request: pytest.FixtureRequest, values: Any, said: str
) -> None:
    one = run_of(shared, met[request.node.callspec.id])
    assert (one.state, one.failed_step) == ("failed", 0) and said in str(one.error)


def test_a_new_record_takes_values_links_and_defaults(crm: Lake) -> None:
    values = {
        "title": "{{ subject }}",
        "about": "{{ record }}",
        "customer": "{{ customer }}",
        "due": {"in": "1d"},
    }
    customer = create(crm, module="customers", values={"name": "C"}, actor=ADMIN).id
    activate(crm, flow("f", {"create_record": {"module": "tasks", "values": values}}))
    record = create(crm, module="inquiries", values={**GIVEN, "customer": customer}, actor=ADMIN).id
    run(crm)
    columns = ("title", "about", "about__module", "customer", "priority", "status", "source")
    assert rows(crm, "tasks", *columns) == [
        ("S & Söhne", record, "inquiries", customer, "normal", "open", "flow")
    ]
