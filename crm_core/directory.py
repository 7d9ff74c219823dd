"""Who there is: users by slug, and the keys that speak for them. Data only; `people` reads and writes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from crm_core.access import Actor, Role


@dataclass(frozen=True)
class User:
    """Somebody who works here. `language` is an ISO 639 code, `time_zone` an IANA name that only displays."""

    slug: str
    name: str
    email: str | None = None
    role: Role = "agent"
    teams: tuple[str, ...] = ()
    time_zone: str = ""
    language: str = "en"
    active: bool = True

    @property
    def actor(self) -> Actor:
        """The user as the one on whose behalf a call is made."""
        return Actor(self.slug, self.role, self.teams, self.name, self.time_zone)


@dataclass(frozen=True)
class Directory:
    """Everybody there is, and who speaks with which key (by its SHA-256)."""

    users: Mapping[str, User] = field(default_factory=dict)
    keys: Mapping[str, tuple[str, Role, str | None]] = field(default_factory=dict)

    @cached_property
    def active(self) -> tuple[User, ...]:
        """The users who can be assigned and signed in, by name."""
        return tuple(sorted((u for u in self.users.values() if u.active), key=lambda user: user.name))

    @cached_property
    def by_any_name(self) -> Mapping[str, str]:
        """Slug, e-mail address and full name in lower case → slug of the active users; no name of two."""
        found: dict[str, str] = {}
        shared: set[str] = set()
        for user in self.active:
            for name in {user.slug, (user.email or user.slug).lower(), user.name.lower()}:
                if found.setdefault(name, user.slug) != user.slug:
                    shared.add(name)
        return {name: slug for name, slug in found.items() if name not in shared or name == slug}
