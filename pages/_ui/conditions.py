"""Building a condition without code: groups of rules, nested, each rule fitting the kind of its field.

    tree = edit_condition(saved, choices=condition_choices(catalog, "inquiries"), key="filter")
    st.html(describe(tree, choices))        # "Channel is one of form, api and Country is Germany"

What comes back is the condition JSON of flows, saved filters and the API. Rules that are not finished yet are
left out of it, so that a page can filter with it at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import streamlit as st

from crm_core.model import Catalog, Field, Option
from crm_core.model.catalog import SYSTEM_FIELDS
from pages._ui import rules, words
from pages._ui.field_views import NOWHERE, FieldContext

MAX_DEPTH = 3
OPERATORS: dict[str, str] = {
    "eq": "is",
    "ne": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "contains": "contains",
    "not_contains": "does not contain",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "lt": "is less than",
    "le": "is at most",
    "gt": "is more than",
    "ge": "is at least",
    "between": "is between",
    "within_last": "was within the last",
    "within_next": "is within the next",
    "is_set": "is set",
    "is_empty": "is empty",
    "changed": "changed",
}
"""Operator of a condition → how a rule says it."""
JOINS = {"all": "All of these", "any": "Any of these", "none": "None of these", "not_all": "Not all of these"}
_NEGATED = {"none": "any", "not_all": "all"}
"""How a group joins its parts; the last two are a `not` around one of the first two."""
_PAIRS = (("eq", "ne"), ("in", "not_in"), ("contains", "not_contains"), ("is_empty", "is_set"))
_OPPOSITE = dict(_PAIRS) | {second: first for first, second in _PAIRS}
_PRESENCE = ("is_set", "is_empty")
_TEXT = ("eq", "ne", "contains", "not_contains", "starts_with", "ends_with", "in", "not_in", *_PRESENCE)
_NUMBER = ("eq", "ne", "lt", "le", "gt", "ge", "between", *_PRESENCE)
_TIME = ("within_last", "within_next", "lt", "ge", "between", *_PRESENCE)
_CHOICE = ("eq", "ne", "in", "not_in", *_PRESENCE)
_LIST = ("contains", "not_contains", *_PRESENCE)
_BY_KIND: dict[str, tuple[str, ...]] = {
    "integer": _NUMBER,
    "decimal": _NUMBER,
    "money": _NUMBER,
    "boolean": ("eq", *_PRESENCE),
    "date": _TIME,
    "datetime": _TIME,
    "select": _CHOICE,
    "country": _CHOICE,
    "user": _CHOICE,
    "multi_select": _LIST,
    "file": _PRESENCE,
    "json": _PRESENCE,
    "address": _TEXT,
}


@dataclass(frozen=True)
class Choice:
    """A field that a rule may ask for: its path (`customer.country`), what people read, and the field."""

    path: str
    label: str
    field: Field


Suggest = Callable[[Choice], Sequence[str]]
"""The values that records have in a field."""


def operators_of(kind: str, *, with_changed: bool = False) -> tuple[str, ...]:
    """The operators that fit a field kind; `changed` only where there is a before, as in a flow."""
    return (*_BY_KIND.get(kind, _TEXT), *(("changed",) if with_changed else ()))


def condition_choices(catalog: Catalog, module: str, *, lists: bool = False) -> tuple[Choice, ...]:
    """What a rule over a module may ask for: its fields, the system's, and those of what it points to.

    With `lists` also those of the records that point to it: the rule is true when it is for any of them.
    """
    own = [Choice(field.slug, field.name, field) for field in fields_of(catalog, module)]
    for reference in catalog.references(module):
        if not reference.polymorphic:
            own += [
                Choice(f"{reference.slug}.{field.slug}", f"{reference.label} › {field.name}", field)
                for field in fields_of(catalog, reference.targets[0])
                if field.slug not in ("id", "workers", "source")
            ]
    for link in catalog.to_many(module) if lists else ():
        own += [
            Choice(f"{link.slug}.{field.slug}", f"Any of {link.label} › {field.name}", field)
            for field in fields_of(catalog, link.module)
            if field.slug not in ("id", "workers", "source")
        ]
    return tuple(own)


def edit_condition(
    condition: Any,
    *,
    choices: Sequence[Choice],
    key: str,
    context: FieldContext = NOWHERE,
    with_changed: bool = False,
    suggest: Suggest | None = None,
) -> dict[str, Any]:
    """Draws the builder and returns the condition as it stands now; `{}` when there is no finished rule.

    Args:
        condition: The condition JSON to begin with; another one under the same key is taken after `forget`.
        choices: The fields that a rule may ask for.
        with_changed: Whether a rule may ask if a field changed.
        suggest: The values that records have in a field which takes any; without it they are typed.
    """
    draft = st.session_state.setdefault(_draft_key(key), from_condition(condition))
    builder = _Builder(key, {c.path: c for c in choices}, context, with_changed, suggest)
    builder.draw_group(draft, depth=0)
    return to_condition(draft)


def forget(key: str) -> None:
    """Drops what was built under a key, so that the next run begins with its condition anew."""
    st.session_state.pop(_draft_key(key), None)


def describe(condition: Any, choices: Sequence[Choice], *, context: FieldContext = NOWHERE) -> str:
    """A condition in one line of words."""
    return _describe(from_condition(condition), {c.path: c for c in choices}, context) or "Everything"


def from_condition(condition: Any) -> dict[str, Any]:
    """Condition JSON as a draft: a group `{id, join, parts}` of groups and rules `{id, field, op, value}`."""
    node = _draft(condition or {"all": []})
    return node if "parts" in node else _group("all", [node])


def to_condition(draft: dict[str, Any]) -> dict[str, Any]:
    """A draft as condition JSON, without what is unfinished."""
    if "parts" not in draft:
        return _leaf(draft)
    parts = [part for part in map(to_condition, draft["parts"]) if part]
    if not parts:
        return {}
    join = _NEGATED.get(draft["join"], draft["join"])
    tree = parts[0] if len(parts) == 1 else {join: parts}
    return {"not": tree} if draft["join"] in _NEGATED else tree


def affirmed(condition: dict[str, Any]) -> dict[str, Any]:
    """The same condition with as few negations as can be: not empty is set, not equal is its own operator."""
    if "not" in condition:
        part = affirmed(condition["not"])
        opposite = _OPPOSITE.get(str(part.get("op")))
        return {**part, "op": opposite} if opposite else {"not": part}
    for join in ("all", "any"):
        if join in condition:
            return {join: [affirmed(part) for part in condition[join]]}
    return condition


def _draft(condition: dict[str, Any]) -> dict[str, Any]:
    if "not" in condition:
        inner = _draft(condition["not"])
        negated = {join: name for name, join in _NEGATED.items()}
        plain = "parts" in inner and inner["join"] in negated
        return {**inner, "join": negated[inner["join"]]} if plain else _group("none", [inner])
    for join in ("all", "any"):
        if join in condition:
            return _group(join, [_draft(part) for part in condition[join]])
    return {"id": uuid4().hex, **{name: condition.get(name) for name in ("field", "op", "value")}}


def _group(join: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": uuid4().hex, "join": join, "parts": parts}


def _leaf(rule: dict[str, Any]) -> dict[str, Any]:
    if not rule.get("field") or not rule.get("op"):
        return {}
    leaf = {"field": rule["field"], "op": rule["op"]}
    if rule["op"] in rules.WITHOUT_VALUE:
        return leaf
    value = rule.get("value")
    unfinished = value in (None, "", []) or (rule["op"] == "between" and None in value)
    return {} if unfinished else {**leaf, "value": value}


def _describe(node: dict[str, Any], choices: dict[str, Choice], context: FieldContext) -> str:
    if "parts" not in node:
        return _describe_rule(node, choices, context)
    told = [(part, text) for part in node["parts"] if (text := _describe(part, choices, context))]
    joint = " and " if node["join"] in ("all", "not_all") else " or "
    text = joint.join(f"({text})" if len(told) > 1 and _has_joints(part) else text for part, text in told)
    return f"not ({text})" if node["join"] in _NEGATED and text else text


def _describe_rule(rule: dict[str, Any], choices: dict[str, Choice], context: FieldContext) -> str:
    leaf = _leaf(rule)
    if not leaf:
        return ""
    choice = choices.get(leaf["field"])
    label = choice.label if choice else words.readable(leaf["field"].replace(".", " "))
    told = rules.value_in_words(leaf["op"], leaf.get("value"), choice.field if choice else None, context)
    return f"{label} {OPERATORS[leaf['op']]} {told}".strip()


def _has_joints(part: dict[str, Any]) -> bool:
    return "parts" in part and part["join"] not in _NEGATED and len(part["parts"]) > 1


@dataclass(frozen=True)
class _Builder:
    """Draws a draft with widgets and writes what is chosen back into it."""

    key: str
    choices: dict[str, Choice]
    context: FieldContext
    with_changed: bool
    suggest: Suggest | None = None

    def draw_group(self, group: dict[str, Any], *, depth: int) -> None:
        key = f"{self.key}:{group['id']}"
        with st.container(key=f"rules_{group['id']}"):
            self._draw_join(group, key)
            for part in list(group["parts"]):
                if "parts" in part:
                    with st.container(horizontal=True, gap="xsmall", wrap=False):
                        self.draw_group(part, depth=depth + 1)
                        self._draw_remove(group, part)
                else:
                    self._draw_rule(group, part)
            with st.container(horizontal=True, gap="xsmall"):
                self._draw_add(group, key, "Rule", {"field": None, "op": None, "value": None})
                if depth + 1 < MAX_DEPTH:
                    self._draw_add(group, key, "Group", None)

    def _draw_join(self, group: dict[str, Any], key: str) -> None:
        def choose() -> None:
            group["join"] = st.session_state[f"{key}:join"]

        offered = [join for join in JOINS if join != "not_all" or group["join"] == join]
        st.segmented_control(
            "Join",
            offered,
            default=group["join"],
            required=True,
            format_func=JOINS.__getitem__,
            key=f"{key}:join",
            on_change=choose,
            label_visibility="collapsed",
        )

    def _draw_rule(self, group: dict[str, Any], rule: dict[str, Any]) -> None:
        key = f"{self.key}:{rule['id']}"
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            choice = self._draw_field(rule, key)
            if choice is not None:
                self._draw_operator(rule, key, choice)
                if rule["op"] and rule["op"] not in rules.WITHOUT_VALUE:
                    rules.edit_value(rule, choice.field, key=f"{key}:{rule['field']}", context=self.context,
                                     values=self._suggested(choice))  # fmt: skip
            self._draw_remove(group, rule)

    def _draw_field(self, rule: dict[str, Any], key: str) -> Choice | None:
        def choose() -> None:
            rule.update(field=st.session_state[f"{key}:field"], op=None, value=None)

        paths = [
            *self.choices,
            *([rule["field"]] if rule["field"] and rule["field"] not in self.choices else []),
        ]
        st.selectbox(
            "Field",
            paths,
            index=paths.index(rule["field"]) if rule["field"] in paths else None,
            format_func=lambda path: self.choices[path].label if path in self.choices else path,
            key=f"{key}:field",
            on_change=choose,
            label_visibility="collapsed",
            placeholder="Field",
            width=210,
        )
        return self.choices.get(rule["field"])

    def _suggested(self, choice: Choice) -> Sequence[str]:
        return self.suggest(choice) if self.suggest is not None else ()

    def _draw_operator(self, rule: dict[str, Any], key: str, choice: Choice) -> None:
        known = operators_of(choice.field.kind, with_changed=self.with_changed)
        if rule["op"] not in OPERATORS:
            rule["op"] = known[0]
        allowed = known if rule["op"] in known else (rule["op"], *known)

        def choose() -> None:
            rule.update(op=st.session_state[f"{key}:op"], value=None)

        st.selectbox(
            "Operator",
            allowed,
            index=allowed.index(rule["op"]),
            format_func=OPERATORS.__getitem__,
            key=f"{key}:op",
            on_change=choose,
            label_visibility="collapsed",
            width=170,
        )

    def _draw_add(self, group: dict[str, Any], key: str, noun: str, rule: dict[str, Any] | None) -> None:
        def add() -> None:
            new = {"id": uuid4().hex, **rule} if rule is not None else _group("any", [])
            group["parts"].append(new)

        st.button(noun, icon=":material/add:", key=f"{key}:add:{noun}", type="tertiary", on_click=add)

    def _draw_remove(self, group: dict[str, Any], part: dict[str, Any]) -> None:
        def remove() -> None:
            group["parts"][:] = [one for one in group["parts"] if one["id"] != part["id"]]

        st.button(
            "",
            icon=":material/close:",
            key=f"{self.key}:{part['id']}:remove",
            type="tertiary",
            on_click=remove,
            help="Remove",
        )


def fields_of(catalog: Catalog, module: str) -> list[Field]:
    own = catalog.module(module)
    statuses = {s.slug: Option(value=s.slug, label=s.name) for f in own.folders for s in f.statuses}
    folders = tuple(Option(value=f.slug, label=f.name) for f in own.folders)
    teams = tuple(Option(value=t.slug, label=t.name) for t in catalog.teams.values())
    options = {"status": tuple(statuses.values()), "folder": folders, "team": teams}
    system = [
        field.model_copy(update={"options": options[slug]}) if slug in options else field
        for slug, field in SYSTEM_FIELDS.items()
    ]
    return [*own.fields, *system]


def _draft_key(key: str) -> str:
    return f"condition:{key}:draft"
