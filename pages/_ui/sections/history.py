"""History: every change of the record's fields, old and new side by side, with who, why and from where; undone here."""

from __future__ import annotations

from functools import partial

import streamlit as st

from crm_core.figures.history import BEGAN, FieldChange, RecordChange, RecordHistory, read
from crm_core.taking_back import UndoResult
from crm_core.timeline import CHANGES, Entry
from crm_core.undo import DOOR, undo_change
from flows.active import active_flows
from flows.run_history import flows_of
from pages._ui import feedback, html, nav, words
from pages._ui.changes import label_of, show_value, titles_of_changes
from pages._ui.components import Click
from pages._ui.sections.acting import question, strip, users, word
from pages._ui.sections.base import ProfileSection, Spot
from pages._ui.surroundings import field_context

NOTHING = "No field has been changed since the record was made."
NOT_FOUND = "No such change."
PAGE = 30
_SHOWN, _UNDOING = "shown", "undoing"
_FIELDS_OF_NEW = 6
"""So many fields of a new record are told; it has all of them."""


def draw(spot: Spot) -> None:
    """Draw the figures, the choices, and the changes."""
    field, person = (str(st.session_state.get(spot.key(name)) or "") for name in ("field", "person"))
    shown = spot.state.within.get(_SHOWN, PAGE)
    found = read(**question(spot), field=field, person=person, limit=shown)
    st.html(strip(found.figure))
    _choices(spot, found)
    undoing = spot.state.within.get(_UNDOING)
    if undoing and not spot.locked:
        _ask_why(spot, undoing)
    st.html(_table(spot, found, empty=NOT_FOUND if field or person else NOTHING))
    if found.total > len(found.changes):
        st.button("Show older", key=spot.key("older"), on_click=_older, args=(spot,))


def _choices(spot: Spot, found: RecordHistory) -> None:
    fields = {one: label_of(spot.here.catalog, spot.seen.module, one) for one in found.fields}
    people = {one: _who(spot, one) for one in found.people}
    with st.container(horizontal=True, gap="small", key="section_actions"):
        for name, label, options in (("field", "Any field", fields), ("person", "Anybody", people)):
            if len(options) > 1:
                st.selectbox(
                    label, list(options), index=None, key=spot.key(name), format_func=options.__getitem__,
                    placeholder=label, label_visibility="collapsed", width=220,
                )  # fmt: skip


def _table(spot: Spot, found: RecordHistory, *, empty: str) -> html.Html:
    runs = flows_of(spot.here.lake, [one.flow_run_id for one in found.changes if one.flow_run_id])
    named = titles_of_changes(spot.here, spot.seen.module, [_entry(one) for one in found.changes])
    rows = [row for one in found.changes for row in _rows(spot, one, runs, named)]
    return html.table_card(
        "History",
        ["When", "Field", "Before", "After", ""],
        rows,
        count=words.number(found.total),
        empty=empty,
    )


def _entry(change: RecordChange) -> Entry:
    fields = tuple({"field": one.field, "old": one.old, "new": one.new} for one in change.fields)
    return Entry(CHANGES, str(change.snapshot), change.occurred_at, "", fields=fields)


def _rows(spot: Spot, change: RecordChange, runs: dict[str, str], named: dict[str, str]) -> list[html.Row]:
    """A row for each field; the first says when, who and why."""
    told = [one for one in change.fields if not one.field.endswith("__module")]
    most = _FIELDS_OF_NEW if change.kind == BEGAN else len(told)
    when = words.brief(change.occurred_at, zone=spot.here.zone)
    who = html.join([_who(spot, change.actor), *_whence(spot, change, runs)], between=" · ")
    first = html.titled(when, who)
    rows = []
    for place, one in enumerate(told[:most]):
        last = _undo_word(spot, change) if place == 0 else ""
        rows.append(html.Row([first if place == 0 else html.Html(""), *_cells(spot, one, named), last]))
    if len(told) > most:
        rows.append(html.Row([html.Html(""), html.missing(f"and {len(told) - most} more"), "", "", ""]))
    return rows


def _cells(spot: Spot, one: FieldChange, named: dict[str, str]) -> list[html.Text]:
    catalog, module, context = spot.here.catalog, spot.seen.module, field_context(spot.here)
    label = label_of(catalog, module, one.field)
    values = [
        _in_one_line(spot, one.field, side) or show_value(catalog, module, one.field, side, context, named)
        for side in (one.old, one.new)
    ]
    return [html.Html('<div class="m-side-by-side">{}</div>').format(one) for one in (label, *values)]


def _in_one_line(spot: Spot, name: str, given: object) -> str:
    """A moment in little room, beside the other one; nothing for any other value."""
    field = spot.seen.module.field(name)
    return words.brief(given, zone=spot.here.zone) if given and field and field.kind == "datetime" else ""


def _whence(spot: Spot, change: RecordChange, runs: dict[str, str]) -> list[html.Text]:
    """From which load or flow, or why, as far as the reader can go there."""
    found: list[html.Text] = []
    if change.load_id:
        label = "From a load"
        opens = spot.here.actor.role != "viewer"
        found.append(html.link(label, click=html.click("load", change.load_id)) if opens else label)
    if change.flow_run_id:
        flow = runs.get(change.flow_run_id, "")
        titles = {one.slug: one.definition.title for one in active_flows(spot.here.catalog)}
        label = f"Flow {titles.get(flow, words.readable(flow))}".strip()
        opens = spot.here.actor.role == "admin" and bool(flow)
        found.append(html.link(label, click=html.click("run", flow, change.flow_run_id)) if opens else label)
    if change.reason and not change.load_id and not change.flow_run_id:
        found.append(change.reason)
    return found


def _who(spot: Spot, actor: str) -> str:
    known = words.readable(actor) if not actor.startswith("flow:") else "A flow"
    return users(spot).get(actor, known)


def _undo_word(spot: Spot, change: RecordChange) -> html.Text:
    """Offered to whoever made the change, and to administrators; a load is undone as a whole."""
    actor = spot.here.actor
    mine = actor.sees_all or change.actor == actor.user
    if spot.locked or change.id is None or change.load_id or change.kind == BEGAN or not mine:
        return html.badge("Undo") if change.door == DOOR else ""
    return word("Undo", "undo", change.id)


def _ask_why(spot: Spot, change_id: str) -> None:
    with st.form(spot.key("why"), clear_on_submit=True):
        st.html(
            html.Html('<div class="m-sub">{}</div>').format(
                "All that this change did is taken back, in other records too; what was changed since stays."
            )
        )
        key = spot.key(f"reason:{change_id}")
        st.text_input("Why", key=key, placeholder="For the history")
        with st.container(horizontal=True):
            st.form_submit_button(
                "Undo it", type="primary", key=spot.key("undo"), on_click=_undo, args=(spot, change_id, key)
            )
            st.form_submit_button(
                "Cancel",
                type="tertiary",
                key=spot.key("keep"),
                on_click=spot.state.within.pop,
                args=(_UNDOING, None),
            )


def _undo(spot: Spot, change_id: str, key: str) -> None:
    spot.state.within.pop(_UNDOING, None)
    if not spot.locked:
        reason = str(st.session_state.get(key) or "")
        undo = partial(
            undo_change, spot.here.lake, change_id, actor=spot.here.actor, module=spot.module, reason=reason
        )
        feedback.run(undo, done=_undone)


def _undone(done: UndoResult) -> str:
    back = words.plural(done.restored + done.deleted, "record")
    stays = f"; {words.plural(len(done.conflicts), 'value')} changed since stayed" if done.conflicts else ""
    return f"Undone in {back}{stays}"


def _older(spot: Spot) -> None:
    spot.state.within[_SHOWN] = spot.state.within.get(_SHOWN, PAGE) + PAGE


def clicked(spot: Spot, click: Click) -> bool:
    """Ask why a change is undone, or go where it came from."""
    match click.verb, click.values:
        case "undo", (change_id,):
            spot.state.within[_UNDOING] = change_id
        case "load", (load_id,):
            nav.go(nav.LOAD, load=load_id)
        case "run", (flow, run_id):
            nav.go(nav.FLOWS, flow=flow, tab="runs", run=run_id)
        case _:
            return False
    return True


SECTION = ProfileSection("history", draw, clicked)
