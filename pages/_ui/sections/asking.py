"""A short form at the top of a section: what it asks for, and what it asks for besides as one types.

    asking.draw(spot, form, belongs)

What the dependencies of the form's module say of its fields takes effect at once: fields come and go, are marked as
required, and offer fewer choices. Fields whose values decide that stand first, and only those draw the form again.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from crm_core.dependencies import FieldStates, as_begun, deciding, read_settled, revealed
from crm_core.model import Field, Module
from crm_core.overlapping import Overlap, read_overlaps
from pages._ui import calendar_words, feedback
from pages._ui.field_views import is_missing
from pages._ui.fields import FieldContext, edit_field, entered
from pages._ui.layout import redraw
from pages._ui.sections.base import Spot
from pages._ui.surroundings import field_context

Values = dict[str, Any]
_OPEN, _TIMES, _TAKEN = "form", "forms", "taken"
_OPENED = "asking:opened"
"""How many forms this person has opened: what stood in an earlier one, of whatever record, is never found again."""
_UNASKED = ("json", "file")
"""Kinds that a short form does not ask for by itself."""


@dataclass(frozen=True)
class Ask:
    """One value that a form asks for: a field of the form's module, or a choice among some.

    What is `optional` may be left out though its field is required: whoever saves knows what stands there then.
    """

    slug: str
    value: Any = None
    choices: Mapping[str, str] | None = None
    label: str = ""
    optional: bool = False


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
    given: Mapping[str, Any] = field(default_factory=dict)
    """What the record has, or will have, beside what is asked; dependencies go by it too."""


@dataclass(frozen=True)
class _Standing:
    """A form in one run: what it asks for, by what has been entered so far."""

    asks: tuple[Ask, ...]
    states: FieldStates
    context: FieldContext
    heard: frozenset[str] = frozenset()
    """The fields that decide about others: the page hears of them at once."""


def is_open(spot: Spot, form: Form) -> bool:
    """Whether the form is the one that is open."""
    return bool(spot.state.within.get(_OPEN) == form.name)


def toggle(spot: Spot, form: Form) -> None:
    """Open a form, empty, or close it."""
    within = spot.state.within
    within[_OPEN] = None if is_open(spot, form) else form.name
    within[_TIMES] = st.session_state[_OPENED] = st.session_state.get(_OPENED, 0) + 1
    within.pop(_TAKEN, None)
    feedback.forget(_name(spot, form))


def draw(spot: Spot, form: Form, belongs: Values) -> None:
    """Draw a form; where values decide about its fields it is drawn again by itself.

    Args:
        spot: where it stands.
        form: what it asks for.
        belongs: the reference of the new record to the spot's.
    """
    heard = deciding(spot.here.catalog.module(form.module)) & {ask.slug for ask in form.asks}

    def draw_form() -> None:
        _draw(spot, form, belongs, alone=bool(heard))

    if heard:
        st.fragment(draw_form)()
    else:
        draw_form()


def _draw(spot: Spot, form: Form, belongs: Values, *, alone: bool) -> None:
    standing = _standing(spot, form, belongs)
    heard = [ask for ask in standing.asks if ask.slug in standing.heard]
    with st.container(border=True):
        if taken := spot.state.within.get(_TAKEN):
            st.html(calendar_words.told_overlaps(spot.here, taken, head="At the same time there is already:"))
        for ask in heard:
            _ask(spot, form, standing, ask)
        with st.form(_name(spot, form), border=False):
            for ask in standing.asks:
                if ask not in heard:
                    _ask(spot, form, standing, ask)
            with st.container(horizontal=True):
                st.form_submit_button("Save", type="primary", key=spot.key(f"save:{form.name}"),
                                      on_click=_save, args=(spot, form, belongs, alone))  # fmt: skip
                st.form_submit_button("Cancel", type="tertiary", key=spot.key(f"cancel:{form.name}"),
                                      on_click=_close, args=(spot, form, alone))  # fmt: skip


def _ask(spot: Spot, form: Form, standing: _Standing, ask: Ask) -> None:
    key, found = _key(spot, form, ask, standing), spot.here.catalog.module(form.module).field(ask.slug)
    if ask.choices is not None:
        _choose(ask, key)
    elif found is not None:
        required = found.required or ask.slug in standing.states.required
        edit_field(
            found, _at_first(found, ask, standing.states), key=key, context=standing.context, label=ask.label or None,
            required=required and not ask.optional, live=ask.slug in standing.heard,
            problem=feedback.problems(_name(spot, form)).get(ask.slug, ""),
        )  # fmt: skip


def _choose(ask: Ask, key: str) -> None:
    choices = dict(ask.choices or {})
    st.session_state.setdefault(key, ask.value if ask.value in choices else None)
    st.selectbox(
        ask.label, list(choices), index=None, format_func=lambda one: choices.get(one, str(one)), key=key,
        placeholder="Choose …",
    )  # fmt: skip


def _standing(spot: Spot, form: Form, belongs: Values) -> _Standing:
    here, module = spot.here, spot.here.catalog.module(form.module)
    plain = _Standing(tuple(form.asks), FieldStates(), field_context(here))
    if not module.dependencies:
        return plain
    heard, begun = deciding(module), {**as_begun(module, form.given.get("folder")), **belongs, **form.given}
    asked = {slug: Ask(slug, begun.get(slug)) for slug in heard} | {ask.slug: ask for ask in form.asks}
    chosen = {slug: _entered(spot, form, asked[slug], plain) for slug in heard}
    states, dropped = read_settled(
        here.lake, here.catalog, module=module.slug, record=begun, chosen=chosen, actor=here.actor
    )
    for slug in dropped:
        st.session_state.pop(_key(spot, form, asked[slug], plain), None)
    asks = _asks(module, form, states)
    context = replace(plain.context, options={**plain.context.options, **states.options})
    return _Standing(asks, states, context, heard & {ask.slug for ask in asks})


def _asks(module: Module, form: Form, states: FieldStates) -> tuple[Ask, ...]:
    """What is asked for now: without what cannot be given, and with what those values bring or require."""
    locked, asked = states.hidden | states.read_only, {ask.slug for ask in form.asks}
    brought = revealed(module, asked) - asked - locked
    more = [
        Ask(one.slug) for one in module.fields
        if not one.read_only and one.slug not in asked | locked and is_missing(form.given.get(one.slug))
        and (one.slug in states.required or (one.slug in brought and one.kind not in _UNASKED))
    ]  # fmt: skip
    return (*(ask for ask in form.asks if ask.slug not in locked), *more)


def _at_first(found: Field, ask: Ask, states: FieldStates) -> Any:
    """What stands in a field at first: nothing of what cannot be chosen now."""
    value = ask.value if ask.value is not None else found.default
    return states.allowed(ask.slug, value)


def _entered(spot: Spot, form: Form, ask: Ask, standing: _Standing) -> Any:
    key, found = _key(spot, form, ask, standing), spot.here.catalog.module(form.module).field(ask.slug)
    if ask.choices is not None:
        return st.session_state.get(key, ask.value)
    if found is None:
        return ask.value
    return entered(found, _at_first(found, ask, standing.states), key=key, context=standing.context)


def _key(spot: Spot, form: Form, ask: Ask, standing: _Standing) -> str:
    """The key of a widget; one that is offered other choices than before begins anew."""
    name = f"{form.name}:{spot.state.within.get(_TIMES, 0)}"
    if ask.slug in standing.states.options and ask.slug not in standing.heard:
        values = "\n".join(option.value for option in standing.states.options[ask.slug])
        name += f":{zlib.crc32(values.encode())}"
    return spot.key(f"{name}:{ask.slug}")


def _name(spot: Spot, form: Form) -> str:
    return spot.key(form.name)


def _save(spot: Spot, form: Form, belongs: Values, alone: bool) -> None:
    if spot.locked:
        return
    standing = _standing(spot, form, belongs)
    given = {ask.slug: _entered(spot, form, ask, standing) for ask in standing.asks}
    values = {slug: value for slug, value in given.items() if not is_missing(value)}
    made = feedback.submit(lambda: form.save(values), form=_name(spot, form), done=form.done)
    if made is not None:
        _close(spot, form, alone)
    else:
        spot.state.within[_TAKEN] = _in_the_way(spot, form, {**belongs, **form.given, **values})


def _in_the_way(spot: Spot, form: Form, values: Values) -> tuple[Overlap, ...]:
    """The records that take the time which was refused."""
    here = spot.here
    record = {"owner": here.actor.user, **values}
    found = read_overlaps(here.lake, here.catalog, module=form.module, record=record, actor=here.actor)
    return tuple(one for one in found if one.refused)


def _close(spot: Spot, form: Form, alone: bool) -> None:
    toggle(spot, form)
    if alone:
        redraw("centre")
