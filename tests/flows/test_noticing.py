"""Who is told of what happened: what is given, written, named, due or failed; once, and nobody of his own doing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.definitions import apply_pack, read_catalog
from crm_core.directory import User
from crm_core.model import Leaf
from crm_core.people import read_directory, save_users
from crm_core.preferences import keep_preference
from crm_core.records import create, delete, update, update_where
from crm_core.undo import undo_change
from crm_core.workspace import prepare
from flows import schema_sql
from flows.noticing import CURSOR, PREFERENCE, Noticer, call_names
from flows.notifications import Notification, list_notifications, mark_read
from lake import Change, Lake, LakeConfig

ANNA = User("anna", "Anna Weber", teams=("sales",))
BEN = User("ben", "Ben Carter", teams=("sales", "service"))
BOSS = User("boss", "Bo Ss", role="admin")
SYSTEM = Actor.system()
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, new_catalog: Any) -> Iterator[Lake]:
    """The forwarder's workspace with three people, looked through up to now."""
    folder: Path = tmp_path_factory.mktemp("notices")
    config = LakeConfig(catalog=new_catalog(folder), data_path=str(folder / "data"), threads=1)
    with Lake.open(config) as opened:
        prepare(opened, schemas=[schema_sql()])
        apply_pack(opened, "logistics", actor=Actor.local_admin())
        save_users(opened, [ANNA, BEN, BOSS], actor=SYSTEM)
        Noticer(opened).run()
        yield opened


@pytest.fixture
def noticer(lake: Lake) -> Noticer:
    """Has told everything so far, and all of it is read."""
    noticer = Noticer(lake)
    noticer.run()
    for user in (ANNA, BEN, BOSS):
        mark_read(lake, actor=user.actor)
    return noticer


def told(lake: Lake, user: User) -> list[Notification]:
    return list(list_notifications(lake, actor=user.actor, unread=True))


def kinds(lake: Lake, user: User) -> list[str]:
    return sorted(one.kind for one in told(lake, user))


def make(lake: Lake, module: str, actor: Actor = SYSTEM, **values: Any) -> str:
    given = {"name": "Ada Rivers", **values} if module == "customers" else values
    return create(lake, module=module, values=given, actor=actor).id


def test_who_is_given_a_record_is_told_by_whom(lake: Lake, noticer: Noticer) -> None:
    task = make(lake, "tasks", ANNA.actor, title="Call", owner="ben")
    noticer.run()
    [one] = told(lake, BEN)
    assert (one.kind, one.record, one.record_id, one.text) == (
        "assigned",
        "Call",
        task,
        "Given to you by Anna Weber",
    )
    assert told(lake, ANNA) == []
    update(lake, module="tasks", record_id=task, values={"owner": "anna"}, actor=ANNA.actor)
    noticer.run()
    assert told(lake, ANNA) == [] and len(told(lake, BEN)) == 1


def test_a_team_is_told_but_not_who_did_it_nor_who_was_told_in_person(lake: Lake, noticer: Noticer) -> None:
    make(lake, "tasks", title="Ours", team="sales", owner="ben")
    noticer.run()
    assert (kinds(lake, ANNA), kinds(lake, BEN), kinds(lake, BOSS)) == (["team"], ["assigned"], [])


def test_what_a_customer_writes_is_told_to_whoever_has_him(lake: Lake, noticer: Noticer) -> None:
    ada = make(lake, "customers", ANNA.actor, owner="anna")
    request = make(lake, "inquiries", BEN.actor, subject="20 pallets", owner="ben", customer=ada)
    message = {"channel": "email", "direction": "in", "customer": ada}
    make(lake, "communications", **message, subject="Hello")
    make(lake, "communications", **message, subject="Robot", automatic=True)
    make(lake, "communications", **message | {"direction": "out"}, subject="Ours")
    noticer.run()
    assert [one.text for one in told(lake, ANNA)] == ["Wrote: Hello"] and told(lake, BEN) == []
    about = {"module": "inquiries", "id": request}
    make(lake, "communications", **message, subject="Well?", about=about)
    noticer.run()
    for user in (ANNA, BEN):
        assert (told(lake, user)[0].module, told(lake, user)[0].text) == ("inquiries", "Wrote: Well?")


def test_a_name_in_a_note_calls_its_person_once(lake: Lake, noticer: Noticer) -> None:
    ada = make(lake, "customers")
    note = make(lake, "notes", ANNA.actor, text="Mail ben@x.example, @Ben. And @anna, @nobody", customer=ada)
    noticer.run()
    [one] = told(lake, BEN)
    assert (one.kind, one.module, one.record_id) == ("mention", "customers", ada)
    assert one.text.startswith("Anna Weber mentioned you: Mail") and told(lake, ANNA) == []
    update(lake, module="notes", record_id=note, values={"text": "@ben, more: @boss"}, actor=ANNA.actor)
    noticer.run()
    assert len(told(lake, BEN)) == 1 and kinds(lake, BOSS) == ["mention"]


def test_a_task_is_due_once_and_again_when_it_is_put_off(lake: Lake, noticer: Noticer) -> None:
    task = make(lake, "tasks", ANNA.actor, title="Due", owner="anna", due=NOW - timedelta(hours=1))
    make(lake, "tasks", ANNA.actor, title="Done", owner="anna", due=NOW - timedelta(hours=1), status="done")
    for minutes in (1, 2, 3):
        noticer.run(NOW + timedelta(minutes=minutes))
    assert [(one.kind, one.record) for one in told(lake, ANNA)] == [("due", "Due")]
    later = datetime.now(UTC) + timedelta(minutes=1)
    update(lake, module="tasks", record_id=task, values={"due": later}, actor=ANNA.actor)
    noticer.run(later + timedelta(minutes=9))
    assert kinds(lake, ANNA) == ["due", "due"]


def test_what_one_change_did_to_thousands_is_one_notice(lake: Lake, noticer: Noticer) -> None:
    values = [{"title": f"Bulk {number}", "kind": "call"} for number in range(5000)]
    create(lake, module="tasks", values=values, actor=SYSTEM)
    noticer.run()
    condition = Leaf(field="title", op="starts_with", value="Bulk")
    update_where(lake, module="tasks", condition=condition, values={"owner": "ben"}, actor=ANNA.actor)
    assert noticer.run() == 1
    [one] = told(lake, BEN)
    assert (one.kind, one.records) == ("assigned", 5000)


def test_each_is_told_of_what_he_chose(lake: Lake, noticer: Noticer) -> None:
    keep_preference(lake, PREFERENCE, ["team"], actor=ANNA.actor)
    make(lake, "tasks", title="Quiet", team="sales")
    make(lake, "tasks", title="Loud", owner="anna")
    noticer.run()
    assert kinds(lake, ANNA) == ["assigned"] and kinds(lake, BEN) == ["team"]
    keep_preference(lake, PREFERENCE, None, actor=ANNA.actor)


def test_what_is_taken_back_or_gone_is_told_to_nobody(lake: Lake, noticer: Noticer) -> None:
    gone = make(lake, "tasks", title="Gone", owner="ben")
    delete(lake, module="tasks", record_id=gone, actor=SYSTEM)
    kept = make(lake, "tasks", BEN.actor, title="Mine", owner="ben")
    given = update(
        lake, module="tasks", record_id=kept, values={"owner": "anna", "workers": ["anna"]}, actor=BEN.actor
    )
    undo_change(lake, given.change_id, actor=BEN.actor)
    noticer.run()
    assert told(lake, BEN) == []


def test_administrators_hear_once_of_a_flow_that_fails(lake: Lake, noticer: Noticer) -> None:
    ada = make(lake, "customers")

    def fail(tx: Any) -> None:
        tx.execute(
            "INSERT INTO lake.ops.flow_runs BY NAME SELECT uuidv7() AS id, 'greet' AS flow, 'x' AS flow_id, "
            "1 AS flow_version, 'customers' AS module, ?::UUID AS record_id, 'created' AS event, 1 AS snapshot, "
            "'system' AS actor, 'failed' AS state, 0 AS depth, ['greet'] AS chain, now() AS started_at, "
            "'No server' AS error, ? AS committed",
            [ada, tx.snapshot],
        )

    for _ in range(2):
        lake.commit(fail, Change(actor="system", door="test"))
        noticer.run()
    assert [(one.kind, one.flow, one.text) for one in told(lake, BOSS)] == [
        ("failed", "greet", "A flow failed: No server")
    ]
    assert told(lake, ANNA) == []


def test_another_process_goes_on_where_the_last_one_ended(lake: Lake, noticer: Noticer) -> None:
    make(lake, "tasks", title="Once", owner="ben")
    assert noticer.run() == 1
    stored = lake.cursors.read(CURSOR)
    assert (Noticer(lake).run(), len(told(lake, BEN))) == (0, 1)
    make(lake, "customers", BEN.actor)
    assert noticer.run() == 0 and lake.cursors.read(CURSOR) == stored


def test_people_are_called_by_slug_name_or_first_name(lake: Lake) -> None:
    names = call_names(read_directory(lake))
    assert names["anna"] == names["annaweber"] == names["anna.weber"] == "anna"
    assert names["bo"] == "boss" and read_catalog(lake).modules
