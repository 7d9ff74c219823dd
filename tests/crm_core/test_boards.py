"""Boards: lanes of statuses with exact counts and sums, of what the actor sees, and the first cards of each."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crm_core import records
from crm_core.boards import Board, read_board, statuses_of
from crm_core.model import parse_condition
from crm_core.totals import Total
from lake import Change
from tests.crm_core.conftest import ADMIN, OTHER, Crm

BIG = {"amount": "99999999999999.9999", "currency": "EUR"}
ROWS = [
    {"name": "Anna", "folder": "leads", "credit": BIG, "owner": "bob"},
    {"name": "Bert", "folder": "leads", "credit": BIG},
    {"name": "Cora", "folder": "leads", "credit": {"amount": "7", "currency": "USD"}},
    {"name": "Dora", "folder": "leads"},
    {"name": "Emil", "folder": "leads", "status": "won"},
    {"name": "Finn", "folder": "active", "credit": {"amount": "1", "currency": "EUR"}},
]


@pytest.fixture(scope="module")
def filled(shared: Crm) -> Crm:
    records.create(shared.lake, module="customers", values=ROWS, actor=ADMIN)
    return shared


def board(crm: Crm, **more: object) -> Board:
    asked = {"module": "customers", "actor": ADMIN, "sort": "name"} | more
    return read_board(crm.lake, crm.catalog, **asked)  # type: ignore[arg-type]


def names(board: Board) -> dict[str, list[str]]:
    return {lane.status.slug: [card.title for card in lane.cards] for lane in board.lanes}


def test_lanes_are_the_statuses_of_the_folder_in_their_order(filled: Crm) -> None:
    found = board(filled, folder="leads")
    assert names(found) == {"new": ["Anna", "Bert", "Cora", "Dora"], "won": ["Emil"], "lost": []}
    assert [lane.status.name for lane in board(filled, folder="active").lanes] == ["In progress", "Won"]
    module = filled.catalog.module("customers")
    assert [status.slug for status in statuses_of(module)] == ["new", "won", "lost", "open"]


def test_counts_and_sums_are_of_all_records_and_not_of_the_cards_shown(filled: Crm) -> None:
    lane = board(filled, folder="leads", shown={"new": 1}).lanes[0]
    assert [card.title for card in lane.cards] == ["Anna"] and lane.count == 4
    assert lane.sums == (
        Total(Decimal("199999999999999.9998"), 2, "EUR"),
        Total(Decimal(7), 1, "USD"),
    )
    assert (lane.cards[0].amount, lane.cards[0].owner) == (Decimal("99999999999999.9999"), "bob")


def test_a_board_shows_what_the_actor_sees_and_what_matches(filled: Crm) -> None:
    assert board(filled).total == 6 and board(filled, actor=OTHER).total == 5
    rich = parse_condition({"field": "credit", "op": "gt", "value": 5})
    assert names(board(filled, condition=rich, sort="-name"))["new"] == ["Cora", "Bert", "Anna"]


def test_what_no_lane_stands_for_has_one_at_the_end(crm: Crm) -> None:
    lost = crm.create("customers", name="Gone", folder="leads")
    crm.lake.commit(
        lambda tx: tx.execute(
            "UPDATE lake.crm.customers SET status = 'odd' WHERE id = CAST($id AS UUID)", {"id": lost}
        ),
        Change(actor="outside", door="tests"),
    )
    assert names(board(crm, folder="leads")) == {
        "new": [],
        "won": [],
        "lost": [],
        "without-a-status": ["Gone"],
    }
