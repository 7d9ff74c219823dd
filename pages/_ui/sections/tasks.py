"""Tasks: open ones by due date, ticked off where they stand."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from crm_core.figures import rows
from crm_core.figures import tasks as figure
from crm_core.figures.reading import Row
from pages._ui import html, words
from pages._ui.components import Click
from pages._ui.record_words import status_badge
from pages._ui.sections.acting import (
    Ask,
    Form,
    asked,
    change,
    create,
    module_of,
    offer,
    question,
    strip,
    users,
    word,
)
from pages._ui.sections.base import ProfileSection, Spot

MODULE = "tasks"


def draw(spot: Spot) -> None:
    """Draw the buckets, the form, and the tasks."""
    st.html(strip(figure.read(**question(spot)).figure))
    me = spot.here.actor.user
    people = users(spot)
    offer(
        spot,
        Form(
            "add", "Add a task", MODULE,
            (Ask("title"), Ask("due"), Ask("owner", me if me in people else None, people, "Owner")),
            partial(create, spot, MODULE), "Task added", "add_task",
        ),
    )  # fmt: skip
    closed = _closed(spot)
    listed = rows.tasks(asked(spot))
    open_ = [row for row in listed if row["status"] not in closed]
    done = [row for row in listed if row["status"] in closed]
    st.html(
        html.stack([
            _table(spot, "Open", open_, "Nothing to do.", words.number(len(open_))),
            *([_table(spot, "Closed", done, "", words.number(len(done)))] if done else []),
        ])
    )  # fmt: skip


def _closed(spot: Spot) -> set[str]:
    module = spot.here.catalog.module(MODULE)
    return {slug for folder in module.folders for slug in folder.end_statuses}


def _table(spot: Spot, title: str, tasks: list[Row], empty: str, count: str) -> html.Html:
    module, people, now = spot.here.catalog.module(MODULE), users(spot), spot.then or datetime.now(UTC)
    closed = _closed(spot)

    def cells(row: Row) -> list[html.Text]:
        late = row["due"] is not None and row["due"] < now and row["status"] not in closed
        due = words.brief(row["due"], zone=spot.here.zone) if row["due"] else html.missing()
        label, verb = ("Reopen", "reopen") if row["status"] in closed else ("Done", "done")
        return [
            html.titled(row["title"] or "Without a name", people.get(row["owner"], row["owner"] or "")),
            html.badge(due, color="red") if late else due,
            status_badge(module, row["folder"], row["status"]),
            "" if spot.locked else word(label, verb, row["id"]),
        ]

    listed = [html.Row(cells(row), html.click("open", MODULE, row["id"])) for row in tasks]
    return html.table_card(title, ["Task", "Due", "Status", ""], listed, count=count, empty=empty)


def clicked(spot: Spot, click: Click) -> bool:
    """Tick a task off, or open it again."""
    module = module_of(spot, MODULE)
    if module is None or click.verb not in ("done", "reopen") or len(click.values) != 1:
        return False
    statuses = module.default_folder.statuses
    done = click.verb == "done"
    status = next((s.slug for s in statuses if (s.end if done else s.start)), None)
    if status is not None:
        values: dict[str, object] = {"status": status}
        if module.field("done_at") is not None:
            values["done_at"] = datetime.now(UTC) if done else None
        change(spot, MODULE, click.values[0], values, done="Done" if done else "Open again")
    return True


SECTION = ProfileSection("tasks", draw, clicked)
