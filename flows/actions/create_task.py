"""Make a task about the record that set the flow off."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from sqlglot import exp

from crm_core.model import Catalog
from crm_core.templates import is_template
from flows.actions.base import Action, Insert, Plan, StepContext, Writes, paths_in
from flows.actions.create_record import about_record
from flows.assignment import Assignment, chosen_user, nobody_said
from flows.check_values import check_new_record
from flows.checks import Checks
from flows.values import Columns, Source, compile_values

TASKS = "tasks"


class CreateTask(Action):
    """`create_task: {title: "Answer {{ subject }}", team: sales, due: {in: 4h}}`.

    Any field of a task can be set; it is linked to the record and to its customer by itself. `assign` says whose it
    is: `{team: sales, by: round_robin}`, `{user: anna}` or `{owner: true}`; the task of a team without anybody active
    is the team's.
    """

    key: ClassVar[str] = "create_task"
    values: Mapping[str, Any]
    assign: Assignment | None = None

    @classmethod
    def read(cls, options: Any) -> Self:
        if not isinstance(options, Mapping) or not options.get("title"):
            raise ValueError(
                'create_task needs a title, such as {title: "Answer {{ subject }}", due: {in: 4h}}'
            )
        values = dict(options)
        assign = values.pop("assign", None)
        if assign is not None and "owner" in values:
            raise ValueError("assign says who gets the task; leave owner out")
        return cls(values=values, assign=None if assign is None else Assignment.read(assign))

    def options(self) -> Any:
        return dict(self.values) | ({"assign": self.assign.options()} if self.assign else {})

    def problems(self, checks: Checks) -> list[str]:
        if TASKS not in checks.catalog.modules:
            return ["create_task needs the module “tasks”, which this workspace does not have"]
        problems = check_new_record(checks, TASKS, self.values, given=("about", "customer"))
        return problems + (self.assign.problems(checks) if self.assign else [])

    def plan(self, context: StepContext) -> Plan:
        links = about_record(context, TASKS, self.values)
        own = compile_values(Source(context.scope, context.occurred_at), TASKS, self.values)
        whose = self._assigned(context)
        columns = Columns({**links.set, **whose, **own.set}, own.add, own.remove)
        return [Insert(TASKS, columns, note=self._nobody(context))]

    def _nobody(self, context: StepContext) -> exp.Expr | None:
        """What is told where nobody will see the task as his."""
        team, so = self.values.get("team"), "the task has no owner"
        if self.assign is not None:
            return nobody_said(self.assign, context.scope, so=so)
        if not isinstance(team, str) or is_template(team) or self.values.get("owner"):
            return None
        return nobody_said(Assignment(team=team), context.scope, so=so)

    def _assigned(self, context: StepContext) -> dict[str, exp.Expr]:
        if self.assign is None:
            return {}
        owner = chosen_user(self.assign, context.scope, module=TASKS, flow=context.flow, step=context.step)
        team = self.assign.team
        return {"owner": owner} | ({"team": context.scope.relations.params.bind(team)} if team else {})

    def reads(self, catalog: Catalog, module: str) -> frozenset[str]:
        assigned = self.assign.reads(catalog, module) if self.assign else frozenset()
        return paths_in(self.values) | assigned

    def writes(self, catalog: Catalog, module: str) -> Sequence[Writes]:
        return [Writes(TASKS, True)]
