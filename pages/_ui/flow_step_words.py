"""Steps of every kind as people read them, with what stands within them. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from crm_core.model import All, Condition
from crm_core.model.condition import to_document
from flows.actions import Action
from flows.steps import Branch, Call, ForEach, Stop, Wait
from flows.steps import Step as FlowStep
from pages._ui import words
from pages._ui.conditions import condition_choices, describe
from pages._ui.flow_paths import list_module, lists_of
from pages._ui.flows_told import Step, step_words
from pages._ui.rules import UNITS

if TYPE_CHECKING:
    from pages._ui.flows_words import FlowWords

_SPAN = re.compile(r"\s*([+-]?)\s*(\d+)\s*(min|h|d|w|mo|y)\s*")


@dataclass(frozen=True)
class Told:
    """A step in words, its number from 1, and what stands within it: a few words for each list of steps."""

    step: Step
    number: int
    arms: tuple[tuple[str, tuple[Told, ...]], ...] = ()


def told_steps(told: FlowWords, steps: Sequence[FlowStep]) -> tuple[Told, ...]:
    """Steps in words, numbered in the order in which they read."""
    return _told(told, steps, first=1)


def _told(told: FlowWords, steps: Sequence[FlowStep], *, first: int) -> tuple[Told, ...]:
    found, number = [], first
    for step in steps:
        here, number, arms = number, number + 1, []
        for label, inner, some in _arms(told, step):
            within = _told(inner, some, first=number)
            arms.append((label, within))
            number += sum(map(_count, within))
        found.append(Told(one_step(told, step), here, tuple(arms)))
    return tuple(found)


def _count(one: Told) -> int:
    return 1 + sum(_count(inner) for _, some in one.arms for inner in some)


def _arms(told: FlowWords, step: FlowStep) -> Iterator[tuple[str, FlowWords, Sequence[FlowStep]]]:
    match step:
        case Branch(arms=arms, otherwise=otherwise):
            for at, arm in enumerate(arms):
                yield f"{'Else if' if at else 'If'} {told_condition(told, arm.when)}", told, arm.then
            if otherwise:
                yield "Otherwise", told, otherwise
        case Wait(on_timeout=later) if later:
            yield "If it does not come in time", told, later
        case ForEach(path=path, do=do):
            module = list_module(told.catalog, told.flow.module, path)
            yield "For each of them", of_module(told, module), do


def of_module(told: FlowWords, module: str) -> FlowWords:
    """The words for steps that see records of another module; the same ones where that is not known."""
    if not module or module == told.flow.module:
        return told
    return replace(told, flow=told.flow.model_copy(update={"module": module}))


def one_step(told: FlowWords, step: FlowStep) -> Step:
    """One step in words, without what stands within it."""
    match step:
        case Action():
            return step_words(told, step)
        case Branch(arms=arms):
            return Step("alt_route", "yellow", f"If {told_condition(told, arms[0].when)}")
        case Wait():
            return Step("hourglass_top", "yellow", _waits(told, step))
        case ForEach():
            return Step("repeat", "yellow", _each(told, step))
        case Call(flow=flow, on=on):
            return Step("account_tree", "yellow", called(told, flow, on))
        case Stop(reason=reason):
            return Step("block", "gray", f"Stop: {reason}" if reason else "Stop here")
    raise TypeError(f"{step!r} is no step of a flow")


def told_condition(told: FlowWords, condition: Condition, module: str = "") -> str:
    """A condition in one line; “always” when nothing is asked."""
    if condition == All():
        return "always"
    choices = condition_choices(told.catalog, module) if module else told.choices
    return describe(to_document(condition), choices, context=told.context)


def called(told: FlowWords, flow: str, on: str | None) -> str:
    """A call of another flow, by the names of the flow and of the link."""
    stored = told.catalog.stored.get(("flow", flow))
    name = (stored.document.get("name") if stored else "") or flow or "…"
    return f"Begin “{name}”" + (f" for {told.label(on)}" if on else "")


def _each(told: FlowWords, step: ForEach) -> str:
    module = list_module(told.catalog, told.flow.module, step.path)
    name = lists_of(told.catalog, told.flow.module).get(
        step.path, words.readable(step.path.replace(".", " "))
    )
    asked = f" where {told_condition(told, step.when, module)}" if step.when != All() and module else ""
    return f"For each of {name}{asked}"


def _waits(told: FlowWords, wait: Wait) -> str:
    if wait.for_:
        return f"Wait {span_words(wait.for_)}"
    if wait.until:
        return f"Wait until {moment_words(wait.offset, told.label(wait.until), wait.at)}"
    what = _what_happens(told, wait)
    return f"Wait until {what}, at most {span_words(wait.within or '')}"


def _what_happens(told: FlowWords, wait: Wait) -> str:
    module = list_module(told.catalog, told.flow.module, wait.of) if wait.of else told.flow.module
    one = told.catalog.module(module).one.lower() if module in told.catalog.modules else "record"
    subject = f"one of its {one}s" if wait.of else "it"
    event = {"created": "is created", "updated": "changes", "deleted": "is deleted"}[wait.event or "updated"]
    if not wait.fields:
        said = f"{subject} {event}"
    else:
        to = f" to {told.value(module, wait.fields[0], wait.is_)}" if wait.asks_is else ""
        was = f" from {told.value(module, wait.fields[0], wait.was)}" if wait.asks_was else ""
        said = (
            f"{' or '.join(told.label(slug, module) for slug in wait.fields)} of {subject} changes{was}{to}"
        )
    return said + (f" and {told_condition(told, wait.when, module)}" if wait.when != All() else "")


def moment_words(offset: str, label: str, at: str | None) -> str:
    """A moment before, at or after a date: “2 days before Due at 09:00”."""
    found = _SPAN.fullmatch(offset)
    clock = f" at {at}" if at else ""
    if found is None or int(found[2]) == 0:
        return f"{label}{clock}"
    return f"{span_words(offset)} {'before' if found[1] == '-' else 'after'} {label}{clock}"


def span_words(span: str) -> str:
    """A length of time in words: `3d` is 3 days."""
    found = _SPAN.fullmatch(span)
    return words.plural(int(found[2]), UNITS[found[3]].removesuffix("s")) if found else span


def sentence_of(one: Told) -> str:
    """A step with what stands within it as a clause of a sentence."""
    title = one.step.title[:1].lower() + one.step.title[1:]
    if not one.arms:
        return title
    if one.step.icon == "alt_route":
        arms = [f"{label[:1].lower()}{label[1:]} {_clauses(some)}" for label, some in one.arms]
        return "; ".join(arms)
    return f"{title} ({'; '.join(f'{label[:1].lower()}{label[1:]} {_clauses(some)}' for label, some in one.arms)})"


def _clauses(some: Sequence[Told]) -> str:
    return ", then ".join(map(sentence_of, some))
