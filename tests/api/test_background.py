"""What a server does beside answering goes on after it failed, and says so in one line."""

from __future__ import annotations

import json
import subprocess
import sys

FAILING = """
from flows.background import Background, Worker
from crm_core.logs import write_logs

tries = []

def step(stop):
    tries.append(1)
    if len(tries) == 1:
        raise RuntimeError("password=hunter2 was refused")
    stop.set()

write_logs()
background = Background([Worker("sweeping", step, every=0.01)])
background.start()
background._threads[0].join(20)
print(len(tries))
"""


def test_a_worker_that_failed_works_on_and_left_one_line_in_the_log() -> None:
    done = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, timeout=60)
    assert done.stdout == "2\n"
    line = json.loads(done.stderr)
    assert (line["level"], line["event"], line["worker"]) == ("error", "background work failed", "sweeping")
    assert "in step" in line["trace"] and "RuntimeError" in line["error"] and "hunter2" not in done.stderr
