"""Links under which a browser takes away what a page shows: it has no key, so the link itself is the right to it.

Page and API are of one process. A link cannot be guessed, is for one person and one filter, and ends after an hour;
what he may see is asked again when it is followed.
"""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crm_core import people
from crm_core.access import Actor
from crm_core.errors import CrmError
from crm_core.export import Format
from crm_core.model import Condition
from lake import Lake

PATH = "/api/download/"
VALID = timedelta(hours=1)
MOST = 5_000
"""So many links are kept; the oldest goes first."""


class LinkExpired(CrmError):
    """The link was never given, or its hour is over."""

    status = 404

    def __init__(self) -> None:
        super().__init__("This link leads nowhere any more. Go back to the page and take a new one.")


@dataclass(frozen=True)
class Wanted:
    """All records that match, as one file."""

    module: str
    format: Format
    actor: Actor
    condition: Condition | None = None
    sort: str = ""


_guard = threading.Lock()
_links: OrderedDict[str, tuple[str, Wanted, datetime]] = OrderedDict()
_tokens: dict[str, str] = {}


def offer(wanted: Wanted, *, now: datetime | None = None) -> str:
    """The address of a download; the same for the same as long as it is fresh."""
    at, key = now or datetime.now(UTC), repr(wanted)
    with _guard:
        token = _tokens.get(key, "")
        if token and at - _links[token][2] < VALID / 2:
            return PATH + token
        token = secrets.token_urlsafe(24)
        _links[token] = (key, wanted, at)
        _tokens[key] = token
        while len(_links) > MOST:
            oldest, (its_key, _, _) = _links.popitem(last=False)
            if _tokens.get(its_key) == oldest:
                del _tokens[its_key]
    return PATH + token


def follow(lake: Lake, token: str, *, now: datetime | None = None) -> Wanted:
    """What a link stands for, with the rights that its person has now.

    Raises:
        LinkExpired: It was never given, its hour is over, or its person is no more among the active ones.
    """
    with _guard:
        kept = _links.get(token)
    if kept is None or (now or datetime.now(UTC)) - kept[2] >= VALID:
        raise LinkExpired
    wanted = kept[1]
    user = people.read_directory(lake).users.get(wanted.actor.user)
    if user is None:
        return wanted  # whoever sits at the machine, before sign-in exists, is in no directory
    if not user.active:
        raise LinkExpired
    return Wanted(wanted.module, wanted.format, user.actor, wanted.condition, wanted.sort)
