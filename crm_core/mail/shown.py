"""A mail's markup as it may be looked at: cleaned, for a frame in which nothing runs and nothing is fetched.

Pictures that lie within the message are put in; those of other hosts stay out until a person asks for them, for each of
them tells its sender that, when and where he was read.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import unquote

import nh3

from crm_core import files, links, media
from crm_core.access import Actor
from crm_core.conversations import MESSAGES
from crm_core.errors import RecordNotFound
from crm_core.mail.errors import MailUnreadable
from crm_core.mail.parse import read_mail
from crm_core.mail.plain import html_to_text
from crm_core.query import read_record
from crm_core.shape import Record
from crm_core.workspace import Workspace

PATH = "/api/mail/"
MOST = 300_000
"""Characters of a mail's markup that are looked at."""

MOST_TAGS = 10_000
"""With more marks than so many a mail is shown as text: those that lie in one another take time by their square."""

MOST_PICTURED = 10_000_000
"""Bytes of pictures that are put into a mail in all."""

_PURPOSE = "mail"
_LETTERS = {
    "b",
    "strong",
    "i",
    "em",
    "u",
    "s",
    "strike",
    "sub",
    "sup",
    "small",
    "big",
    "code",
    "a",
    "span",
    "font",
    "center",
}
_LISTS = {"ul", "ol", "li", "dl", "dt", "dd"}
_TABLES = {"table", "thead", "tbody", "tfoot", "tr", "th", "td", "caption", "col", "colgroup"}
_BLOCKS = {"p", "br", "hr", "blockquote", "pre", "div", "h1", "h2", "h3", "h4", "h5", "h6", "img"}
_TAGS = _LETTERS | _LISTS | _TABLES | _BLOCKS
_SILENT = {"script", "style", "title", "head", "template", "noscript", "svg", "math", "iframe", "object"}
_CELL = {"colspan", "rowspan", "width", "height", "bgcolor", "align", "valign"}
_ATTRIBUTES = {
    "*": {"style", "dir", "lang", "align"}, "a": {"href"}, "img": {"src", "alt", "width", "height"},
    "font": {"color", "size", "face"}, "td": _CELL, "th": _CELL, "tr": {"bgcolor", "valign"},
    "table": {"width", "bgcolor", "border", "cellpadding", "cellspacing"}, "ol": {"start", "type"},
}  # fmt: skip
# None of these takes the address of anything, or moves what it stands on out of its place.
_LOOK = {
    "color", "background-color", "font", "font-family", "font-size", "font-style", "font-weight",
    "line-height", "letter-spacing", "text-align", "text-decoration", "text-transform", "text-indent",
    "vertical-align", "white-space", "width", "max-width", "min-width", "height", "max-height", "padding",
    "padding-top", "padding-right", "padding-bottom", "padding-left", "margin", "margin-top",
    "margin-right", "margin-bottom", "margin-left", "border", "border-top", "border-right", "border-bottom",
    "border-left", "border-color", "border-style", "border-width", "border-radius", "border-collapse",
    "border-spacing", "display", "list-style-type", "direction",
}  # fmt: skip
_BREAKS = re.compile(r"<br[^>]*>|</(?:p|div|tr|li|h[1-6]|table|blockquote)\s*>", re.IGNORECASE)
_MANY = re.compile(r"\n\s*\n\s*\n+")
_REMOTE = re.compile(r"<img\b[^>]{0,2000}?\bsrc\s*=\s*[\"']?\s*(?:https?:)?//", re.IGNORECASE)
_DATA = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+", re.IGNORECASE)
_PAGE = (
    '<!doctype html><html><head><meta charset="utf-8"><title>Message</title><style>body{margin:0;padding:2px 0;'
    "font:13px/1.55 system-ui,sans-serif;color:#1a1b21;background:#fff;overflow-wrap:anywhere}img{max-width:100%%;"
    "height:auto}pre{white-space:pre-wrap}blockquote{margin:8px 0;padding-left:10px;border-left:2px solid #ddd}"
    "table{max-width:100%%}</style></head><body>%s</body></html>"
)


@dataclass(frozen=True)
class Shown:
    """A mail as a document, and whether pictures of other hosts may be fetched for it."""

    document: str
    remote: bool


def address(message_id: str, *, actor: Actor, remote: bool = False) -> str:
    """The address under which a frame shows a message with its markup, as its person may see it then."""
    return PATH + links.sign(_PURPOSE, actor=actor, claims=[message_id, remote])


def follow(workspace: Workspace, token: str) -> Shown:
    """The message that a link leads to.

    Raises:
        LinkExpired: As `links.follow` says.
        RecordNotFound: The message was deleted, or its person may see it no more.
    """
    found = links.follow(workspace.lake, token, purpose=_PURPOSE)
    message_id, remote = found.claims
    catalog = workspace.catalog
    if MESSAGES not in catalog.modules:
        raise RecordNotFound(MESSAGES, message_id)
    record = read_record(workspace.lake, catalog, module=MESSAGES, record_id=message_id, actor=found.actor)
    markup = str(record.get("html") or "")
    inside = _pictures(workspace, record) if "cid:" in markup.lower() else {}
    return Shown(_PAGE % clean(markup, inside=inside, remote=remote), remote)


def has_remote(markup: str) -> bool:
    """Whether pictures of other hosts are left out of a mail."""
    return _REMOTE.search(markup[:MOST]) is not None


def clean(markup: str, *, inside: Mapping[str, str] | None = None, remote: bool = False) -> str:
    """The markup without anything that runs, moves, asks or is fetched.

    Args:
        markup: as it came.
        inside: Content-ID → the address (`data:`) of a picture within the message.
        remote: whether pictures of other hosts stay.
    """
    if _is_dense(markup):
        return f"<pre>{nh3.clean_text(html_to_text(markup[:MOST]))}</pre>"
    known = inside or {}

    def judge(tag: str, name: str, value: str) -> str | None:
        if (tag, name) == ("img", "src"):
            return _picture(value, known, remote=remote)
        if name == "href" and not value.strip().lower().startswith(("https:", "http:", "mailto:", "tel:")):
            return None
        return value

    return nh3.clean(
        markup[:MOST], tags=_TAGS, clean_content_tags=_SILENT, attributes=_ATTRIBUTES, attribute_filter=judge,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"}, url_relative="deny",
        filter_style_properties=_LOOK,
        link_rel="noopener noreferrer nofollow", set_tag_attribute_values={"a": {"target": "_blank"}},
    )  # fmt: skip


def as_text(markup: str) -> str:
    """The words of the markup, a line for each of its blocks."""
    if _is_dense(markup):
        return html_to_text(markup[:MOST])
    words = nh3.clean(_BREAKS.sub("\n", markup[:MOST]), tags=set(), clean_content_tags=_SILENT, attributes={})
    return _MANY.sub("\n\n", unescape(words)).strip()


def _picture(source: str, inside: Mapping[str, str], *, remote: bool) -> str | None:
    place = source.strip()
    scheme = place.partition(":")[0].lower()
    if scheme == "cid":
        return inside.get(unquote(place[4:]))
    if scheme == "data":
        return place if _DATA.fullmatch(place) else None
    return place if remote and scheme in ("https", "http") else None


def _pictures(workspace: Workspace, record: Record) -> dict[str, str]:
    """The pictures that came within a message, by their Content-ID."""
    raw = str(record.get("raw") or "")
    place = files.blob_path(workspace.settings.files_path, raw)
    if len(raw) != 64 or not place.is_file():
        return {}
    try:
        came = read_mail(place.read_bytes()).attachments
    except MailUnreadable:
        return {}
    found: dict[str, str] = {}
    room = MOST_PICTURED
    for one in came:
        kind = media.shown_as(one.content[: media.HEAD]) or ""
        if one.content_id and kind.startswith("image/") and len(one.content) <= room:
            room -= len(one.content)
            found[one.content_id] = f"data:{kind};base64,{base64.b64encode(one.content).decode()}"
    return found


def _is_dense(markup: str) -> bool:
    return markup.count("<", 0, MOST) > MOST_TAGS
