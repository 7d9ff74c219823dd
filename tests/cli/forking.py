"""A process that has imported everything and forks a child for each command: real processes, without the start.

Run as `python -m tests.cli.forking`. A line of JSON asks for a command: `arguments`, the `environment`, and the files
`input`, `output` and `errors`; the answer is a line with the code that its process ended with.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import traceback
from typing import Any

import cli
import crm_core
import flows
import lake
from lake import engine


def main() -> None:
    """Answer until the other end closes."""
    for package in (lake, crm_core, flows):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # The worker is a program of its own.
            if module.name != "lake.sql_worker":
                importlib.import_module(module.name)
    # A process checks the signatures of extensions when it first loads them, which takes longer than most commands.
    engine.connect(extensions=("ducklake", "sqlite"), settings={"threads": 1}).close()
    for line in sys.stdin:
        # Nothing of DuckDB runs here any more: each child opens the lake for itself.
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _become(asked: dict[str, Any]) -> None:
    """Be the process of one command, to its end."""
    for number, (name, flags) in enumerate(
        [("input", os.O_RDONLY), ("output", os.O_WRONLY), ("errors", os.O_WRONLY)]
    ):
        os.dup2(os.open(asked[name], flags), number)
    sys.stdin = os.fdopen(0)
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["-c", *asked["arguments"]]
    code = 1
    try:
        cli.app()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
