"""Fifty conditions over a million changed rows, as one statement, against a rule engine row by row."""

from __future__ import annotations

from pathlib import Path

import zen
from sqlglot import exp

from benchmarks.report import Report, timed
from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition
from crm_core.model import Catalog, Module, parse_condition
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.trees import text
from lake import Lake, LakeConfig

ROWS = 1_000_000
SAMPLE = 20_000
CONDITIONS = 50
COUNTRIES = ("DE", "FR", "AT", "CH", "NL")


def catalog() -> Catalog:
    """One module with a text, a number, a choice and a date."""
    kinds = {"name": "text", "amount": "decimal", "country": "country", "score": "integer"}
    fields = [{"slug": slug, "kind": kind} for slug, kind in kinds.items()]
    return Catalog(
        modules={"rows": Module.model_validate({"slug": "rows", "title": "name", "fields": fields})}
    )


def documents() -> list[dict[str, object]]:
    """The conditions: two comparisons and a text each, no two the same."""
    return [
        {
            "any": [
                {"all": [{"field": "country", "op": "eq", "value": COUNTRIES[i % 5]},
                         {"field": "amount", "op": "gt", "value": 100 * i}]},
                {"field": "name", "op": "contains", "value": f"x{i}"},
            ]
        }
        for i in range(CONDITIONS)
    ]  # fmt: skip


def expressions() -> list[str]:
    """The same conditions in the words of the rule engine."""
    return [
        f"(country == '{COUNTRIES[i % 5]}' and amount > {100 * i}) or contains(name, 'x{i}')"
        for i in range(CONDITIONS)
    ]


def run(report: Report, folder: Path) -> None:
    """Measure both in evaluations a second and note the ratio."""
    config = LakeConfig(catalog=f"sqlite:{folder / 'catalog.sqlite'}", data_path=str(folder / "data"))
    with Lake.open(config) as lake:
        _measure(report, lake)


def _measure(report: Report, lake: Lake) -> None:
    with lake.session() as session:
        session.execute(
            "CREATE TEMP TABLE changed AS SELECT uuidv7() AS id, 'name x' || (i % 977) AS name, "
            "(i % 7919)::DECIMAL(18,6) AS amount, ['DE','FR','AT','CH','NL'][i % 5 + 1] AS country, "
            f"i % 100 AS score FROM range({ROWS}) AS r(i)"
        )
        relations = Relations(catalog(), Actor.system(), Params())
        scope = Scope("rows", "r", relations)
        tests = [compile_condition(parse_condition(document), scope) for document in documents()]
        counts = [exp.CountIf(this=test).as_(f"c{i}") for i, test in enumerate(tests)]
        statement = text(exp.select(*counts).from_("changed AS r"))
        ours = timed(lambda: session.read(statement, relations.params.values))
        found = session.read(statement, relations.params.values).row(0)
        rows = session.read(
            f"SELECT name, amount::DOUBLE AS amount, country FROM changed LIMIT {SAMPLE}"
        ).to_dicts()
    compiled = [zen.compile_expression(words) for words in expressions()]
    theirs = timed(lambda: [rule.evaluate(row) for row in rows for rule in compiled])
    if not any(found):
        raise AssertionError("no row matched any condition: the benchmark measures nothing")
    our_speed, their_speed = ROWS * CONDITIONS / ours, SAMPLE * CONDITIONS / theirs
    times = our_speed / their_speed
    report.add(
        "50 conditions over 1M changed rows, against zen-engine row by row",
        f"{times:.0f}× ({our_speed / 1e6:.1f}M against {their_speed / 1e6:.2f}M evaluations a second; {ours:.1f} s)",
        aim="≥ 10×",
        met=times >= 10,
    )
