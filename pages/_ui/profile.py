"""A record on the page: its header, fields by section, related records and timeline. The same for every module.

The read-only parts are one `st.html` each; widgets stand only where a person acts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from crm_core import records
from crm_core.model import Catalog, Module, Reference, Section
from crm_core.model.catalog import SYSTEM_FIELDS
from crm_core.profile import Profile
from crm_core.related import RelatedList, list_columns
from crm_core.timeline import CHANGES, Entry
from pages._ui import feedback, html, words
from pages._ui.changes import tell_changes
from pages._ui.field_views import from_columns, is_missing
from pages._ui.fields import FieldContext, edit_field, show_columns, show_field
from pages._ui.reference import edit_reference
from pages._ui.session import Here
from pages._ui.surroundings import field_context


def status_badge(module: Module, folder: str | None, status: str | None) -> html.Html:
    """The status in its folder's words and colour; nothing for none."""
    if not status:
        return html.Html("")
    known = {s.slug: s for f in module.folders for s in f.statuses}
    own = module.folder(folder or "")
    known |= {s.slug: s for s in own.statuses} if own else {}
    found = known.get(status)
    return html.badge(
        found.name if found else words.readable(status), color=found.color if found else "gray", dot=True
    )


def header(here: Here, profile: Profile) -> html.Html:
    """Avatar, title, status, and the line below: subtitle and references that say who this is."""
    record = profile.record
    told = note_of(profile.module, profile.subtitle)
    below: list[html.Text] = [told] if told else []
    number = next((f for f in profile.module.fields if f.kind == "auto_number"), None)
    if number is not None and record.get(number.slug) and number.slug != profile.module.title:
        below.insert(0, str(record[number.slug]))
    for reference in here.catalog.references(profile.module.slug)[:2]:
        link = reference_link(reference, record.get(reference.slug), profile.titles)
        if link:
            # The company as written and its entry in the registry are one and the same to a reader.
            below = [part for part in below if str(part).casefold() != str(link.striptags()).casefold()]
            below.append(link)
    return html.record_header(
        profile.title,
        subtitle=html.join(below, between=" · "),
        badge=status_badge(profile.module, record["folder"], record["status"]),
        icon_name="" if profile.module.profile else profile.module.icon,
    )


def note_of(module: Module, text: str | None) -> str:
    """The subtitle of a record as people read it: of a choice what it says, not the value that is stored."""
    options = getattr(module.field(module.subtitle or ""), "options", None) or ()
    return next((option.text for option in options if option.value == text), text or "")


def reference_link(reference: Reference, value: Any, titles: dict[str, str]) -> html.Html | None:
    """The title of the referenced record as a link to it; None when there is none, or none that may be seen."""
    if not value:
        return None
    module, target = (
        (value["module"], value["id"]) if isinstance(value, dict) else (reference.targets[0], value)
    )
    title = titles.get(str(target))
    return html.link(title, click=html.click("open", str(module), str(target))) if title else None


def sections_of(
    catalog: Catalog, module: Module, folder: str | None, *, without: tuple[str, ...] = ()
) -> tuple[Section, ...]:
    """The sections with the fields that the record's folder shows; fields in no section come last."""
    own = module.folder(folder or "")
    wanted = set(own.fields) if own and own.fields else None
    placed = {name for section in module.sections for name in section.fields}
    names = [f.slug for f in module.fields] + [r.slug for r in catalog.references(module.slug)]
    rest = tuple(name for name in names if name not in placed)
    title = "Details" if not module.sections else "More"
    found = (*module.sections, *([Section(slug="rest", label=title, fields=rest)] if rest else []))
    shown = (
        s.model_copy(
            update={
                "fields": tuple(n for n in s.fields if (wanted is None or n in wanted) and n not in without)
            }
        )
        for s in found
    )
    return tuple(section for section in shown if section.fields)


def section_card(here: Here, profile: Profile, section: Section, *, editable: bool) -> html.Html:
    """The fields of a section, read-only, with a word that opens them for editing."""
    context = field_context(here, [(profile.module, profile.record)])
    rows = [
        field_row(here, profile, name, context)
        for name in section.fields
        if name not in profile.states.hidden
    ]
    word = html.link("Edit", click=html.click("edit", section.slug)) if editable else html.Html("")
    return html.kv_card(section.name, rows, right=word)


def field_row(here: Here, profile: Profile, name: str, context: FieldContext) -> tuple[str, html.Text | None]:
    """The label and the value of a field, reference or system column."""
    module, record = profile.module, profile.record
    reference = here.catalog.reference(module.slug, name)
    if reference is not None:
        return reference.label, reference_link(reference, record.get(name), profile.titles)
    field = module.field(name) or SYSTEM_FIELDS.get(name)
    if field is None:
        return words.readable(name), None
    return field.name, show_field(field, record.get(name), context)


def edit_section(here: Here, profile: Profile, section: Section, on_done: Callable[[], None]) -> None:
    """The fields of a section as widgets; each change is written at once and can be undone."""
    with st.container(border=True, key=f"edit_{section.slug}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.html(html.title(section.name, small=True))
            st.button("Done", key=f"done_{section.slug}", type="tertiary", on_click=on_done)
        context = field_context(here, [(profile.module, profile.record)])
        context = replace(context, options={**context.options, **profile.states.options})
        for name in section.fields:
            if name not in profile.states.hidden:
                _edit_one(here, profile, name, context)


def _edit_one(here: Here, profile: Profile, name: str, context: FieldContext) -> None:
    record, module, states = profile.record, profile.module, profile.states
    key = f"field:{record['id']}:{name}:{record['version']}"

    def commit(value: Any) -> None:
        change(here, profile, {name: value})

    reference = here.catalog.reference(module.slug, name)
    if reference is not None:
        edit_reference(here, reference, record.get(name), titles=profile.titles, key=key, on_commit=commit)
        return
    field = module.field(name)
    if field is not None:
        required = field.required or name in states.required
        edit_field(
            field, record.get(name), key=key, on_commit=commit, context=context, required=required,
            disabled=name in states.read_only,
        )  # fmt: skip


def change(here: Here, profile: Profile, values: dict[str, Any], *, done: str = "Saved") -> bool:
    """Write changed values of the profile's record, on the version that is shown; whether they were taken."""
    record = profile.record
    saved = feedback.run(
        lambda: records.update(
            here.lake,
            module=profile.module.slug,
            record_id=record["id"],
            values=values,
            actor=here.actor,
            door="browser",
            base_version=record["version"],
        ),
        done=done,
    )
    return saved is not None


def related_card(here: Here, related: RelatedList) -> html.Html:
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
    more = f"{related.total - len(related.rows)} more" if related.total > len(related.rows) else ""
    add = html.link("+ Add", click=html.click("add", module.slug, related.link.slug))
    return html.table_card(
        related.link.label,
        [module.one, *(["Status"] if stands else []), *[field.name for field in known]],
        rows,
        count=words.number(related.total),
        right=add if here.actor.role != "viewer" else "",
        right_aligned=numbers,
        footer=html.link(more, click=html.click("list", module.slug)) if more else "",
        empty=f"No {module.name.lower()} yet.",
    )


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


def figures(here: Here, profile: Profile) -> list[html.Kpi]:
    """What stands above the sections: what is open, what is unread, and when something happened last."""
    badges = profile.badges
    # Appointments and due tasks lie ahead: they are on the timeline, but nothing has happened yet.
    passed = (
        entry.occurred_at for entry in profile.timeline.entries if entry.occurred_at <= datetime.now(UTC)
    )
    newest = next(passed, None)
    inquiries = next((r.total for r in profile.related if r.link.module == "inquiries"), None)
    figures = [
        html.Kpi("Open tasks", words.number(badges.open_tasks)),
        html.Kpi("Unread messages", words.number(badges.unread)),
    ]
    if inquiries is not None:
        velocity = f"{badges.velocity:.1f}× usual" if badges.velocity else ""
        figures.append(html.Kpi("Inquiries", words.number(inquiries), velocity, "bad" if velocity else ""))
    return [*figures, html.Kpi("Last activity", words.ago(newest, zone=here.zone) if newest else "–")]


def contact_buttons(here: Here, profile: Profile) -> None:
    """Buttons that reach the person: mail and call, as far as there is an address or number."""
    record = profile.record
    email = next(
        (record[f.slug] for f in profile.module.fields if f.kind == "email" and record.get(f.slug)), None
    )
    phone = next(
        (record[f.slug] for f in profile.module.fields if f.kind == "phone" and record.get(f.slug)), None
    )
    if email:
        st.link_button("Email", f"mailto:{email}", icon=":material/mail:", type="primary")
    if phone:
        st.link_button("Call", f"tel:{phone}", icon=":material/call:")
