"""What the short actions share that change fields of the record: each is `set_field` for one thing."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from crm_core.model import Catalog
from flows.actions.base import Action, Plan, StepContext, Update, Writes
from flows.actions.set_field import written
from flows.check_values import check_values
from flows.checks import Checks
from flows.values import Source, compile_values


class Changing(Action):
    """An action that stands for some values of the record."""

    @property
    @abstractmethod
    def values(self) -> Mapping[str, Any]:
        """The values by field, as `set_field` takes them."""

    def problems(self, checks: Checks) -> list[str]:
        return check_values(checks, checks.module, self.values)

    def plan(self, context: StepContext) -> Plan:
        source = Source(context.scope, context.occurred_at)
        return [Update(compile_values(source, context.module, self.values))]

    def writes(self, catalog: Catalog, module: str) -> Sequence[Writes]:
        return [written(catalog, module, self.values)]


def one_or_more(given: Any, *, key: str, member: str) -> tuple[str, ...]:
    """The texts of `vip`, `[vip, new]` or `{tags: [vip]}`, where `tags` is `member`.

    Raises:
        ValueError: When it is none of these, or names nothing.
    """
    if isinstance(given, Mapping) and set(given) == {member}:
        given = given[member]
    items = given if isinstance(given, (list, tuple)) else [given]
    if not items or not all(isinstance(item, str) and item.strip() for item in items):
        raise ValueError(
            f"{key} takes one or more, such as {key}: vip or {key}: [vip, late]; this is {given!r}"
        )
    return tuple(dict.fromkeys(items))
