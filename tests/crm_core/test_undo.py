"""One press takes a change back: over thousands of records, and never what somebody did since."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.errors import Forbidden, ValuesInvalid
from crm_core.model import parse_condition
from crm_core.records.remove import KeyTaken
from crm_core.undo import NotUndoable, UnknownChange, undo_change
from lake import Lake, new_id
from tests.crm_core.conftest import ADMIN, AGENT, OTHER, VIEWER, Crm, Template

MANY = 5_000
PLACES = ("customers", "contact_points")
EVERYBODY = parse_condition({"field": "name", "op": "is_set"})


@pytest.fixture(scope="module")
def crowd(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    """5,000 customers for all tests here; each leaves them as it found them."""
    with template.copy(tmp_path_factory.mktemp("crowd") / "home", threads=1) as workspace:
        rows = [
            {"name": f"Customer {n}", "email": f"c{n}@tests.example", "tags": ["old"] if n % 2 else None}
            for n in range(MANY)
        ]
        records.create(workspace.lake, module="customers", values=rows, actor=ADMIN)
        yield Crm(workspace.lake)


def state(lake: Lake) -> list[tuple[Any, ...]]:
    """A hash of every column of each table that a change may touch, but who wrote it last."""
    return [
        lake.read(
            f"SELECT count(*), bit_xor(hash(t)) FROM (SELECT * EXCLUDE (change_id, version) FROM lake.crm.{name}) t"
        ).row(0)
        for name in PLACES
    ]


def edit(crm: Crm, values: dict[str, Any], *, actor: Actor = ADMIN, **more: Any) -> records.Changed:
    return records.update_where(
        crm.lake, module="customers", condition=EVERYBODY, values=values, actor=actor, **more
    )


@pytest.mark.parametrize(
    ("values", "members", "count"),
    [
        pytest.param({"age": 40, "home": {"city": "Rome"}}, {}, MANY, id="fields"),
        pytest.param({"tags": ["new"]}, {"tags": "add"}, MANY, id="a tag more"),
        pytest.param({"tags": ["old"]}, {"tags": "remove"}, MANY // 2, id="a tag less"),
        pytest.param({"folder": "active"}, {}, MANY, id="another folder"),
        pytest.param({"email": None}, {}, MANY, id="addresses taken away"),
    ],
)
def test_the_undo_of_a_bulk_edit_gives_the_same_tables(
    crowd: Crm, values: dict[str, Any], members: dict[str, records.Members], count: int
) -> None:
    before = state(crowd.lake)
    done = edit(crowd, values, members=members)
    assert done.count == count and state(crowd.lake) != before
    undone = undo_change(crowd.lake, done.change_id, actor=ADMIN)
    assert (undone.restored, undone.deleted, undone.conflicts) == (count, 0, ())
    assert state(crowd.lake) == before


def test_the_undo_of_a_deletion_gives_the_same_tables(crowd: Crm) -> None:
    before = state(crowd.lake)
    done = records.delete_where(crowd.lake, module="customers", condition=EVERYBODY, actor=ADMIN)
    assert undo_change(crowd.lake, done.change_id, actor=ADMIN).restored == done.count == MANY
    assert state(crowd.lake) == before


def test_a_preview_writes_nothing_and_shows_what_would_become_of_some(crowd: Crm) -> None:
    before, snapshot = state(crowd.lake), crowd.lake.snapshot()
    seen = edit(crowd, {"tags": ["new"]}, members={"tags": "add"}, dry_run=True, samples=2)
    assert seen.count == MANY and len(seen.samples) == 2
    for sample in seen.samples:
        assert sample.after["tags"] == [*(sample.before["tags"] or []), "new"]
    assert (state(crowd.lake), crowd.lake.snapshot()) == (before, snapshot)


def test_cells_edited_since_stay_and_are_told(crm: Crm) -> None:
    anna, bert = crm.create(name="Anna"), crm.create(name="Bert")
    done = edit(crm, {"age": 40, "vip": True})
    records.update(crm.lake, module="customers", record_id=anna, values={"age": 41}, actor=OTHER)
    undone = undo_change(crm.lake, done.change_id, actor=ADMIN)
    told = [(c["id"], c["field"], c["loaded"], c["current"], c["by"]) for c in undone.conflicts]
    assert told == [(anna, "age", 40, 41, "sue")]
    assert [(crm.read(one)["age"], crm.read(one)["vip"]) for one in (anna, bert)] == [
        (41, None),
        (None, None),
    ]


def test_an_undo_is_undone_like_any_change_and_only_once(crm: Crm) -> None:
    anna = crm.create(name="Anna")
    done = edit(crm, {"age": 40})
    undo_change(crm.lake, done.change_id, actor=ADMIN)
    with pytest.raises(NotUndoable, match="already"):
        undo_change(crm.lake, done.change_id, actor=ADMIN)
    last = crm.lake.read("SELECT CAST(id AS VARCHAR) FROM lake.ops.changes WHERE door = 'undo'").item()
    undo_change(crm.lake, last, actor=ADMIN)
    assert crm.read(anna)["age"] == 40


def test_an_agent_undoes_what_he_did_and_nobody_elses(crm: Crm) -> None:
    crm.create(name="Anna")
    mine, other = edit(crm, {"age": 40}, actor=AGENT), edit(crm, {"vip": True})
    for actor, change in ((AGENT, other), (OTHER, mine), (VIEWER, mine)):
        with pytest.raises(Forbidden):
            undo_change(crm.lake, change.change_id, actor=actor)
    assert undo_change(crm.lake, mine.change_id, actor=AGENT).restored == 1
    with pytest.raises(UnknownChange):
        undo_change(crm.lake, new_id(), actor=ADMIN)


def test_what_an_agent_gave_away_he_takes_back_unless_somebody_worked_on_it(crm: Crm) -> None:
    anna, bert = crm.create(name="Anna"), crm.create(name="Bert")
    done = edit(crm, {"folder": "active", "owner": None}, actor=OTHER)
    assert records.count(crm.lake, crm.catalog, module="customers", actor=OTHER) == 0
    records.update(crm.lake, module="customers", record_id=bert, values={"age": 50}, actor=AGENT)
    undone = undo_change(crm.lake, done.change_id, actor=OTHER)
    assert (undone.restored, undone.hidden) == (1, 1)
    assert [crm.read(one)["folder"] for one in (anna, bert)] == ["leads", "active"]


def test_a_key_that_was_given_again_stops_the_undo(crm: Crm) -> None:
    crm.create(name="Anna", tax_id="DE1")
    done = records.delete_where(crm.lake, module="customers", condition=EVERYBODY, actor=ADMIN)
    crm.create(name="Bert", tax_id="DE1")
    with pytest.raises(KeyTaken):
        undo_change(crm.lake, done.change_id, actor=ADMIN)
    with pytest.raises(ValuesInvalid):
        edit(crm, {"age": 400})
