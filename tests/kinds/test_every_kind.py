"""A kind of field counts when it comes through every way in and out: form, CSV, filter, flow, API, export, history."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from crm_core import people, records
from crm_core.access import Actor
from crm_core.definitions import save
from crm_core.export import export_module
from crm_core.model import FIELD_KINDS, parse_condition
from crm_core.query import read_page, read_record
from crm_core.settings import Settings
from crm_core.shape import to_json_value
from crm_core.workspace import Workspace, open_workspace
from flows import runner, schema_sql, store

ADMIN = Actor.local_admin()


@dataclass(frozen=True)
class Case:
    """A kind with a value as a person types it, as the API shows it, another one, and a filter that tells them apart.

    `lower` and `higher` are two values in the kind's order; None where a kind has none.
    """

    kind: str
    typed: Any
    shown: Any
    other: Any
    filter: dict[str, Any]
    text: str
    options: dict[str, Any] | None = None
    sorts: bool = True


CHOICES = {"options": ["green", "red"]}
HOME = {"street": "Kai 1", "postal_code": "20457", "city": "Hamburg", "region": None, "country": "DE"}
CASES = (
    Case("text", "alpha", "alpha", "beta", {"field": "x", "op": "eq", "value": "alpha"}, "alpha"),
    Case("long_text", "a\nb", "a\nb", "c", {"field": "x", "op": "contains", "value": "A\nB"}, "a\nb"),
    Case("integer", 7, 7, 9, {"field": "x", "op": "lt", "value": 8}, "7"),
    Case("decimal", "1.25", 1.25, "3", {"field": "x", "op": "le", "value": "1.25"}, "1.25"),
    Case("money", {"amount": "12.50", "currency": "EUR"}, {"amount": "12.50", "currency": "EUR"},
         {"amount": "99", "currency": "USD"}, {"field": "x", "op": "lt", "value": 50}, "12.50 EUR"),
    Case("boolean", True, True, False, {"field": "x", "op": "eq", "value": True}, "yes"),
    Case("date", "2026-03-04", "2026-03-04", "2027-01-01",
         {"field": "x", "op": "lt", "value": "2026-12-31"}, "2026-03-04"),
    Case("datetime", "2026-03-04T10:00:00Z", "2026-03-04T10:00:00.000Z", "2027-01-01T00:00:00Z",
         {"field": "x", "op": "eq", "value": "2026-03-04"}, "2026-03-04 10:00:00Z"),
    Case("email", "Ann@Mail.EXAMPLE", "Ann@mail.example", "z@mail.example",
         {"field": "x", "op": "starts_with", "value": "ann"}, "Ann@Mail.EXAMPLE"),
    Case("phone", "030 1234567", "+49301234567", "+49409999999",
         {"field": "x", "op": "eq", "value": "+49301234567"}, "030 1234567"),
    Case("url", "https://a.example/x", "https://a.example/x", "https://z.example",
         {"field": "x", "op": "contains", "value": "a.example"}, "https://a.example/x"),
    Case("select", "green", "green", "red", {"field": "x", "op": "in", "value": ["green"]}, "green", CHOICES),
    Case("multi_select", ["green", "red"], ["green", "red"], ["red"],
         {"field": "x", "op": "contains", "value": "green"}, "green; red", CHOICES, sorts=False),
    Case("address", HOME, HOME, {"city": "Kiel"}, {"field": "x.city", "op": "eq", "value": "Hamburg"}, "", sorts=False),
    Case("country", "Germany", "DE", "FR", {"field": "x", "op": "eq", "value": "DE"}, "Germany"),
    Case("user", "ann", "ann", "bob", {"field": "x", "op": "eq", "value": "ann"}, "ann"),
    Case("file", ["f1"], ["f1"], ["f2"], {"field": "x", "op": "contains", "value": "f1"}, "f1", sorts=False),
    Case("json", {"a": [1, None]}, {"a": [1, None]}, {"b": 2}, {"field": "x", "op": "is_set"},
         '{"a": [1, null]}', sorts=False),
    Case("auto_number", None, "T-00001", None, {"field": "x", "op": "eq", "value": "T-00001"}, "", {"prefix": "T-"}),
)  # fmt: skip
IDS = [case.kind for case in CASES]
pytestmark = pytest.mark.xdist_group("kinds")
every_kind = pytest.mark.parametrize("case", CASES, ids=IDS)


def test_no_kind_is_forgotten() -> None:
    assert list(FIELD_KINDS) == IDS


def slug(case: Case) -> str:
    return f"k_{case.kind}"


def flow_slug(case: Case) -> str:
    return f"saw-{case.kind.replace('_', '-')}"


def module_of(case: Case) -> dict[str, Any]:
    field = {"slug": "x", "kind": case.kind, **(case.options or {})}
    return {"slug": slug(case), "title": "name", "fields": [{"slug": "name", "kind": "text"}, field]}


def asked(workspace: Workspace, case: Case) -> dict[str, Any]:
    """The case's condition."""
    return {key: known(workspace, value) if key == "value" else value for key, value in case.filter.items()}


def flow_of(workspace: Workspace, case: Case) -> dict[str, Any]:
    when = asked(workspace, case)
    return {
        "flow": flow_slug(case), "module": slug(case), "trigger": {"event": "created"}, "when": when,
        "do": [{"set_field": {"tags": {"add": ["seen"]}}}], "state": "active",
    }  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with a module and a flow for each kind; no test looks at another kind's module."""
    home = tmp_path_factory.mktemp("kinds")
    pack = home / "empty.yaml"
    pack.write_text(
        "workspace: {country: DE, currency: EUR}\n"
        "modules: [{slug: files, title: name, fields: [{slug: name, kind: text}]}]\n"
    )
    with open_workspace(Settings(home=home / "w", pack=str(pack)), schemas=[schema_sql()]) as opened:
        users = [people.User(name, name.title(), role="admin") for name in ("ann", "bob")]
        people.save_users(opened.lake, users, actor=ADMIN)
        save(opened.lake, [("module", module_of(case)) for case in CASES], actor=ADMIN)
        records.create(opened.lake, module="files", values=[{"name": "f1"}, {"name": "f2"}], actor=ADMIN)
        store.apply_flows(opened.lake, [flow_of(opened, case) for case in CASES], actor=ADMIN)
        yield opened


def known(workspace: Workspace, value: Any) -> Any:
    """The value, with the ids of two files of the workspace in place of `f1` and `f2`."""
    files = read_page(workspace.lake, workspace.catalog, module="files", actor=ADMIN, sort="name").items
    ids = {item["name"]: item["id"] for item in files}
    return (
        [ids.get(one, one) for one in value]
        if isinstance(value, list)
        else (ids.get(value, value) if isinstance(value, str) else value)
    )


def two(workspace: Workspace, case: Case) -> tuple[str, str]:
    """Two records: one with the value as typed, one with the other."""
    values = [{"name": "one", "x": case.typed}, {"name": "two", "x": case.other}]
    given = [{k: known(workspace, v) for k, v in row.items() if v is not None} for row in values]
    made = records.create(workspace.lake, module=slug(case), values=given, actor=ADMIN)
    return made.ids[0], made.ids[1]


@pytest.fixture(scope="module")
def pairs(workspace: Workspace) -> dict[str, tuple[str, str]]:
    """Kind → two records, which the flows have seen."""
    made = {case.kind: two(workspace, case) for case in CASES}
    while runner.run_once(workspace.lake) is not None:
        pass
    return made


Pairs = dict[str, tuple[str, str]]


@every_kind
def test_a_value_typed_into_a_form_is_read_as_its_kind(
    workspace: Workspace, pairs: Pairs, case: Case
) -> None:
    one, _ = pairs[case.kind]
    record = read_record(workspace.lake, workspace.catalog, module=slug(case), record_id=one, actor=ADMIN)
    assert to_json_value(record["x"]) == known(workspace, case.shown)


@every_kind
def test_a_filter_and_an_order_tell_two_values_apart(workspace: Workspace, pairs: Pairs, case: Case) -> None:
    one, two_ = pairs[case.kind]
    found = read_page(
        workspace.lake,
        workspace.catalog,
        module=slug(case),
        actor=ADMIN,
        condition=parse_condition(asked(workspace, case)),
    )
    matched = {item["id"] for item in found.items}
    assert matched & {one, two_} == ({one, two_} if case.kind == "json" else {one})
    if case.sorts:
        assert order_of(workspace, case, "x", pairs) == order_of(workspace, case, "-x", pairs)[::-1]


def order_of(workspace: Workspace, case: Case, sort: str, pairs: Pairs) -> list[str]:
    """The ids of the kind's two records in an order."""
    page = read_page(workspace.lake, workspace.catalog, module=slug(case), actor=ADMIN, sort=sort)
    return [item["id"] for item in page.items if item["id"] in pairs[case.kind]]


@every_kind
def test_a_flow_s_condition_sees_the_value(workspace: Workspace, pairs: Pairs, case: Case) -> None:
    one, two_ = pairs[case.kind]
    tagged = parse_condition({"field": "tags", "op": "contains", "value": "seen"})
    page = read_page(workspace.lake, workspace.catalog, module=slug(case), actor=ADMIN, condition=tagged)
    seen = {item["id"] for item in page.items} & {one, two_}
    assert seen == ({one, two_} if case.kind == "json" else {one})


@every_kind
def test_a_change_stands_in_the_history_and_an_empty_value_clears(workspace: Workspace, case: Case) -> None:
    if case.kind == "auto_number":
        with pytest.raises(Exception, match=r"read.only|number"):
            records.update(
                workspace.lake,
                module=slug(case),
                record_id=two(workspace, case)[0],
                values={"x": "T-9"},
                actor=ADMIN,
            )
        return
    one, _ = two(workspace, case)
    records.update(
        workspace.lake,
        module=slug(case),
        record_id=one,
        values={"x": known(workspace, case.other)},
        actor=ADMIN,
    )
    records.update(workspace.lake, module=slug(case), record_id=one, values={"x": None}, actor=ADMIN)
    history = workspace.lake.history.of_record("crm", slug(case), one)
    touched = [row for row in history.to_dicts() if row["field"].split("__")[0] == "x"]
    assert len({row["snapshot"] for row in touched}) == 3
    assert touched[-1]["actor"] == ADMIN.user
    record = read_record(workspace.lake, workspace.catalog, module=slug(case), record_id=one, actor=ADMIN)
    assert record["x"] in (None, [])


@every_kind
def test_an_export_holds_the_value(workspace: Workspace, pairs: Pairs, case: Case) -> None:
    one, _ = pairs[case.kind]
    record = next(item for item in json.loads(exported(workspace, case, "json")) if item["id"] == one)
    assert record["x"] == known(workspace, case.shown)
    rows = list(csv.DictReader(io.StringIO(exported(workspace, case, "csv").decode("utf-8-sig"))))
    row = next(item for item in rows if item["id"] == one)
    assert any(value for name, value in row.items() if name.split("__")[0] == "x")


def exported(workspace: Workspace, case: Case, form: Any) -> bytes:
    return b"".join(
        export_module(workspace.lake, workspace.catalog, module=slug(case), actor=ADMIN, format=form)
    )
