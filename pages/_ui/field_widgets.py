"""The widget of each field kind: what `fields.edit_field` draws.

Each takes a `Widget` and leaves what was entered in the session under its key, or the keys of its parts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from crm_core import uploads
from pages._ui import html, words
from pages._ui.field_views import FieldContext, is_missing, options_of
from pages._ui.upload import upload_box

SAFE_INTEGER = 2**53 - 1
"""A browser's numbers are exact up to here; larger ones are typed as text."""
EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
_TEXT_TYPES = {"email": "email", "phone": "phone", "url": "url"}


@dataclass(frozen=True)
class Widget:
    """One field about to be drawn: what its widget needs, whatever the kind."""

    field: Any
    value: Any
    key: str
    label: str
    commit: Callable[[], None] | None
    context: FieldContext
    disabled: bool
    live: bool = False

    def part(self, name: str) -> str:
        """The key of a part of the value that has a widget of its own."""
        return f"{self.key}:{name}"

    @property
    def common(self) -> dict[str, Any]:
        """What every widget of Streamlit takes."""
        return {"on_change": self.commit, "disabled": self.disabled}


def _text_input(w: Widget) -> None:
    kind = _TEXT_TYPES.get(w.field.kind, "default")
    start = None if is_missing(w.value) else str(w.value)
    settings: dict[str, Any] = {"value": start, "key": w.key, "type": kind, "help": _help(w)}
    settings["live"] = "300ms" if w.live else False
    # A browser that checks addresses by itself keeps back what it does not like, and the form would go without it.
    settings["validate"] = ""
    st.text_input(w.label, **settings, **w.common)


def _text_area(w: Widget) -> None:
    start = None if is_missing(w.value) else str(w.value)
    st.text_area(w.label, value=start, key=w.key, help=_help(w), height=110, **w.common)


def _integer_input(w: Widget) -> None:
    value = w.value
    if not isinstance(value, int | None) or abs(value or 0) > SAFE_INTEGER:
        return _text_input(w)
    low, high = (_safe(bound) for bound in (w.field.minimum, w.field.maximum))
    inside = value is None or ((low is None or value >= low) and (high is None or value <= high))
    # A stored value outside its bounds is shown all the same: the rules of the core speak when it is changed.
    bounds: dict[str, Any] = {"min_value": low, "max_value": high} if inside else {}
    settings: dict[str, Any] = {"value": value, "step": 1, "key": w.key, "help": _help(w)}
    st.number_input(w.label, **settings, **bounds, **w.common)


def _decimal_input(w: Widget) -> None:
    start = None if w.value is None else words.number(w.value)
    st.text_input(w.label, value=start, key=w.key, help=_help(w), placeholder="0.00", **w.common)


def _money_input(w: Widget) -> None:
    value = w.value if isinstance(w.value, Mapping) else {}
    amount = None if value.get("amount") is None else words.money(value["amount"], None)
    currency = value.get("currency") or w.field.currency or w.context.currency
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", wrap=False):
        st.text_input(
            w.label, value=amount, key=w.part("amount"), help=_help(w), placeholder="0.00", **w.common
        )
        known = words.currencies()
        codes = known if currency in known else (currency, *known)
        st.selectbox(
            "Currency",
            codes,
            index=codes.index(currency),
            key=w.part("currency"),
            width=96,
            label_visibility="collapsed",
            **w.common,
        )


def _toggle(w: Widget) -> None:
    st.toggle(w.label, value=bool(w.value), key=w.key, help=_help(w), **w.common)


def _date_input(w: Widget) -> None:
    day = words.to_date(w.value) if w.value else None
    low, high = min(day or EARLIEST, EARLIEST), max(day or LATEST, LATEST)
    st.date_input(
        w.label,
        value=day,
        min_value=low,
        max_value=high,
        format="YYYY-MM-DD",
        key=w.key,
        help=_help(w),
        **w.common,
    )


def _datetime_input(w: Widget) -> None:
    instant = words.to_instant(w.value) if w.value else None
    local = instant.astimezone(ZoneInfo(w.context.zone)).replace(tzinfo=None) if instant else None
    low = min(local or datetime.max, datetime(EARLIEST.year, 1, 1))
    high = max(local or datetime.min, datetime(LATEST.year, 12, 31, 23, 59))
    st.datetime_input(
        w.label, value=local, min_value=low, max_value=high, format="YYYY-MM-DD", step=300, key=w.key,
        help=_help(w), **w.common,
    )  # fmt: skip


def _choice(w: Widget, named: Mapping[str, str]) -> None:
    # The value goes in by the state and not as the index, so that the widget can also be emptied.
    st.session_state.setdefault(w.key, None if is_missing(w.value) else w.value)
    current = st.session_state[w.key]
    choices = [*named, *([current] if current is not None and current not in named else [])]
    st.selectbox(
        w.label,
        choices,
        index=None,
        format_func=lambda one: named.get(one, str(one)),
        key=w.key,
        help=_help(w),
        placeholder="Choose …",
        **w.common,
    )


def _select(w: Widget) -> None:
    _choice(w, {option.value: option.text for option in options_of(w.field, w.context)})


def _country_select(w: Widget) -> None:
    _choice(w, words.countries())


def _user_select(w: Widget) -> None:
    _choice(w, w.context.users)


def _multi_select(w: Widget) -> None:
    named = {option.value: option.text for option in options_of(w.field, w.context)}
    current = [str(one) for one in w.value or []]
    st.multiselect(
        w.label,
        [*named, *(one for one in current if one not in named)],
        default=current,
        format_func=lambda one: named.get(one, str(one)),
        key=w.key,
        help=_help(w),
        placeholder="Choose …",
        accept_new_options=not named or w.field.slug == "tags",
        **w.common,
    )


def _address_input(w: Widget) -> None:
    value = w.value if isinstance(w.value, Mapping) else {}

    def line(part: str, label: str) -> None:
        st.text_input(label, value=value.get(part), key=w.part(part), placeholder=label, **w.common)

    line("street", f"{w.label}: street")
    with st.container(horizontal=True, gap="xsmall"):
        line("postal_code", "Postal code")
        line("city", "City")
    with st.container(horizontal=True, gap="xsmall"):
        line("region", "Region")
        country = Widget(
            w.field, value.get("country"), w.part("country"), "Country", w.commit, w.context, w.disabled
        )
        _country_select(country)


def _file_input(w: Widget) -> None:
    kept = [str(one) for one in w.value or []]
    files = w.context.files
    if kept:
        st.multiselect(
            w.label, kept, default=kept, format_func=lambda one: files.get(one, "File"), key=w.key, **w.common
        )
    if w.context.upload is not None and not w.disabled:
        box = st.session_state.setdefault(w.part("box"), "")
        if not box:
            box = st.session_state[w.part("box")] = uploads.open_box(most_bytes=w.context.most_bytes or None)
        upload_box(
            box, key=w.part("upload"), on_sent=w.commit or (lambda: None), label=f"Add files: {w.label}",
            hint=_most(w), most_bytes=w.context.most_bytes or None, thin=True,
            forgets=w.commit is not None,
        )  # fmt: skip
    elif not kept:
        st.text_input(w.label, value="No files", disabled=True, key=w.part("none"))


def _most(w: Widget) -> str:
    return f"Up to {uploads.in_words(w.context.most_bytes)} a file." if w.context.most_bytes else ""


def _json_input(w: Widget) -> None:
    value = w.value
    text = (
        value
        if isinstance(value, str | None)
        else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    )
    st.text_area(w.label, value=text, key=w.key, help=_help(w), height=130, placeholder="{ }", **w.common)


def _help(w: Widget) -> str | None:
    return html.plain(w.field.help) or None


def _safe(bound: int | None) -> int | None:
    return bound if bound is not None and abs(bound) <= SAFE_INTEGER else None


DRAW: dict[str, Callable[[Widget], None]] = {
    "text": _text_input,
    "long_text": _text_area,
    "integer": _integer_input,
    "decimal": _decimal_input,
    "money": _money_input,
    "boolean": _toggle,
    "date": _date_input,
    "datetime": _datetime_input,
    "email": _text_input,
    "phone": _text_input,
    "url": _text_input,
    "select": _select,
    "multi_select": _multi_select,
    "address": _address_input,
    "country": _country_select,
    "user": _user_select,
    "file": _file_input,
    "json": _json_input,
    "auto_number": _text_input,
}
"""Field kind → its widget."""
