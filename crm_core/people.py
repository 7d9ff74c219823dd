"""Users, their teams, and the keys with which programs speak for somebody."""

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast
from zoneinfo import available_timezones

import polars as pl

from crm_core.access import ROLES, Actor, Role
from crm_core.definitions import read_catalog_in
from crm_core.directory import Directory, User
from crm_core.errors import CrmError, Problem, ValuesInvalid
from crm_core.snapshot_cache import Reader, SnapshotCache
from lake import Change, Lake, Transaction, table

_USERS = table("access", "users")
_KEYS = table("access", "api_keys")
_SLUG = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_RESERVED = ("system", "public", "external")
_KEY_PREFIX = "mgr_"


class UnknownUser(CrmError):
    """There is no active user of that slug."""

    status = 404

    def __init__(self, slug: str, known: Sequence[str]) -> None:
        self.slug = slug
        self.known = tuple(known)
        hint = f" There are: {', '.join(known)}." if known else " There is none yet."
        super().__init__(f"There is no active user “{slug}”.{hint}")


def _read(reader: Reader, mark: int) -> Directory:
    users = reader.read(
        f"SELECT slug, name, email, role, teams, time_zone, language, active FROM {_USERS} ORDER BY slug"
    )
    keys = reader.read(f"SELECT sha256, label, role, user_slug FROM {_KEYS} WHERE revoked_at IS NULL")
    return Directory(
        {row["slug"]: _user(row) for row in users.to_dicts()},
        {sha256: (label, cast(Role, role), user) for sha256, label, role, user in keys.iter_rows()},
    )


def _user(row: Mapping[str, Any]) -> User:
    texts = {"time_zone": row["time_zone"] or "", "language": row["language"] or "en"}
    return User(**{**row, **texts, "teams": tuple(row["teams"] or ())})


_directories: SnapshotCache[Directory] = SnapshotCache(
    f"SELECT greatest((SELECT coalesce(max(version), 0) FROM {_USERS}), "
    f"(SELECT coalesce(max(version), 0) FROM {_KEYS}))",
    _read,
)


def read_directory(lake: Lake) -> Directory:
    """Everybody there is now; cheap as long as nobody has changed."""
    return _directories.get(lake)


def read_directory_in(tx: Transaction, lake: Lake) -> Directory:
    """As `read_directory`, for an open transaction that has not written users or keys itself."""
    return _directories.get(lake, reader=tx, snapshot=tx.snapshot - 1)


def note_commit(lake: Lake, snapshot: int) -> None:
    """Know that this process made `snapshot` without touching users or keys."""
    _directories.note_commit(lake, snapshot)


def actor_of(lake: Lake, slug: str) -> Actor:
    """The actor for an active user; `admin` is the local administrator where no user is called so.

    Raises:
        UnknownUser: There is no active user of that slug.
    """
    directory = read_directory(lake)
    user = directory.users.get(slug)
    if user is not None and user.active:
        return user.actor
    if user is None and slug == Actor.local_admin().user:
        return Actor.local_admin()
    raise UnknownUser(slug, [known.slug for known in directory.active])


def save_users(lake: Lake, users: Sequence[User], *, actor: Actor, reason: str = "") -> int:
    """Create users, or change those of the same slug; returns how many were new or different.

    Raises:
        Forbidden: The actor is no administrator.
        ValuesInvalid: With everything wrong with any of them.
    """
    actor.require_admin("users")

    def work(tx: Transaction) -> int:
        teams = read_catalog_in(tx, lake).teams
        problems = [p for row, user in enumerate(users) for p in _problems(user, row, teams)]
        if problems:
            raise ValuesInvalid("users", problems)
        known = read_directory_in(tx, lake).users
        changed = [
            user for user in {user.slug: user for user in users}.values() if known.get(user.slug) != user
        ]
        if changed:
            _replace(tx, changed)
        else:
            tx.cancel()
        return len(changed)

    return lake.commit(work, Change(actor=actor.user, door="people", reason=reason)).value


def invite(lake: Lake, *, name: str, email: str, role: Role, teams: Sequence[str] = (), actor: Actor) -> User:
    """Let one more person in, under a slug made of the name that nobody has yet.

    Raises:
        Forbidden: The actor is no administrator.
        ValuesInvalid: With everything wrong with the values.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40] or "user"
    base = base if base[0].isalpha() else f"user-{base}"
    taken = {*read_directory(lake).users, *_RESERVED}
    slug = next(s for s in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if s not in taken)
    user = User(slug, name.strip(), email.strip() or None, role, tuple(teams))
    save_users(lake, [user], actor=actor, reason=f"{slug} invited")
    return user


def _problems(user: User, row: int, teams: Mapping[str, object]) -> list[Problem]:
    found = []
    if not _SLUG.fullmatch(user.slug) or user.slug in _RESERVED:
        allowed = f"lower case letters, digits, “.”, “-” and “_”, and none of {', '.join(_RESERVED)}"
        found.append(Problem("slug", "pattern", f"a user's slug is {allowed}", user.slug, row))
    if not user.name.strip():
        found.append(Problem("name", "required", "a user needs a name", user.name, row))
    if user.role not in ROLES:
        found.append(Problem("role", "option", f"the role is one of {', '.join(ROLES)}", user.role, row))
    found += [
        Problem("teams", "option", f"there is no team “{team}”; there are {', '.join(teams)}", team, row)
        for team in user.teams
        if team not in teams
    ]
    if user.time_zone and user.time_zone not in available_timezones():
        message = f"“{user.time_zone}” is no IANA time zone such as Europe/Berlin"
        found.append(Problem("time_zone", "option", message, user.time_zone, row))
    return found


def _replace(tx: Transaction, users: Sequence[User]) -> None:
    staged = pl.DataFrame(
        [asdict(user) | {"teams": list(user.teams)} for user in users],
        schema={
            "slug": pl.String, "name": pl.String, "email": pl.String, "role": pl.String,
            "teams": pl.List(pl.String), "time_zone": pl.String, "language": pl.String, "active": pl.Boolean,
        },
    )  # fmt: skip
    tx.register("users_staged", staged)
    tx.execute(f"DELETE FROM {_USERS} WHERE slug IN (SELECT slug FROM users_staged)")
    tx.execute(
        f"INSERT INTO {_USERS} SELECT *, CAST(? AS UUID), ? FROM users_staged", [tx.change_id, tx.snapshot]
    )


def add_key(
    lake: Lake, *, actor: Actor, role: Role = "agent", user: str | None = None, label: str = ""
) -> str:
    """Make a key for a program and return it: it is shown this once and kept only as its SHA-256.

    Args:
        lake: the lake.
        actor: an administrator.
        role: what the key may do; the user's own role counts where one is named.
        user: the slug of the user for whom it speaks; without one it speaks for itself and is in no team.
        label: what it is for.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownUser: There is no such user.
        ValuesInvalid: There is no such role.
    """
    actor.require_admin("keys")
    if role not in ROLES:
        raise ValuesInvalid(
            "keys", [Problem("role", "option", f"the role is one of {', '.join(ROLES)}", role)]
        )
    if user is not None:
        actor_of(lake, user)
    key = _KEY_PREFIX + secrets.token_urlsafe(32)
    key_id = secrets.token_hex(6)
    values = [key_id, _digest(key), label or key_id, role, user]

    def work(tx: Transaction) -> None:
        tx.execute(
            f"INSERT INTO {_KEYS} VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?)",
            [*values, tx.occurred_at, tx.change_id, tx.snapshot],
        )

    lake.commit(work, Change(actor=actor.user, door="people", reason=f"key {label or key_id} added"))
    return key


def revoke_key(lake: Lake, key_id: str, *, actor: Actor) -> bool:
    """Make a key worthless; returns whether there was one to revoke.

    Raises:
        Forbidden: The actor is no administrator.
    """
    actor.require_admin("keys")

    def work(tx: Transaction) -> int:
        return tx.execute(
            f"UPDATE {_KEYS} SET revoked_at = ?, change_id = ?, version = ? "
            "WHERE (id = ? OR label = ?) AND revoked_at IS NULL",
            [tx.occurred_at, tx.change_id, tx.snapshot, key_id, key_id],
        )

    change = Change(actor=actor.user, door="people", reason=f"key {key_id} revoked")
    return lake.commit(work, change).value > 0


def actor_by_key(lake: Lake, key: str) -> Actor | None:
    """On whose behalf a program calls with this key, or None when the key is worth nothing."""
    directory = read_directory(lake)
    found = directory.keys.get(_digest(key))
    if found is None:
        return None
    label, role, slug = found
    if slug is None:
        return Actor(f"key:{label}", role, name=f"Key {label}")
    user = directory.users.get(slug)
    return user.actor if user is not None and user.active else None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
