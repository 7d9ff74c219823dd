"""Give the record to somebody: as its owner, or as one more of its workers."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from sqlglot import exp

from crm_core.model import Catalog
from crm_core.trees import coalesce, column
from crm_core.values.fragments import sql
from flows.actions.base import Action, Plan, StepContext, Update, Writes
from flows.assignment import Assignment, chosen_user, nobody_said
from flows.checks import Checks
from flows.values import Columns


class AssignWorker(Action):
    """`assign_worker: {user: anna}`, or `{team: sales, by: least_open}`; `owner: false` adds a worker beside the owner.

    Whoever is chosen of a team brings the team along. `by: owner` chooses the customer's owner where the record has
    none; where nobody can be chosen, the record stays with whom it is.
    """

    key: ClassVar[str] = "assign_worker"
    assign: Assignment
    owner: bool = True

    @classmethod
    def read(cls, options: Any) -> Self:
        if isinstance(options, str):
            options = {"user": options}
        if not isinstance(options, Mapping):
            raise ValueError(f"assign_worker takes {{team: sales}} or {{user: anna}}; this is {options!r}")
        who = dict(options)
        owner = who.pop("owner", True)
        if not isinstance(owner, bool):
            raise ValueError(
                f"owner is true (he becomes the owner) or false (one more worker), not {owner!r}"
            )
        if who == {"by": "owner"}:
            who = {"owner": True}
        return cls(assign=Assignment.read(who), owner=owner)

    def options(self) -> Any:
        who = {"by": "owner"} if self.assign.owner else self.assign.options()
        return who | ({} if self.owner else {"owner": False})

    def problems(self, checks: Checks) -> list[str]:
        return self.assign.problems(checks)

    def plan(self, context: StepContext) -> Plan:
        scope = context.scope
        chosen = chosen_user(self.assign, scope, module=context.module, flow=context.flow, step=context.step)
        if not self.owner:
            one = exp.cast(sql("[$chosen]", chosen=chosen), "VARCHAR[]", dialect="duckdb")
            return [
                Update(Columns(add={"workers": one}), nobody_said(self.assign, scope, so="nobody was added"))
            ]
        columns: dict[str, exp.Expr] = {"owner": coalesce(chosen, column("owner", scope.alias))}
        if self.assign.team is not None:
            columns["team"] = scope.relations.params.bind(self.assign.team)
        stays = nobody_said(self.assign, scope, so="the record stays with whom it is")
        return [Update(Columns(columns), stays)]

    def writes(self, catalog: Catalog, module: str) -> Sequence[Writes]:
        columns = {"owner", "workers"} | ({"team"} if self.assign.team and self.owner else set())
        known = {"team": frozenset([self.assign.team])} if self.assign.team else {}
        return [Writes(module, False, frozenset(columns), known)]

    def reads(self, catalog: Catalog, module: str) -> frozenset[str]:
        return self.assign.reads(catalog, module)
