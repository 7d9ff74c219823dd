"""Pages of records: order, cursors, exact totals, and only what the actor may see."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crm_core.errors import ConditionInvalid, RecordNotFound
from crm_core.model import parse_condition
from crm_core.query import count, read_page, read_record, titles
from tests.crm_core.views.conftest import ADMIN, AGENT, SELLER, VIEWER, Small
from tests.crm_core.views.conftest import titles as names


def page(small: Small, **options: Any) -> Any:
    return read_page(
        small.lake, small.catalog, module="customers", actor=options.pop("actor", ADMIN), **options
    )


def test_a_page_is_in_order_with_missing_values_last_either_way(small: Small) -> None:
    small.put("customers", {"name": "B", "country": "DE"}, {"name": "A"}, {"name": "C", "country": "AT"})
    assert names(page(small, sort="country").items) == ["C", "B", "A"]
    assert names(page(small, sort="-country").items) == ["B", "C", "A"]


@pytest.mark.parametrize("sort", ["name", "-name", "country,-credit", "-country,name", ""])
def test_cursors_walk_through_every_record_once(small: Small, sort: str) -> None:
    rows = [{"name": f"N{i % 4}", "country": [None, "DE", "AT"][i % 3], "credit": i % 5} for i in range(23)]
    small.put("customers", *rows)
    seen: list[str] = []
    after = None
    while True:
        found = page(small, sort=sort, limit=5, after=after)
        assert found.total == 23
        seen += names(found.items, "id")
        after = found.next
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 23


@pytest.mark.parametrize("expected", [23, 22, 40, 0], ids=["as it is", "one more", "fewer", "unknown"])
@pytest.mark.parametrize("sort", ["name", "-country,name", ""])
def test_pages_near_the_end_are_the_same_whichever_way_they_are_found(
    small: Small, sort: str, expected: int
) -> None:
    rows = [{"name": f"N{i % 4}", "country": [None, "DE", "AT"][i % 3]} for i in range(23)]
    small.put("customers", *rows)
    everything = names(page(small, sort=sort, limit=50).items, "id")
    for offset in (10, 12, 15, 18, 20, 22, 25):
        found = page(small, sort=sort, limit=5, offset=offset, expected=expected)
        assert names(found.items, "id") == everything[offset : offset + 5] and found.total == 23
        assert (found.next is not None) == (offset + 5 < 23)


def test_a_page_without_a_match_still_knows_its_total(small: Small) -> None:
    small.put("customers", {"name": "A"})
    found = page(small, condition=parse_condition({"field": "name", "op": "eq", "value": "Z"}))
    assert (found.items, found.total, found.next) == ((), 0, None)


@pytest.mark.parametrize(
    ("actor", "seen"),
    [(ADMIN, 2), (AGENT, 1), (SELLER, 2), (VIEWER, 1)],
    ids=lambda v: str(getattr(v, "user", v)),
)
def test_folders_with_teams_hide_records_from_lists_counts_and_reads(
    small: Small, actor: Any, seen: int
) -> None:
    _, secret = small.put("customers", {"name": "Open"}, {"name": "Secret", "folder": "key"})
    assert page(small, actor=actor).total == seen
    assert count(small.lake, small.catalog, module="customers", actor=actor) == seen
    if seen == 1:
        with pytest.raises(RecordNotFound):
            read_record(small.lake, small.catalog, module="customers", record_id=secret, actor=actor)


def test_a_worker_sees_a_record_of_a_folder_that_is_not_his(small: Small) -> None:
    small.put("customers", {"name": "Mine", "folder": "key", "workers": [AGENT.user]})
    assert names(page(small, actor=AGENT).items) == ["Mine"]


def test_a_child_is_seen_by_whoever_sees_its_parent(small: Small) -> None:
    open_one, secret = small.put("customers", {"name": "Open"}, {"name": "Secret", "folder": "key"})
    bills = small.put("invoices", {"number": "1", "customer": open_one}, {"number": "2", "customer": secret})
    small.put("payments", *[{"number": f"P{i}", "invoice": bill} for i, bill in enumerate(bills)])
    for module, total in (("invoices", 1), ("payments", 1)):
        assert count(small.lake, small.catalog, module=module, actor=AGENT) == total
        assert count(small.lake, small.catalog, module=module, actor=SELLER) == total + 1


def test_a_filter_over_a_hidden_record_finds_nothing(small: Small) -> None:
    (secret,) = small.put("customers", {"name": "Secret", "folder": "key"})
    small.put("tasks", {"title": "Call", "customer": secret})
    condition = parse_condition({"field": "customer.name", "op": "eq", "value": "Secret"})
    found = {
        a.user: count(small.lake, small.catalog, module="tasks", actor=a, condition=condition)
        for a in (AGENT, SELLER)
    }
    assert found == {"bob": 0, "sue": 1}


def test_a_reference_is_expanded_only_as_far_as_it_may_be_seen(small: Small) -> None:
    (secret,) = small.put("customers", {"name": "Secret", "folder": "key"})
    small.put("tasks", {"title": "Call", "customer": secret})

    def read(actor):
        return read_page(small.lake, small.catalog, module="tasks", actor=actor, expand=["customer"])

    assert read(SELLER).items[0]["customer"]["name"] == "Secret"
    assert read(AGENT).items[0]["customer"] == secret
    assert titles(small.lake, small.catalog, wanted={"customers": [secret]}, actor=AGENT) == {}


def test_a_record_is_flat_with_money_and_address_as_objects(small: Small) -> None:
    row = {"name": "A", "credit": Decimal("12.5"), "credit__currency": "EUR", "home__city": "Kiel"}
    (made,) = small.put("customers", row)
    record = read_record(small.lake, small.catalog, module="customers", record_id=made, actor=ADMIN)
    assert record["credit"] == {"amount": Decimal("12.5000"), "currency": "EUR"}
    assert record["home"]["city"] == "Kiel"
    assert record["country"] is None


def test_a_record_reads_as_of_an_earlier_snapshot(small: Small) -> None:
    (made,) = small.put("customers", {"name": "Before"})
    before = small.lake.snapshot()
    small.change("customers", made, name="After")

    def read(at):
        return read_record(small.lake, small.catalog, module="customers", record_id=made, actor=ADMIN, at=at)

    assert (read(before)["name"], read(None)["name"]) == ("Before", "After")


@pytest.mark.parametrize("record_id", ["", "x", "' OR 1=1 --", "00000000-0000-0000-0000-000000000000"])
def test_an_id_that_is_none_is_not_found(small: Small, record_id: str) -> None:
    with pytest.raises(RecordNotFound):
        read_record(small.lake, small.catalog, module="customers", record_id=record_id, actor=ADMIN)


@pytest.mark.parametrize(
    "options",
    [
        {"sort": "nothing"}, {"sort": "tasks.title"}, {"after": "rubbish"}, {"expand": ["home"]},
        {"sort": "name", "after": "W10="},
    ],
    ids=["unknown sort", "sort over a list", "broken cursor", "expand a field", "cursor of another order"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(small: Small, options: dict[str, Any]) -> None:
    with pytest.raises(ConditionInvalid):
        page(small, **options)
