"""Conditions in the flow editor: the builder over a module's fields, with values that the records have."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from crm_core import facets, query
from crm_core.errors import CrmError
from crm_core.model import parse_condition
from crm_core.model.condition import leaves
from pages._ui import html, words
from pages._ui.conditions import (
    Choice,
    affirmed,
    condition_choices,
    edit_condition,
    from_condition,
    to_condition,
)
from pages._ui.flow_desk import Desk

SUGGESTED = ("text", "email", "phone", "integer", "decimal", "url", "multi_select")


def edit_rules(
    desk: Desk, condition: dict[str, Any], *, module: str, key: str, with_changed: bool = True
) -> dict[str, Any]:
    """Draw the builder of a condition over records of a module; returns the condition as it stands."""
    return edit_condition(
        condition,
        choices=condition_choices(desk.catalog, module, lists=True),
        key=desk.key("rules", module, key),
        context=desk.context,
        with_changed=with_changed,
        suggest=partial(_values, desk, module),
    )


def tidy(condition: Any) -> dict[str, Any]:
    """A condition as the builder would write it: with as few negations as can be, and no group of one."""
    return to_condition(from_condition(affirmed(condition)))


def _values(desk: Desk, module: str, choice: Choice) -> list[str]:
    """Values that the records have in a field, for a rule that takes any."""
    if choice.field.kind not in SUGGESTED or choice.path == "id":
        return []
    now = desk.now
    return facets.read_values(now.lake, desk.catalog, module=module, path=choice.path, actor=now.actor)


def show_matches(desk: Desk, condition: dict[str, Any]) -> None:
    """How many records meet the condition now, and whether the record that is tried does."""
    try:
        tree = parse_condition(condition or {"all": []})
        if any(leaf.op == "changed" for leaf in leaves(tree)):
            return
        now, module = desk.now, desk.draft.module
        every = query.count(now.lake, desk.catalog, module=module, actor=now.actor)
        found = query.count(now.lake, desk.catalog, module=module, actor=now.actor, condition=tree)
    except CrmError:
        return  # what is wrong with it stands beside it
    noun = desk.module.name.lower()
    st.html(
        html.Html('<div class="m-sub">Now true of <b>{}</b> of {} {}.</div>').format(
            words.number(found), words.number(every), noun
        )
    )
