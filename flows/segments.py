"""Segments: what a run does without a pause, from a start to the next wait, each step with the condition it hangs on.

A start is a text: "" the beginning, `after:3` behind the wait 3, `timeout:3` its `on_timeout`, `in:3` the body of the
for-each 3, `at:3` step 3 itself (a retry). Runs keep it, so that they go on where they stand under their own version.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from sqlglot import exp

from crm_core.errors import CrmError
from crm_core.model import Catalog, Condition, ToMany
from crm_core.trees import all_of, any_of
from flows.active import ActiveFlow
from flows.model import FlowDefinition
from flows.steps import Branch, ForEach, Step, Stop, Wait, children, size

BEGINNING = ""
_START = re.compile(r"^(after|timeout|in|at):(\d{1,4})$")
Kind = Literal["", "after", "timeout", "in", "at"]
Test = Callable[[Condition], exp.Expr]
"""Compiles the condition of a branch."""


@dataclass(frozen=True)
class Segment:
    """A flow from one of its starts; `module` is that of the records which its steps see."""

    flow: ActiveFlow
    start: str
    module: str

    @property
    def key(self) -> tuple[str, int, int, str]:
        """What tells it from others in a window."""
        return (self.flow.id, self.flow.version, self.flow.order, self.start)


@dataclass(frozen=True)
class Broken:
    """Stands for a branch whose condition the definitions no longer allow."""

    reason: str


@dataclass(frozen=True)
class Reached:
    """A step of a segment, and the expression that says for which rows it is done; None for all."""

    number: int
    step: Step | Broken
    guard: exp.Expr | None


class _Never:
    """No row gets here."""


_NEVER = _Never()
_Guard = exp.Expr | None | _Never


def read_start(start: str) -> tuple[Kind, int]:
    """The kind of a start and the number of its step.

    Raises:
        ValueError: It is none.
    """
    if start == BEGINNING:
        return "", 0
    found = _START.match(start)
    if found is None:
        raise ValueError(f"{start!r} is no start of a segment")
    return cast(Kind, found[1]), int(found[2])


def module_at(catalog: Catalog, definition: FlowDefinition, start: str) -> str:
    """The module of the records which the steps behind a start see.

    Raises:
        ConditionInvalid, UnknownModule: The list of a for-each is not there any more.
    """
    kind, number = read_start(start)
    module = definition.module
    if kind == "":
        return module
    own = next((one for one in definition.steps if one.number == number), None)
    around = [*(own.within if own else ()), *([number] if kind == "in" else ())]
    for one in definition.steps:
        if one.number in around and isinstance(one.step, ForEach):
            module = related_module(catalog, module, one.step.path)
    return module


def related_module(catalog: Catalog, module: str, path: str) -> str:
    """The module of the records that a for-each goes through."""
    last = catalog.resolve(module, path).steps[-1]
    return last.module if isinstance(last, ToMany) else last.targets[0]


def reached(definition: FlowDefinition, start: str, test: Test) -> list[Reached]:
    """The steps that are done from a start without a pause, in their order.

    What stands behind a wait, a stop, or a branch that cannot be compiled is reached by those rows alone that do not
    meet it.
    """
    kind, number = read_start(start)
    walk = _Walk(test, [])
    if kind == "":
        walk.through(definition.do, 0, None)
        return walk.found
    frames = list(_frames(definition.do, 0, number))
    if not frames:
        return []
    steps, index, first = frames[-1]
    step = steps[index]
    after = first + size(step)
    match kind:
        case "in":
            walk.through(step.do if isinstance(step, ForEach) else (), first + 1, None)
            return walk.found
        case "at":
            guard = walk.through(steps[index:], first, None)
        case "timeout":
            guard = walk.through(step.on_timeout if isinstance(step, Wait) else (), first + 1, None)
            guard = walk.through(steps[index + 1 :], after, guard)
        case _:
            guard = walk.through(steps[index + 1 :], after, None)
    for steps, index, first in reversed(frames[:-1]):
        guard = walk.through(steps[index + 1 :], first + size(steps[index]), guard)
    return walk.found


def _frames(steps: Sequence[Step], first: int, wanted: int) -> Iterator[tuple[Sequence[Step], int, int]]:
    """From the outermost list to the step's own: the list, the index in it, and the number there.

    A for-each begins anew: what stands behind it belongs to another record.
    """
    for index, step in enumerate(steps):
        if first == wanted:
            yield steps, index, first
            return
        if wanted < first + size(step):
            if not isinstance(step, ForEach):
                yield steps, index, first
            inner = first + 1
            for _, some in children(step):
                length = sum(map(size, some))
                if wanted < inner + length:
                    yield from _frames(some, inner, wanted)
                    return
                inner += length
        first += size(step)


@dataclass(frozen=True)
class _Walk:
    test: Test
    found: list[Reached]

    def through(self, steps: Sequence[Step], number: int, guard: _Guard) -> _Guard:
        """Take the steps in their order; gives the condition under which rows come out at the end."""
        for step in steps:
            if isinstance(guard, _Never):
                return guard
            if isinstance(step, Branch):
                guard = self._branch(step, number, guard)
            else:
                self.found.append(Reached(number, step, guard))
                if isinstance(step, (Wait, Stop)):
                    guard = _NEVER
            number += size(step)
        return guard

    def _branch(self, branch: Branch, number: int, guard: exp.Expr | None) -> _Guard:
        try:
            tests = [exp.paren(self.test(arm.when)) for arm in branch.arms]
        except CrmError as error:
            self.found.append(Reached(number, Broken(str(error)), guard))
            return _NEVER
        ends: list[_Guard] = []
        rest, inner, halted = guard, number + 1, False
        for arm, test in zip(branch.arms, tests, strict=True):
            taken = _both(rest, test)
            end = self.through(arm.then, inner, taken)
            halted = halted or end is not taken
            ends.append(end)
            rest = _both(rest, exp.not_(test.copy()))
            inner += sum(map(size, arm.then))
        end = self.through(branch.otherwise, inner, rest)
        halted = halted or end is not rest
        if not halted:
            return guard
        ways = [one for one in (*ends, end) if not isinstance(one, _Never)]
        if not ways:
            return _NEVER
        return exp.paren(any_of([one.copy() for one in ways if one is not None]))


def _both(first: exp.Expr | None, second: exp.Expr) -> exp.Expr:
    return second if first is None else exp.paren(all_of([first.copy(), second.copy()]))
