"""Make a new record of any module."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import Field
from sqlglot import exp

from crm_core.errors import UnknownModule
from crm_core.model import Catalog
from crm_core.model.base import Slug
from crm_core.trees import column
from flows.actions.base import Action, Insert, Plan, StepContext, Writes
from flows.check_values import check_new_record
from flows.checks import Checks
from flows.values import Columns, Source, compile_values


class CreateRecord(Action):
    """`create_record: {module: deals, values: {title: "{{ subject }}", customer: "{{ customer }}"}}`."""

    key: ClassVar[str] = "create_record"
    module: Slug
    values: Mapping[str, Any] = Field(default_factory=dict)

    @classmethod
    def read(cls, options: Any) -> Self:
        if not isinstance(options, Mapping):
            raise ValueError("create_record takes a module and its values")
        return cls.model_validate(dict(options))

    def options(self) -> Any:
        return {"module": self.module, "values": dict(self.values)}

    def problems(self, checks: Checks) -> list[str]:
        try:
            checks.catalog.module(self.module)
        except UnknownModule as error:
            return [str(error)]
        return check_new_record(checks, self.module, self.values)

    def plan(self, context: StepContext) -> Plan:
        source = Source(context.scope, context.occurred_at)
        return [Insert(self.module, compile_values(source, self.module, self.values))]

    def writes(self, catalog: Catalog, module: str) -> list[Writes]:
        return [Writes(self.module, True)]


def about_record(context: StepContext, module: str, given: Mapping[str, Any]) -> Columns:
    """The links of a new record to the one that set the flow off: `about`, and `customer` where both have one.

    What the action names itself is left alone; to a record that was just deleted nothing can be linked.
    """
    catalog = context.catalog
    to_record: dict[str, Any] = {}
    to_customer: dict[str, Any] = {}
    about = catalog.reference(module, "about")
    if about is not None and "about" not in given and context.module in about.targets:
        to_record["about"] = "{{ record }}"
    customer = catalog.reference(module, "customer")
    if customer is not None and "customer" not in given:
        own = catalog.reference(context.module, "customer")
        if context.module in customer.targets:
            to_record["customer"] = "{{ record }}"
        elif own is not None and not own.polymorphic and own.targets[0] in customer.targets:
            to_customer["customer"] = "{{ customer }}"
    source = Source(context.scope, context.occurred_at)
    links = compile_values(source, module, to_record).set
    there = column("_event", context.scope.alias).neq(exp.Literal.string("deleted"))
    return Columns(
        {name: exp.Case().when(there.copy(), tree, copy=False) for name, tree in links.items()}
        | dict(compile_values(source, module, to_customer).set)
    )
