"""One table of cases for conditions, read as a set, as each row alone, and against the answer written here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition, compile_trace
from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog, Module, Relationship, WorkspaceSettings, parse_condition
from crm_core.relations import Relations
from crm_core.trees import column, text
from lake import Change, Lake, LakeConfig, Transaction, ident, table

NOW = datetime(2026, 3, 30, 10, 0, tzinfo=UTC)  # the day after clocks went forward in Berlin
ROWS: dict[str, dict[str, Any]] = {
    "full": {
        "name": "Søren 100% Ω", "amount": 12, "price": Decimal("9.90"), "vip": True, "born": date(2024, 2, 29),
        "seen": datetime(2026, 3, 30, 9, 30, tzinfo=UTC), "tags": ["a", "b"], "kinds": ["x"], "note": '{"k": 1}',
        "status": "won", "boss": "boss",
    },
    "zero": {
        "name": "100_percent", "amount": 0, "price": Decimal("0"), "vip": False, "born": date(2026, 3, 1),
        "seen": datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC), "tags": [], "kinds": None, "note": None,
        "status": "new", "boss": "full",
    },
    "none": {},
    "blank": {"name": "", "tags": [None], "status": ""},
    "boss": {"name": "Der Chef", "amount": -3, "vip": True, "seen": datetime(2026, 3, 28, 23, 0, tzinfo=UTC)},
    "gone": {"name": "deleted", "amount": 12, "deleted_at": NOW, "boss": "full"},
}  # fmt: skip
IDS = {name: f"019a0000-0000-7000-8000-{number:012d}" for number, name in enumerate(ROWS)}


def _leaf(field: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "op": op} | ({} if value is None else {"value": value})


# Who matches: names of rows. `*` is everybody who is there.
CASES: list[tuple[str, Any, str]] = [
    ("eq ignores no case", _leaf("name", "eq", "søren 100% Ω"), ""),
    ("eq takes Unicode as it is", _leaf("name", "eq", "Søren 100% Ω"), "full"),
    ("ne is true where the value is missing", _leaf("name", "ne", "Der Chef"), "full zero none blank"),
    ("contains takes % as a letter", _leaf("name", "contains", "0%"), "full"),
    ("contains takes _ as a letter", _leaf("name", "contains", "0_p"), "zero"),
    ("contains ignores case beyond ASCII", _leaf("name", "contains", "SØREN"), "full"),
    ("not_contains is true where missing", _leaf("name", "not_contains", "100"), "none blank boss"),
    ("starts_with", _leaf("name", "starts_with", "100"), "zero"),
    ("ends_with", _leaf("name", "ends_with", "ω"), "full"),
    ("a quote in a value is a letter", _leaf("name", "eq", "' OR 1=1 --"), ""),
    ("an empty text is missing", _leaf("name", "is_empty"), "none blank"),
    ("is_set is its opposite", _leaf("name", "is_set"), "full zero boss"),
    ("in", _leaf("status", "in", ["won", "lost"]), "full"),
    ("in of nothing is nobody", _leaf("status", "in", []), ""),
    ("not_in is true where missing", _leaf("status", "not_in", ["won"]), "zero none blank boss"),
    ("not_in of nothing is everybody", _leaf("status", "not_in", []), "*"),
    ("a number may come as text", _leaf("amount", "eq", "12"), "full"),
    ("zero is set", _leaf("amount", "is_set"), "full zero boss"),
    ("lt leaves the missing out", _leaf("amount", "lt", 12), "zero boss"),
    ("ge", _leaf("amount", "ge", 0), "full zero"),
    ("between holds both ends", _leaf("amount", "between", [-3, 0]), "zero boss"),
    ("a decimal is exact", _leaf("price", "eq", "9.9"), "full"),
    ("false is not missing", _leaf("vip", "eq", False), "zero"),
    ("ne of a boolean", _leaf("vip", "ne", True), "zero none blank"),
    ("a leap day", _leaf("born", "eq", "2024-02-29"), "full"),
    ("a date before today", _leaf("born", "lt", "today - 28d"), "full zero"),
    ("the last day of all", _leaf("born", "lt", "9999-12-31"), "full zero"),
    ("the first day of all", _leaf("born", "le", "0001-01-01"), ""),
    ("a month back from the 30th", _leaf("born", "ge", "today - 1mo"), "zero"),
    ("a day begins in the workspace's zone", _leaf("seen", "eq", "2026-03-29"), "boss"),
    ("and ends there", _leaf("seen", "le", "2026-03-28"), "zero"),
    ("gt a day is after its end", _leaf("seen", "gt", "2026-03-28"), "full boss"),
    ("yesterday has 23 hours", _leaf("seen", "eq", "yesterday"), "boss"),
    ("an instant with an offset", _leaf("seen", "ge", "2026-03-30T11:30:00+02:00"), "full"),
    ("a zoneless time is the workspace's", _leaf("seen", "ge", "2026-03-30T11:30:00"), "full"),
    ("within_last counts back from now", _leaf("seen", "within_last", "1h"), "full"),
    ("within_next looks ahead", _leaf("seen", "within_next", "1h"), ""),
    ("a list contains all of", _leaf("tags", "contains", ["a", "b"]), "full"),
    ("a list contains one", _leaf("tags", "contains", "a"), "full"),
    ("a list has any of", _leaf("tags", "in", ["b", "z"]), "full"),
    ("a list does not contain", _leaf("tags", "not_contains", "a"), "zero none blank boss"),
    ("a list equals in any order", _leaf("tags", "eq", ["b", "a"]), "full"),
    ("an empty list is missing", _leaf("tags", "is_empty"), "zero none boss"),
    ("a path reads the record it leads to", _leaf("boss.name", "eq", "Der Chef"), "full"),
    ("a path that leads nowhere is missing", _leaf("boss.name", "is_empty"), "none blank boss"),
    ("a path of two steps", _leaf("boss.boss.name", "starts_with", "der"), "zero"),
    ("a list of related records has any", _leaf("staff.amount", "eq", 12), "boss"),
    ("deleted related records do not count", _leaf("staff.name", "eq", "deleted"), ""),
    ("a sum adds up what related records have", _leaf("staff.amount.sum", "eq", 12), "boss"),
    ("a sum of nothing is zero", _leaf("staff.amount.sum", "le", 0), "full zero none blank"),
    ("a sum over two lists", _leaf("staff.staff.price.sum", "between", [0, 1]), "*"),
    ("a sum of what a linked record's list has", _leaf("boss.staff.amount.sum", "gt", 5), "full"),
    ("all of nothing is true", {"all": []}, "*"),
    ("any of nothing is false", {"any": []}, ""),
    ("not turns it round", {"not": _leaf("vip", "eq", True)}, "zero none blank"),
    ("groups nest", {"any": [{"all": [_leaf("amount", "gt", 5), _leaf("vip", "eq", True)]},
                             {"not": _leaf("name", "is_set")}]}, "full none blank"),
]  # fmt: skip


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, new_catalog: Any) -> Iterator[tuple[Lake, Catalog]]:
    folder = tmp_path_factory.mktemp("conditions")
    fields = {"name": "text", "amount": "integer", "price": "decimal", "vip": "boolean", "born": "date",
              "seen": "datetime", "kinds": "multi_select", "note": "json"}  # fmt: skip
    module = Module.model_validate(
        {"slug": "people", "fields": [{"slug": slug, "kind": kind} for slug, kind in fields.items()]}
    )
    boss = Relationship(module="people", slug="boss", kind="many_to_one", to=("people",), inverse="staff")
    catalog = Catalog(
        workspace=WorkspaceSettings(time_zone="Europe/Berlin"),
        modules={"people": module},
        relationships=(boss,),
    )
    with Lake.open(
        LakeConfig(catalog=new_catalog(folder), data_path=str(folder / "data"), threads=1)
    ) as lake:
        lake.commit(lambda tx: _fill(tx, catalog), Change(actor="test", door="test"))
        yield lake, catalog


def _fill(tx: Transaction, catalog: Catalog) -> None:
    columns = catalog.columns("people")
    definition = ", ".join(f"{ident(name)} {kind}" for name, kind in columns.items())
    tx.execute(f"CREATE TABLE {table('crm', 'people')} ({definition})")
    for name, row in ROWS.items():
        given = {"id": IDS[name], **row} | ({"boss": IDS[row["boss"]]} if "boss" in row else {})
        names = ", ".join(ident(key) for key in given)
        tx.execute(
            f"INSERT INTO {table('crm', 'people')} ({names}) VALUES ({', '.join('?' * len(given))})",
            list(given.values()),
        )


def _matching(lake: Lake, catalog: Catalog, condition: Any, only: str | None = None) -> set[str]:
    scope = Scope("people", "r", Relations(catalog, Actor.system()), NOW)
    tree = compile_condition(parse_condition(condition), scope)
    select = (
        exp.select(exp.cast(column("id", "r"), "VARCHAR").as_("id"), tree.as_("answer"))
        .from_(scope.relations.table("people", "r"))
        .where(scope.relations.predicate("people", "r"))
    )
    if only is not None:
        select = select.where(column("id", "r").eq(scope.relations.params.bind(IDS[only], "UUID")))
    found = lake.read(text(select), scope.relations.params.values)
    assert found["answer"].null_count() == 0
    names = {record_id: name for name, record_id in IDS.items()}
    return {names[record_id] for record_id in found.filter(pl.col("answer"))["id"]}


@pytest.mark.parametrize(
    ("condition", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_condition_matches(people: tuple[Lake, Catalog], condition: Any, expected: str) -> None:
    there = {name for name, row in ROWS.items() if "deleted_at" not in row}
    assert _matching(*people, condition) == (there if expected == "*" else set(expected.split()))


@pytest.mark.parametrize("condition", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_a_set_and_each_row_alone_agree(people: tuple[Lake, Catalog], condition: Any) -> None:
    alone = {name for name in ("full", "zero", "blank") if _matching(*people, condition, only=name)}
    assert alone == _matching(*people, condition) & {"full", "zero", "blank"}


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        pytest.param(_leaf("nope", "eq", 1), "which people does not have", id="unknown field"),
        pytest.param(
            _leaf("boss.nope", "eq", 1), "which people does not have", id="unknown field on the way"
        ),
        pytest.param(_leaf("amount", "eq", "many"), "is a number", id="a word for a number"),
        pytest.param(_leaf("price", "lt", "NaN"), "is a number", id="not a number"),
        pytest.param(_leaf("vip", "eq", "perhaps"), "neither true nor false", id="a word for a boolean"),
        pytest.param(_leaf("vip", "lt", True), "has no order", id="order of booleans"),
        pytest.param(_leaf("born", "eq", "2026-02-30"), "no date or time", id="a day that never was"),
        pytest.param(_leaf("born", "eq", "today minus 3d"), "no date or time", id="a relative date misspelt"),
        pytest.param(_leaf("name", "within_last", "3d"), "no date or time", id="within_last of a text"),
        pytest.param(_leaf("seen", "within_last", "soon"), "no length of time", id="no length of time"),
        pytest.param(_leaf("amount", "contains", "1"), "is no text", id="contains of a number"),
        pytest.param(_leaf("tags", "lt", "a"), "is a list", id="order of a list"),
        pytest.param(_leaf("name", "eq"), "needs a value", id="no value"),
        pytest.param(_leaf("name", "in", "a"), "needs a list", id="no list"),
        pytest.param(_leaf("amount", "between", [1]), "list of two", id="one end"),
        pytest.param(_leaf("name", "like", "a"), "Input should be", id="unknown operator"),
        pytest.param({"all": 3}, "at all", id="all of a number"),
        pytest.param(_leaf("name", "changed"), "only of a change", id="changed without a change"),
        pytest.param(_leaf("name", "eq", {"a": 1}), "a single value", id="an object"),
        pytest.param(_leaf("amount", "eq", 10**30), "numbers up to", id="a number that no column holds"),
        pytest.param(_leaf("price", "lt", "-1e40"), "numbers up to", id="a decimal that no column holds"),
        pytest.param(_leaf("born", "within_last", "999999y"), "outside of the years", id="before all time"),
        pytest.param(_leaf("seen", "gt", "today + 99999y"), "outside of the years", id="a far day"),
        pytest.param(_leaf("seen", "le", "9999-12-31"), "outside of the years", id="the last day of all"),
        pytest.param(_leaf("seen", "between", ["2026-01-01", "0001-01-01"]), "outside", id="the first day"),
    ],
)
def test_a_condition_that_cannot_be_used_says_why(
    people: tuple[Lake, Catalog], condition: Any, said: str
) -> None:
    with pytest.raises(ConditionInvalid, match=said):
        _matching(*people, condition)


def test_a_trace_says_of_each_leaf_what_it_saw(people: tuple[Lake, Catalog]) -> None:
    lake, catalog = people
    scope = Scope("people", "r", Relations(catalog, Actor.system()), NOW)
    tree = parse_condition({"all": [_leaf("amount", "gt", 5), _leaf("boss.name", "eq", "x")]})
    [amount, boss] = compile_trace(tree, scope)
    select = exp.select(amount[1].as_("a"), amount[2].as_("b"), boss[1].as_("c"), boss[2].as_("d"))
    select = select.from_(scope.relations.table("people", "r"))
    select = select.where(column("id", "r").eq(scope.relations.params.bind(IDS["full"], "UUID")))
    assert lake.read(text(select), scope.relations.params.values).row(0) == (True, 12, False, "Der Chef")


_leaves = st.sampled_from([case[1] for case in CASES if isinstance(case[1], dict) and "field" in case[1]])
_trees = st.recursive(
    _leaves,
    lambda part: st.one_of(
        st.lists(part, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(part, max_size=3).map(lambda parts: {"any": parts}),
        part.map(lambda one: {"not": one}),
    ),
    max_leaves=5,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=_trees)
def test_a_tree_is_made_of_its_leaves(people: tuple[Lake, Catalog], tree: Any) -> None:
    there = {name for name, row in ROWS.items() if "deleted_at" not in row}
    leaves = {repr(case[1]): case[2] for case in CASES}

    def expected(node: Any) -> set[str]:
        if "all" in node:
            return there.intersection(*map(expected, node["all"]))
        if "any" in node:
            return set().union(*map(expected, node["any"]))
        if "not" in node:
            return there - expected(node["not"])
        who = leaves[repr(node)]
        return there if who == "*" else set(who.split())

    assert _matching(*people, tree) == expected(tree)
