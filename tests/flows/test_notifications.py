"""What people are told: who gets a notice, that none tells of what its reader may not see, and reading it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from crm_core.access import Actor
from crm_core.directory import User
from crm_core.people import save_users
from crm_core.records import create, delete, update
from flows.notifications import (
    COLUMNS,
    KIND,
    count_unread,
    list_notifications,
    mark_read,
    overview,
    write,
)
from flows.runs import RUNS, begin_runs
from flows.sides import SIDE_META, rows_of
from flows.statements import empty_table_sql
from lake import Change, Lake, Transaction
from tests.flows.flows_of import ADMIN

ANNA = User("anna", "Anna", teams=("sales",))
BEN = User("ben", "Ben", teams=("sales", "service"))
GONE = User("gone", "Gone", teams=("sales",), active=False)


@pytest.fixture
def told(crm: Lake) -> Lake:
    """A lake with Anna in sales, Ben in sales and service, and one who left."""
    save_users(crm, [ANNA, BEN, GONE], actor=Actor.system())
    return crm


def tell(
    lake: Lake, record: str, *, users: Sequence[str] = (), teams: Sequence[str] = (), text: str = "T"
) -> None:
    """Store one notice about an inquiry, as a window stores those of its steps."""

    def work(tx: Transaction) -> None:
        begin_runs(tx)
        tx.execute(f"INSERT INTO {RUNS} BY NAME SELECT uuidv7() AS id, 'f' AS flow")
        tx.execute(empty_table_sql(rows_of(KIND), {**SIDE_META, **COLUMNS}))
        tx.execute(
            f"INSERT INTO {rows_of(KIND)} BY NAME SELECT 1 AS _row, (SELECT id FROM {RUNS}) AS _run, "
            "$users AS users, $teams AS teams, $text AS text, 'inquiries' AS module, "
            "CAST($record AS UUID) AS record_id",
            {"users": list(users), "teams": list(teams), "text": text, "record": record},
        )
        write(tx, rows_of(KIND))

    lake.commit(work, Change(actor="system", door="flow:window", reason="test"))


def inquiry(lake: Lake, **values: object) -> str:
    """An inquiry that sales can see."""
    given = {"subject": "S", "team": "sales", **values}
    return create(lake, module="inquiries", values=given, actor=Actor.system()).id


def texts(lake: Lake, user: User, *, unread: bool = False) -> list[str]:
    return [one.text for one in list_notifications(lake, actor=user.actor, unread=unread)]


def test_each_is_told_once_by_name_and_by_team(told: Lake) -> None:
    tell(told, inquiry(told), users=["ben", "gone"], teams=["sales", "service"])
    assert [count_unread(told, actor=user.actor) for user in (ANNA, BEN, GONE)] == [1, 1, 0]


def test_a_notice_says_which_record_and_which_flow(told: Lake) -> None:
    record = inquiry(told, subject="20 pallets")
    tell(told, record, users=["anna"], text="Look")
    [one] = list_notifications(told, actor=ANNA.actor)
    assert (one.title, one.text, one.record, one.record_id) == ("20 pallets", "Look", "20 pallets", record)
    assert (one.module, one.flow, one.read_at) == ("inquiries", "f", None)


def test_a_notice_tells_of_no_record_that_its_reader_may_not_see(told: Lake) -> None:
    record = inquiry(told, folder="secret", team=None)
    tell(told, record, users=["anna", "ben"])
    assert (texts(told, ANNA), texts(told, BEN)) == ([], ["T"])
    assert (count_unread(told, actor=ANNA.actor), overview(told, actor=ANNA.actor).unread) == (0, 0)
    update(told, module="inquiries", record_id=record, values={"workers": ["anna"]}, actor=ADMIN)
    assert texts(told, ANNA) == ["T"]


def test_the_notice_of_a_deleted_record_is_gone(told: Lake) -> None:
    record = inquiry(told)
    tell(told, record, users=["anna"])
    delete(told, module="inquiries", record_id=record, actor=ADMIN)
    assert (texts(told, ANNA), overview(told, actor=ANNA.actor).newest) == ([], ())


def test_the_newest_stands_first_and_one_reads_only_his_own(told: Lake) -> None:
    for text in ("first", "second"):
        tell(told, inquiry(told), users=["anna", "ben"], text=text)
    newest = list_notifications(told, actor=ANNA.actor)
    assert [one.text for one in newest] == ["second", "first"]
    assert mark_read(told, actor=BEN.actor, ids=[newest[0].id]) == 0
    assert mark_read(told, actor=ANNA.actor, ids=[newest[0].id]) == 1
    assert texts(told, ANNA, unread=True) == ["first"] and texts(told, BEN, unread=True) == [
        "second",
        "first",
    ]
    assert mark_read(told, actor=ANNA.actor) == 1 and mark_read(told, actor=ANNA.actor) == 0
    found = overview(told, actor=ANNA.actor, limit=1)
    assert (found.unread, [one.text for one in found.newest]) == (0, ["second"])
