"""What flows did because of a change is told before the change is undone, and stays."""

from __future__ import annotations

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.followed import read_followed
from crm_core.model import parse_condition
from crm_core.records import update_where
from crm_core.undo import undo_change
from lake import Lake
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, rows, run

NEW = parse_condition({"field": "status", "op": "eq", "value": "new"})


def test_records_that_flows_made_and_changed_are_counted_and_outlive_the_undo(crm: Lake) -> None:
    task = {"create_task": {"title": "Look after {{ subject }}"}}
    activate(crm, flow("seen", task, {"set_field": {"note": "seen"}}, on={"fields": ["status"], "is": "won"}))
    ids = [inquiry(crm) for _ in range(3)]
    inquiry(crm, status="closed")
    done = update_where(
        crm, module="inquiries", condition=NEW, values={"status": "won"}, actor=ADMIN
    ).change_id  # fmt: skip
    assert read_followed(crm, read_catalog(crm), done, actor=ADMIN) == {}
    run(crm)
    assert read_followed(crm, read_catalog(crm), done, actor=ADMIN) == {"inquiries": 3, "tasks": 3}
    change(crm, ids[0], note="by hand")
    assert read_followed(crm, read_catalog(crm), done, actor=ADMIN) == {"tasks": 3, "inquiries": 2}
    undo_change(crm, done, actor=ADMIN)
    assert sorted(rows(crm, "inquiries", "status")) == ["closed", "new", "new", "new"]
    assert len(rows(crm, "tasks", "title")) == 3


def test_what_others_did_is_not_counted(crm: Lake) -> None:
    first = update_where(
        crm, module="inquiries", condition=NEW, values={"note": "x"}, actor=Actor("eve", "admin")
    )  # fmt: skip
    inquiry(crm)
    run(crm)
    assert read_followed(crm, read_catalog(crm), first.change_id, actor=ADMIN) == {}
