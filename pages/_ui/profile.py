"""A record on the page: its related records, timeline and ways to reach it. The same for every module.

The read-only parts are one `st.html` each; widgets stand only where a person acts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from crm_core.model import Module
from crm_core.profile import Head
from crm_core.related import RelatedList, list_columns, read_related
from crm_core.timeline import CHANGES, Entry, read_timeline
from pages._ui import html, words
from pages._ui.changes import tell_changes
from pages._ui.field_views import from_columns, is_missing
from pages._ui.fields import show_columns
from pages._ui.linked import table_link
from pages._ui.record_words import status_badge
from pages._ui.session import Here
from pages._ui.surroundings import field_context


def related_card(here: Here, related: RelatedList, *, locked: bool = False) -> html.Html:
    """The newest records of one link as a table, each row a link to its record."""
    module = here.catalog.module(related.link.module)
    context = field_context(here)
    asked = [module.field(slug) for slug in list_columns(module)]
    # A column in which nothing stands takes room from those that tell something.
    known = [
        field
        for field in asked
        if field is not None and any(not is_missing(from_columns(field, row.values)) for row in related.rows)
    ]
    stands = any(row.status for row in related.rows)
    rows = [
        html.Row(
            [
                row.title,
                *([status_badge(module, None, row.status)] if stands else []),
                *[show_columns(field, row.values, context) for field in known],
            ],
            click=html.click("open", module.slug, row.id),
        )
        for row in related.rows
    ]
    first = 2 if stands else 1
    numbers = [i + first for i, field in enumerate(known) if field.kind in ("money", "integer", "decimal")]
    shown, total = len(related.rows), related.total
    more = f"{shown} of {words.number(total)}: open all in the table" if total > shown else ""
    add = html.link("+ Add", click=html.click("add", module.slug, related.link.slug))
    card = html.table_card(
        related.link.label,
        [module.one, *(["Status"] if stands else []), *[field.name for field in known]],
        rows,
        count=words.number(related.total),
        right="" if locked or here.actor.role == "viewer" else add,
        right_aligned=numbers,
        footer=table_link(related.link, more) if more else "",
        empty=f"No {module.name.lower()} yet.",
    )
    return html.Html('<div class="m-summary">{}</div>').format(card)


def timeline(
    here: Here, module: Module, entries: tuple[Entry, ...], *, title: str = "Timeline", right: html.Text = "",
    empty: str = "Nothing happened yet.",
) -> html.Html:  # fmt: skip
    """What happened with a record of the module, newest first, each entry a link to its record."""
    told = tell_changes(here, module, entries)
    return html.timeline_card(
        title, [_event(here, entry, told) for entry in entries], right=right, empty=empty
    )


def _event(here: Here, entry: Entry, told: dict[str, tuple[str, html.Html]]) -> html.Event:
    when = words.ago(entry.occurred_at, zone=here.zone)
    if entry.kind == CHANGES:
        title, lines = told[entry.id]
        return html.Event("edit", "gray", title, when, lines)
    module = here.catalog.module(entry.kind)
    shown = module.timeline
    name = html.link(entry.title or module.one, click=html.click("open", entry.kind, entry.id))
    return html.Event(
        shown.icon if shown else "circle",
        shown.color if shown else "gray",
        html.join([name, " ", status_badge(module, None, entry.status)]),
        when,
        entry.text,
    )


@dataclass(frozen=True)
class Belongings:
    """What belongs to a record, in short: the newest of each link, and of the timeline."""

    related: tuple[RelatedList, ...]
    timeline: tuple[Entry, ...]


def read_belongings(here: Here, profile: Head, *, at: int | None = None) -> Belongings:
    """Read what belongs to a record, in two statements."""
    asked: dict[str, Any] = {
        "module": profile.module.slug, "record_id": profile.record["id"], "actor": here.actor, "at": at
    }  # fmt: skip
    related = read_related(here.lake, here.catalog, **asked)
    return Belongings(related, read_timeline(here.lake, here.catalog, limit=20, **asked).entries)


def belongings_card(
    here: Here, profile: Head, belongings: Belongings, *, newest: int = 8, locked: bool = False
) -> html.Html:
    """The related records of every module that has some, and the newest of the timeline."""
    filled = [related_card(here, related, locked=locked) for related in belongings.related if related.total]
    return html.stack([*filled, timeline(here, profile.module, belongings.timeline[:newest])])


def figures(here: Here, profile: Head, belongings: Belongings) -> list[html.Kpi]:
    """What stands above the sections: what is open, what is unread, and when something happened last."""
    badges = profile.badges
    # Appointments and due tasks lie ahead: they are on the timeline, but nothing has happened yet.
    passed = (entry.occurred_at for entry in belongings.timeline if entry.occurred_at <= datetime.now(UTC))
    newest = next(passed, None)
    inquiries = next((r.total for r in belongings.related if r.link.module == "inquiries"), None)
    figures = [
        html.Kpi("Open tasks", words.number(badges.open_tasks)),
        html.Kpi("Unread messages", words.number(badges.unread)),
    ]
    if inquiries is not None:
        velocity = f"{words.times(badges.velocity)} usual" if badges.velocity else ""
        figures.append(html.Kpi("Inquiries", words.number(inquiries), velocity, "bad" if velocity else ""))
    return [*figures, html.Kpi("Last activity", words.ago(newest, zone=here.zone) if newest else "–")]


def contact_buttons(
    here: Here, profile: Head, *, on_mail: Callable[[], None] | None = None, logs_calls: bool = False
) -> None:
    """Buttons that reach the person: mail and call, as far as there is an address or number.

    `on_mail` begins a mail here; without it the person's own program for mail does. With `logs_calls` a press on the
    number, beside calling it, is heard as `call:<number>`.
    """
    record = profile.record
    email = next(
        (record[f.slug] for f in profile.module.fields if f.kind == "email" and record.get(f.slug)), None
    )
    phone = next(
        (record[f.slug] for f in profile.module.fields if f.kind == "phone" and record.get(f.slug)), None
    )
    if email and on_mail is not None:
        st.button(
            "Email", key=f"mail:{record['id']}", icon=":material/mail:", type="primary", on_click=on_mail
        )
    elif email:
        st.link_button("Email", f"mailto:{email}", icon=":material/mail:", type="primary")
    if phone and logs_calls:
        st.html(
            html.Html('<a class="m-button" href="tel:{}" data-click="{}">{}Call</a>').format(
                phone, html.click("call", phone), html.icon("call")
            ),
            width="content",
        )
    elif phone:
        st.link_button("Call", f"tel:{phone}", icon=":material/call:")
