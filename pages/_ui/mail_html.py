"""The markup of a mail, made safe: what it says, without scripts, styles, forms, or anything loaded from elsewhere."""

from __future__ import annotations

import re
from html import unescape

import nh3

from crm_core.mail.plain import html_to_text
from pages._ui.html import Html

MOST = 300_000
"""Characters of a mail's markup that are looked at."""

MOST_TAGS = 10_000
"""With more marks than so many a mail is shown as text: those that lie in one another take time by their square."""

_LETTERS = {"b", "strong", "i", "em", "u", "s", "sub", "sup", "small", "code", "a", "span"}
_LISTS = {"ul", "ol", "li", "dl", "dt", "dd"}
_TABLES = {"table", "thead", "tbody", "tfoot", "tr", "th", "td"}
_BLOCKS = {"p", "br", "hr", "blockquote", "pre", "div", "h1", "h2", "h3", "h4", "h5", "h6"}
_TAGS = _LETTERS | _LISTS | _TABLES | _BLOCKS
_SILENT = {"script", "style", "title", "head", "template", "noscript", "svg", "math", "iframe", "object"}
_BREAKS = re.compile(r"<br[^>]*>|</(?:p|div|tr|li|h[1-6]|table|blockquote)\s*>", re.IGNORECASE)
_MANY = re.compile(r"\n\s*\n\s*\n+")


def shown(markup: str) -> Html:
    """The markup as it may stand in a page: words, lists, tables and links; no pictures, no look of its own."""
    if _is_dense(markup):
        return Html('<div class="m-message">{}</div>').format(html_to_text(markup[:MOST]))
    return Html(
        nh3.clean(
            markup[:MOST], tags=_TAGS, clean_content_tags=_SILENT, attributes={"a": {"href"}, "td": {"colspan"}},
            url_schemes={"http", "https", "mailto", "tel"}, link_rel="noopener noreferrer nofollow",
            set_tag_attribute_values={"a": {"target": "_blank"}},
        )
    )  # fmt: skip


def as_text(markup: str) -> str:
    """The words of the markup, a line for each of its blocks."""
    if _is_dense(markup):
        return html_to_text(markup[:MOST])
    words = nh3.clean(_BREAKS.sub("\n", markup[:MOST]), tags=set(), clean_content_tags=_SILENT, attributes={})
    return _MANY.sub("\n\n", unescape(words)).strip()


def _is_dense(markup: str) -> bool:
    return markup.count("<", 0, MOST) > MOST_TAGS
