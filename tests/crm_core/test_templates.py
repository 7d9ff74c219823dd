"""Templates: what they say of a record, and what they may not do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope
from crm_core.model import Catalog, Module, Relationship, Team, WorkspaceSettings
from crm_core.relations import Relations
from crm_core.templates import check_template, compile_template, single_path, template_paths
from crm_core.trees import text
from lake import Change, Lake, LakeConfig, Transaction, ident, table

_FIELDS = {"name": "text", "credit": "money", "home": "address", "seen": "datetime", "born": "date", "vip": "boolean",
           "score": "decimal", "kinds": "multi_select", "size": "integer"}  # fmt: skip
_PEOPLE = {
    "slug": "people", "title": "name",
    "fields": [{"slug": slug, "kind": kind} for slug, kind in _FIELDS.items()],
    "folders": [{"slug": "all", "label": "All people", "statuses": [{"slug": "new", "label": "Brand new"}]}],
}  # fmt: skip
_LETTERS = {
    "slug": "letters",
    "fields": [{"slug": "subject", "kind": "text"}, {"slug": "email", "kind": "email"}],
}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(
        workspace=WorkspaceSettings(name="Shop", time_zone="Europe/Berlin"),
        modules={"people": Module.model_validate(_PEOPLE), "letters": Module.model_validate(_LETTERS)},
        relationships=(Relationship(module="letters", slug="person", kind="many_to_one", to=("people",)),),
        teams={"sales": Team(slug="sales", name="Sales people")},
    )


@pytest.fixture(scope="module")
def lake(
    catalog: Catalog, tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]
) -> Iterator[Lake]:
    folder = tmp_path_factory.mktemp("templates")
    config = LakeConfig(catalog=new_catalog(folder), data_path=str(folder / "data"), threads=1)
    with Lake.open(config) as opened:
        opened.commit(lambda tx: _fill(tx, catalog), Change(actor="t", door="t"))
        yield opened


def _fill(tx: Transaction, catalog: Catalog) -> None:
    for module in catalog.modules:
        columns = ", ".join(f"{ident(name)} {kind}" for name, kind in catalog.columns(module).items())
        tx.execute(f"CREATE TABLE {table('crm', module)} ({columns})")
    tx.execute(
        f"INSERT INTO {table('crm', 'people')} (id, name, credit, credit__currency, home__street, home__city, seen, "
        "born, vip, score, kinds, size, status, team) VALUES ('019a0000-0000-7000-8000-000000000001', "
        "'o''Hara & Søn', -12345.5, 'EUR', 'Ring 1', 'Köln', '2026-03-29 00:30:00+00', '2024-02-29', true, "
        "100.500000, ['a', 'b'], 0, 'new', 'sales')"
    )
    tx.execute(
        f"INSERT INTO {table('crm', 'letters')} (id, subject, person) VALUES (uuidv7(), '100% {{{{ x }}}} <b>', "
        "'019a0000-0000-7000-8000-000000000001')"
    )


def _told(lake: Lake, catalog: Catalog, template: str) -> str:
    relations = Relations(catalog, Actor.system())
    tree = compile_template(template, Scope("letters", "f", relations))
    select = exp.select(tree.as_("t")).from_(relations.table("letters", "f"))
    return str(lake.read(text(select), relations.params.values or None)["t"][0])


@pytest.mark.parametrize(
    ("template", "said"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("plain ' text %", "plain ' text %", id="text"),
        pytest.param("{{ subject }}", "100% {{ x }} <b>", id="a value is never a template"),
        pytest.param("[{{ email }}]", "[]", id="a missing value is nothing"),
        pytest.param("{{ email | default('you') }}", "you", id="default"),
        pytest.param("{{ person.name | upper }}", "O'HARA & SØN", id="upper"),
        pytest.param("{{ person.name | capitalize }}", "O'Hara & Søn", id="capitalize"),
        pytest.param("{{ person.name | truncate(5) }}", "o'Ha…", id="truncate"),
        pytest.param("{{ person }}", "o'Hara & Søn", id="a link is the title of its record"),
        pytest.param("{{ person.credit }}", "-12345.50 EUR", id="money"),
        pytest.param("{{ person.credit | money }}", "-12,345.50 EUR", id="money for people"),
        pytest.param("{{ person.score }} {{ person.size }}", "100.5 0", id="numbers without needless zeros"),
        pytest.param("{{ person.home }}", "Ring 1, Köln", id="an address in one line"),
        pytest.param("{{ person.home.city }}", "Köln", id="a part of an address"),
        pytest.param("{{ person.seen }}", "2026-03-29 01:30", id="an instant in the workspace's zone"),
        pytest.param("{{ person.seen | date('%d.%m.%Y') }}", "29.03.2026", id="a date in a form"),
        pytest.param("{{ person.seen | time }}", "01:30", id="a time of day"),
        pytest.param("{{ person.born }}", "2024-02-29", id="a date"),
        pytest.param("{{ person.vip }}", "yes", id="a boolean"),
        pytest.param("{{ person.kinds }}", "a, b", id="a list"),
        pytest.param(
            "{{ person.status | label }}, {{ person.team | label }}", "Brand new, Sales people", id="labels"
        ),
        pytest.param("{{ workspace.name }}", "Shop", id="the workspace"),
        pytest.param("{% if person.vip %}V{% else %}-{% endif %}", "V", id="if"),
        pytest.param("{% if person.size %}set{% endif %}", "set", id="zero is set"),
        pytest.param(
            "{% if not email and person.score > 100 %}both{% endif %}", "both", id="and, not, a comparison"
        ),
        pytest.param(
            "{% if subject == 'x' %}1{% elif person.size == 0 %}2{% else %}3{% endif %}", "2", id="elif"
        ),
        pytest.param("{{ 'A' if person.status in ['new', 'old'] else 'B' }}", "A", id="if within a line"),
        pytest.param("a\n{% if email %}\nb\n{% endif %}\nc", "a\nc", id="a line of its own leaves no gap"),
    ],
)
def test_a_template_says(lake: Lake, catalog: Catalog, template: str, said: str) -> None:
    assert check_template(catalog, "letters", template) == []
    assert _told(lake, catalog, template) == said


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        pytest.param("{{ nope }}", "a missing field", id="missing field"),
        pytest.param("{{ person.nope }}", "a missing field", id="missing related field"),
        pytest.param("{% if nope %}{% endif %}", "a missing field", id="missing field in if"),
        pytest.param("{{ subject.__class__ }}", "asks for “__class__”", id="an attribute of Python"),
        pytest.param("{{ workspace.time }}", "is unknown", id="unknown setting"),
        pytest.param("{{ subject.upper() }}", "a call cannot be used", id="call"),
        pytest.param("{% for x in kinds %}{% endfor %}", "a loop cannot be used", id="loop"),
        pytest.param("{% set x = 1 %}", "cannot be used", id="assignment"),
        pytest.param("{% include 'x' %}", "an include cannot be used", id="include"),
        pytest.param("{{ 1 + 1 }}", "cannot be used", id="arithmetic"),
        pytest.param("{{ subject | shout }}", "there is no filter “shout”", id="unknown filter"),
        pytest.param("{{ subject | truncate('a') }}", "a number", id="wrong argument"),
        pytest.param("{{ subject | date }}", "need a date", id="date of a text"),
        pytest.param("{{ subject | money }}", "needs a number", id="money of a text"),
        pytest.param(
            "{% if person.size == 'x' %}{% endif %}", "is a number", id="number compared with a word"
        ),
        pytest.param("{{ subject", "line 1", id="not closed"),
        pytest.param("a\n\n{% if %}", "line 3", id="broken in line 3"),
        pytest.param("x" * 200_001, "at most 200,000", id="too long"),
    ],
)
def test_a_template_may_not(catalog: Catalog, template: str, reason: str) -> None:
    [problem] = check_template(catalog, "letters", template)
    assert reason in problem


def test_the_paths_of_a_template_are_known() -> None:
    template = "{{ a.b }} {% if c %}{{ d | default('x') }}{% endif %} {{ a.b }} {{ workspace.name }}"
    assert template_paths(template) == ("a.b", "c", "d")
    assert single_path("{{ a.b }}") == "a.b" and single_path("x {{ a }}") is None
