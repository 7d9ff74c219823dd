"""What sections share where one acts: a button that opens a short form, and changes by a click on a word.

    offer(spot, Form("add", "Add a task", "tasks", (Ask("title"), Ask("due")), partial(create, spot, "tasks")))
    word("Done", "done", task_id)                    # heard by the section's `clicked`, which calls `change`

Nothing is offered where a spot is locked, and nothing is written either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from crm_core import records
from crm_core.figures import Figure
from crm_core.figures.reading import Asked, Row
from crm_core.model import Module
from crm_core.uploads import in_words
from pages._ui import feedback, html, words
from pages._ui.components import Click
from pages._ui.sections import asking
from pages._ui.sections.asking import Ask, Form, Values
from pages._ui.sections.base import Spot
from pages._ui.surroundings import field_context

__all__ = [
    "Ask", "Form", "Values", "asked", "belonging", "change", "create", "module_of", "moved", "next_statuses", "offer",
    "question", "strip", "told", "users", "word",
]  # fmt: skip
TONES = {"red": "bad", "orange": "bad", "green": "good", "bad": "bad", "good": "good"}
"""A figure's tone → that of a strip."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


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
                on_click=asking.toggle, args=(spot, form),
            )  # fmt: skip
        if beside is not None:
            beside()
    for form in forms:
        if asking.is_open(spot, form):
            asking.draw(spot, form, belonging(spot, form.module))


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


def moved(module: str) -> Callable[[Spot, Click], bool]:
    """What a section does when a record of a module is to have another status: `word(label, "move", id, status)`."""

    def clicked(spot: Spot, click: Click) -> bool:
        if click.verb != "move" or len(click.values) != 2:
            return False
        record_id, status = click.values
        change(spot, module, record_id, {"status": status}, done="Moved")
        return True

    return clicked
