"""Set fields of the record that set the flow off: status, folder, tags, workers, any other."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from crm_core.model import Catalog
from flows.actions.base import Action, Plan, StepContext, Update, Writes
from flows.check_values import check_values
from flows.checks import Checks
from flows.targets import find_target
from flows.values import Source, compile_values, plain_values


class SetField(Action):
    """`set_field: {status: won, tags: {add: [vip]}, follow_up: {today: +3d}}`."""

    key: ClassVar[str] = "set_field"
    values: Mapping[str, Any]

    @classmethod
    def read(cls, options: Any) -> Self:
        if not isinstance(options, Mapping) or not options:
            raise ValueError("set_field takes an object of fields and their values, such as {status: won}")
        return cls(values=dict(options))

    def options(self) -> Any:
        return dict(self.values)

    def problems(self, checks: Checks) -> list[str]:
        return check_values(checks, checks.module, self.values)

    def plan(self, context: StepContext) -> Plan:
        source = Source(context.scope, context.occurred_at)
        return [Update(compile_values(source, context.module, self.values))]

    def writes(self, catalog: Catalog, module: str) -> Sequence[Writes]:
        return [written(catalog, module, self.values)]


def written(catalog: Catalog, module: str, values: Mapping[str, Any]) -> Writes:
    """What setting values of a record changes: also what follows from them by itself."""
    columns = {name for slug in values for name in find_target(catalog, module, slug).columns}
    if "folder" in values:
        # On a move the status may become the start status of the new folder.
        columns.add("status")
    if {"owner", "workers"} & columns:
        columns |= {"owner", "workers"}
    known = plain_values(values)
    if "folder" in values:
        known.pop("status", None)
    return Writes(module, False, frozenset(columns), known)
