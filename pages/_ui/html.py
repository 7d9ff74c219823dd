"""Read-only parts as HTML: one string a part, drawn with one `st.html` each. Pure functions.

    st.html(cards(kv_card("Contact", [("E-mail", link(mail, href=f"mailto:{mail}"))]), …))

The one place where text is escaped: every function takes plain text and escapes it; only `Html`, which these
functions return, goes in as it is. `click` marks an element that `components.clicks` listens to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from markupsafe import Markup, escape

Html = Markup
"""Text that is HTML already; any other text is escaped."""
Text = str | Html

COLORS = ("gray", "green", "blue", "violet", "orange", "yellow", "red", "teal", "pink", "brown")
_SYNONYMS = {"grey": "gray", "amber": "yellow", "purple": "violet", "indigo": "violet", "cyan": "teal"}
_MARKDOWN = re.compile(r"[\\`*_\[\]<|~$]|:(?=\S)|&(?=#?\w+;)")
_LINE_MARKDOWN = re.compile(r"(?m)^\s*(?=[#+\->=])|^\s*\d+(?=[.)])")
_SCHEMES = ("http", "https", "mailto", "tel")


@dataclass(frozen=True)
class Kpi:
    """One figure of a strip: what it is, the figure, and a note; a tone (`good`, `bad`) is the note's, if any."""

    label: str
    value: Text
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Row:
    """One row of a table card: its cells in order, and what a click on it means (see `click`)."""

    cells: Sequence[Text]
    click: str = ""


@dataclass(frozen=True)
class Event:
    """One entry of a timeline card: a Material icon, its colour, and what happened when."""

    icon: str
    color: str
    title: Text
    when: str
    text: Text = ""
    inner: Text = ""
    """What belongs below it: other parts, and not text alone."""


def html(value: Any) -> Html:
    """The value as HTML: escaped, unless it is `Html`; nothing for None."""
    return Html("") if value is None else escape(value)


def words_of(text: Text) -> str:
    """What of a text one reads, without its marks."""
    return text.striptags() if isinstance(text, Html) else text


def plain(text: str) -> str:
    """Text for a place that reads Markdown (a label, a toast), so that it is shown as it is.

    Only what would be read as a mark is escaped: a label is also the name that is read aloud, as it is written.
    """
    return _LINE_MARKDOWN.sub(r"\g<0>\\", _MARKDOWN.sub(r"\\\g<0>", text))


def join(parts: Iterable[Text], *, between: str = "") -> Html:
    """The parts one after the other, each escaped unless it is `Html`."""
    return Html(between).join(html(part) for part in parts)


def click(verb: str, *values: str) -> str:
    """What a click means, as `components.clicks` hands it on: `click("open", "customers", record_id)`."""
    return ":".join(quote(value, safe="") for value in (verb, *values))


def color_class(color: str) -> str:
    """The class of a colour's name; gray for a name that is none of `COLORS`."""
    known = _SYNONYMS.get(color.lower(), color.lower())
    return f"m-{known}" if known in COLORS else "m-gray"


def initials(name: str) -> str:
    """At most two letters that stand for a name: the first of its first and last words."""
    words = [word for word in name.split() if word[:1].isalnum()]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper() if words else "?"


def hue(name: str) -> int:
    """The hue of a name, 0 to 359: the same for a name wherever it is drawn."""
    total = 0
    for letter in name:
        total = (total * 31 + ord(letter)) % 360
    return total


def avatar(name: str, *, size: int = 28, square: bool = False, picture: str = "") -> Html:
    """A disc (for things: a rounded square) with the initials of a name in its own hue.

    A picture (an address of ours) covers them once it is there.
    """
    h = hue(name)
    style = (
        f"width:{size}px;height:{size}px;font-size:{size * 0.37:.0f}px;"
        f"background:light-dark(hsl({h} 75% 92%),hsl({h} 35% 22%));"
        f"color:light-dark(hsl({h} 55% 26%),hsl({h} 70% 80%))"
    )
    shape = "m-avatar square" if square else "m-avatar"
    over = Html('<i style="background-image:url({})"></i>').format(picture) if picture else Html("")
    return Html('<span class="{}" style="{}" aria-hidden="true">{}{}</span>').format(
        shape, style, initials(name), over
    )


def badge(text: Text, *, color: str = "gray", dot: bool = False) -> Html:
    """A small coloured label; a status has a dot."""
    mark = Html("<i></i>") if dot else Html("")
    return Html('<span class="m-badge {}">{}<span class="m-clip">{}</span></span>').format(
        color_class(color), mark, text
    )


def chips(parts: Iterable[Text]) -> Html:
    """Badges in a row that wraps."""
    return Html('<div class="m-chips">{}</div>').format(join(parts))


def count(value: int) -> Html:
    """A number in a filled pill, for what is unread; nothing for zero."""
    return (
        Html('<span class="m-count">{}</span>').format(value if value < 1000 else "999+")
        if value
        else Html("")
    )


def icon(name: str, *, color: str = "") -> Html:
    """A Material symbol by its name."""
    tone = f" {color_class(color)}" if color else ""
    safe = "".join(letter for letter in name if letter.isalnum() or letter == "_") or "circle"
    return Html('<span class="m-icon{}" aria-hidden="true">{}</span>').format(tone, safe)


def link(text: Text, *, href: str = "", click: str = "") -> Html:
    """A link; without a safe address (http, https, mailto, tel, or one of our own paths) the text alone.

    With `click` the page hears of it and nothing is loaded anew; `href` then serves a new tab.
    """
    if not is_safe(href) or not (href or click):
        return html(text)
    outside = Html(' target="_blank" rel="noopener noreferrer"') if href.startswith("http") else Html("")
    place = Html(' href="{}"').format(href) if href else Html(' tabindex="0" role="button"')
    verb = Html(' data-click="{}"').format(click) if click else Html("")
    return Html('<a class="m-link"{}{}{}>{}</a>').format(place, outside, verb, text)


def is_safe(href: str) -> bool:
    """Whether an address leads to a page or a program that we mean, and not to a script."""
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    # A browser reads a backslash as a slash: `/\\host` would leave our pages.
    own = not parts.scheme and not parts.netloc and "\\" not in href
    return own or parts.scheme.lower() in _SCHEMES


def missing(text: str = "–") -> Html:
    """What stands for a value that is not there."""
    return Html('<span class="m-missing">{}</span>').format(text)


def bar(share: float, *, width: int = 84) -> Html:
    """A bar filled to a share between 0 and 1."""
    percent = max(0, min(100, round(share * 100)))
    return Html('<span class="m-bar" style="width:{}px"><i style="width:{}%"></i></span>').format(
        width, percent
    )


def person(name: str, note: str = "") -> Html:
    """Somebody in a list: avatar, name, and a note at the right."""
    return Html('<div class="m-person">{}<span class="m-clip">{}</span><small>{}</small></div>').format(
        avatar(name, size=24), name, note
    )


def record_header(
    title: str, *, subtitle: Text = "", badge: Text = "", square: bool = False, icon_name: str = ""
) -> Html:
    """The head of a profile: a large avatar or symbol, the title with its status, a line below.

    A long title gives way to its status, and stands whole in its tooltip.
    """
    face = symbol(icon_name, title) if icon_name else avatar(title, size=42, square=square)
    return Html(
        '<div class="m-record">{}<div><div class="m-named"><div class="m-title m-clip" title="{}">{}</div>{}</div>'
        '<div class="m-sub m-clip">{}</div></div></div>'
    ).format(face, title, title, badge, subtitle)


def symbol(icon_name: str, name: str) -> Html:
    """A rounded square with a Material symbol, in the hue of a name."""
    return Html('<span class="m-symbol" style="--hue:{}" aria-hidden="true">{}</span>').format(
        hue(name), icon(icon_name)
    )


def title(text: Text, *, count: str = "", small: bool = False) -> Html:
    """The title of a page or (small) of a list, with a count beside it."""
    kind = "m-list-title" if small else "m-title"
    return Html('<div class="{}">{} <small>{}</small></div>').format(kind, text, count)


def section_header(text: str, right: Text = "") -> Html:
    """A quiet heading in a side panel, with something small at the right."""
    return Html('<div class="m-head"><span>{}</span><span>{}</span></div>').format(text, right)


def card(title: Text, body: Text, *, count: str = "", right: Text = "", footer: Text = "") -> Html:
    """A bordered box: a title with a count, something at the right, the body."""
    foot = Html("<footer>{}</footer>").format(footer) if footer else Html("")
    top = Html('<header>{}<small>{}</small><span class="m-right">{}</span></header>')
    head = top.format(title, count, right)
    return Html('<section class="m-card">{}{}{}</section>').format(head, body, foot)


_SHORT = 14
_NAV_ROOM = 500
"""How wide the names of a menu of sections may be in all, in pixels, before the rest stands behind “More”."""


def section_nav(sections: Sequence[tuple[str, str]], current: str) -> Html:
    """A menu of sections in one row, the rest behind a word that opens; the current one is always in the row."""
    row: list[tuple[str, str]] = []
    room = _NAV_ROOM - next((_nav_width(label) for slug, label in sections if slug == current), 0)
    for slug, label in sections:
        if slug == current:
            row.append((slug, label))
        elif room - _nav_width(label) >= 0 and (not row or room > 0):
            room -= _nav_width(label)
            row.append((slug, label))
        else:
            room = 0
    rest = [one for one in sections if one not in row]
    word = Html('<summary class="m-tab">More · {}</summary>').format(len(rest))
    more = Html('<details class="m-more">{}<div class="m-menu">{}</div></details>').format(
        word, join(_nav_link(slug, label, current) for slug, label in rest)
    )
    shown = join(_nav_link(slug, label, current) for slug, label in row)
    return Html('<nav class="m-tabs" aria-label="Sections"><div>{}</div>{}</nav>').format(
        shown, more if rest else ""
    )


def _nav_width(label: str) -> int:
    return 18 + 7 * len(label)


def _nav_link(slug: str, label: str, current: str) -> Html:
    mark = Html(' aria-current="page"') if slug == current else Html("")
    return Html('<a class="m-tab" role="button" tabindex="0" data-click="{}"{}>{}</a>').format(
        click("section", slug), mark, label
    )


def stack(parts: Iterable[Text]) -> Html:
    """Cards one below the other."""
    return Html('<div class="m-stack">{}</div>').format(join(parts))


def cards(*parts: Text) -> Html:
    """Cards side by side, as many as there is room for."""
    return Html('<div class="m-cards">{}</div>').format(join(parts))


def kv_card(title: Text, rows: Iterable[tuple[str, Text | None]], *, right: Text = "") -> Html:
    """A card of labels and values; a value of None or nothing is shown as missing."""
    pairs = join(
        Html("<dt>{}</dt><dd>{}</dd>").format(label, value if value else missing()) for label, value in rows
    )
    return card(title, Html('<dl class="m-kv">{}</dl>').format(pairs), right=right)


def kpi_strip(items: Sequence[Kpi]) -> Html:
    """Figures side by side."""
    one = Html('<div><span>{}</span><b{}>{}</b> <em class="{}">{}</em></div>')
    tones = {"good": "good", "bad": "bad"}
    whole = {tone: Html(' class="{}"').format(tone) for tone in tones}
    cells = join(
        one.format(k.label, "" if k.note else whole.get(k.tone, ""), k.value, tones.get(k.tone, ""), k.note)
        for k in items
    )
    return Html('<div class="m-kpis">{}</div>').format(cells)


def titled(text: Text, below: Text = "") -> Html:
    """The first cell of a row: at most two lines that say what it is, and in grey what belongs to it."""
    small = Html("<small>{}</small>").format(below) if below else ""
    return Html('<div class="m-titled"><span>{}</span>{}</div>').format(text, small)


def table(columns: Sequence[str], rows: Iterable[Row], *, right: Sequence[int] = ()) -> Html:
    """A table; the columns whose positions are in `right` are aligned to the right.

    The first column gives way to the others; where there is little room each row stands as lines, and each value then
    says of which column it is.
    """
    heads = [Html(' class="right"') if i in right else Html("") for i in range(len(columns))]
    head = join(Html("<th{}>{}</th>").format(*pair) for pair in zip(heads, columns, strict=True))
    sides = [
        Html('{} data-label="{}"').format(side, label) if place and label else side
        for place, (side, label) in enumerate(zip(heads, columns, strict=True))
    ]
    body = join(_table_row(row, sides) for row in rows)
    parts = Html("<thead><tr>{}</tr></thead><tbody>{}</tbody>").format(head, body)
    return Html('<div class="m-scroll"><table class="m-table">{}</table></div>').format(parts)


def table_card(
    title: Text, columns: Sequence[str], rows: Sequence[Row], *, count: str = "", right: Text = "",
    right_aligned: Sequence[int] = (), footer: Text = "", empty: str = "Nothing here yet.",
) -> Html:  # fmt: skip
    """A card with a table, or with one line when there are no rows."""
    nothing = Html('<div class="m-none">{}</div>').format(empty)
    body = table(columns, rows, right=right_aligned) if rows else nothing
    return card(title, body, count=count, right=right, footer=footer)


def timeline_card(
    title: Text, events: Sequence[Event], *, count: str = "", right: Text = "", footer: Text = "",
    empty: str = "Nothing happened yet.",
) -> Html:  # fmt: skip
    """A card with what happened, newest first."""
    nothing = Html('<div class="m-none">{}</div>').format(empty)
    body = timeline(events) if events else nothing
    return card(title, body, count=count, right=right, footer=footer)


def timeline(events: Sequence[Event]) -> Html:
    """What happened or happens one after the other, each with its symbol."""
    return Html('<ul class="m-timeline">{}</ul>').format(join(_event(event) for event in events))


def steps(items: Sequence[tuple[str, str]]) -> Html:
    """What happens one after the other: a number, a few words in bold and a sentence for each."""
    one = Html("<li><i>{}</i><div><b>{}</b><p>{}</p></div></li>")
    listed = join(one.format(at, title, text) for at, (title, text) in enumerate(items, start=1))
    return Html('<ol class="m-steps">{}</ol>').format(listed)


def empty_state(title: str, text: Text = "", *, icon_name: str = "inbox") -> Html:
    """What a page shows when there is nothing: why, and what to do."""
    return Html('<div class="m-empty">{}<b>{}</b><p>{}</p></div>').format(icon(icon_name), title, text)


def note(text: Text, *, color: str = "violet", lines: Sequence[Text] = ()) -> Html:
    """A quiet coloured box with a sentence, and a list below it."""
    listed = Html("<ul>{}</ul>").format(join(Html("<li>{}</li>").format(line) for line in lines))
    return Html('<div class="m-note {}">{}{}</div>').format(color_class(color), text, listed if lines else "")


def problem(text: str) -> Html:
    """What is wrong with one value, below it."""
    return Html('<div class="m-problem" role="alert">{}</div>').format(text) if text else Html("")


def _table_row(row: Row, sides: Sequence[Html]) -> Html:
    first, *others = row.cells
    # A number or a code is short, and does not give way.
    told = [first if isinstance(first, Html) or len(first) <= _SHORT else titled(first), *others]
    cells = join(Html("<td{}>{}</td>").format(*pair) for pair in zip(sides, told, strict=True))
    verb = Html(' data-click="{}" tabindex="0"').format(row.click) if row.click else Html("")
    return Html("<tr{}>{}</tr>").format(verb, cells)


def _event(event: Event) -> Html:
    text = Html("<p>{}</p>").format(event.text) if event.text else Html("")
    return Html("<li>{}<div>{}{}{}</div><time>{}</time></li>").format(
        icon(event.icon, color=event.color), event.title, text, event.inner, event.when
    )
