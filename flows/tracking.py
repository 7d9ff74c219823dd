"""Opened and clicked: links of one message to one address that tell of it, and what they tell."""

import base64
import hashlib
import hmac
import html as markup
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from crm_core.settings import Settings
from flows.actions.send_email import COMMUNICATIONS
from flows.outbox_tables import OUTBOX
from flows.secrets import derive
from flows.writing import write_messages
from lake import Change, Lake, Transaction, new_id, table

OPEN_PATH, CLICK_PATH = "/m/o/", "/m/c/"
_URL = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")
_LINK = re.compile(r"""(<a\b[^>]*?\bhref\s*=\s*)(["'])(https?://[^"']+)\2""", re.IGNORECASE)
_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)
_ID_BYTES, _LINK_BYTES, _MAC_BYTES = 16, 8, 16


@dataclass(frozen=True)
class Told:
    """What a token says: the message in the outbox, and a link's mark when it is one of a link."""

    outbox_id: str
    link: bytes | None


@dataclass(frozen=True)
class Tracker:
    """Writes and reads the tokens of a workspace; nobody else can write one that is read."""

    public_url: str
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> "Tracker | None":
        """The tracker of a workspace; None where the world cannot reach it."""
        if not settings.public_url:
            return None
        return cls(settings.public_url, derive(settings, "tracking", "links").encode())

    def token(self, outbox_id: str, link: str | None = None) -> str:
        """The token of a message, or of one of its links."""
        told = uuid.UUID(outbox_id).bytes + (_mark(link) if link is not None else b"")
        return base64.urlsafe_b64encode(told + self._mac(told)).decode().rstrip("=")

    def read(self, token: str) -> Told | None:
        """What a token says; None when it is none of ours."""
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        told, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(told) not in (_ID_BYTES, _ID_BYTES + _LINK_BYTES) or not hmac.compare_digest(
            mac, self._mac(told)
        ):
            return None
        return Told(str(uuid.UUID(bytes=told[:_ID_BYTES])), told[_ID_BYTES:] or None)

    def html(self, outbox_id: str, *, text: str, html: str | None) -> str:
        """The message as HTML whose links and picture tell of it; made of the text when there is none."""

        def link(url: str) -> str:
            return f"{self.public_url}{CLICK_PATH}{self.token(outbox_id, url)}"

        pixel = f'<img src="{self.public_url}{OPEN_PATH}{self.token(outbox_id)}" width="1" height="1" alt="">'
        if html is None:
            return f"<html><body>{_as_html(text, link)}{pixel}</body></html>"

        def replaced(found: re.Match[str]) -> str:
            return f"{found[1]}{found[2]}{markup.escape(link(markup.unescape(found[3])))}{found[2]}"

        changed = _LINK.sub(replaced, html)
        end = _BODY_END.search(changed)
        return changed[: end.start()] + pixel + changed[end.start() :] if end else changed + pixel

    def _mac(self, told: bytes) -> bytes:
        return hmac.new(self.key, told, hashlib.sha256).digest()[:_MAC_BYTES]


def _mark(url: str) -> bytes:
    return hashlib.sha256(url.encode()).digest()[:_LINK_BYTES]


def _as_html(text: str, link: Any) -> str:
    """A text as HTML: every character of it as it is, its links as links."""
    parts, end = [], 0
    for found in _URL.finditer(text):
        parts.append(markup.escape(text[end : found.start()]))
        shown = markup.escape(found[0])
        parts.append(f'<a href="{markup.escape(link(found[0]))}">{shown}</a>')
        end = found.end()
    parts.append(markup.escape(text[end:]))
    return "".join(parts).replace("\n", "<br>\n")


def links_of(text: str, html: str | None) -> Sequence[str]:
    """The addresses that a message leads to."""
    if html is None:
        return [found[0] for found in _URL.finditer(text)]
    return [markup.unescape(found[3]) for found in _LINK.finditer(html)]


def find_target(lake: Lake, told: Told) -> str | None:
    """Where a link of a message leads to, as the message itself says; None when it has no such link any more."""
    rows = lake.read(
        f"SELECT m.* FROM {OUTBOX} o JOIN {table('crm', COMMUNICATIONS)} m ON m.id = o.communication_id "
        "WHERE o.id = TRY_CAST($id AS UUID)",
        {"id": told.outbox_id},
    ).to_dicts()
    if not rows or told.link is None:
        return None
    found = links_of(rows[0].get("text") or "", rows[0].get("html"))
    return next((url for url in found if _mark(url) == told.link), None)


@dataclass(frozen=True)
class Seen:
    """That a message was opened, or one of its links clicked, at an aware instant; for a shared transaction."""

    lake: Lake
    outbox_id: str
    clicked: bool
    at: datetime
    change: Change

    @property
    def keys(self) -> frozenset[str]:
        """The row that it touches."""
        return frozenset({self.outbox_id})


def note(lake: Lake, told: Told, *, at: datetime) -> bool:
    """Keep that a message was opened or clicked: the first time counts; returns whether this one did.

    The record of the message says so (`state: opened`, `opened_at`, `clicked_at`), and flows can wait for that.
    """
    clicked = told.link is not None
    column = "clicked_at" if clicked else "opened_at"
    news = lake.read(
        f"SELECT 1 FROM {OUTBOX} WHERE id = TRY_CAST(? AS UUID) AND {column} IS NULL", [told.outbox_id]
    )
    if not news.height:
        return False
    change = Change(actor="system", door="tracking", reason="a message was " + ("clicked" if clicked else "opened"),
                    id=new_id())  # fmt: skip
    noted: bool = lake.group.submit(_write_seen, Seen(lake, told.outbox_id, clicked, at, change))
    return noted


def _write_seen(tx: Transaction, seen: Sequence[Seen]) -> list[bool]:
    """The handler of the shared transaction."""
    given = [(one.outbox_id, one.clicked, one.at) for one in seen]
    schema: Mapping[str, Any] = {"id": pl.String, "clicked": pl.Boolean, "at": pl.Datetime("us", "UTC")}
    tx.register("tracking_seen", pl.DataFrame(given, schema=schema, orient="row"))
    rows = tx.read(
        "SELECT CAST(o.id AS VARCHAR) AS outbox_id, CAST(o.communication_id AS VARCHAR) AS id, "
        "o.opened_at IS NULL AS opens, s.clicked AND o.clicked_at IS NULL AS clicks, s.at, o.state, "
        "coalesce(o.opened_at, s.at) AS opened_at, CASE WHEN s.clicked THEN coalesce(o.clicked_at, s.at) "
        f"ELSE o.clicked_at END AS clicked_at FROM tracking_seen s JOIN {OUTBOX} o ON o.id = CAST(s.id AS UUID)"
    ).filter(pl.col("opens") | pl.col("clicks"))
    if rows.height:
        tx.register("tracking_rows", rows)
        tx.execute(
            f"UPDATE {OUTBOX} SET opened_at = t.opened_at, clicked_at = t.clicked_at FROM tracking_rows t "
            f"WHERE t.outbox_id = CAST({OUTBOX}.id AS VARCHAR)"
        )
        # Whatever else became of it: what was opened has arrived.
        told = rows.filter(pl.col("id").is_not_null())
        state = pl.lit("opened").alias("state")
        write_messages(tx, seen[0].lake, told.select("id", state, "opened_at", "clicked_at"))
    counted = set(rows["outbox_id"])
    return [one.outbox_id in counted for one in seen]
