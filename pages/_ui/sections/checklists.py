"""Checklists: steps that are ticked off, and new lists from a template."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from crm_core import records
from crm_core.checklists import start_checklist
from crm_core.figures import checklists as figure
from crm_core.figures import rows
from crm_core.figures.reading import Row
from pages._ui import html, words
from pages._ui.components import Click
from pages._ui.sections.acting import (
    Ask,
    Form,
    Values,
    asked,
    belonging,
    change,
    module_of,
    offer,
    question,
    strip,
    users,
    word,
)
from pages._ui.sections.base import ProfileSection, Spot

MODULE, TEMPLATES = "checklists", "checklist_templates"


def draw(spot: Spot) -> None:
    """Draw how far the lists are, the form, and each list with its steps."""
    st.html(strip(figure.read(**question(spot)).figure))
    steps = rows.steps(asked(spot))
    offer(spot, *_form(spot))
    cards = [
        _list(spot, one, [row for row in steps if row["checklist"] == one["id"]])
        for one in rows.checklists(asked(spot))
    ]
    none = html.card("Checklists", html.Html('<div class="m-none">No checklists yet.</div>'))
    st.html(html.stack(cards or [none]))


def _form(spot: Spot) -> tuple[Form, ...]:
    """A list begins with a template where there are some; its steps can also be written down."""
    if spot.locked or module_of(spot, rows.STEPS) is None:
        return ()
    templates: dict[str, str] = {}
    if module_of(spot, TEMPLATES) is not None:
        page = records.read_page(
            spot.here.lake, spot.here.catalog, module=TEMPLATES, actor=spot.here.actor, limit=100
        )
        templates = {row["id"]: row["name"] for row in page.items if row.get("module") in (None, spot.module)}
    from_one = (Ask("template", next(iter(templates), None), templates, "Template"),) if templates else ()
    told = "Title (that of the template, if empty)" if templates else ""
    asks = (*from_one, Ask("title", label=told, optional=bool(templates)))
    return (Form("start", "Start a checklist", MODULE, asks, partial(_start, spot),
                 "Checklist started", "playlist_add_check"),)  # fmt: skip


def _start(spot: Spot, values: Values) -> object:
    """Make the list, and its steps by the lines of the template."""
    given = {**belonging(spot, MODULE), **values}
    return start_checklist(
        spot.here.lake, spot.here.catalog, values=given, actor=spot.here.actor, door="browser"
    )


def _list(spot: Spot, one: Row, steps: list[Row]) -> html.Html:
    done = sum(bool(step["done"]) for step in steps)
    people = users(spot)

    def cells(step: Row) -> list[html.Text]:
        tick = word("Undo", "untick", step["id"]) if step["done"] else word("Done", "tick", step["id"])
        when = words.ago(step["done_at"], zone=spot.here.zone) if step["done_at"] else ""
        who = people.get(step["done_by"], step["done_by"] or "")
        told = " · ".join(part for part in (who, when) if part)
        mark = html.icon(
            "check_circle" if step["done"] else "radio_button_unchecked",
            color="green" if step["done"] else "gray",
        )
        return [
            html.join([mark, html.Html("&nbsp;"), step["title"] or ""]),
            told,
            "" if spot.locked else tick,
        ]

    needed: html.Text = ""
    if one["required_for"]:
        needed = html.badge(f"Needed for {words.readable(one['required_for'])}", color="orange")
    bar = html.bar(done / len(steps)) if steps else html.Html("")
    title = html.link(one["title"] or "Checklist", click=html.click("open", MODULE, one["id"]))
    return html.table_card(
        title, ["Step", "Done by", ""], [html.Row(cells(step)) for step in steps], count=f"{done} of {len(steps)}",
        right=html.join([needed, " ", bar]), empty="No steps yet.",
    )  # fmt: skip


def clicked(spot: Spot, click: Click) -> bool:
    """Tick a step off, or take that back."""
    if click.verb not in ("tick", "untick") or len(click.values) != 1:
        return False
    module, done = module_of(spot, rows.STEPS), click.verb == "tick"
    if module is not None:
        values: Values = {"done": done}
        if module.field("done_at") is not None:
            values["done_at"] = datetime.now(UTC) if done else None
        if module.field("done_by") is not None and spot.here.actor.user in users(spot):
            values["done_by"] = spot.here.actor.user if done else None
        change(spot, rows.STEPS, click.values[0], values, done="Done" if done else "Open again")
    return True


SECTION = ProfileSection("checklists", draw, clicked)
