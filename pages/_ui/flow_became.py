"""What steps would do, or did, as people read it: each with its outcome, and every value old → new. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from flows.trial_effects import TrialStep
from pages._ui import html, words
from pages._ui.flow_step_words import Told
from pages._ui.flows_words import FlowWords
from pages._ui.session import Here
from pages._ui.state import record_id

OUTCOMES: dict[str, tuple[str, str]] = {
    "written": ("Written", "green"),
    "changed": ("Changed", "green"),
    "created": ("Made", "green"),
    "sent": ("Sent", "blue"),
    "unchanged": ("Already so", "gray"),
    "overwritten": ("Overwritten later", "yellow"),
    "skipped": ("Skipped", "yellow"),
    "queued": ("Queued", "blue"),
    "held": ("Held", "orange"),
    "failed": ("Failed", "red"),
}
_UNTOLD = ("id", "change_id", "created_at", "updated_at", "version", "source", "about__module", "deleted_at")
"""Columns that say nothing about what a step does."""


@dataclass(frozen=True)
class Became:
    """The words of a flow, for what its steps did."""

    now: Here
    told: FlowWords

    @cached_property
    def named(self) -> Mapping[int, Told]:
        """Number of a step, from 0 → the step in words."""
        return {one.number - 1: one for one in _flat(self.told.steps)}

    def title(self, step: int, action: str) -> str:
        """A step in words; by its kind where this version has no such step."""
        found = self.named.get(step)
        return found.step.title if found else words.readable(action)

    def events(self, steps: Sequence[TrialStep]) -> list[html.Event]:
        """Steps as entries of a timeline."""
        return [
            self.event(
                one.step, one.action, one.outcome, one.detail or "", self.values(one.module, one.values)
            )
            for one in steps
        ]

    def event(self, step: int, action: str, outcome: str, text: html.Text, inner: html.Text) -> html.Event:
        """One step as an entry of a timeline."""
        found = self.named.get(step)
        icon, tone = (found.step.icon, found.step.color) if found else ("bolt", "gray")
        head = html.Html('<span class="m-head-of-step">{} {}</span>').format(
            self.title(step, action), outcome_badge(outcome)
        )
        return html.Event(icon, tone, head, f"Step {step + 1}", text, inner)

    def values(self, module: str, values: Mapping[str, Any]) -> html.Html:
        """Values by column: each as it is, or a pair of the old one and the new."""
        rows = [
            self._row(module, slug, value)
            for slug, value in values.items()
            if slug not in _UNTOLD and not _is_id(value)
        ]
        return html.Html('<dl class="m-became">{}</dl>').format(html.join(rows)) if rows else html.Html("")

    def _row(self, module: str, slug: str, value: Any) -> html.Html:
        known = module in self.now.catalog.modules
        label = self.told.label(slug.split("__")[0], module) if known else words.readable(slug)
        pair = html.Html('<dt>{}</dt><dd class="m-lines">{}</dd>')
        if isinstance(value, tuple) and len(value) == 2:
            old, new = (self._shown(module, slug, one) or "empty" for one in value)
            return pair.format(label, html.Html('<span class="m-old">{}</span> → {}').format(old, new))
        return pair.format(label, self._shown(module, slug, value))

    def _shown(self, module: str, slug: str, value: Any) -> str:
        if value in (None, "", []):
            return ""
        if isinstance(value, bool):
            return "Yes" if value else "No"
        if isinstance(value, datetime):
            return words.moment(value, zone=self.now.zone)
        if isinstance(value, list | tuple):
            return ", ".join(map(str, value))
        if isinstance(value, Mapping):
            return ", ".join(f"{key} {one}" for key, one in value.items())
        return self.told.value(module, slug, str(value)) if module in self.now.catalog.modules else str(value)


def _is_id(value: Any) -> bool:
    """Whether a value leads to another record, which has no words of its own here."""
    return isinstance(value, UUID) or (isinstance(value, str) and record_id(value) is not None)


def outcome_badge(outcome: str) -> html.Html:
    """What a step came to."""
    label, color = OUTCOMES.get(outcome, (words.readable(outcome), "gray"))
    return html.badge(label, color=color)


def _flat(steps: Sequence[Told]) -> Iterator[Told]:
    for one in steps:
        yield one
        for _, inner in one.arms:
            yield from _flat(inner)
