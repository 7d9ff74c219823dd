"""Who writes, under which definitions, and what every write does with owner, workers, folder and status."""

from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.directory import Directory
from crm_core.model import Catalog, Module
from crm_core.params import Params
from crm_core.values.formats import Reading
from crm_core.values.fragments import sql
from lake import Committed, Lake


@dataclass(frozen=True)
class Writer:
    """On whose behalf records are written, and with which knowledge.

    Attributes:
        catalog: the definitions that count.
        directory: the users there are.
        actor: who writes.
        door: through which door; the source of records that name none.
        trusted: whether read-only fields, auto-numbers and `created_at` may be given: loads and flows, not people.
        reading: how text is read; the workspace's way by default.
    """

    catalog: Catalog
    directory: Directory
    actor: Actor
    door: str = "api"
    trusted: bool = False
    reading: Reading | None = None

    @property
    def person(self) -> str | None:
        """The slug of the acting user, when he is a person who can own a record."""
        user = self.directory.users.get(self.actor.user)
        return user.slug if user is not None and user.active else None


@dataclass(frozen=True)
class Statuses:
    """The statuses of a module's folders, as expressions over a folder and a status."""

    module: Module
    params: Params
    _lists: dict[str, exp.Expr] = field(default_factory=dict)

    def named(self, folder: exp.Expr, status: exp.Expr) -> exp.Expr:
        """The status of the folder that a text names by slug or label, else NULL; any text where it has none."""
        pairs = [(f.slug, s) for f in self.module.folders for s in f.statuses]
        names = [f"{folder_slug}/{s.slug}" for folder_slug, s in pairs]
        names += [f"{folder_slug}/{s.name.lower()}" for folder_slug, s in pairs]
        slugs = [s.slug for _, s in pairs] * 2
        return sql(
            "CASE WHEN list_contains($free, $folder) THEN $status "
            "ELSE list_extract($slugs, list_position($names, concat($folder, '/', lower($status)))) END",
            free=self._free(),
            folder=folder,
            status=status,
            slugs=self.params.bind(slugs, "VARCHAR[]"),
            names=self.params.bind(names, "VARCHAR[]"),
        )

    def start(self, folder: exp.Expr) -> exp.Expr:
        """The status that a record has when it comes into a folder."""
        folders = [f.slug for f in self.module.folders]
        starts = [f.start_status for f in self.module.folders]
        return sql(
            "list_extract($starts, list_position($folders, $folder))",
            starts=self.params.bind(starts, "VARCHAR[]"),
            folders=self.params.bind(folders, "VARCHAR[]"),
            folder=folder,
        )

    def _free(self) -> exp.Expr:
        free = [f.slug for f in self.module.folders if not f.statuses]
        return self.params.bind(free, "VARCHAR[]")


def with_owner(owner: exp.Expr, workers: exp.Expr) -> exp.Expr:
    """The workers with the owner among them."""
    return sql(
        "CASE WHEN $owner IS NULL THEN $workers WHEN $workers IS NULL THEN [$owner] "
        "WHEN list_contains($workers, $owner) THEN $workers ELSE list_prepend($owner, $workers) END",
        owner=owner,
        workers=workers,
    )


def note_commit(lake: Lake, done: Committed[Any]) -> None:
    """Know that a commit of this process wrote records only: the definitions and people that are known still stand."""
    if done.wrote:
        definitions.note_commit(lake, done.snapshot)
        people.note_commit(lake, done.snapshot)
