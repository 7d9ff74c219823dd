"""HTML as plain text, for reading, searching and flows; what is shown in a browser is cleaned elsewhere.

One pass from left to right: readers that build the tree of a document can be made to take minutes by a megabyte of
nested tags.
"""

import re
from collections.abc import Iterator
from html import unescape

_HIDDEN = {"script", "style", "title", "template", "noscript", "svg", "textarea", "select"}
_APART = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "ul", "ol", "table"}
_LINES = {"div", "tr", "li", "br", "hr", "dl", "dt", "dd", "center", "section", "article", "header", "footer"}
_CELLS = {"td", "th"}
_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9]{0,20})")
_MOST_QUOTED = 5


def html_to_text(html: str) -> str:
    """The words of an HTML document, a block a line; quotations begin with `> ` as in mail."""
    lines: list[list[str]] = [[]]
    quoted, kept = 0, 0
    for tag, closes, text in _pieces(html):
        if not tag:
            _write(
                lines, unescape(text).replace("\xa0", " "), "> " * min(quoted, _MOST_QUOTED), whole=kept > 0
            )
        elif tag in _CELLS:
            lines[-1] += [" "] if lines[-1] and not closes else []
        elif tag in _APART or tag in _LINES:
            _break(lines, apart=tag in _APART)
            step = -1 if closes else 1
            quoted = max(0, quoted + step) if tag == "blockquote" else quoted
            kept = max(0, kept + step) if tag == "pre" else kept
            if tag == "li" and not closes:
                lines[-1] = ["> " * min(quoted, _MOST_QUOTED) + "- "]
    found = ["".join(line).strip() for line in lines]
    return "\n".join(line for n, line in enumerate(found) if line or (n and found[n - 1])).strip()


def _pieces(html: str) -> Iterator[tuple[str, bool, str]]:
    """The tags (name in small letters, whether it closes) and the texts between them, in order."""
    small, place = html.lower(), 0
    while place < len(html):
        begin = html.find("<", place)
        if begin < 0:
            yield "", False, html[place:]
            return
        if begin > place:
            yield "", False, html[place:begin]
        place = begin + 1
        name = _NAME.match(html, place)
        comment = html.startswith("!--", place)
        if name is None and html[place : place + 1] not in ("!", "?"):
            yield "", False, "<"
            continue
        end = html.find("-->" if comment else ">", place)
        if end < 0:
            # Never closed: a comment hides the rest, anything else is text.
            if not comment:
                yield "", False, html[begin:]
            return
        place = end + (3 if comment else 1)
        if name is None:
            continue
        tag, closes = name[1].lower(), html[begin + 1] == "/"
        if tag in _HIDDEN and not closes:
            place = small.find(f"</{tag}", place)
            if place < 0:
                return
            continue
        yield tag, closes, ""


def _write(lines: list[list[str]], text: str, lead: str, *, whole: bool) -> None:
    """Add text to the last line; `whole` keeps its lines and spaces."""
    for number, piece in enumerate(text.split("\n")) if whole else [(0, re.sub(r"\s+", " ", text))]:
        if number:
            lines.append([])
        if not lines[-1]:
            piece = lead + (piece if whole else piece.lstrip()) if piece.strip() else ""
        if piece:
            lines[-1].append(piece)


def _break(lines: list[list[str]], *, apart: bool) -> None:
    if lines[-1]:
        lines.append([])
    if apart and len(lines) > 1 and lines[-2]:
        lines.append([])
