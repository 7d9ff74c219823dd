"""The heading of a record as text: name, status with its menu, the line below, and marks that can be pressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm_core.model import Status
from crm_core.profile import Head
from crm_core.search import note_of
from pages._ui import header_photo, html
from pages._ui.record_words import reference_link, status_badge
from pages._ui.session import Here
from pages._ui.surroundings import field_context

TITLE = ":title"
"""What the name is called among what stands open for editing; no section has a colon."""


@dataclass(frozen=True)
class Choice:
    """One line of a menu: its words, what a click on it means, and whether it is what stands now."""

    text: html.Text
    click: str
    current: bool = False


def menu(face: html.Text, choices: Sequence[Choice], *, label: str) -> html.Html:
    """A word that opens a list of choices below it; a click on one is heard as any other."""
    lines = html.join(
        html.Html('<a class="m-choice" role="button" tabindex="0" data-click="{}"{}>{}</a>').format(
            one.click, html.Html(' aria-current="true"') if one.current else "", one.text
        )
        for one in choices
    )
    return html.Html(
        '<details class="m-more"><summary class="m-pick" title="{}"><span class="m-unseen">{}: </span>{}</summary>'
        '<div class="m-menu">{}</div></details>'
    ).format(label, label, face, lines)


def header(here: Here, seen: Head, *, locked: bool) -> html.Html:
    """Face, name, status, and the line that says who this is."""
    line = html.Html('<div class="m-sub m-clip">{}</div>').format(_about(here, seen))
    face = header_photo.face(here, seen, locked=locked)
    return html.Html(
        '<div class="m-record">{}<div><div class="m-named">{}{}</div>{}</div></div>'
    ).format(face, name(seen, locked=locked), status(seen, locked=locked), line)  # fmt: skip


def name(seen: Head, *, locked: bool) -> html.Html:
    """The name; where it can be changed, a press opens it."""
    title = seen.title
    if locked or not can_rename(seen):
        return html.Html('<div class="m-title m-clip" title="{}">{}</div>').format(title, title)
    return html.Html(
        '<div class="m-title m-clip m-name" role="button" tabindex="0" data-click="{}" title="{}">{}</div>'
    ).format(html.click("edit", TITLE), title, title)


def can_rename(seen: Head) -> bool:
    """Whether the name is one line of text that people write."""
    field = seen.module.field(seen.module.title)
    return (
        field is not None
        and field.kind == "text"
        and not field.read_only
        and field.slug not in seen.states.read_only | seen.states.hidden
    )


def status(seen: Head, *, locked: bool) -> html.Html:
    """The status; where it can be changed, a menu of those of the folder in their order and colour."""
    record = seen.record
    badge = status_badge(seen.module, record["folder"], record["status"])
    known = statuses_of(seen)
    if locked or not known or "status" in seen.states.read_only:
        return badge
    face = badge or html.badge("No status", dot=True)
    choices = [
        Choice(
            html.badge(one.name, color=one.color, dot=True), html.click("status", one.slug),
            one.slug == record["status"],
        )
        for one in known
    ]  # fmt: skip
    return menu(face, choices, label="Status")


def statuses_of(seen: Head) -> tuple[Status, ...]:
    """The statuses of the record's folder, in their order."""
    return tuple((seen.module.folder(seen.record["folder"] or "") or seen.module.default_folder).statuses)


def steps() -> html.Html:
    """Two arrows to the records before and after this one, in the list as it is searched and sorted."""
    arrow = html.Html(
        '<a class="m-step" role="button" tabindex="0" data-step="{}" title="{}" aria-label="{}">{}</a>'
    )
    ways = (("-1", "Previous (k)", "expand_less"), ("1", "Next (j)", "expand_more"))
    return html.Html('<span class="m-steps-of">{}</span>').format(
        html.join(arrow.format(by, told, told, html.icon(icon)) for by, told, icon in ways)
    )


def _about(here: Here, seen: Head) -> html.Html:
    """Number, subtitle and references."""
    record, module = seen.record, seen.module
    told = note_of(module, seen.subtitle)
    below: list[html.Text] = [told] if told else []
    number = next((f for f in module.fields if f.kind == "auto_number"), None)
    if number is not None and record.get(number.slug) and number.slug != module.title:
        below.insert(0, str(record[number.slug]))
    for reference in here.catalog.references(module.slug)[:2]:
        link = reference_link(reference, record.get(reference.slug), seen.titles)
        if link:
            # The company as written and its entry in the registry are one and the same to a reader.
            below = [part for part in below if not _same(part, html.words_of(link))]
            below.append(link)
    # Somebody who is called as his company is has it in the title.
    title = (seen.title or "").casefold()
    return html.join((part for part in below if html.words_of(part).casefold() != title), between=" · ")


def _same(part: html.Text, company: str) -> bool:
    """Whether two names are of one company: `Lange & Graner` and `Lange & Graner GmbH`."""
    short, long = sorted((html.words_of(part).casefold(), company.casefold()), key=len)
    return short == long or (len(short) > 5 and long.startswith(short))


def marks(here: Here, seen: Head, more: Sequence[html.Html]) -> html.Html:
    """The line below the name: how available somebody is, what he said, and whose he is."""
    owner = seen.record.get("owner")
    known = field_context(here).users if owner else {}
    told = html.Html('<span class="m-owner">Owner {}</span>').format(known.get(owner, owner)) if owner else ""
    return html.Html('<div class="m-marks">{}</div>').format(html.join([*more, told]))
