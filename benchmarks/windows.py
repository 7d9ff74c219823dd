"""Fifty flows over a window of a million changed rows, against a rule engine on the same conditions and rows.

Both ask fifty conditions of every row and say which hold: the flows as the runner does, with triggers, the event and
the folder, in one statement over the changes of a real lake; the engine with compiled expressions over rows that are
Python objects already. What reading the changes and storing the runs takes is told beside it.
"""

from __future__ import annotations

import time
from pathlib import Path

import zen

from benchmarks.report import Report, timed
from benchmarks.rules import CONDITIONS, SAMPLE, documents, expressions
from crm_core.access import Actor
from crm_core.definitions import read_catalog, save
from crm_core.workspace import prepare
from flows import schema_sql
from flows.active import active_flows
from flows.compiler import compile_flows
from flows.runner import run_until_current
from flows.staging import rows_view, stage_changes
from flows.windows import next_window
from lake import Change, Lake, LakeConfig, table

ROWS = 1_000_000
MODULE = {
    "slug": "rows",
    "title": "name",
    "fields": [
        {"slug": "name", "kind": "text"},
        {"slug": "amount", "kind": "decimal"},
        {"slug": "country", "kind": "country"},
    ],
}


def run(report: Report, folder: Path, *, rows: int = ROWS) -> None:
    """Measure both in evaluations a second, and the whole window."""
    config = LakeConfig(catalog=f"sqlite:{folder / 'catalog.sqlite'}", data_path=str(folder / "data"))
    with Lake.open(config) as lake:
        prepare(lake, schemas=[schema_sql()])
        _define(lake)
        run_until_current(lake)
        _write(lake, rows)
        _measure(report, lake, rows)


def _define(lake: Lake) -> None:
    flows = [
        {
            "flow": f"rule-{number}",
            "module": "rows",
            "trigger": {"event": "created"},
            "when": {"all": [document, {"field": "name", "op": "ends_with", "value": "7"}]},
            "limit": 0,
            "do": [{"set_field": {"tags": {"add": ["seen"]}}}],
        }
        for number, document in enumerate(documents())
    ]
    defined = [("module", MODULE), *(("flow", flow) for flow in flows)]
    save(lake, defined, actor=Actor.system())


def _write(lake: Lake, rows: int) -> None:
    """A million records as another program writes them, in one commit."""
    lake.commit(
        lambda tx: tx.execute(
            f"INSERT INTO {table('crm', 'rows')} BY NAME SELECT uuidv7() AS id, 'name x' || (i % 977) AS name, "
            "(i % 7919)::DECIMAL(18,6) AS amount, ['DE','FR','AT','CH','NL'][i % 5 + 1] AS country, "
            f"now() AS created_at, now() AS updated_at FROM range({rows}) AS r(i)"
        ),
        Change(actor="program", door="program"),
    )


def _measure(report: Report, lake: Lake, rows: int) -> None:
    catalog = read_catalog(lake)
    found = next_window(lake, after=lake.snapshot() - 1)
    assert found is not None
    window, flows = found[0], active_flows(catalog)
    with lake.session(bulk=True) as session:
        staging = timed(lambda: stage_changes(session, lake, catalog, "rows", window))
        compiled = compile_flows(
            catalog, "rows", flows, relation=rows_view("rows"), into="hits", now=window.now
        )
        ours = timed(lambda: compiled.statement.execute(session, at=window.at))
        if not session.read("SELECT count(*) AS n FROM hits WHERE _m0 OR _m1")["n"][0]:
            raise AssertionError("no row matched: the benchmark measures nothing")
        sample = session.read(
            f"SELECT name, amount::DOUBLE AS amount, country FROM {rows_view('rows')} LIMIT {SAMPLE}"
        ).to_dicts()
    rules = [zen.compile_expression(f"({words}) and endsWith(name, '7')") for words in expressions()]
    theirs = timed(lambda: [rule.evaluate(row) for row in sample for rule in rules])
    our_speed, their_speed = rows * CONDITIONS / ours, SAMPLE * CONDITIONS / theirs
    times = our_speed / their_speed
    report.add(
        "50 flows over a window of 1M changed rows, against zen-engine row by row",
        f"{times:.0f}× ({our_speed / 1e6:.1f}M against {their_speed / 1e6:.2f}M evaluations a second; {ours:.1f} s)",
        aim="≥ 20×",
        met=times >= 20,
    )
    started = time.perf_counter()
    done = sum(one.done for one in run_until_current(lake))
    took = time.perf_counter() - started
    report.add(
        "the whole window: changes read, conditions asked, runs and effects stored",
        f"{took:.1f} s, of which reading the changes {staging:.1f} s ({done:,} runs done)",
    )
