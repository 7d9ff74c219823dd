"""What sections share where one acts: a button that opens a short form, and changes by a click on a word.

    offer(spot, Form("add", "Add a task", "tasks", (Ask("title"), Ask("due")), partial(create, spot, "tasks")))
    word("Done", "done", task_id)                    # heard by the section's `clicked`, which calls `change`

Nothing is offered where a spot is locked, and nothing is written either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from crm_core import records
from crm_core.figures import Figure
from crm_core.figures.reading import Asked, Row
from crm_core.model import Module
from crm_core.overlapping import Overlap, read_overlaps
from crm_core.uploads import in_words
from pages._ui import calendar_words, feedback, html, words
from pages._ui.components import Click
from pages._ui.fields import edit_field, entered
from pages._ui.sections.base import Spot
from pages._ui.surroundings import field_context

TONES = {"red": "bad", "orange": "bad", "green": "good", "bad": "bad", "good": "good"}
"""A figure's tone → that of a strip."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_OPEN, _TIMES, _TAKEN = "form", "forms", "taken"
Values = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """One value that a form asks for: a field of the form's module, or a choice among some."""

    slug: str
    value: Any = None
    choices: Mapping[str, str] | None = None
    label: str = ""


@dataclass(frozen=True)
class Form:
    """A short form behind a button; `save` gets what was given, and its answer is not None."""

    name: str
    button: str
    module: str
    asks: Sequence[Ask]
    save: Callable[[Values], object]
    done: str = "Saved"
    icon: str = "add"


def asked(spot: Spot) -> Asked:
    """What the rows below the figures are asked with."""
    return Asked(**question(spot))


def question(spot: Spot) -> dict[str, Any]:
    """What a figure's `read` is asked with."""
    return {
        "lake": spot.here.lake, "catalog": spot.here.catalog, "module": spot.module, "record_id": spot.record_id,
        "actor": spot.here.actor, "at": spot.at, "now": spot.then,
    }  # fmt: skip


def strip(figures: Sequence[Figure]) -> html.Html:
    """Figures side by side."""
    return html.kpi_strip([html.Kpi(one.label, told(one), tone=TONES.get(one.tone, "")) for one in figures])


def told(figure: Figure) -> str:
    """A figure's value as people read it."""
    if figure.unit == "min" and isinstance(figure.value, int):
        return words.span(figure.value)
    if figure.unit == "B" and isinstance(figure.value, int):
        return in_words(figure.value)
    if isinstance(figure.value, str):
        text = words.day(figure.value) if _DAY.fullmatch(figure.value) else figure.value
    elif figure.currency:
        text = words.money(figure.value, figure.currency)
    else:
        text = words.number(figure.value)
    return f"{text} {figure.unit}".strip()


def offer(spot: Spot, *forms: Form, beside: Callable[[], None] | None = None) -> None:
    """Draw a button for each form, further ones beside them, and the form that is open below."""
    if spot.locked or not (forms or beside):
        return
    with st.container(horizontal=True, gap="small", key="section_actions"):
        for form in forms:
            st.button(
                form.button, key=spot.key(f"ask:{form.name}"), icon=f":material/{form.icon}:",
                on_click=_open, args=(spot, form.name),
            )  # fmt: skip
        if beside is not None:
            beside()
    for form in forms:
        if spot.state.within.get(_OPEN) == form.name:
            _draw(spot, form)


def create(spot: Spot, module: str, values: Values) -> object:
    """Make a record that belongs to the spot's."""
    given = {**belonging(spot, module), **values}
    return records.create(spot.here.lake, module=module, values=given, actor=spot.here.actor, door="browser")


def change(spot: Spot, module: str, record_id: str, values: Values, *, done: str = "Saved") -> bool:
    """Change a record, unless the spot is locked; says so, or why not."""
    if spot.locked:
        return False
    saved = feedback.run(
        lambda: records.update(
            spot.here.lake, module=module, record_id=record_id, values=values, actor=spot.here.actor, door="browser"
        ),
        done=done,
    )  # fmt: skip
    return saved is not None


def belonging(spot: Spot, module: str) -> Values:
    """The reference by which a new record of a module belongs to the spot's; a plain one before one of several."""
    references = sorted(spot.here.catalog.references(module), key=lambda one: one.polymorphic)
    for one in references:
        if spot.module in one.targets:
            target = {"module": spot.module, "id": spot.record_id}
            return {one.slug: target if one.polymorphic else spot.record_id}
    return {}


def module_of(spot: Spot, slug: str) -> Module | None:
    """A module, where the definitions have it."""
    return spot.here.catalog.modules.get(slug)


def next_statuses(module: Module, row: Row) -> list[tuple[str, str]]:
    """The status after a record's own, and the good end of its folder: slug and name."""
    folder = module.folder(row["folder"] or "") or module.default_folder
    slugs = [status.slug for status in folder.statuses]
    here = slugs.index(row["status"]) if row["status"] in slugs else -1
    if here >= 0 and folder.statuses[here].end:
        return []
    end = next((status for status in folder.statuses if status.end), None)
    after = folder.statuses[here + 1] if here + 1 < len(slugs) else None
    found = [status for status in (after, end) if status is not None]
    return list(dict.fromkeys((status.slug, status.name) for status in found))


def users(spot: Spot) -> Mapping[str, str]:
    """Active users by slug."""
    return field_context(spot.here).users


def word(label: str, verb: str, *values: str) -> html.Html:
    """A word in a row that does something with its record."""
    return html.Html('<span class="m-do">{}</span>').format(html.link(label, click=html.click(verb, *values)))


def _open(spot: Spot, name: str) -> None:
    within = spot.state.within
    within[_OPEN] = None if within.get(_OPEN) == name else name
    within[_TIMES] = within.get(_TIMES, 0) + 1
    within.pop(_TAKEN, None)
    feedback.forget(_form_name(spot, name))


def _form_name(spot: Spot, name: str) -> str:
    return spot.key(name)


def _key(spot: Spot, form: Form, ask: Ask) -> str:
    return spot.key(f"{form.name}:{spot.state.within.get(_TIMES, 0)}:{ask.slug}")


def _draw(spot: Spot, form: Form) -> None:
    context = field_context(spot.here)
    wrong = feedback.problems(_form_name(spot, form.name))
    module = spot.here.catalog.module(form.module)
    with st.form(_form_name(spot, form.name)):
        if taken := spot.state.within.get(_TAKEN):
            st.html(calendar_words.told_overlaps(spot.here, taken, head="At the same time there is already:"))
        for ask in form.asks:
            key, field = _key(spot, form, ask), module.field(ask.slug)
            if ask.choices is not None:
                _choose(ask, key)
            elif field is not None:
                value = ask.value if ask.value is not None else field.default
                edit_field(
                    field, value, key=key, context=context, label=ask.label or None,
                    problem=wrong.get(ask.slug, ""),
                )  # fmt: skip
        with st.container(horizontal=True):
            st.form_submit_button("Save", type="primary", key=spot.key(f"save:{form.name}"),
                                  on_click=_save, args=(spot, form))  # fmt: skip
            st.form_submit_button("Cancel", type="tertiary", key=spot.key(f"cancel:{form.name}"),
                                  on_click=_open, args=(spot, form.name))  # fmt: skip


def _choose(ask: Ask, key: str) -> None:
    choices = dict(ask.choices or {})
    st.session_state.setdefault(key, ask.value if ask.value in choices else None)
    st.selectbox(
        ask.label, list(choices), index=None, format_func=lambda one: choices.get(one, str(one)), key=key,
        placeholder="Choose …",
    )  # fmt: skip


def _save(spot: Spot, form: Form) -> None:
    if spot.locked:
        return
    context, module = field_context(spot.here), spot.here.catalog.module(form.module)
    given: Values = {}
    for ask in form.asks:
        key, field = _key(spot, form, ask), module.field(ask.slug)
        if ask.choices is not None:
            given[ask.slug] = st.session_state.get(key)
        elif field is not None:
            given[ask.slug] = entered(field, None, key=key, context=context)
    values = {slug: value for slug, value in given.items() if value not in (None, "", [], {})}
    made = feedback.submit(lambda: form.save(values), form=_form_name(spot, form.name), done=form.done)
    if made is not None:
        _open(spot, form.name)
    else:
        spot.state.within[_TAKEN] = _in_the_way(spot, form.module, values)


def _in_the_way(spot: Spot, module: str, values: Values) -> tuple[Overlap, ...]:
    """The records that take the time which was refused."""
    here = spot.here
    if "owner" not in values:
        values = {**values, "owner": here.actor.user}
    found = read_overlaps(here.lake, here.catalog, module=module, record=values, actor=here.actor)
    return tuple(one for one in found if one.refused)


def moved(module: str) -> Callable[[Spot, Click], bool]:
    """What a section does when a record of a module is to have another status: `word(label, "move", id, status)`."""

    def clicked(spot: Spot, click: Click) -> bool:
        if click.verb != "move" or len(click.values) != 2:
            return False
        record_id, status = click.values
        change(spot, module, record_id, {"status": status}, done="Moved")
        return True

    return clicked
