"""A flow tried on ten million historical changes: a hundred commits over a million records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.report import Report, timed
from crm_core.access import Actor
from crm_core.definitions import apply_pack
from crm_core.workspace import prepare
from flows import schema_sql
from flows.backtest import Backtest, backtest
from flows.model import parse_flow
from lake import Change, Lake, LakeConfig, Transaction, table

RECORDS = 1_000_000
COMMITS = 100
INSERTING = 10
CHANGED = 100_000
"""Rows of each commit: the first ten bring new records, the others change a tenth of them."""

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
ADMIN = Actor.local_admin()
PLACE = table("crm", "deals")

PACK = """
workspace: {name: Bench, time_zone: Europe/Berlin, currency: EUR}
modules:
  - slug: deals
    title: title
    fields:
      - {slug: title, kind: text, required: true}
      - {slug: amount, kind: money}
      - {slug: country, kind: country}
      - {slug: probability, kind: integer}
      - {slug: note, kind: text}
      - {slug: due, kind: date}
    folders:
      - {slug: all, statuses: [{slug: new, start: true}, {slug: open}, {slug: offered}, {slug: won, end: true}]}
"""

_INSERT = f"""
INSERT INTO {PLACE} BY NAME SELECT
    ('01900000-0000-7000-8000-' || lpad(CAST(i AS VARCHAR), 12, '0'))::UUID AS id, 'Deal ' || i AS title,
    []::VARCHAR[] AS workers, []::VARCHAR[] AS tags, 'all' AS folder, 'new' AS status,
    (hash(i) % 90000)::DECIMAL(18,4) AS amount, 'EUR' AS amount__currency,
    ['DE','FR','AT','CH','NL'][(hash(i) % 5 + 1)::INTEGER] AS country, 10 AS probability,
    'a note about the deal ' || hash(i) AS note, DATE '2026-01-01' + CAST(i % 400 AS INTEGER) AS due,
    $at AS created_at, $at AS updated_at, $change::UUID AS change_id, $version AS version
FROM range($first, $last) AS r(i)
"""

_UPDATE = f"""
UPDATE {PLACE} SET status = ['new','open','offered','won'][(hash(id, $k) % 4 + 1)::INTEGER],
    probability = hash(id, $k) % 100, amount = amount + 1, updated_at = $at, change_id = $change::UUID,
    version = $version
WHERE hash(id) % {RECORDS // CHANGED} = $k % {RECORDS // CHANGED}
"""


def make_history(folder: Path) -> Lake:
    """A lake with the history: a commit a day, each with its row of provenance."""
    lake = Lake.open(
        LakeConfig(catalog=f"sqlite:{folder / 'catalog.sqlite'}", data_path=str(folder / "data"))
    )
    prepare(lake, schemas=[schema_sql()])
    pack = folder / "pack.yaml"
    pack.write_text(PACK, encoding="utf-8")
    apply_pack(lake, pack, actor=Actor.system())
    for number in range(COMMITS):
        _write(lake, number)
    return lake


def _write(lake: Lake, number: int) -> None:
    moment = FIRST_DAY + timedelta(days=number)

    def work(tx: Transaction) -> None:
        stamps = {"at": moment, "change": tx.change_id, "version": tx.snapshot}
        if number < INSERTING:
            step = RECORDS // INSERTING
            tx.execute(_INSERT, stamps | {"first": number * step, "last": (number + 1) * step})
        else:
            tx.execute(_UPDATE, stamps | {"k": number})

    lake.commit(work, Change(actor="bench", door="api", occurred_at=moment))


FLOW = {
    "flow": "large-deal-won",
    "module": "deals",
    "trigger": {"event": "updated", "fields": ["status"], "is": "won"},
    "when": {"all": [{"field": "amount", "op": "ge", "value": 80000},
                     {"field": "country", "op": "in", "value": ["DE", "AT", "CH"]}]},
    "do": [{"set_field": {"probability": 100, "tags": {"add": ["large"]}}}],
}  # fmt: skip
AIM_SECONDS = 30


def run(report: Report, folder: Path) -> None:
    """Measure one backtest over all of it: read, matched, worked out and counted."""
    with make_history(folder) as lake:
        told: list[Backtest] = []
        seconds = timed(lambda: told.append(backtest(lake, parse_flow(FLOW), actor=ADMIN)))
    found = told[0]
    if found.changes < RECORDS + (COMMITS - INSERTING) * CHANGED * 0.99 or not found.count("changed"):
        raise AssertionError(f"the history is not what it was meant to be: {found}")
    report.add(
        f"a backtest over {found.changes / 1e6:.0f}M historical changes ({COMMITS} commits, {found.matched:,} matches)",
        f"{seconds:.1f} s",
        aim=f"≤ {AIM_SECONDS} s",
        met=seconds <= AIM_SECONDS,
    )
