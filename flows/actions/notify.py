"""Tell people about the record: a notice in their browser, not a message that leaves the house."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator
from sqlglot import exp

from crm_core.conditions import Scope
from crm_core.model import Catalog
from crm_core.templates import check_template, compile_template
from crm_core.trees import coalesce, column, function
from crm_core.values.fragments import sql
from flows.actions.base import Action, Plan, Side, StepContext, Writes, paths_in
from flows.assignment import nobody_active
from flows.checks import Checks
from flows.notifications import KIND

LONGEST_TITLE, LONGEST_TEXT = 200, 2000


class Notify(Action):
    """`notify: {teams: [sales], owner: true, text: "{{ subject }} waits"}`.

    Told are the users, the active users of the teams, the record's owner and its workers, each once. Without a title
    it is that of the record.
    """

    key: ClassVar[str] = "notify"
    users: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    owner: bool = False
    workers: bool = False
    title: str = ""
    text: str = Field(min_length=1)

    @field_validator("users", "teams", mode="before")
    @classmethod
    def _one_is_a_list_too(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not (self.users or self.teams or self.owner or self.workers):
            raise ValueError("say who is told: users, teams, owner: true or workers: true")
        return self

    @classmethod
    def read(cls, options: Any) -> Self:
        if not isinstance(options, Mapping):
            raise ValueError('notify takes an object such as {teams: [sales], text: "{{ subject }} waits"}')
        return cls.model_validate(dict(options))

    def options(self) -> Any:
        return self.model_dump(mode="json", exclude_defaults=True)

    def problems(self, checks: Checks) -> list[str]:
        found = [
            f"there is no team “{team}”; there are {', '.join(sorted(checks.catalog.teams)) or 'none'}"
            for team in self.teams
            if team not in checks.catalog.teams
        ]
        if checks.users is not None:
            known = ", ".join(sorted(checks.users)) or "none"
            missing = [user for user in self.users if user not in checks.users]
            found += [f"there is no user “{user}”; there are {known}" for user in missing]
        for label, source in (("title", self.title), ("text", self.text)):
            found += [f"{label}: {said}" for said in check_template(checks.catalog, checks.module, source)]
        return found

    def plan(self, context: StepContext) -> Plan:
        scope = context.scope
        users = self._users(context)
        values: dict[str, exp.Expr] = {
            "users": users,
            "teams": scope.relations.params.bind(list(self.teams), "VARCHAR[]"),
            "title": _left(compile_template(self.title, scope), LONGEST_TITLE),
            "text": _left(compile_template(self.text, scope), LONGEST_TEXT),
            "module": scope.relations.params.bind(context.module),
            "record_id": column("id", scope.alias),
        }
        nobody: exp.Expr = function("len", users.copy()).eq(exp.Literal.number(0))
        why = "there is nobody to tell"
        if self.teams:
            values["note"] = self._empty_teams(scope)
            nobody = exp.and_(nobody, nobody_active(scope, self.teams))
            why = f"nobody is active in {_teams(self.teams)}"
        return [Side(KIND, values, ((why, nobody),))]

    def _empty_teams(self, scope: Scope) -> exp.Expr:
        """Which of the teams nobody is active in; NULL where there is none."""
        case = exp.Case()
        for team in self.teams:
            said = exp.Literal.string(f"nobody is active in {_teams([team])}")
            case = case.when(nobody_active(scope, [team]), said, copy=False)
        return case

    def _users(self, context: StepContext) -> exp.Expr:
        alias = context.scope.alias
        users: exp.Expr = context.scope.relations.params.bind(list(self.users), "VARCHAR[]")
        if self.owner:
            users = sql(
                "list_concat($users, list_filter([$owner], lambda x: x IS NOT NULL))",
                users=users,
                owner=column("owner", alias),
            )
        if self.workers:
            none = exp.cast(exp.Array(expressions=[]), "VARCHAR[]", dialect="duckdb")
            users = function("list_concat", users, coalesce(column("workers", alias), none))
        return users

    def writes(self, catalog: Catalog, module: str) -> Sequence[Writes]:
        return []

    def reads(self, catalog: Catalog, module: str) -> frozenset[str]:
        asked = [name for name, asks in (("owner", self.owner), ("workers", self.workers)) if asks]
        return paths_in([self.title, self.text]) | frozenset(asked)


def _teams(teams: Sequence[str]) -> str:
    return "team " + " or ".join(f"“{team}”" for team in teams)


def _left(text: exp.Expr, length: int) -> exp.Expr:
    return function("left", text, exp.Literal.number(length))
