"""Values that a step sets, by field: each plain, from another field, a text with fields, or counted from the event."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import streamlit as st

from crm_core import facets
from crm_core.errors import TemplateInvalid
from crm_core.model import Field, Reference
from crm_core.templates import is_template, single_path
from flows.targets import SETTABLE
from pages._ui import html
from pages._ui.conditions import fields_of
from pages._ui.fields import edit_field
from pages._ui.flow_desk import Desk
from pages._ui.flow_paths import paths_of
from pages._ui.reference import pick_linked
from pages._ui.rules import UNITS, split_span

WAYS = {
    "fixed": "is",
    "text": "is the text",
    "copy": "is that of",
    "span": "lies",
    "change": "gets and loses",
    "nothing": "becomes empty",
}
_TEXTS = ("text", "long_text", "email", "phone", "url")
_TIMES = ("date", "datetime")


@dataclass(frozen=True)
class Target:
    """A field or link that a step can set."""

    slug: str
    label: str
    kind: str
    field: Field | None = None
    reference: Reference | None = None


def targets_of(desk: Desk, module: str) -> dict[str, Target]:
    """What can be set on a record of a module, by slug: its fields, the system's, its links."""
    own = desk.catalog.module(module)
    fields = [
        field
        for field in fields_of(desk.catalog, module)
        if field.kind not in ("auto_number", "file") and (own.field(field.slug) or field.slug in SETTABLE)
    ]
    found = {one.slug: Target(one.slug, one.name, kind_of(one), one) for one in fields}
    for reference in desk.catalog.references(module):
        found[reference.slug] = Target(reference.slug, reference.label, "reference", reference=reference)
    return found


def kind_of(field: Field) -> str:
    """The kind of a field; `list` for those that hold several values."""
    return "list" if field.kind == "multi_select" else field.kind


def ways_of(target: Target, *, is_new: bool) -> tuple[str, ...]:
    """How a value can be given to a field, the usual way first."""
    match target.kind:
        case "reference":
            ways: tuple[str, ...] = ("copy", "fixed")
        case "list":
            ways = ("fixed",) if is_new else ("change", "fixed")
        case kind if kind in _TEXTS:
            ways = ("text",)
        case kind if kind in _TIMES:
            ways = ("span", "fixed", "copy")
        case _:
            ways = ("fixed", "copy")
    return ways if is_new else (*ways, "nothing")


def way_of(target: Target, value: Any, *, is_new: bool) -> str:
    """The way in which a value is given now."""
    allowed = ways_of(target, is_new=is_new)
    if value is None:
        way = "nothing"
    elif isinstance(value, Mapping) and set(value) & {"in", "now", "today"}:
        way = "span"
    elif isinstance(value, Mapping) and set(value) & {"add", "remove"}:
        way = "change"
    elif is_template(value):
        way = "copy" if _path(value) and "copy" in allowed else "text"
    else:
        way = "text" if "text" in allowed else "fixed"
    return way


def start_of(way: str, target: Target) -> Any:
    """What a field begins with when its way is chosen."""
    match way:
        case "span":
            return {"today": "+1d"} if target.kind == "date" else {"in": "1d"}
        case "change":
            return {"add": []}
        case "nothing":
            return None
        case "fixed" if target.kind == "list":
            return []
        case "fixed" if target.kind == "boolean":
            return True
    return ""


def _start(desk: Desk, way: str, target: Target, module: str) -> Any:
    """As `start_of`; a copy begins with the first that there is, since an empty one would be no copy."""
    first = next(iter(copies(desk, target, module)), None) if way == "copy" else None
    return f"{{{{ {first} }}}}" if first else start_of(way, target)


def edit_values(
    desk: Desk, read: Callable[[], Mapping[str, Any]], *, module: str, target: str, key: str,
    put: Callable[[dict[str, Any]], None], is_new: bool = False, without: Collection[str] = (),
) -> None:  # fmt: skip
    """Draw a line for each value and the choice of one more field; `put` gets all values when one changes.

    Args:
        desk: the editor.
        read: field → value, as the step has them at that moment: two that change at once are both kept.
        module: whose records texts see.
        target: the module whose record is written.
        key: of the widgets.
        put: takes the new values.
        is_new: whether the record is made by the step.
        without: fields that are asked for elsewhere.
    """
    known = {slug: one for slug, one in targets_of(desk, target).items() if slug not in without}
    values = read()
    for slug, value in values.items():
        line = known.get(slug) or Target(slug, slug, "text")
        _line(desk, line, read, value, module=module, key=f"{key}:{slug}", put=put, is_new=is_new)
    rest = [slug for slug in known if slug not in values]

    def add() -> None:
        slug = st.session_state[f"{key}:add:{len(values)}"]
        if slug:
            one = known[slug]
            put({**read(), slug: _start(desk, ways_of(one, is_new=is_new)[0], one, module)})

    st.selectbox(
        "Set one more field", rest, index=None, key=f"{key}:add:{len(values)}", on_change=add,
        format_func=lambda slug: known[slug].label, placeholder="Set one more field …", label_visibility="collapsed",
        width=260,
    )  # fmt: skip


def _line(
    desk: Desk, target: Target, read: Callable[[], Mapping[str, Any]], value: Any, *, module: str, key: str,
    put: Callable[[dict[str, Any]], None], is_new: bool,
) -> None:  # fmt: skip
    allowed = ways_of(target, is_new=is_new)
    way = way_of(target, value, is_new=is_new)
    allowed = allowed if way in allowed else (*allowed, way)

    def keep(new: Any) -> None:
        put({**read(), target.slug: new})

    def choose() -> None:
        keep(_start(desk, st.session_state[f"{key}:way"], target, module))

    def drop() -> None:
        put({slug: one for slug, one in read().items() if slug != target.slug})

    with st.container(
        horizontal=True, gap="xsmall", vertical_alignment="center", key=f"value_{key.replace(':', '_')}"
    ):
        st.html(html.Html('<div class="m-value">{}</div>').format(target.label), width=128)
        if len(allowed) > 1:
            st.selectbox("How", allowed, index=allowed.index(way), key=f"{key}:way", on_change=choose,
                         format_func=WAYS.__getitem__, label_visibility="collapsed", width=136)  # fmt: skip
        _DRAW[way](desk, target, value, module, f"{key}:{way}", keep)
        st.button("", icon=":material/close:", type="tertiary", key=f"{key}:drop", on_click=drop,
                  help=f"Do not set {html.plain(target.label)}")  # fmt: skip


Keep = Callable[[Any], None]


def _draw_text(desk: Desk, target: Target, value: Any, module: str, key: str, keep: Keep) -> None:
    shown = "" if value is None else str(value)

    def commit() -> None:
        keep(st.session_state[key] or "")

    if target.kind == "long_text" or "\n" in shown:
        st.text_area(
            target.label, value=shown, key=key, on_change=commit, height=96, label_visibility="collapsed"
        )
    else:
        st.text_input(
            target.label, value=shown, key=key, on_change=commit, live="400ms", label_visibility="collapsed"
        )


def _draw_copy(desk: Desk, target: Target, value: Any, module: str, key: str, keep: Keep) -> None:
    known = copies(desk, target, module)
    now = _path(value) if isinstance(value, str) else ""
    paths = [*known, *([now] if now and now not in known else [])]
    st.selectbox(
        target.label, paths, index=paths.index(now) if now in paths else None, key=key, placeholder="Choose …",
        format_func=lambda path: known.get(path, path), label_visibility="collapsed",
        on_change=lambda: keep(f"{{{{ {st.session_state[key]} }}}}"),
    )  # fmt: skip


def copies(desk: Desk, target: Target, module: str) -> dict[str, str]:
    """Path → what people read, for what can be copied into a field: other fields, or for a link other links."""
    catalog = desk.catalog
    if target.reference is None:
        return {
            path: f"{group} › {label}" for group, paths in paths_of(catalog, module) for path, label in paths
        }
    wanted = set(target.reference.targets)
    found = {"record": "This record"} if module in wanted else {}
    for reference in catalog.references(module):
        if set(reference.targets) <= wanted:
            found[reference.slug] = reference.label
    return found


def _draw_span(desk: Desk, target: Target, value: Any, module: str, key: str, keep: Keep) -> None:
    [(_, text)] = [(k, str(v)) for k, v in dict(value).items() if k in ("in", "now", "today")][:1]
    before = text.strip().startswith("-")
    number, unit = split_span(text.strip().lstrip("+-").strip())

    def commit() -> None:
        span = f"{st.session_state[f'{key}:number']}{st.session_state[f'{key}:unit']}"
        keep(span_value(span, before=st.session_state[f"{key}:side"] == "before", days=target.kind == "date"))

    units = [unit for unit in UNITS if target.kind != "date" or unit not in ("min", "h")]
    units = units if unit in units else [*units, unit]
    common: dict[str, Any] = {"on_change": commit, "label_visibility": "collapsed"}
    st.number_input(
        "Number", min_value=0, max_value=9999, value=number, key=f"{key}:number", width=104, **common
    )
    st.selectbox("Unit", units, index=units.index(unit), format_func=UNITS.__getitem__, key=f"{key}:unit", width=112,
                 **common)  # fmt: skip
    sides = {"after": "after the event", "before": "before the event"}
    st.selectbox("Side", list(sides), index=int(before), format_func=sides.__getitem__, key=f"{key}:side", width=150,
                 **common)  # fmt: skip


def span_value(span: str, *, before: bool, days: bool) -> dict[str, str]:
    """A length of time after or before the event, as a flow writes it."""
    if days:
        return {"today": f"{'-' if before else '+'}{span}"}
    return {"now": f"-{span}"} if before else {"in": span}


def _draw_change(desk: Desk, target: Target, value: Any, module: str, key: str, keep: Keep) -> None:
    now = desk.now
    options = {one.value: one.text for one in getattr(target.field, "options", ()) or ()}
    if target.slug == "tags":
        options = {
            tag: tag for tag in facets.read_tags(now.lake, now.catalog, module=module, actor=now.actor)
        }
    elif target.slug == "workers":
        options = dict(desk.context.users)

    def commit() -> None:
        both = {part: st.session_state[f"{key}:{part}"] for part in ("add", "remove")}
        keep({part: members for part, members in both.items() if members} or {"add": []})

    for part, placeholder in (("add", "Gets …"), ("remove", "Loses …")):
        given = list(value.get(part) or ()) if isinstance(value, Mapping) else []
        st.multiselect(
            part, [*options, *(one for one in given if one not in options)], default=given, key=f"{key}:{part}",
            on_change=commit, format_func=lambda one: options.get(one, str(one)), label_visibility="collapsed",
            accept_new_options=target.slug == "tags", placeholder=placeholder,
        )  # fmt: skip


def _draw_fixed(desk: Desk, target: Target, value: Any, module: str, key: str, keep: Keep) -> None:
    if target.reference is not None:
        pick_linked(desk.now, target.reference.targets, value, key=key, on_pick=keep)
        return
    if target.field is None:
        _draw_text(desk, target, value, module, key, keep)
        return
    if target.slug in ("tags", "workers"):
        with st.container():
            _draw_list(desk, target, value, key, keep)
        return
    with st.container():
        edit_field(target.field, _typed(target.field, value), key=key, on_commit=lambda new: keep(plain(new)),
                   context=desk.context, label=" ")  # fmt: skip


def _draw_list(desk: Desk, target: Target, value: Any, key: str, keep: Keep) -> None:
    known = dict(desk.context.users) if target.slug == "workers" else {}
    given = [str(one) for one in value or ()]
    st.multiselect(target.label, [*known, *(one for one in given if one not in known)], default=given, key=key,
                   format_func=lambda one: known.get(one, one), accept_new_options=target.slug == "tags",
                   label_visibility="collapsed", on_change=lambda: keep(list(st.session_state[key])))  # fmt: skip


def _draw_nothing(desk: Desk, target: Target, value: Any, module: str, key: str, keep: Keep) -> None:
    st.html('<div class="m-value"></div>')


def _typed(field: Field, value: Any) -> Any:
    """A value of a document in the shape of a record, for the widget of its kind."""
    if value in (None, ""):
        return None
    if field.kind == "money" and not isinstance(value, Mapping):
        return {"amount": Decimal(str(value)), "currency": None}
    if field.kind == "date":
        return date.fromisoformat(str(value)[:10])
    if field.kind == "datetime" and not isinstance(value, datetime):
        return datetime.fromisoformat(str(value))
    return value


def plain(value: Any) -> Any:
    """A value of a record as a document has it: texts, numbers, lists and objects."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case date() | UUID():
            return value.isoformat() if isinstance(value, date) else str(value)
        case Mapping():
            return {name: plain(part) for name, part in value.items() if part is not None}
        case list() | tuple():
            return [plain(part) for part in value]
    return value


def _path(value: str) -> str:
    try:
        return single_path(value) or ""
    except TemplateInvalid:
        return ""


_DRAW: Mapping[str, Callable[[Desk, Target, Any, str, str, Keep], None]] = {
    "text": _draw_text, "copy": _draw_copy, "span": _draw_span, "change": _draw_change, "fixed": _draw_fixed,
    "nothing": _draw_nothing,
}  # fmt: skip
