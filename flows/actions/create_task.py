"""Make a task about the record that set the flow off."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from crm_core.model import Catalog
from flows.actions.base import Action, Insert, Plan, StepContext, Writes
from flows.actions.create_record import about_record
from flows.check_values import check_new_record
from flows.checks import Checks
from flows.values import Columns, Source, compile_values

TASKS = "tasks"


class CreateTask(Action):
    """`create_task: {title: "Answer {{ subject }}", team: sales, due: {in: 4h}}`.

    Any field of a task can be set; it is linked to the record and to its customer by itself.
    """

    key: ClassVar[str] = "create_task"
    values: Mapping[str, Any]

    @classmethod
    def read(cls, options: Any) -> Self:
        if not isinstance(options, Mapping) or not options.get("title"):
            raise ValueError(
                'create_task needs a title, such as {title: "Answer {{ subject }}", due: {in: 4h}}'
            )
        return cls(values=dict(options))

    def options(self) -> Any:
        return dict(self.values)

    def problems(self, checks: Checks) -> list[str]:
        if TASKS not in checks.catalog.modules:
            return ["create_task needs the module “tasks”, which this workspace does not have"]
        return check_new_record(checks, TASKS, self.values, given=("about", "customer"))

    def plan(self, context: StepContext) -> Plan:
        links = about_record(context, TASKS, self.values)
        own = compile_values(Source(context.scope, context.occurred_at), TASKS, self.values)
        return [Insert(TASKS, Columns({**links.set, **own.set}, own.add, own.remove))]

    def writes(self, catalog: Catalog, module: str) -> Sequence[Writes]:
        return [Writes(TASKS, True)]
