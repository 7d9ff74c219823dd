"""Watching a folder: every file that arrives is loaded once, and moved aside with what became of it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import CrmError
from crm_core.loading.entries import LOADS
from crm_core.loading.errors import FolderUnusable, LoadCancelled
from crm_core.loading.load import load
from crm_core.loading.model import Cancel, LoadOptions, LoadResult, Progress
from crm_core.loading.targets import place_of
from lake import Lake, table
from lake.errors import LakeError, StorageFullError, TransientError
from lake.ingest import IngestError, hash_file, is_readable

DONE, FAILED = "done", "failed"
"""Subfolders that take the files: those that were loaded, and those that could not be."""
SETTLE_SECONDS = 2.0
_LOOK_MILLISECONDS = 500
_PATIENCE_SECONDS = 5.0
"""How long to wait before a lake that was locked or full is tried again."""

Became = Literal["loaded", "known", "failed", "waiting"]


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """What became of a file that arrived.

    Attributes:
        became: loaded; known (it was loaded before, and was only left lying); failed (it cannot be loaded); waiting
            (the lake could not be written, so it stays and is tried again).
        moved_to: where it lies now; None when it stays.
        reason: why it failed or waits, in words.
    """

    file: str
    became: Became
    moved_to: str | None = None
    load_id: str | None = None
    result: LoadResult | None = None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """What the terminal shows."""
        shown = ("read", "inserted", "updated", "unchanged", "rejected", "values_rejected")
        counts = {name: getattr(self.result, name, None) for name in shown}
        about = {"file": self.file, "became": self.became, "load_id": self.load_id}
        return about | counts | {"moved_to": self.moved_to, "reason": self.reason}


@dataclass
class Watching:
    """A way to end watching from another thread or a signal; a load that is not written yet leaves no trace."""

    _ended: threading.Event = field(default_factory=threading.Event)
    _cancel: Cancel = field(default_factory=Cancel)

    def end(self) -> None:
        """Ask for the end."""
        self._ended.set()
        self._cancel.cancel()

    @property
    def ended(self) -> threading.Event:
        """Whether somebody asked."""
        return self._ended

    @property
    def cancel(self) -> Cancel:
        """What stops the load that runs."""
        return self._cancel


@dataclass(frozen=True, kw_only=True)
class _Task:
    """What every file of the folder is loaded with."""

    lake: Lake
    folder: Path
    module: str
    actor: Actor
    options: LoadOptions
    cancel: Cancel
    progress: Progress | None


def watch(
    lake: Lake,
    folder: Path,
    *,
    module: str,
    actor: Actor,
    options: LoadOptions | None = None,
    watching: Watching | None = None,
    settle: float = SETTLE_SECONDS,
    once: bool = False,
    progress: Progress | None = None,
) -> Generator[Arrived]:
    """Load what lies in a folder and whatever arrives there, a file a load, the oldest first, until it is ended.

    A file is taken when it did not grow for a while. It is moved to `done/`, or to `failed/` with a text beside it that
    says why. Which bytes were loaded stands in the lake: a file that was loaded and not moved any more, since the
    process died, is moved by the next one without being loaded twice. Hidden files, and such as no format is known of,
    stay where they are.

    Args:
        lake: the lake.
        folder: the folder; its subfolders are not looked at.
        module: where the files go.
        actor: who loads.
        options: as of any load; the source is named as the folder when they name none.
        watching: a way to end it.
        settle: seconds for which a file must not have changed.
        once: end when nothing is left to take.
        progress: as of any load.

    Yields:
        What became of each file, when it is decided.

    Raises:
        FolderUnusable: it is no folder in which files can be moved.
        UnknownModule: there is no such module.
        Forbidden: the actor may only look.
    """
    actor.require_change(f"records of {module}")
    place = place_of(read_catalog(lake), module)
    watching, given = watching or Watching(), options or LoadOptions()
    contract = given.contract.source if given.contract else None
    named = replace(given, source=given.source or contract or folder.resolve().name or "folder")
    _prepare(folder)
    task = _Task(
        lake=lake, folder=folder, module=place.name, actor=actor, options=named, cancel=watching.cancel,
        progress=progress,
    )  # fmt: skip
    return _follow(task, watching.ended, settle=settle, once=once)


def _prepare(folder: Path) -> None:
    try:
        for name in (DONE, FAILED):
            (folder / name).mkdir(exist_ok=True)
            if not os.access(folder / name, os.W_OK):
                raise PermissionError(f"{folder / name} is not writable")
    except OSError as error:
        raise FolderUnusable(str(folder), detail=str(error)) from error


def _follow(task: _Task, ended: threading.Event, *, settle: float, once: bool) -> Generator[Arrived]:
    from watchfiles import watch as changes

    settled = _Settled(task.folder, settle)
    looks = changes(
        task.folder, watch_filter=None, stop_event=ended, rust_timeout=_LOOK_MILLISECONDS, debounce=100,
        yield_on_timeout=True, raise_interrupt=False, recursive=False, ignore_permission_denied=True,
    )  # fmt: skip
    with contextlib.closing(looks):
        while not ended.is_set():
            for path in settled.take():
                if ended.is_set():
                    return
                found = _take(task, path)
                if found is None:
                    continue
                yield found
                if found.became == "waiting":
                    settled.later(path)
            if once and not settled.pending:
                return
            # Every look ends after a while, since not every file system tells of changes.
            if next(looks, None) is None:
                return


@dataclass
class _Settled:
    """Which files of a folder have not changed for a while."""

    folder: Path
    seconds: float
    _seen: dict[Path, tuple[tuple[int, int], float]] = field(default_factory=dict)
    _not_before: dict[Path, float] = field(default_factory=dict)

    @property
    def pending(self) -> bool:
        """Whether files are there that are not settled yet."""
        return bool(self._seen)

    def take(self) -> list[Path]:
        """The files that are settled now, the oldest first; each is given again until it is gone."""
        now, found, ready = time.monotonic(), dict[Path, tuple[tuple[int, int], float]](), []
        for path, size, changed in self._files():
            before = self._seen.get(path)
            since = before[1] if before and before[0] == (size, changed) else now
            # What has lain here since long before need not be waited for.
            rested = max(now - since, time.time() - changed / 1e9 if before is None else 0.0)
            found[path] = ((size, changed), since)
            if rested >= self.seconds and now >= self._not_before.get(path, 0.0):
                ready.append((changed, path))
        self._seen = found
        return [path for _, path in sorted(ready)]

    def later(self, path: Path) -> None:
        """Leave a file alone for a while."""
        self._not_before[path] = time.monotonic() + _PATIENCE_SECONDS

    def _files(self) -> Iterator[tuple[Path, int, int]]:
        for path in self.folder.iterdir():
            # It may be moved away by whoever brought it, at any moment.
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and not path.name.startswith(".") and is_readable(path.name):
                    about = path.stat()
                    yield path, about.st_size, about.st_mtime_ns


def _take(task: _Task, path: Path) -> Arrived | None:
    """Load one file and move it; None when it is gone, or when the end was asked for meanwhile."""
    try:
        known = _known(task, hash_file(path))
        if known is not None:
            return Arrived(file=path.name, became="known", load_id=known, moved_to=_move(path, DONE))
        result = load(
            task.lake, [path], module=task.module, actor=task.actor, options=task.options, cancel=task.cancel,
            progress=task.progress,
        )  # fmt: skip
    except LoadCancelled:
        return None
    except (TransientError, StorageFullError) as error:
        return Arrived(file=path.name, became="waiting", reason=str(error))
    except (IngestError, CrmError, LakeError, OSError) as error:
        return _set_aside(path, error)
    return Arrived(
        file=path.name, became="loaded", load_id=result.load_id, result=result, moved_to=_move(path, DONE)
    )


def _known(task: _Task, sha256: str) -> str | None:
    """The load that took these bytes already, when it is the last of its source that still counts.

    An earlier one does not count: an extract that is as it was before the last brings everything back.
    """
    found = task.lake.read(
        f"SELECT CAST(l.id AS VARCHAR) AS id FROM {LOADS} l JOIN {table('ops', 'loaded_files')} f ON f.load_id = l.id "
        f"WHERE f.sha256 = $sha256 AND l.state <> 'undone' AND l.id = (SELECT max_by(id, finished_at) FROM {LOADS} "
        "WHERE module = $module AND source = $source AND state <> 'undone')",
        {"sha256": sha256, "module": task.module, "source": task.options.source},
    )
    return str(found["id"][0]) if found.height else None


def _set_aside(path: Path, error: Exception) -> Arrived | None:
    """Move a file that cannot be loaded, the reason beside it; the reason is written first."""
    if not path.exists():
        return None
    target = _free(path, FAILED)
    reason = target.with_name(f"{target.name}.reason.txt")
    reason.write_text(f"{error}\n", encoding="utf-8")
    moved = _rename(path, target)
    return Arrived(file=path.name, became="failed", reason=str(error), moved_to=moved)


def _move(path: Path, name: str) -> str | None:
    return _rename(path, _free(path, name))


def _rename(path: Path, target: Path) -> str | None:
    """Where the file lies now; None when somebody else took it away."""
    try:
        path.rename(target)
    except FileNotFoundError:
        return None
    return str(target)


def _free(path: Path, name: str) -> Path:
    """The file's place in a subfolder, numbered when one of its name is there already."""
    folder, number = path.parent / name, 1
    target = folder / path.name
    while target.exists():
        number += 1
        target = folder / f"{path.stem}.{number}{path.suffix}"
    return target
