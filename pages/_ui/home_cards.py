"""The cards of Home as HTML: what is due, what takes place, what waits for an answer, what came in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from crm_core.conversations import MESSAGES
from crm_core.my_work import Card, Item
from crm_core.people import read_directory
from pages._ui import html, words
from pages._ui.record_words import status_badge
from pages._ui.session import Here

LATE = "Overdue"


@dataclass(frozen=True)
class Done:
    """What was just ticked off, and the change by which it was."""

    change_id: str
    title: str


@dataclass
class Visit:
    """What a person did and saw at Home: the task just ticked off, and when he looked before this visit (UTC)."""

    done: Done | None = None
    looked: datetime | None = None
    everybody: bool = False
    """Whether everybody's work is looked at, as far as one sees it, or one's own."""


def due_card(now: Here, card: Card, visit: Visit) -> html.Html:
    """Tasks by when they are due, each with a box to tick it off."""
    undo: list[html.Text] = [_undo(visit.done)] if visit.done is not None else []
    lines = _grouped(card.items, lambda item: _due_group(now, item), lambda item: _due_line(now, item))
    return _card(
        "Tasks" if visit.everybody else "My tasks",
        card,
        undo + lines,
        "Nothing to do. What is given to you stands here.",
        "overdue",
    )


def appointments_card(now: Here, card: Card, visit: Visit) -> html.Html:
    """Appointments of today and the next days."""
    lines = _grouped(
        card.items, lambda item: _day(now, item.when),
        lambda item: _line(now, item, lead=_time(now, item), side=_status(now, item)),
    )  # fmt: skip
    return _card(
        "Appointments" if visit.everybody else "My appointments",
        card,
        lines,
        "No appointments within seven days.",
        "today",
        tone="blue",
    )


def waiting_card(now: Here, card: Card, visit: Visit) -> html.Html:
    """Requests that nobody answered, the oldest first."""
    lines = [
        _line(now, item, lead=html.icon("mark_email_unread"), side=_age(now, item, late=item.flagged))
        for item in card.items
    ]
    return _card(
        "Waiting for an answer" if visit.everybody else "Waiting for my answer",
        card,
        lines,
        "Everybody has an answer.",
        "for a day or longer",
    )


def activity_card(now: Here, card: Card, visit: Visit) -> html.Html:
    """What customers wrote, the newest first; unread ones stand out, and what came since one last looked."""
    new = any(_is_new(item, visit) for item in card.items)
    lines = _grouped(
        card.items,
        lambda item: "" if not new else "Since you last looked" if _is_new(item, visit) else "Earlier",
        lambda item: _came(now, item),
    )
    return _card(
        "From customers" if visit.everybody else "From my customers",
        card,
        lines,
        "Nothing new within two weeks.",
        "unread",
        tone="violet",
    )


def _is_new(item: Item, visit: Visit) -> bool:
    return visit.looked is not None and item.when is not None and item.when > visit.looked


CARDS: dict[str, Callable[[Here, Card, Visit], html.Html]] = {
    "due": due_card,
    "appointments": appointments_card,
    "waiting": waiting_card,
    "activity": activity_card,
}


def _card(
    title: str, card: Card, lines: Sequence[html.Text], empty: str, flagged: str, *, tone: str = "red"
) -> html.Html:
    badge = html.badge(f"{words.number(card.flagged)} {flagged}", color=tone) if card.flagged else ""
    body: html.Text = html.Html('<div class="m-none">{}</div>').format(empty)
    if lines:
        body = html.Html('<ul class="m-lines-of">{}</ul>').format(html.join(lines))
    rest = card.total - len(card.items)
    modules = {item.module for item in card.items}
    more: html.Text = ""
    if rest > 0 and len(modules) == 1:
        more = html.link(f"{words.number(rest)} more", click=html.click("list", *modules))
    return html.card(
        title, body, count=words.number(card.total) if card.total else "", right=badge, footer=more
    )


def _grouped(
    items: Iterable[Item], group: Callable[[Item], str], line: Callable[[Item], html.Html]
) -> list[html.Text]:
    """A line for each, below the heading of its group; items of one group stand beside each other."""
    lines: list[html.Text] = []
    for label, found in groupby(items, group):
        if label:
            red = "bad" if label == LATE else ""
            lines.append(html.Html('<li class="m-group {}">{}</li>').format(red, label))
        lines += map(line, found)
    return lines


def _line(
    now: Here, item: Item, *, lead: html.Text, side: html.Text = "", text: str = "", section: str = ""
) -> html.Html:
    """A line: something small before it, its title as a link, whose it is, and something at the right."""
    module, target = item.module, item.id
    if section and item.about is not None:
        module, target = item.about
    goes = html.click("open", module, target, *([section] if section else []))
    title = item.title or text or "Without a name"
    names = {user.slug: user.name for user in read_directory(now.lake).active}
    owner = names.get(item.owner, item.owner) if item.owner != now.actor.user and not section else ""
    about = " · ".join(part for part in (item.whose, owner, text if item.title else "") if part)
    body = html.Html(
        '<div class="m-two"><span class="m-clip">{}</span><small class="m-clip">{}</small></div>'
    )
    bold = " unread" if section and item.flagged else ""
    return html.Html('<li class="m-line{}">{}{}<span class="m-side">{}</span></li>').format(
        bold, lead, body.format(html.link(title, click=goes), about), side
    )


def _due_line(now: Here, item: Item) -> html.Html:
    tick: html.Text = html.icon("task_alt")
    if now.actor.role != "viewer":
        tick = html.Html(
            '<a class="m-tick" role="button" tabindex="0" aria-label="{}" data-click="{}">{}</a>'
        ).format(
            f"Done: {item.title}",
            html.click("done", item.module, item.id),
            html.icon("radio_button_unchecked"),
        )
    when = _moment(now, item.when)
    return _line(now, item, lead=tick, side=html.badge(when, color="red") if item.flagged else when)


def _undo(done: Done) -> html.Html:
    told = html.Html(
        '<li class="m-line m-done" role="status">{}<span class="m-clip">“{}” is done.</span>{}</li>'
    )
    return told.format(html.icon("check"), done.title, html.link("Undo", click=html.click("undo")))


def _came(now: Here, item: Item) -> html.Html:
    mail = item.module == MESSAGES
    icon = now.catalog.modules[item.module].icon
    text = " ".join(item.text.split())
    return _line(
        now, item, lead=html.icon(icon), side=_age(now, item), text=text,
        section=MESSAGES if mail and item.about is not None else "",
    )  # fmt: skip


def _status(now: Here, item: Item) -> html.Html:
    return status_badge(now.catalog.modules[item.module], item.folder, item.status)


def _age(now: Here, item: Item, *, late: bool = False) -> html.Text:
    when = words.ago(item.when, zone=now.zone)
    return html.badge(when, color="red") if late else when


def _local(now: Here, moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo(now.zone))


def _days_off(now: Here, moment: datetime) -> int:
    return (_local(now, moment).date() - _local(now, datetime.now(UTC)).date()).days


def _due_group(now: Here, item: Item) -> str:
    if item.when is None:
        return "Any time"
    if item.flagged:
        return LATE
    days = _days_off(now, item.when)
    return "Today" if days == 0 else "Within seven days" if days <= 7 else "Later"


def _day(now: Here, moment: datetime | None) -> str:
    if moment is None:
        return ""
    days, local = _days_off(now, moment), _local(now, moment)
    named = {0: "Today", 1: "Tomorrow"}
    return named.get(days, f"{local:%A}, {local.day} {local:%b}")


def _time(now: Here, item: Item) -> html.Html:
    begin = f"{_local(now, item.when):%H:%M}" if item.when else ""
    short = item.until is not None and item.when is not None and item.until - item.when < timedelta(days=1)
    end = f"–{_local(now, item.until):%H:%M}" if short and item.until is not None else ""
    return html.Html('<span class="m-time">{}</span>').format(begin + end)


def _moment(now: Here, moment: datetime | None) -> str:
    if moment is None:
        return ""
    days, local = _days_off(now, moment), _local(now, moment)
    if days == 0:
        return f"{local:%H:%M}"
    if days == -1:
        return "Yesterday"
    return f"{local:%a}, {local:%H:%M}" if 0 < days < 7 else words.brief_day(local, zone=now.zone)
