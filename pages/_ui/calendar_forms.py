"""The form of a calendar: what shall be booked, or what stands there, to be changed without dragging anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from crm_core import calendars, records
from crm_core.calendar_feed import record_file
from crm_core.calendars import Source
from crm_core.dependencies import FieldStates, as_begun, read_settled
from crm_core.errors import RecordNotFound
from crm_core.model import Field, Module
from crm_core.overlapping import read_overlaps
from crm_core.query import read_record
from lake import new_id
from pages._ui import feedback, html, nav
from pages._ui.calendar_words import told_overlaps
from pages._ui.field_views import FieldContext, is_missing
from pages._ui.fields import edit_field, entered, show_field
from pages._ui.record_words import status_name
from pages._ui.reference import edit_reference
from pages._ui.session import Here
from pages._ui.span import choose_span
from pages._ui.surroundings import field_context

_ASKED = "calendar_asked"
BOOKED_IN = "appointments"
Values = dict[str, Any]
Saved = Callable[[str, str], None]


@dataclass
class Asked:
    """What the form is about: a span to be booked, or a record; `base` is the record as it was when it was opened."""

    module: str
    record_id: str = ""
    starts: datetime | None = None
    ends: datetime | None = None
    base: Values | None = None
    key: str = ""

    @property
    def form(self) -> str:
        """The name of the form, of its own each time it is opened."""
        return f"calendar_form:{self.key}"


def ask_new(within: dict[str, Any], starts: datetime, ends: datetime) -> None:
    """Open the form for a new appointment from one instant to another."""
    within[_ASKED] = Asked(BOOKED_IN, starts=starts, ends=ends, key=new_id())


def ask_change(within: dict[str, Any], module: str, record_id: str) -> None:
    """Open the form of a record."""
    within[_ASKED] = Asked(module, record_id, key=new_id())


def draw(
    now: Here, within: dict[str, Any], *, locked: bool, at: int | None, given: Mapping[str, Any], on_saved: Saved
) -> None:  # fmt: skip
    """Draw the form that is open, if any.

    Args:
        now: who looks.
        within: where it stands that a form is open.
        locked: whether nothing may be changed.
        at: the snapshot that is looked at.
        given: what a new record belongs to; nothing lets one choose.
        on_saved: told the module and the id of what was saved.
    """
    asked = within.get(_ASKED)
    if not isinstance(asked, Asked) or (source := calendars.source_of(now.catalog, asked.module)) is None:
        return
    if locked and not asked.record_id:
        return
    module = now.catalog.module(asked.module)

    def close() -> None:
        within.pop(_ASKED, None)

    @st.dialog(module.one if asked.record_id else f"New {module.one.lower()}", on_dismiss=close)
    def form() -> None:
        if asked.record_id and asked.base is None:
            asked.base = _read(now, asked, at)
        if asked.record_id and asked.base is None:
            st.html(html.note("This is gone, or not for you to see.", color="orange"))
            return
        if locked:
            st.html(_told(now, module, source, asked.base or {}))
        else:
            _edit(now, module, source, asked, given, close, on_saved)
        if asked.record_id and _ways_on(now, asked, at):
            close()
            nav.go(asked.module, asked.record_id)
            st.rerun()

    form()


def _ways_on(now: Here, asked: Asked, at: int | None) -> bool:
    """The record as a file, and the way to its own page; returns whether that was chosen."""
    with st.container(horizontal=True, gap="small"):
        chosen = st.button("Open", icon=":material/open_in_new:", key=f"{asked.form}:open")
        if at is None:
            st.download_button(
                "Calendar file", icon=":material/download:", key=f"{asked.form}:file", on_click="ignore",
                data=partial(_file, now, asked), file_name=f"{asked.record_id}.ics", mime="text/calendar",
            )  # fmt: skip
    return chosen


def _file(now: Here, asked: Asked) -> bytes:
    return record_file(now.lake, now.catalog, module=asked.module, record_id=asked.record_id, actor=now.actor)


def _read(now: Here, asked: Asked, at: int | None) -> Values | None:
    try:
        return read_record(
            now.lake, now.catalog, module=asked.module, record_id=asked.record_id, actor=now.actor, at=at
        )
    except RecordNotFound:
        return None


def _fields(module: Module, source: Source) -> list[Field]:
    slugs = (module.title, source.starts, source.ends, source.place)
    found = [module.field(slug) for slug in slugs if slug]
    return [field for field in found if field is not None and not field.read_only]


def _told(now: Here, module: Module, source: Source, record: Values) -> html.Html:
    context = field_context(now)
    rows: list[tuple[str, html.Text | None]] = [
        (field.name, show_field(field, record.get(field.slug), context)) for field in _fields(module, source)
    ]
    rows.append(("Status", status_name(module, record["folder"], record["status"])))
    rows.append(("Owner", context.users.get(record["owner"] or "", "–")))
    return html.kv_card(module.one, rows)


def _edit(
    now: Here, module: Module, source: Source, asked: Asked, given: Mapping[str, Any], close: Callable[[], None],
    on_saved: Saved,
) -> None:  # fmt: skip
    base = asked.base or {source.starts: asked.starts, source.ends: asked.ends, "owner": now.actor.user}
    context = field_context(now)
    fields, states = _asked_for(now, module, source, asked, {**base, **given}, context)
    context = replace(context, options={**context.options, **states.options})
    wrong = feedback.problems(asked.form)
    values: Values = {}
    for slug, field in fields.items():
        if slug == source.starts and source.ends in fields:
            values |= _span(now, source, asked, fields, base, wrong)
        elif slug not in values:
            values[slug] = edit_field(
                field, base.get(slug), key=f"{asked.form}:{slug}", context=context, problem=wrong.get(slug, ""),
                required=field.required or slug in states.required,
            )  # fmt: skip
    values["owner"] = _choose("Owner", context.users, base.get("owner"), f"{asked.form}:owner")
    if asked.record_id:
        folder = module.folder(base["folder"] or "") or module.default_folder
        names = {status.slug: status.name for status in folder.statuses}
        values["status"] = _choose("Status", names, base["status"], f"{asked.form}:status")
    elif not given:
        values |= _belonging(now, module, asked)
    _warn(now, module, {**base, **given, **values})
    if st.button("Save" if asked.record_id else "Book", type="primary", key=f"{asked.form}:save"):
        _save(now, source, asked, given, values, close, on_saved)


def _asked_for(
    now: Here, module: Module, source: Source, asked: Asked, base: Values, context: FieldContext
) -> tuple[dict[str, Field], FieldStates]:
    """The fields of the form, with what the values so far require, without what they hide or lock."""
    begun = base if asked.record_id else {**as_begun(module), **base}

    def key(name: str) -> str:
        return f"{asked.form}:{name}"

    chosen = {name: st.session_state.get(key(name), begun.get(name)) for name in ("status", "owner")}
    chosen |= {
        one.slug: entered(one, begun.get(one.slug), key=key(one.slug), context=context)
        for one in module.fields
    }
    states, dropped = read_settled(
        now.lake, now.catalog, module=module.slug, record=begun, chosen=chosen, actor=now.actor
    )
    for name in dropped:
        st.session_state.pop(key(name), None)
    own = _fields(module, source)
    needed: list[Field] = [
        f for f in module.fields if f.slug in states.required and is_missing(base.get(f.slug))
    ]
    locked = states.hidden | states.read_only
    asks = [one for one in (*own, *needed) if not one.read_only and one.slug not in locked]
    return {one.slug: one for one in asks}, states


def _span(
    now: Here,
    source: Source,
    asked: Asked,
    fields: Mapping[str, Field],
    base: Values,
    wrong: Mapping[str, str],
) -> Values:
    edges = (source.starts, source.ends)
    chosen = choose_span(
        base.get(source.starts), base.get(source.ends), zone=now.zone, key=f"{asked.form}:span",
        labels=(_label(fields[source.starts]), _label(fields[source.ends])),
        problem=" ".join(wrong[edge] for edge in edges if edge in wrong),
    )  # fmt: skip
    return dict(zip(edges, chosen, strict=True))


def _label(field: Field) -> str:
    return f"{field.name} *" if field.required else field.name


def _choose(label: str, names: Mapping[str, str], chosen: Any, key: str) -> str | None:
    known = list(names)
    index = known.index(chosen) if chosen in known else None
    return st.selectbox(
        label, known, index=index, format_func=lambda one: names[one], key=key, placeholder="Nobody"
    )


def _belonging(now: Here, module: Module, asked: Asked) -> Values:
    """Whom an appointment is with, where one may choose."""
    reference = next((one for one in now.catalog.references(module.slug) if not one.polymorphic), None)
    if reference is None:
        return {}
    key = f"{asked.form}:{reference.slug}"
    return {reference.slug: edit_reference(now, reference, None, titles={}, key=key)}


def _warn(now: Here, module: Module, record: Values) -> None:
    if not module.exclusive or not any(
        isinstance(record.get(rule.start), datetime) for rule in module.exclusive
    ):
        return
    found = read_overlaps(now.lake, now.catalog, module=module.slug, record=record, actor=now.actor)
    if found:
        st.html(told_overlaps(now, found))


def _save(
    now: Here, source: Source, asked: Asked, given: Mapping[str, Any], values: Values, close: Callable[[], None],
    on_saved: Saved,
) -> None:  # fmt: skip
    starts, ends = values.get(source.starts), values.get(source.ends)
    if isinstance(starts, datetime) and isinstance(ends, datetime) and ends < starts:
        feedback.refuse(asked.form, {source.ends: "It would end before it begins. Choose a later end."})
        st.rerun(scope="fragment")
    base = asked.base

    def write() -> str:
        if base is None:
            filled = {slug: value for slug, value in values.items() if value not in (None, "")}
            made = records.create(
                now.lake, module=asked.module, values={**given, **filled}, actor=now.actor, door="browser"
            )
            return made.id
        changed = {slug: value for slug, value in values.items() if value != base.get(slug)}
        records.update(
            now.lake, module=asked.module, record_id=asked.record_id, values=changed, actor=now.actor, door="browser",
            base_version=base["version"],
        )  # fmt: skip
        return asked.record_id

    saved = feedback.submit(write, form=asked.form, done="Booked" if base is None else "Saved")
    if saved is None:
        st.rerun(scope="fragment")
    close()
    on_saved(asked.module, saved)
    st.rerun()
