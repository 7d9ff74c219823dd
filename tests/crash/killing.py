"""Processes that are killed at a random moment of their work."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from lake import LakeConfig


@contextmanager
def killed(program: str, config: LakeConfig, *more: str, within: float) -> Iterator[TextIO]:
    """A process that begins by saying `ready`, and what it says from then on.

    After the block it gets up to `within` seconds more, and then no chance.
    """
    command = [sys.executable, "-c", program, config.catalog, config.data_path, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield process.stdout
            process.wait(random.uniform(0, within))
        except subprocess.TimeoutExpired:
            pass
        finally:
            process.kill()
