"""What is noted is written a moment later, and whatever stands in the way, it is neither lost nor older than it was."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_core.drafts import Draft, Drafts, drafts_of
from crm_core.reading import ReadMarks, marks_of
from crm_core.workspace import open_workspace
from crm_core.write_behind import WriteBehind
from lake import Change, Lake, new_id
from lake.errors import LakeError
from tests.crm_core.conftest import ADMIN, AGENT, Crm, Template

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def rename(lake: Lake, table: str, to: str) -> None:
    """Give a table of `ops` another name, so that writing to it fails."""
    lake.commit(
        lambda tx: tx.execute(f"ALTER TABLE lake.ops.{table} RENAME TO {to}"),
        Change(actor="ann", door="terminal"),
    )


def until(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold."""
    return any(holds() or time.sleep(0.02) for _ in range(1000))


def test_what_could_not_be_written_is_logged_and_written_by_itself_later(
    crm: Crm, capfd: pytest.CaptureFixture[str]
) -> None:
    marks, customer = ReadMarks(crm.lake, every=0.05), crm.create(name="Ada")

    rename(crm.lake, "read_marks", "away")
    marks.mark_looked(record_id=customer, actor=AGENT, now=NOW)
    assert until(lambda: "read marks not written" in "".join(capfd.readouterr()))
    rename(crm.lake, "away", "read_marks")
    fresh = ReadMarks(crm.lake)
    assert until(lambda: fresh.looked(crm.catalog, record_id=customer, actor=AGENT) == NOW)
    marks.close()


def test_at_the_end_each_is_written_though_another_cannot(template: Template, tmp_path: Path) -> None:
    workspace, record = template.copy(tmp_path / "home", threads=1), new_id()
    marks_of(workspace.lake).mark(record_id=record, actor=AGENT)
    drafts_of(workspace.lake).keep(Draft(record, "note", {"text": "Rang"}), actor=ADMIN)
    rename(workspace.lake, "read_marks", "away")
    with pytest.raises(LakeError, match="read_marks"):
        workspace.close()
    with open_workspace(workspace.settings) as again:
        [draft] = drafts_of(again.lake).read(record, actor=ADMIN)
        assert draft.content == {"text": "Rang"}


def test_a_draft_is_there_as_soon_as_it_is_written_where_pages_are_served(crm: Crm) -> None:
    drafts, record = Drafts(crm.lake), new_id()
    crm.lake.start_mirror()
    assert drafts.read(record, actor=ADMIN) == ()
    drafts.keep(Draft(record, "note", {"text": "Rang"}), actor=ADMIN)
    drafts.flush()
    assert [one.content["text"] for one in drafts.read(record, actor=ADMIN)] == ["Rang"]


def test_any_error_is_tried_again_until_it_is_written() -> None:
    tried: list[int] = []

    def write(values: Mapping[str, int]) -> None:
        tried.extend(values.values())
        if len(tried) < 4:
            raise ValueError("not now")

    behind = WriteBehind("numbers", write, every=0.01)
    behind.note("one", 1)
    assert until(lambda: not behind.waiting()) and tried == [1] * 4


def test_what_is_noted_while_older_values_are_written_waits_on_and_is_written_after_them() -> None:
    written: list[int] = []
    begun, goes_on = threading.Event(), threading.Event()

    def write(values: Mapping[str, int]) -> None:
        begun.set()
        assert goes_on.wait(20)
        written.extend(values.values())

    behind = WriteBehind("numbers", write, every=3600)
    behind.note("one", 1)
    first = threading.Thread(target=behind.flush)
    first.start()
    assert begun.wait(20)
    behind.note("one", 2)
    second = threading.Thread(target=behind.flush)
    second.start()
    goes_on.set()
    first.join(20)
    second.join(20)
    assert (written, behind.waiting()) == ([1, 2], {})


def test_after_its_end_nothing_begins_by_itself() -> None:
    written: list[Mapping[str, int]] = []
    behind = WriteBehind("numbers", written.append, every=0.01)
    behind.close()
    behind.note("one", 1)
    time.sleep(0.1)
    assert not written and behind.flush() == 1
