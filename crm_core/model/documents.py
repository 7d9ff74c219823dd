"""Definitions beside modules: the workspace's own settings, teams, templates, saved filters."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from crm_core.model.base import DashedSlug, Definition, Offered, Slug
from crm_core.model.condition import All, Condition


class Purpose(Definition):
    """Why a message is sent, on which basis, and whether it tells when it is opened.

    With `no_objection` it goes to whoever did not object; with `consent` only to who agreed and did not withdraw.
    """

    slug: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    basis: Literal["no_objection", "consent"] = "consent"
    tracking: bool = False


PURPOSES = (
    Purpose(slug="service", basis="no_objection"),
    Purpose(slug="marketing", basis="consent", tracking=True),
)


class WorkspaceSettings(Definition):
    """What is decided once for everybody: name, time zone (IANA), locale, currency, country, first weekday.

    `purposes` are those of messages; one that is not listed needs consent and is not tracked.
    """

    name: str = "Merganser"
    pack: str = ""
    time_zone: str = "Europe/Berlin"
    locale: str = "en"
    currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    country: str = Field(default="DE", pattern=r"^[A-Z]{2}$")
    first_weekday: int = Field(default=0, ge=0, le=6)
    hold_messages_over: int = Field(default=100, ge=0)
    hold_runs_over: int = Field(default=100_000, ge=0)
    purposes: tuple[Purpose, ...] = PURPOSES

    def purpose(self, slug: str) -> Purpose:
        """A purpose by its slug; one that is not listed is the strictest."""
        return next((one for one in self.purposes if one.slug == slug), Purpose(slug="other"))

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"“{zone}” is no IANA time zone such as Europe/Berlin") from error
        return zone


class Team(Definition):
    """A group of users that shares work and sight."""

    slug: DashedSlug
    name: str


class Template(Definition):
    """A message with fields in it: sandboxed Jinja for one module."""

    slug: DashedSlug
    module: Slug
    name: str = ""
    subject: str = ""
    body: str = ""


class SavedFilter(Offered):
    """A named condition over a module, with the columns and order it is shown in."""

    module: Slug
    when: Condition = All()
    sort: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


class CustomerEvent(Definition):
    """What a workspace calls an event of a module, such as a payment received: flows wait for it by its slug.

    `trigger` is plain data here, that of a flow; `when` must hold as well.
    """

    slug: DashedSlug = Field(alias="event")
    name: str = ""
    description: str = ""
    module: Slug
    trigger: dict[str, Any]
    when: Condition = All()

    @property
    def title(self) -> str:
        """What people read: the name, or the slug made readable."""
        return self.name or self.slug.replace("-", " ").replace("_", " ").capitalize()


DocumentKind = Literal[
    "workspace", "team", "module", "relationship", "template", "saved_filter", "report", "dashboard", "event", "flow"
]  # fmt: skip
Document = dict[str, Any]
"""A definition as plain data, the way YAML and JSON have it."""

State = Literal["active", "draft", "paused", "retired"]
"""Of a flow the newest version that is no draft says whether it runs; only flows are paused."""
STATES: tuple[State, ...] = ("active", "draft", "paused", "retired")


@dataclass(frozen=True)
class Stored:
    """One version of a definition in the lake. `id` stays the same through all versions; `occurred_at` is UTC."""

    kind: DocumentKind
    id: str
    slug: str
    version: int
    state: State
    document: Document
    occurred_at: datetime | None = None
