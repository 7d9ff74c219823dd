"""Many short lives of a process: one that has imported everything forks a child whenever it is asked, to be killed.

Importing takes a second, and a third of one to check the extensions; a fork takes a hundredth of it, so that a test can
afford many deaths.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from lake import LakeConfig

# Nothing of DuckDB runs any more at the fork: each child opens the lake for itself.
_PROGRAM = """
import os, sys
{imports}
from lake import Lake, LakeConfig, engine

kind = LakeConfig(catalog=sys.argv[1], data_path=sys.argv[2]).kind
engine.connect(extensions=("ducklake", kind), settings={{"threads": 1}}).close()

def live(catalog, data, *more):
    with Lake.open(LakeConfig(catalog=catalog, data_path=data, threads=1)) as lake:
        print("ready", flush=True)
{body}

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            live(*sys.argv[1:])
        finally:
            os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


@dataclass
class Nursery:
    """Gives birth to one process at a time."""

    process: subprocess.Popen[str]

    def born(self) -> int:
        """A new child that has opened the lake; its process id."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        told = {self.process.stdout.readline().strip() for _ in range(2)}
        child = int(next(word for word in told if word != "ready"))
        assert "ready" in told
        return child

    def killed(self, child: int) -> None:
        """End a child without a word."""
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ended\n"


@contextmanager
def nursery(config: LakeConfig, *more: str, imports: str, body: str) -> Iterator[Nursery]:
    """A nursery of children that run `body` with `lake` open and `more` beside; it ends with the block."""
    program = _PROGRAM.format(
        imports=imports, body="\n".join(f"        {line}" for line in body.splitlines())
    )
    command = [sys.executable, "-c", program, config.catalog, config.data_path, *more]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Nursery(process)
        finally:
            process.kill()
