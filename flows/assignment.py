"""Who gets the work: users chosen within the statement of a step, for all its runs at once.

Everybody who could be chosen is read when the statement runs, since it is remembered for longer than people stay. He
is read as he is now and not as of the window: a person who has left since must not be given anything.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import model_validator
from sqlglot import exp

from crm_core.conditions import Scope, value_expression
from crm_core.model import Catalog
from crm_core.model.base import Definition
from crm_core.relations import Relations
from crm_core.trees import any_of, coalesce, column, function, lake_table
from crm_core.values.fragments import sql
from flows.checks import Checks

By = Literal["round_robin", "least_open", "owner"]

_USER = "u"


class Assignment(Definition):
    """Who is to do it: `{user: anna}`, `{team: sales, by: least_open}` or `{owner: true}`.

    `round_robin` goes through the active users of the team by name, and goes on where the step's last window ended.
    `least_open` gives each record to whoever then has the fewest open ones of its kind. `owner` is who owns the record
    that set the flow off, or else its customer.
    """

    user: str | None = None
    team: str | None = None
    by: By | None = None
    owner: bool | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if (self.user is not None) + (self.team is not None) + bool(self.owner) != 1:
            raise ValueError("say who: one of {user: anna}, {team: sales, by: round_robin} and {owner: true}")
        if self.by is not None and self.team is None:
            raise ValueError(f"by: {self.by} chooses somebody of a team; name the team")
        return self

    @classmethod
    def read(cls, options: Any) -> Self:
        """Read what stands under `assign`.

        Raises:
            ValueError: When it names nobody, or more than one.
        """
        if not isinstance(options, Mapping):
            raise ValueError(
                f"assign takes {{team: sales, by: round_robin}} or {{user: anna}}; this is {options!r}"
            )
        return cls.model_validate(dict(options))

    @property
    def way(self) -> By | None:
        """How somebody is chosen; None for a user by name."""
        return "owner" if self.owner else self.by or ("round_robin" if self.team else None)

    def options(self) -> dict[str, Any]:
        """As it stands in YAML."""
        return self.model_dump(mode="json", exclude_none=True)

    def reads(self, catalog: Catalog, module: str) -> frozenset[str]:
        """The paths of the record that say who is chosen."""
        if self.way != "owner":
            return frozenset()
        return frozenset(["owner", "customer.owner"] if _of_customer(catalog, module) else ["owner"])

    def problems(self, checks: Checks) -> list[str]:
        """What is wrong with it: sentences, none when it can be used."""
        found = []
        if self.team is not None and self.team not in checks.catalog.teams:
            known = ", ".join(sorted(checks.catalog.teams)) or "none"
            found.append(f"there is no team “{self.team}”; there are {known}")
        if self.user is not None and checks.users is not None and self.user not in checks.users:
            known = ", ".join(sorted(checks.users)) or "none"
            found.append(f"there is no user “{self.user}”; there are {known}")
        return found


def chosen_user(assignment: Assignment, scope: Scope, *, module: str, flow: str, step: int) -> exp.Expr:
    """The slug of the user that each run of a step chooses; NULL where there is nobody.

    It counts the rows of the step's own statement, which reads the runs under the alias `r`.

    Args:
        assignment: who is to be chosen.
        scope: the rows of the record that set the flow off.
        module: of what records the open ones are counted.
        flow: the flow's id, whose earlier effects say where a round goes on.
        step: the step's number.
    """
    match assignment.way:
        case None:
            return _active(scope, scope.relations.params.bind(assignment.user))
        case "owner":
            return _active(scope, _owner(scope))
        case "least_open":
            return _least_open(assignment, scope, module)
    return _round_robin(assignment, scope, flow, step)


def nobody_said(assignment: Assignment, scope: Scope, *, so: str) -> exp.Expr:
    """Why nobody is chosen, and what follows from it, to be told in the run; NULL where there is somebody."""
    match assignment.way:
        case None:
            missing = _active(scope, scope.relations.params.bind(assignment.user)).is_(exp.null())
            return _told(missing, f"“{assignment.user}” is not active; {so}")
        case "owner":
            return _told(_active(scope, _owner(scope)).is_(exp.null()), f"no owner is active; {so}")
    assert assignment.team is not None
    return _told(
        nobody_active(scope, [assignment.team]), f"nobody is active in team “{assignment.team}”; {so}"
    )


def nobody_active(scope: Scope, teams: Sequence[str]) -> exp.Expr:
    """True where no user of any of some teams is active."""
    theirs = [_of_team(team, scope) for team in teams]
    count = exp.select(function("count", exp.Star())).from_(_users()).where(any_of(theirs)).subquery()
    return count.eq(exp.Literal.number(0))


def _told(holds: exp.Expr, words: str) -> exp.Expr:
    return exp.Case().when(holds, exp.Literal.string(words), copy=False)


def _users(alias: str = _USER) -> exp.Table:
    return lake_table("users", schema="access", alias=alias)


def _of_team(team: str | None, scope: Scope) -> exp.Expr:
    asked = scope.relations.params.bind(team)
    return exp.and_(column("active", _USER), function("list_contains", column("teams", _USER), asked))


def _active(scope: Scope, wanted: exp.Expr) -> exp.Expr:
    """The user, where he is there and active."""
    same = exp.and_(column("slug", _USER).eq(wanted), column("active", _USER))
    return exp.select(function("any_value", column("slug", _USER))).from_(_users()).where(same).subquery()


def _owner(scope: Scope) -> exp.Expr:
    own: exp.Expr = column("owner", scope.alias)
    if not _of_customer(scope.relations.catalog, scope.module):
        return own
    return coalesce(own, value_expression("customer.owner", scope))


def _of_customer(catalog: Catalog, module: str) -> bool:
    customer = catalog.reference(module, "customer")
    return customer is not None and not customer.polymorphic


def _turn() -> exp.Expr:
    """The place of a row among those of its step, from 0, in the order of commits and runs."""
    return sql("row_number() OVER (ORDER BY r.snapshot, r.id) - 1")


def _round_robin(assignment: Assignment, scope: Scope, flow: str, step: int) -> exp.Expr:
    bind = scope.relations.params.bind
    users = (
        exp.select(sql("list($slug ORDER BY $slug)", slug=column("slug", _USER)))
        .from_(_users())
        .where(_of_team(assignment.team, scope))
        .subquery()
    )
    before = (
        exp.select(function("count", exp.Star()))
        .from_(lake_table("flow_effects", schema="ops", alias="e"))
        .where(column("flow_id", "e").eq(bind(flow)), column("step", "e").eq(bind(step)))
        .subquery()
    )
    return sql(
        "list_extract($users, CAST(1 + ($before + $turn) % nullif(len($users), 0) AS BIGINT))",
        users=users, before=before, turn=_turn(),
    )  # fmt: skip


def _least_open(assignment: Assignment, scope: Scope, module: str) -> exp.Expr:
    """As water fills a vessel of steps: the n-th run takes the n-th of the slots (open, open + 1, …) of all users.

    Users stand by how much is open; from slot `fills[j]` on the first j of them take turns.
    """
    loads = _loads(assignment, scope, module)
    return sql(
        "list_extract(list_transform([$turn], lambda n: list_extract(list_transform("
        "[len(list_filter(struct_extract($loads, 'fills'), lambda x: x <= n))], lambda k: list_extract("
        "struct_extract($loads, 'users'), 1 + (n - list_extract(struct_extract($loads, 'fills'), k)) % k)), 1)), 1)",
        loads=loads, turn=_turn(),
    )  # fmt: skip


def _loads(assignment: Assignment, scope: Scope, module: str) -> exp.Expr:
    """A struct of two lists: `users` by how many open records they own, and from which slot on each takes part."""
    relations = Relations(scope.relations.catalog, scope.relations.actor, scope.relations.params)
    held = (
        exp.select(column("owner", "t").as_("owner"), function("count", exp.Star()).as_("n"))
        .from_(relations.visible(module, "t"))
        .where(still_open(scope, module, "t"))
        .group_by(column("owner", "t"))
    )
    each = (
        exp.select(
            column("slug", _USER).as_("slug"), coalesce(column("n", "h"), exp.Literal.number(0)).as_("n")
        )
        .from_(_users())
        .join(held.subquery("h"), on=column("owner", "h").eq(column("slug", _USER)), join_type="left")
        .where(_of_team(assignment.team, scope))
    )
    ranked = exp.select(
        column("slug", "e"),
        column("n", "e"),
        sql("row_number() OVER (ORDER BY e.n, e.slug)").as_("j"),
        sql("CAST(sum(e.n) OVER (ORDER BY e.n, e.slug) AS BIGINT) - e.n").as_("before"),
    ).from_(each.subquery("e"))
    lists = "{'users': list(k.slug ORDER BY k.j), 'fills': list(k.n * (k.j - 1) - k.before ORDER BY k.j)}"
    return exp.select(sql(lists)).from_(ranked.subquery("k")).subquery()


def still_open(scope: Scope, module: str, alias: str) -> exp.Expr:
    """True for records whose status does not end their folder's work."""
    bind = scope.relations.params.bind
    folders = [folder for folder in scope.relations.catalog.module(module).folders if folder.end_statuses]
    ended: list[exp.Expr] = [
        exp.and_(
            column("folder", alias).eq(bind(folder.slug)),
            column("status", alias).isin(*[bind(slug) for slug in folder.end_statuses]),
        )
        for folder in folders
    ]
    return exp.not_(coalesce(exp.paren(any_of(ended)), exp.false()))
