"""Loads that go on after their request was answered: where each one stands."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from api.spool import Spooled
from crm_core.access import Actor
from crm_core.loading import Cancel, LoadOptions, load
from crm_core.logs import log_failure
from crm_core.problems import ProblemDocument, problem_of
from crm_core.workspace import Workspace
from flows.after_load import settle_load
from lake import new_id

_KEPT = 500


@dataclass
class Import:
    """One load: running, done or failed. `done` of `total` counts within the phase."""

    module: str
    actor: Actor
    load_id: str = field(default_factory=new_id)
    state: str = "running"
    phase: str = "wait"
    done: int = 0
    total: int = 0
    result: dict[str, Any] | None = None
    problem: ProblemDocument | None = None
    cancel: Cancel = field(default_factory=Cancel)

    def advance(self, phase: str, done: int, total: int) -> None:
        """Note how far it is."""
        self.phase, self.done, self.total = phase, done, total

    def as_dict(self) -> dict[str, Any]:
        """Where it stands, as the API shows it."""
        shown = {"load_id": self.load_id, "state": self.state, "module": self.module}
        if self.state == "running":
            return shown | {"phase": self.phase, "done": self.done, "total": self.total}
        return shown | (self.result or {}) | ({"problem": self.problem} if self.problem else {})


class Imports:
    """The loads that this process began; one runs at a time, for each may take much of the memory."""

    def __init__(self) -> None:
        self._begun: OrderedDict[str, Import] = OrderedDict()
        self._turn = threading.Lock()

    def begin(
        self, workspace: Workspace, spooled: Spooled, *, module: str, actor: Actor, options: LoadOptions
    ) -> Import:
        """Load a file in a thread of its own; the file is thrown away in the end."""
        begun = Import(module, actor)
        self._begun[begun.load_id] = begun
        while len(self._begun) > _KEPT:
            self._begun.popitem(last=False)
        given = (workspace, spooled, begun, options)
        threading.Thread(target=self._run, args=given, name=f"load {begun.load_id}", daemon=True).start()
        return begun

    def find(self, load_id: str, actor: Actor) -> Import | None:
        """A load that this process began, for whoever began it and for administrators."""
        begun = self._begun.get(load_id)
        return begun if begun and (actor.sees_all or actor.user == begun.actor.user) else None

    def _run(self, workspace: Workspace, spooled: Spooled, begun: Import, options: LoadOptions) -> None:
        try:
            with self._turn:
                begun.result = load_file(workspace, spooled, begun, options)
            begun.state = "done"
        except Exception as error:
            begun.problem, begun.state = problem_of(error), "failed"
            if begun.problem["status"] >= 500:
                log_failure("load failed", error, load_id=begun.load_id, module=begun.module)
        finally:
            spooled.discard()


def load_file(workspace: Workspace, spooled: Spooled, begun: Import, options: LoadOptions) -> dict[str, Any]:
    """Load one file, and run its flows where nobody else does."""
    result = load(
        workspace.lake,
        [spooled.source],
        module=begun.module,
        actor=begun.actor,
        options=options,
        progress=begun.advance,
        cancel=begun.cancel,
        load_id=begun.load_id,
    )
    return (result if options.silent else settle_load(workspace.lake, result)).as_dict()
