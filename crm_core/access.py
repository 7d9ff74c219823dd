"""Who may see and change what: an actor, and the one place that compiles his rights into a predicate."""

from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from crm_core.errors import Forbidden
from crm_core.model import Catalog, Module
from crm_core.params import Params
from crm_core.trees import any_of, coalesce, column, function

Role = Literal["admin", "agent", "viewer"]
ROLES: tuple[Role, ...] = ("admin", "agent", "viewer")


@dataclass(frozen=True)
class Actor:
    """Somebody on whose behalf a call is made: the slug of a user, his role and his teams."""

    user: str
    role: Role = "agent"
    teams: tuple[str, ...] = ()
    name: str = ""
    time_zone: str = ""

    @classmethod
    def system(cls) -> "Actor":
        """The machinery itself: flows, maintenance, the demo."""
        return cls("system", "admin", name="System")

    @classmethod
    def local_admin(cls) -> "Actor":
        """Whoever sits at the terminal, before sign-in exists."""
        return cls("admin", "admin", name="Local administrator")

    @classmethod
    def public(cls) -> "Actor":
        """A stranger on the public intake: creates what the intake lets him, sees nothing."""
        return cls("public", "viewer", name="Public intake")

    @property
    def sees_all(self) -> bool:
        """Whether no predicate is needed."""
        return self.role == "admin"

    def require_change(self, what: str) -> None:
        """Refuse those who may only look.

        Raises:
            Forbidden: When the actor is a viewer.
        """
        if self.role == "viewer":
            raise Forbidden(self.name or self.user, "change", what)

    def require_admin(self, what: str) -> None:
        """Refuse everybody but administrators.

        Raises:
            Forbidden: When the actor is not an administrator.
        """
        if self.role != "admin":
            raise Forbidden(self.name or self.user, "administer", what)


def open_folders(module: Module, actor: Actor) -> tuple[str, ...]:
    """The folders whose records the actor sees as such: those without teams, and those of his teams."""
    return tuple(
        folder.slug for folder in module.folders if not folder.teams or set(folder.teams) & set(actor.teams)
    )


def own_predicate(module: Module, actor: Actor, alias: str, params: Params) -> exp.Expr:
    """True for the rows that the actor sees by assignment, team or folder."""
    user = params.bind(actor.user)
    ways: list[exp.Expr] = [
        column("owner", alias).eq(user),
        function("list_contains", column("workers", alias), user.copy()),
    ]
    if actor.teams:
        ways.append(column("team", alias).isin(*params.bind_all(actor.teams)))
    folders = open_folders(module, actor)
    if folders:
        folder = coalesce(column("folder", alias), params.bind(module.default_folder.slug))
        ways.append(folder.isin(*params.bind_all(folders)))
    return coalesce(exp.paren(any_of(ways)), exp.false())


def sees_whole_module(catalog: Catalog, module: Module, actor: Actor) -> bool:
    """Whether every row is visible anyway, so that a statement needs no predicate."""
    if actor.sees_all:
        return True
    if module.access == "parent":
        return False
    return not any(folder.teams for folder in module.folders)
