"""Links that a page hands to its browser, which has no key: signed, for one person and one thing, and for an hour.

    PATH + sign("file", actor=actor, claims=[file_id])          # where a page is drawn
    actor, [file_id] = follow(lake, token, purpose="file")      # where it is answered

Whoever can read a link can follow it, but nobody can make one, and what its person may see is asked again each time.
"""

import base64
import hashlib
import hmac
import json
import secrets
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_core import people
from crm_core.access import Actor
from crm_core.errors import CrmError
from lake import Lake

VALID = timedelta(hours=1)
"""No link lives longer."""

_STEP = timedelta(minutes=15)
"""Links for the same thing are the same within a step, so that a browser loads what it shows once."""

_KEY = secrets.token_bytes(32)
# Pages and API are of one process: its links need to live no longer than itself, and no key lies on a disk.

_MAC_BYTES = 20
_LONG = 200
"""A longer content is packed."""


class LinkExpired(CrmError):
    """The link was never given, or its hour is over."""

    status = 404

    def __init__(self) -> None:
        super().__init__("This link leads nowhere any more. Go back to the page and take a new one.")


@dataclass(frozen=True)
class Followed:
    """What a link stands for: its person, with the rights that he has now, and what was signed."""

    actor: Actor
    claims: list[Any]


def sign(purpose: str, *, actor: Actor, claims: list[Any], now: datetime | None = None) -> str:
    """A token for the path of an address.

    Args:
        purpose: what kind of thing it leads to; it is followed as that only.
        actor: for whom it is.
        claims: what it leads to, as JSON.
        now: the instant it is given (aware), that of the call by default.
    """
    at = (now or datetime.now(UTC)).timestamp()
    step = _STEP.total_seconds()
    ends = int(at // step * step + VALID.total_seconds())
    who = [actor.user, actor.role, actor.teams, actor.name, actor.time_zone]
    content = json.dumps([purpose, ends, who, claims], separators=(",", ":"), ensure_ascii=False).encode()
    packed = b"z" + zlib.compress(content, 9) if len(content) > _LONG else b"j" + content
    return base64.urlsafe_b64encode(_mac(packed) + packed).decode().rstrip("=")


def follow(lake: Lake, token: str, *, purpose: str, now: datetime | None = None) -> Followed:
    """What a token stands for.

    Raises:
        LinkExpired: It was not given for this, its hour is over, or its person is no more among the active ones.
    """
    content = _read(token)
    if content is None or content[0] != purpose or (now or datetime.now(UTC)).timestamp() >= content[1]:
        raise LinkExpired
    user, role, teams, name, zone = content[2]
    known = people.read_directory(lake).users.get(user)
    if known is not None and not known.active:
        raise LinkExpired
    # Whoever sits at the machine, before sign-in exists, is in no directory.
    actor = known.actor if known is not None else Actor(user, role, tuple(teams), name, zone)
    return Followed(actor, content[3])


def _read(token: str) -> list[Any] | None:
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    mac, packed = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(packed)):
        return None
    content = zlib.decompress(packed[1:]) if packed[:1] == b"z" else packed[1:]
    found: list[Any] = json.loads(content)
    return found


def _mac(packed: bytes) -> bytes:
    return hmac.new(_KEY, packed, hashlib.sha256).digest()[:_MAC_BYTES]
