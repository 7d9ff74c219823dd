"""Links under which a browser takes away what a page lists: all records that match, as one file."""

from dataclasses import dataclass
from datetime import datetime

from crm_core import links
from crm_core.access import Actor
from crm_core.export import Format
from crm_core.model import Condition, parse_condition
from crm_core.model.condition import to_document
from lake import Lake

PATH = "/api/download/"
_PURPOSE = "export"


@dataclass(frozen=True)
class Wanted:
    """All records that match, as one file."""

    module: str
    format: Format
    actor: Actor
    condition: Condition | None = None
    sort: str = ""


def offer(wanted: Wanted, *, now: datetime | None = None) -> str:
    """The address of a download."""
    condition = to_document(wanted.condition) if wanted.condition is not None else None
    claims = [wanted.module, wanted.format, condition, wanted.sort]
    return PATH + links.sign(_PURPOSE, actor=wanted.actor, claims=claims, now=now)


def follow(lake: Lake, token: str, *, now: datetime | None = None) -> Wanted:
    """What a link stands for, with the rights that its person has now.

    Raises:
        LinkExpired: As `links.follow` says.
    """
    found = links.follow(lake, token, purpose=_PURPOSE, now=now)
    module, format, condition, sort = found.claims
    return Wanted(module, format, found.actor, parse_condition(condition) if condition else None, sort)
