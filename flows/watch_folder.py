"""Loading what arrives in a folder, with what flows do about it, until the process is told to end."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crm_core.access import Actor
from crm_core.loading import Arrived, LoadOptions, Watching, watch
from crm_core.telling import note
from flows.after_load import settle_load
from lake import Lake


def watch_folder(
    lake: Lake,
    folder: Path,
    *,
    module: str,
    actor: Actor,
    options: LoadOptions,
    once: bool = False,
    tell: Callable[[str], None] = note,
) -> list[dict[str, Any]]:
    """Load each file that arrives in a folder and move it aside; see `crm_core.loading.watch`.

    Ctrl-C, or any polite request to end, ends it: a load that is not written yet leaves no trace.

    Args:
        tell: is given a line about each file when it is decided.

    Returns:
        What became of every file.
    """
    watching, found = Watching(), []
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: watching.end())
    arriving = watch(lake, folder, module=module, actor=actor, options=options, watching=watching, once=once)
    for arrived in arriving:
        if arrived.result is not None:
            settle_load(lake, arrived.result, silent=options.silent)
        tell(_line(arrived))
        if arrived.became != "waiting":
            found.append(arrived.as_dict())
    return found


def _line(arrived: Arrived) -> str:
    result = arrived.result
    if result is not None:
        counts = ("inserted", "updated", "unchanged", "rejected")
        told = ", ".join(f"{getattr(result, name):,} {name}" for name in counts if getattr(result, name))
        return f"{arrived.file}: {told or 'no rows'} (load {result.load_id})"
    if arrived.became == "known":
        return f"{arrived.file}: was loaded before (load {arrived.load_id})"
    return f"{arrived.file}: {arrived.became}. {arrived.reason}"
