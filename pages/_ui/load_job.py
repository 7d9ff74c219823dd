"""Work that outlasts a run of the page: it goes on in a thread while the page shows how far it is.

state.job = begin_load(lambda job: load(…, progress=job.advance, cancel=job.cancel))
watch(state.job, on_done=take)       # a bar that moves, and a way to stop
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from crm_core.loading import Cancel
from pages._ui import html

EVERY = 0.4
_LOADS = ThreadPoolExecutor(1, thread_name_prefix="load")
"""One load at a time, for each may take much of the memory."""
_CHECKS = ThreadPoolExecutor(2, thread_name_prefix="check")
PHASES = {
    "scan": ("Looking at the file", 0.0, 0.2),
    "read": ("Reading rows", 0.2, 0.4),
    "type": ("Understanding values", 0.4, 0.6),
    "match": ("Matching records", 0.6, 0.8),
    "write": ("Writing", 0.8, 1.0),
}
"""Phase → what is said, and where it begins and ends on the bar."""


@dataclass
class Job:
    """A check or a load that runs; `kind` is how people call it."""

    kind: str
    cancel: Cancel = field(default_factory=Cancel)
    phase: str = ""
    done: int = 0
    total: int = 0
    future: Future[Any] | None = None

    def advance(self, phase: str, done: int, total: int) -> None:
        """Note how far it is; called from its own thread."""
        self.phase, self.done, self.total = phase, done, total

    @property
    def ended(self) -> bool:
        """Whether it is over, well or not."""
        return self.future is not None and self.future.done()

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        _, start, end = PHASES.get(self.phase, ("", 0.0, 0.0))
        within = min(1.0, self.done / self.total) if self.total > 0 else 0.0
        return start + (end - start) * within

    @property
    def words(self) -> str:
        """What it is at."""
        if self.cancel.asked:
            return "Stopping …"
        return PHASES[self.phase][0] if self.phase in PHASES else "Waiting for its turn"

    def result(self) -> Any:
        """What it came to; raises what stopped it. Only once it has ended."""
        assert self.future is not None
        return self.future.result()


def begin_check(work: Callable[[Job], Any]) -> Job:
    """Begin a check."""
    return _begin(Job("check"), _CHECKS, work)


def begin_load(work: Callable[[Job], Any]) -> Job:
    """Begin a load; another one that runs is waited for."""
    return _begin(Job("load"), _LOADS, work)


def watch(job: Job) -> None:
    """Draw how far a job is and a button that stops it; the page runs again when it has ended."""

    @st.fragment(run_every=EVERY, key="load_job")
    def draw() -> None:
        if job.ended:
            st.rerun("app")
        with st.container(border=True, key="load_running"):
            st.html(html.Html('<div class="m-sub" role="status">{}</div>').format(job.words))
            st.progress(job.share)
            st.button("Stop", icon=":material/stop_circle:", key="load:stop", on_click=job.cancel.cancel,
                      disabled=job.cancel.asked, help="Stopping leaves no trace.")  # fmt: skip

    draw()


def _begin(job: Job, pool: ThreadPoolExecutor, work: Callable[[Job], Any]) -> Job:
    job.future = pool.submit(work, job)
    return job
