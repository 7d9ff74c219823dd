"""Flows as people read them: one sentence, and the words of a trigger and of each step. Pure functions.

told = FlowWords(catalog, context, definition)
told.sentence      # "When an inquiry is created and Status is New, send an e-mail to ‹E-mail›."
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from crm_core.model import All, AnyOf, Catalog, Condition, Leaf, Not
from crm_core.model.condition import to_document
from flows.model import FlowDefinition
from pages._ui import html, words
from pages._ui.conditions import (
    JOINS,
    OPERATORS,
    Choice,
    affirmed,
    condition_choices,
    describe,
    from_condition,
    to_condition,
)
from pages._ui.field_views import FieldContext
from pages._ui.flow_event_words import EVENTS as EVENTS
from pages._ui.flow_event_words import trigger_words
from pages._ui.flow_step_words import Told, sentence_of, told_steps
from pages._ui.flows_told import a as a
from pages._ui.rules import UNITS, names_of

_PLACE = re.compile(r"\{\{\s*([^}|]+?)\s*(\|[^}]*)?\}\}")
_SPAN = re.compile(r"\s*([+-]?)\s*(\d+)\s*(min|h|d|w|mo|y)\s*")


@dataclass(frozen=True)
class Asked:
    """One comparison in words; under a `not`, what is wanted is that it does not hold."""

    label: str
    words: str
    negated: bool


@dataclass(frozen=True)
class FlowWords:
    """A flow with what its fields and values are called."""

    catalog: Catalog
    context: FieldContext
    flow: FlowDefinition

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """What the flow's module can be asked for."""
        return condition_choices(self.catalog, self.flow.module)

    @property
    def sentence(self) -> str:
        """The whole flow in one sentence."""
        asked = f" and {self.condition}" if self.flow.when != All() else ""
        done = ", then ".join(map(sentence_of, self.steps))
        return f"When {self.trigger}{asked}, {done}."

    @property
    def trigger(self) -> str:
        """What sets the flow off, as a clause."""
        one = a(self.catalog.module(self.flow.module).one.lower())
        return f"{trigger_words(self, self.flow.trigger, one)}{self._folders}"

    @property
    def condition(self) -> str:
        """What must hold, in one line."""
        return describe(affirmed(to_document(self.flow.when)), self.choices, context=self.context)

    @property
    def steps(self) -> tuple[Told, ...]:
        """What it does, step by step, with what stands within each."""
        return told_steps(self, self.flow.do)

    @property
    def _folders(self) -> str:
        module = self.catalog.module(self.flow.module)
        named = [found.name if (found := module.folder(slug)) else slug for slug in self.flow.folders]
        return f" in {_or(named)}" if named else ""

    def label(self, path: str, module: str = "") -> str:
        """What people read for a field or a path of the flow's module, or of another."""
        choices = self.choices if not module else condition_choices(self.catalog, module)
        known = next((choice.label for choice in choices if choice.path == path), None)
        if known or path == "record":
            return known or "This record"
        reference = self.catalog.reference(module or self.flow.module, path)
        return reference.label if reference else words.readable(path.replace(".", " "))

    def text(self, given: Any) -> str:
        """A text in which fields stand for themselves: `Answer {{ subject }}` is “Answer ‹Subject›”."""
        return _PLACE.sub(lambda found: f"‹{self.label(found[1])}›", str(given))

    def value(self, module: str, slug: str, given: Any) -> str:
        """A value that a step sets, as people read it."""
        choices = condition_choices(self.catalog, module)
        choice = next((one for one in choices if one.path == slug), None)
        named = names_of(choice.field, self.context) if choice else {}
        return self._value(given, named)

    def named(self, path: str, value: str) -> str:
        """A value that a record has, by the name of its option where it is one."""
        choice = next((one for one in self.choices if one.path == path), None)
        return names_of(choice.field, self.context).get(value, value) if choice else value

    def asked(self, traced: Sequence[tuple[str, str, str | None]]) -> list[Asked]:
        """What each traced comparison (field, operator, value as text) was to find, in words.

        The run may be of an older version: where the comparisons are not those of this one, they are told as they
        were traced.
        """
        own = list(_signed_leaves(self.flow.when))
        if [(leaf.field, leaf.op) for leaf, _ in own] != [(field, op) for field, op, _ in traced]:
            return [
                Asked(self.label(field), f"{OPERATORS.get(op, op)} {value or ''}".strip(), False)
                for field, op, value in traced
            ]
        return [self._asked(leaf, negated) for leaf, negated in own]

    def _asked(self, leaf: Leaf, negated: bool) -> Asked:
        label, document = self.label(leaf.field), to_document(leaf)
        told = describe(
            affirmed({"not": document} if negated else document), self.choices, context=self.context
        )
        return Asked(label, told.removeprefix(label).strip(), negated)

    def _value(self, given: Any, named: Mapping[str, str]) -> str:
        if given is None:
            return "nothing"
        if isinstance(given, Mapping):
            return self._object(given, named)
        if isinstance(given, list | tuple):
            return ", ".join(self._value(one, named) for one in given)
        if isinstance(given, bool):
            return "Yes" if given else "No"
        return named.get(str(given)) or self.text(given)

    def _object(self, given: Mapping[str, Any], named: Mapping[str, str]) -> str:
        match dict(given):
            case {"in": span} | {"now": span}:
                return _later(
                    str(span), at="the moment of the event", after="after the event", before="before it"
                )
            case {"today": span}:
                return _later(str(span), at="that day", after="after that day", before="before that day")
            case {"amount": amount, **rest}:
                return words.money(amount, str(rest.get("currency") or self.context.currency))
        parts = [
            f"{words.readable(str(key)).lower()} {self._value(one, named)}" for key, one in given.items()
        ]
        return " and ".join(parts)


def condition_tree(told: FlowWords) -> html.Html:
    """The condition as nested lists, a line for each comparison."""
    if told.flow.when == All():
        return html.Html('<div class="m-none">Always: no condition is set.</div>')
    return html.Html('<div class="m-rules">{}</div>').format(
        _tree(from_condition(affirmed(to_document(told.flow.when))), told, top=True)
    )


def _signed_leaves(condition: Condition, negated: bool = False) -> Iterator[tuple[Leaf, bool]]:
    match condition:
        case Leaf():
            yield condition, negated
        case All(all=parts) | AnyOf(any=parts):
            for part in parts:
                yield from _signed_leaves(part, negated)
        case Not(not_=part):
            yield from _signed_leaves(part, not negated)


def _tree(draft: dict[str, Any], told: FlowWords, *, top: bool = False) -> html.Html:
    if "parts" not in draft:
        return html.html(describe(to_condition(draft), told.choices, context=told.context))
    if top and len(draft["parts"]) == 1 and draft["join"] == "all":
        return _tree(draft["parts"][0], told)
    items = html.join(html.Html("<li>{}</li>").format(_tree(part, told)) for part in draft["parts"])
    return html.Html("<span>{}</span><ul>{}</ul>").format(JOINS[draft["join"]], items)


def _later(span: str, *, at: str, after: str, before: str) -> str:
    found = _SPAN.fullmatch(span)
    if found is None:
        return span
    if int(found[2]) == 0:
        return at
    return f"{words.plural(int(found[2]), UNITS[found[3]].removesuffix('s'))} {before if found[1] == '-' else after}"


def _or(parts: list[str]) -> str:
    return ", ".join(parts[:-1]) + " or " + parts[-1] if len(parts) > 1 else "".join(parts)
