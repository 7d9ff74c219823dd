"""The value of one rule: the widget that fits a field's kind and an operator.

    edit_value(rule, field, key=…, context=context)      # writes rule["value"]

Values are JSON: numbers as typed, days and instants ISO 8601, a span as `7d`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import streamlit as st

from pages._ui import words
from pages._ui.field_views import FieldContext, options_of

WITHOUT_VALUE = frozenset({"is_empty", "is_set", "changed"})
UNITS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks", "mo": "months", "y": "years"}
RELATIVE_DAYS = ("today", "yesterday", "tomorrow")
WIDTH = 210


def edit_value(
    rule: dict[str, Any], field: Any, *, key: str, context: FieldContext, values: Sequence[str] = ()
) -> None:
    """Draws the widget of a rule's value and keeps what is chosen in `rule["value"]`.

    `values` are some that the records have, for a field that takes any.
    """
    key, operator = f"{key}:{rule['op']}", rule["op"]
    named = names_of(field, context)
    if operator in ("within_last", "within_next"):
        _edit_span(rule, key)
    elif operator in ("in", "not_in"):
        _edit_list(rule, key, named, values)
    elif operator == "between":
        _edit_pair(rule, field, key)
    elif named:
        _edit_choice(rule, key, named)
    elif field.kind in ("date", "datetime"):
        _edit_day(rule, key)
    elif values and operator in _SAME:
        _edit_known(rule, key, values)
    else:
        _edit_text(rule, key)


_SAME = ("eq", "ne", "contains", "not_contains", "starts_with", "ends_with")
"""Operators that ask for a value as records have it."""


def names_of(field: Any, context: FieldContext) -> Mapping[str, str]:
    """Value → what people read, for a field whose values are known; empty for one that takes any."""
    match field.kind:
        case "select" | "multi_select":
            return {option.value: option.text for option in options_of(field, context)}
        case "country":
            return words.countries()
        case "user":
            return context.users
        case "boolean":
            return {"true": "Yes", "false": "No"}
    return context.users if field.slug == "workers" else {}


def value_in_words(operator: str, value: Any, field: Any, context: FieldContext) -> str:
    """A rule's value as people read it: options by their names, a span with its unit."""
    if value is None:
        return ""
    if operator in ("within_last", "within_next"):
        number, unit = split_span(value)
        return words.plural(number, UNITS[unit].removesuffix("s"))
    named = names_of(field, context) if field is not None else {}
    values = value if isinstance(value, list) else [value]
    shown = [named.get(str(one).lower() if isinstance(one, bool) else one, str(one)) for one in values]
    return (" and " if operator == "between" else ", ").join(shown)


def _keeper(rule: dict[str, Any], read: Callable[[], Any]) -> Callable[[], None]:
    def keep() -> None:
        rule["value"] = read()

    return keep


def _edit_text(rule: dict[str, Any], key: str) -> None:
    keep = _keeper(rule, lambda: st.session_state[key] or None)
    start = None if rule["value"] is None else str(rule["value"])
    st.text_input("Value", value=start, key=key, on_change=keep, placeholder="Value", **_look())


def _edit_known(rule: dict[str, Any], key: str, values: Sequence[str]) -> None:
    """A value that records have, or another that is typed."""
    now = None if rule["value"] in (None, []) else _alone(rule["value"])
    choices = [*values, *([now] if now is not None and now not in values else [])]
    keep = _keeper(rule, lambda: st.session_state[key] or None)
    st.selectbox(
        "Value", choices, index=choices.index(now) if now is not None else None, key=key, on_change=keep,
        placeholder="Choose or type …", accept_new_options=True, **_look(),
    )  # fmt: skip


def _alone(value: Any) -> str:
    return str(value[0] if isinstance(value, list) else value)


def _edit_choice(rule: dict[str, Any], key: str, named: Mapping[str, str]) -> None:
    values = list(named)
    now = str(rule["value"]).lower() if isinstance(rule["value"], bool) else rule["value"]
    choices = values if now is None or now in values else [now, *values]
    keep = _keeper(rule, lambda: _as_json(st.session_state[key], named))
    st.selectbox(
        "Value",
        choices,
        index=choices.index(now) if now is not None else None,
        format_func=lambda one: named.get(one, str(one)),
        key=key,
        on_change=keep,
        placeholder="Choose …",
        **_look(),
    )


def _edit_list(rule: dict[str, Any], key: str, named: Mapping[str, str], values: Sequence[str] = ()) -> None:
    now = [str(one) for one in rule["value"] or []]
    known = named or {value: value for value in values}
    keep = _keeper(rule, lambda: list(st.session_state[key]))
    st.multiselect(
        "Values",
        [*known, *(one for one in now if one not in known)],
        default=now,
        format_func=lambda one: known.get(one, str(one)),
        key=key,
        on_change=keep,
        accept_new_options=not named,
        placeholder="Choose …" if known else "Type and press Enter",
        **_look(),
    )


def _edit_pair(rule: dict[str, Any], field: Any, key: str) -> None:
    low, high = rule["value"] if isinstance(rule["value"], list) and len(rule["value"]) == 2 else (None, None)

    def read() -> list[Any]:
        pair = [st.session_state[f"{key}:low"], st.session_state[f"{key}:high"]]
        return [one.isoformat() if isinstance(one, date) else one or None for one in pair]

    keep = _keeper(rule, read)
    for name, start in (("low", low), ("high", high)):
        settings: dict[str, Any] = {
            "key": f"{key}:{name}",
            "on_change": keep,
            "label_visibility": "collapsed",
        }
        if field.kind in ("date", "datetime"):
            day = words.to_date(start) if start else None
            st.date_input(name, value=day, format="YYYY-MM-DD", width=130, **_range(), **settings)
        else:
            text = None if start is None else str(start)
            st.text_input(name, value=text, width=110, placeholder=name, **settings)


def _edit_day(rule: dict[str, Any], key: str) -> None:
    now = rule["value"]
    is_word = isinstance(now, str) and words.to_date(now) is None
    relative = [*RELATIVE_DAYS, *([now] if is_word and now not in RELATIVE_DAYS else [])]

    def read() -> Any:
        word, day = st.session_state[f"{key}:word"], st.session_state.get(f"{key}:day")
        return word if word != "on" else day.isoformat() if day else None

    keep = _keeper(rule, read)
    choices = ["on", *relative]
    st.selectbox(
        "When",
        choices,
        index=choices.index(now) if is_word else 0,
        format_func=lambda one: "the day" if one == "on" else str(one),
        key=f"{key}:word",
        on_change=keep,
        label_visibility="collapsed",
        width=116,
    )
    if st.session_state[f"{key}:word"] == "on":
        day = words.to_date(now) if now and not is_word else None
        settings: dict[str, Any] = {"key": f"{key}:day", "on_change": keep, "label_visibility": "collapsed"}
        st.date_input("Day", value=day, format="YYYY-MM-DD", width=130, **_range(), **settings)


def _edit_span(rule: dict[str, Any], key: str) -> None:
    number, unit = split_span(rule["value"])
    keep = _keeper(rule, lambda: f"{st.session_state[f'{key}:number']}{st.session_state[f'{key}:unit']}")
    if rule["value"] is None:
        rule["value"] = f"{number}{unit}"
    settings: dict[str, Any] = {"on_change": keep, "label_visibility": "collapsed"}
    st.number_input(
        "Number", min_value=1, max_value=99_999, value=number, key=f"{key}:number", width=110, **settings
    )
    units = list(UNITS)
    at = units.index(unit)
    st.selectbox(
        "Unit", units, index=at, format_func=UNITS.__getitem__, key=f"{key}:unit", width=110, **settings
    )


def split_span(value: Any) -> tuple[int, str]:
    """A span such as `7d` as its number and unit; seven days for anything else."""
    text = "".join(str(value).split()) if value else ""
    digits = "".join(letter for letter in text if letter.isdigit())
    unit = text.removeprefix(digits)
    return (int(digits), unit) if digits and unit in UNITS else (7, "d")


def _as_json(value: Any, named: Mapping[str, str]) -> Any:
    return {"true": True, "false": False}[value] if set(named) == {"true", "false"} and value else value


def _range() -> dict[str, Any]:
    return {"min_value": date(1900, 1, 1), "max_value": date(2199, 12, 31)}


def _look() -> dict[str, Any]:
    return {"label_visibility": "collapsed", "width": WIDTH}
