"""Loading files: sniff → map → type → validate → match → write, as sets, in one commit."""

from __future__ import annotations

from typing import BinaryIO

from crm_core.access import Actor
from crm_core.loading.model import Cancel, LoadOptions, LoadResult, Preview, Progress
from crm_core.loading.run import Inputs, Run
from lake import Lake


def load(
    lake: Lake,
    inputs: Inputs,
    *,
    module: str,
    actor: Actor,
    options: LoadOptions | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    stdin: BinaryIO | None = None,
    load_id: str | None = None,
) -> LoadResult:
    """Load files, folders, patterns, standard input or tables of databases into a module, in one commit.

    Args:
        lake: the lake.
        inputs: what `lake.ingest.stage` takes.
        module: a module, or a many-to-many as `module.relationship`.
        actor: who loads.
        options: what is asked for beyond the source's contract.
        progress: called between and within the phases; an error raised in it stops the load without a trace.
        cancel: a way to stop it from another thread.
        stdin: what `-` reads; the process's own by default.
        load_id: the load's id, when the caller had to know it before.

    Raises:
        Forbidden: the actor may only look.
        UnknownModule: there is no such module or relationship.
        IngestError: an input cannot be read.
        LoadError: the load as a whole is refused; nothing was written.
        LoadCancelled: it was cancelled.
    """
    with Run(lake, module, actor, options, progress, cancel, load_id) as run:
        return run.load(inputs, stdin)


def preview(
    lake: Lake,
    inputs: Inputs,
    *,
    module: str,
    actor: Actor,
    options: LoadOptions | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    stdin: BinaryIO | None = None,
    rows: int = 20,
) -> Preview:
    """What `load` would do, with a sample of inserts, changes and rejects; writes nothing.

    Raises:
        LoadError: What `load` would raise.
    """
    with Run(lake, module, actor, options, progress, cancel, None) as run:
        return run.preview(inputs, stdin, rows)
