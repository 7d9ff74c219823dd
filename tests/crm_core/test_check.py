"""Rows that another program wrote are judged by the rules that it went around."""

from __future__ import annotations

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.check import check_workspace
from crm_core.definitions import save
from crm_core.errors import Forbidden
from crm_core.workspace import prepare
from lake import Change, Lake, Transaction

FIELDS = [
    {"slug": "name", "kind": "text", "required": True},
    {"slug": "email", "kind": "email", "unique": True},
    {"slug": "kind", "kind": "select", "options": ["person", "company"]},
]
FOLDER = {"slug": "all", "statuses": [{"slug": "new", "start": True}]}
BOSS = {"module": "people", "slug": "boss", "kind": "many_to_one", "to": "people"}
VALID = {"name": "'X'", "folder": "'all'", "status": "'new'"}
ADMIN = Actor.local_admin()


@pytest.fixture
def people(lake: Lake) -> Lake:
    """A lake with one record that came through the door."""
    prepare(lake)
    module = {"slug": "people", "title": "name", "fields": FIELDS, "folders": [FOLDER]}
    save(lake, [("module", module), ("relationship", BOSS)], actor=ADMIN)
    records.create(lake, module="people", values={"name": "Ida", "email": "ida@berg.example"}, actor=ADMIN)
    return lake


def write_outside(lake: Lake, **values: str) -> None:
    chosen = ", ".join(f'{value} AS "{name}"' for name, value in (VALID | values).items())
    sql = f"INSERT INTO lake.crm.people BY NAME SELECT uuidv7() AS id, {chosen}"

    def work(tx: Transaction) -> None:
        tx.execute(sql)

    lake.commit(work, Change(actor="external", door="none"))


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"name": "NULL"}, [("name", "required")], id="what is required"),
        pytest.param({"email": "'nonsense'"}, [("email", "type")], id="the form of a value"),
        pytest.param({"email": "'ida@berg.example'"}, [("email", "unique")], id="a key of two"),
        pytest.param({"kind": "'robot'"}, [("kind", "option")], id="an option"),
        pytest.param({"boss": "uuidv7()"}, [("boss", "reference")], id="a reference"),
        pytest.param({"folder": "'nowhere'"}, [("folder", "option")], id="a folder"),
        pytest.param({"status": "'stale'"}, [("status", "option")], id="a status of the folder"),
    ],
)
def test_a_rule_that_a_row_from_outside_breaks_is_told(
    people: Lake, values: dict[str, str], broken: list[tuple[str, str]]
) -> None:
    write_outside(people, **values)
    found = check_workspace(people, actor=ADMIN)
    assert [(finding.field, finding.code) for finding in found] == broken


def test_stricter_definitions_show_when_all_is_checked(people: Lake) -> None:
    strict = [*FIELDS[:2], FIELDS[2] | {"required": True}]
    module = {"slug": "people", "title": "name", "fields": strict, "folders": [FOLDER]}
    save(people, [("module", module)], actor=ADMIN)
    assert check_workspace(people, actor=ADMIN) == []
    [finding] = check_workspace(people, actor=ADMIN, everything=True)
    assert (finding.field, finding.code) == ("kind", "required")


def test_only_an_administrator_checks(people: Lake) -> None:
    with pytest.raises(Forbidden):
        check_workspace(people, actor=Actor("anna", "agent"))
