"""What every part of the flow editor works with: the draft, what is wrong with it, and the words for its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from crm_core.model import All, Catalog, Module
from flows import store
from flows.model import FlowDefinition, Trigger
from pages._ui.field_views import FieldContext
from pages._ui.flow_draft import FlowDraft, around, module_of, walk
from pages._ui.flow_paths import list_module
from pages._ui.flow_problems import DraftProblems, find_problems
from pages._ui.flow_sample import newest, related
from pages._ui.flows_state import FlowsState
from pages._ui.flows_words import FlowWords
from pages._ui.session import Here
from pages._ui.surroundings import field_context


@dataclass(frozen=True)
class Desk:
    """One drawing of the editor."""

    now: Here
    state: FlowsState
    draft: FlowDraft
    context: FieldContext
    problems: DraftProblems

    @property
    def catalog(self) -> Catalog:
        """The definitions."""
        return self.now.catalog

    @property
    def module(self) -> Module:
        """The module whose records the flow looks at."""
        return self.catalog.module(self.draft.module)

    def key(self, *parts: str) -> str:
        """The key of a widget: another one for every opening of the editor."""
        return ":".join((f"flow_{self.draft.id}", *parts))

    @cached_property
    def behind(self) -> Mapping[str, str]:
        """For-each step → the module of its list, where that can be told."""
        found: dict[str, str] = {}
        for _, _, step in walk(self.draft.root):
            if step.kind == "for_each":
                module = list_module(
                    self.catalog, module_of(self.draft, step.id, found), step.options["path"]
                )
                if module:
                    found[step.id] = module
        return found

    def module_of(self, step_id: str) -> str:
        """The module whose records a step sees."""
        return module_of(self.draft, step_id, self.behind)

    def told(self, module: str = "") -> FlowWords:
        """The words for parts of the flow, also where it cannot be read as a whole."""
        flow = FlowDefinition.model_construct(
            flow=str(self.draft.head.get("flow", "")), module=module or self.draft.module, folders=(),
            trigger=Trigger.model_construct(event="manual"), when=All(), do=(),
        )  # fmt: skip
        return FlowWords(self.catalog, self.context, flow)

    @cached_property
    def sample(self) -> str:
        """The record that previews are made with: the one that was chosen, else the newest; empty without any."""
        return self.state.sample or newest(self.now, self.draft.module)

    def sample_of(self, step_id: str) -> str:
        """The record that a step is previewed with: within for-each steps one of their lists; empty without any."""
        module, record = self.draft.module, self.sample
        for each in around(self.draft, step_id):
            if each.kind == "for_each" and record:
                if each.id not in self.behind:
                    return ""
                record = related(self.now, module, record, each.options["path"])
                module = self.behind[each.id]
        return record


def open_desk(now: Here, state: FlowsState, draft: FlowDraft) -> Desk:
    """A desk for one drawing."""
    problems = find_problems(now.catalog, draft, users=store.known_users(now.lake))
    return Desk(now, state, draft, field_context(now), problems)


def with_options(context: FieldContext, **options: Any) -> FieldContext:
    """The same, with other options of some fields."""
    return replace(context, options={**context.options, **options})
