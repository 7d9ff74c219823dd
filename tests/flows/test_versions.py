"""Versions of flows: a draft beside what runs, going back, pauses with and without a queue."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.definitions import export_pack
from crm_core.errors import Conflict, DefinitionInvalid, Forbidden
from flows.catch_up import catch_up
from flows.errors import UnknownVersion
from flows.pauses import due
from flows.run_history import list_runs
from flows.store import activate, apply_flows, flow_yaml, pause, retire, show_flow
from flows.versions import diff, discard_draft, duplicate, list_versions, roll_back
from lake import Lake
from tests.flows.conftest import NewLake
from tests.flows.flows_of import ADMIN, change, flow, inquiry, rows, run
from tests.flows.test_store import ANNA


def writes(note: str, **more: Any) -> dict[str, Any]:
    return flow("f", {"set_field": {"note": note}}, **more)


def begin(lake: Lake, note: str = "one") -> None:
    apply_flows(lake, writes(note) | {"state": "active"}, actor=ADMIN)


def versions(lake: Lake) -> list[tuple[int, str]]:
    return [(one.version, one.state) for one in list_versions(lake, "f")]


def test_what_runs_goes_on_beside_its_draft_until_that_is_activated(crm: Lake) -> None:
    begin(crm)
    assert apply_flows(crm, writes("two"), actor=ADMIN, as_draft=True).flows == {"f": "changed"}
    seen = show_flow(crm, "f")
    assert (seen.state, seen.live_version, seen.draft_version, seen.version) == ("active", 1, 2, 2)
    assert "two" in flow_yaml(crm, "f")
    inquiry(crm)
    run(crm)
    activate(crm, "f", actor=ADMIN)
    seen = show_flow(crm, "f")
    assert (seen.state, seen.live_version, seen.draft_version) == ("active", 3, None)
    inquiry(crm)
    run(crm)
    assert rows(crm, "inquiries", "note") == ["one", "two"]
    assert sorted(one.flow_version for one in list_runs(crm, actor=ADMIN)) == [1, 3]


def test_a_draft_is_kept_beside_a_pause_and_what_goes_back(crm: Lake) -> None:
    begin(crm)
    apply_flows(crm, writes("two") | {"state": "active"}, actor=ADMIN)
    apply_flows(crm, writes("three") | {"state": "draft"}, actor=ADMIN)
    pause(crm, "f", actor=ADMIN)
    roll_back(crm, "f", 1, actor=ADMIN)
    seen = show_flow(crm, "f")
    assert (seen.state, seen.live_version, seen.draft_version) == ("paused", 6, 7)
    activate(crm, "f", version=6, actor=ADMIN)
    inquiry(crm)
    run(crm)
    assert rows(crm, "inquiries", "note") == ["one"] and "three" in flow_yaml(crm, "f")
    discard_draft(crm, "f", actor=ADMIN)
    seen = show_flow(crm, "f")
    assert (seen.state, seen.draft_version, seen.definition.do[0].values) == ("active", None, {"note": "one"})
    with pytest.raises(Conflict, match="no draft"):
        discard_draft(crm, "f", actor=ADMIN)


def test_a_draft_like_what_is_live_is_none(crm: Lake) -> None:
    begin(crm)
    assert apply_flows(crm, writes("one"), actor=ADMIN, as_draft=True).flows == {"f": "unchanged"}
    apply_flows(crm, writes("two"), actor=ADMIN, as_draft=True)
    apply_flows(crm, writes("two"), actor=ADMIN, as_draft=True)
    apply_flows(crm, writes("one"), actor=ADMIN, as_draft=True)
    assert versions(crm) == [(3, "active"), (2, "draft"), (1, "active")]


def test_an_export_has_what_is_live(crm: Lake) -> None:
    begin(crm)
    apply_flows(crm, writes("two"), actor=ADMIN, as_draft=True)
    assert "note: one" in export_pack(crm) and "note: two" not in export_pack(crm)


def test_versions_that_are_not_there_or_cannot_run_are_refused(crm: Lake) -> None:
    begin(crm)
    for refused in (roll_back, lambda *a, **k: activate(a[0], a[1], version=a[2], **k)):
        with pytest.raises(UnknownVersion, match="it has 1 to 1"):
            refused(crm, "f", 9, actor=ADMIN)
    with pytest.raises(DefinitionInvalid):
        apply_flows(crm, flow("f", {"set_field": {"nope": 1}}), actor=ADMIN, as_draft=True)
    for refused in (discard_draft, pause, lambda *a, **k: roll_back(*a, 1, **k)):
        with pytest.raises(Forbidden):
            refused(crm, "f", actor=ANNA)


def test_two_versions_are_told_apart_part_by_part(crm: Lake) -> None:
    begin(crm)
    changed = flow(
        "f", {"create_task": {"title": "t"}}, {"set_field": {"note": "two"}}, on="updated", name="N"
    )
    apply_flows(crm, changed, actor=ADMIN, as_draft=True)
    told = diff(crm, "f")
    assert (told.before, told.after) == (1, 2)
    assert set(told.lines) == {
        "trigger event: created → updated",
        "name: N is new",
        "do 1: {set_field: {note: one}} → {create_task: {title: t}}",
        "do 2: {set_field: {note: two}} is new",
    }
    assert "-    note: one\n" in told.text and "+    note: two\n" in told.text


def test_a_copy_is_a_draft_with_an_id_of_its_own(crm: Lake) -> None:
    begin(crm)
    slug = duplicate(crm, "f", "Another F!", actor=ADMIN)
    assert (slug, duplicate(crm, "f", "Another F!", actor=ADMIN)) == ("another-f", "another-f-2")
    copy, original = show_flow(crm, slug), show_flow(crm, "f")
    assert (copy.state, copy.title, copy.definition.do) == ("draft", "Another F!", original.definition.do)
    assert copy.id != original.id


def around_a_pause(lake: Lake, *, queue: bool) -> None:
    """One inquiry before, two while it is paused, one after."""
    begin(lake)
    inquiry(lake, subject="before")
    run(lake)
    pause(lake, "f", queue=queue, actor=ADMIN)
    assert show_flow(lake, "f").queue is queue
    inquiry(lake, subject="during")
    change(lake, inquiry(lake, subject="changed"), subject="meanwhile")
    run(lake)
    assert rows(lake, "inquiries", "note") == ["one", None, None]
    activate(lake, "f", actor=ADMIN)
    inquiry(lake, subject="after")


@pytest.mark.parametrize(
    ("queue", "done"),
    [pytest.param(True, {"after", "before", "during", "meanwhile"}, id="with a queue"),
     pytest.param(False, {"after", "before"}, id="without one")],
)  # fmt: skip
def test_what_changes_during_a_pause_waits_or_is_passed_over(crm: Lake, queue: bool, done: set[str]) -> None:
    around_a_pause(crm, queue=queue)
    run(crm)
    run(crm)
    assert {subject for subject, note in rows(crm, "inquiries", "subject", "note") if note} == done
    assert len(list_runs(crm, actor=ADMIN)) == len(done)
    assert [name for name in crm.cursors.read_all() if name.startswith("flows:")] == []


def test_what_waited_is_worked_off_once_and_also_by_another_process(new_lake: NewLake, tmp_path: Any) -> None:
    config = new_lake(tmp_path)
    with Lake.open(config) as lake:
        around_a_pause(lake, queue=True)
        before = due(lake, read=lake.snapshot())
    with Lake.open(config) as lake:
        assert due(lake, read=lake.snapshot()) == before is not None
        parts = 0
        while catch_up(lake, read=lake.snapshot(), max_snapshots=1):
            parts += 1
        assert parts == 4  # three commits, and the one that activated it
        run(lake)
        assert len(list_runs(lake, actor=ADMIN)) == 4


def test_two_pauses_before_the_runner_comes_are_both_worked_off(crm: Lake) -> None:
    begin(crm)
    for subject in ("first", "second"):
        pause(crm, "f", queue=True, actor=ADMIN)
        inquiry(crm, subject=subject)
        activate(crm, "f", actor=ADMIN)
    inquiry(crm, subject="third")
    pause(crm, "f", actor=ADMIN)
    inquiry(crm, subject="never")
    run(crm)
    noted = {subject for subject, note in rows(crm, "inquiries", "subject", "note") if note}
    assert noted == {"first", "second", "third"}


def test_what_waits_for_a_flow_that_is_taken_away_is_passed_over(crm: Lake) -> None:
    begin(crm)
    pause(crm, "f", queue=True, actor=ADMIN)
    [(name, place)] = [item for item in crm.cursors.read_all().items() if item[0].startswith("flows:")]
    assert place == crm.snapshot()
    inquiry(crm)
    retire(crm, "f", actor=ADMIN)
    assert name not in crm.cursors.read_all()
    begin(crm)
    run(crm)
    assert rows(crm, "inquiries", "note") == [None]
