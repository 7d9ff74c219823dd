"""A process that dies at any moment, of writing or of maintenance, loses nothing that it was told is stored."""

from __future__ import annotations

import random
import subprocess
import sys
import threading

from lake import Change, Lake, maintenance, table

NOTES = table("crm", "notes")

# Writes consecutive numbers for ever, tells each once it is stored, and maintains all the while.
WRITER = """
import sys, threading
from lake import Change, Lake, LakeConfig, maintenance

def maintain(lake):
    while True:
        maintenance.run(lake, policy=maintenance.Policy(inlined_rows=1, dead_share=0.1))

with Lake.open(LakeConfig(catalog=sys.argv[1], data_path=sys.argv[2])) as lake:
    threading.Thread(target=maintain, args=(lake,), daemon=True).start()
    number = lake.read('SELECT coalesce(max(id), 0) FROM "lake"."crm"."notes"').item()
    while True:
        number += 1
        def work(tx):
            tx.execute('INSERT INTO "lake"."crm"."notes" VALUES (?, 1)', [number])
            tx.execute('UPDATE "lake"."crm"."notes" SET edits = edits + 1 WHERE id = ?', [number // 2])
        lake.commit(work, Change(actor="x", door="test"))
        print(number, flush=True)
"""


def test_what_was_acknowledged_survives_a_kill_at_any_moment(lake: Lake) -> None:
    lake.commit(
        lambda tx: tx.execute(f"CREATE TABLE {NOTES} (id integer, edits integer)"),
        Change(actor="x", door="test"),
    )
    command = [sys.executable, "-c", WRITER, lake.config.catalog, lake.config.data_path]
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            told = [int(writer.stdout.readline()) for _ in range(3)]
            threading.Timer(random.uniform(0, 1.0), writer.kill).start()
            told += [int(line) for line in writer.stdout if line.endswith("\n")]
        stored = lake.read(f"SELECT id, edits FROM {NOTES} ORDER BY id")
        # The one whose answer was cut off may be there, whole, or not at all.
        assert stored["id"].to_list() in (list(range(1, told[-1] + 1)), list(range(1, told[-1] + 2)))
        last = stored["id"].max()
        edited = [1 + sum(half // 2 == number for half in range(1, last + 1)) for number in stored["id"]]
        assert stored["edits"].to_list() == edited
    maintenance.run(lake, everything=True)
    assert lake.read(f"SELECT id, edits FROM {NOTES} ORDER BY id").rows() == stored.rows()
