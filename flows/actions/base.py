"""What all actions share: the context they are compiled in, and the effects they can ask for."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from sqlglot import exp

from crm_core.conditions import Scope
from crm_core.model import Catalog
from crm_core.model.base import Definition
from crm_core.templates import is_template, template_paths
from flows.checks import Checks
from flows.targets import RECORD
from flows.values import Columns


@dataclass(frozen=True)
class StepContext:
    """Where a step is compiled: rows of the flow's module under `scope.alias`.

    `occurred_at` is the instant of the change that set the flow off, for relative dates. `flow` is the flow's id.
    """

    scope: Scope
    occurred_at: exp.Expr
    step: int = 0
    flow: str = ""

    @property
    def catalog(self) -> Catalog:
        """The definitions."""
        return self.scope.relations.catalog

    @property
    def module(self) -> str:
        """The module of the record that set the flow off."""
        return self.scope.module


@dataclass(frozen=True)
class Update:
    """Columns of the record that set the flow off. `note` is a text to be told in the run; NULL for none."""

    columns: Columns
    note: exp.Expr | None = None


@dataclass(frozen=True)
class Insert:
    """A new record of a module.

    `skip` are reasons not to make it after all, each with the expression that is true then: the first one counts.
    `note` is a text to be told in the run; NULL for none.
    """

    module: str
    columns: Columns
    skip: tuple[tuple[str, exp.Expr], ...] = ()
    note: exp.Expr | None = None


@dataclass(frozen=True)
class Message:
    """A message that leaves the house: its row in `communications`, and what the outbox needs to deliver it."""

    row: Insert
    channel: str
    recipient: exp.Expr
    extra: Mapping[str, exp.Expr] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """A row of a side table (`flows.sides.SIDES[kind]`): a notification, a webhook, a link, a wait.

    `values` are its columns; `skip` are reasons not to write it, as those of `Insert`.
    """

    kind: str
    values: Mapping[str, exp.Expr]
    skip: tuple[tuple[str, exp.Expr], ...] = ()


Plan = Sequence[Update | Insert | Message | Side]


@dataclass(frozen=True)
class Writes:
    """What an action can change, for the search of cycles: columns of a module, or new records of it.

    `values` are the plain values that it can set, by column; a column that is not there can become anything.
    """

    module: str
    inserts: bool
    columns: frozenset[str] = frozenset()
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)


def paths_in(given: Any) -> frozenset[str]:
    """Every path in the templates of a value, however deep they stand; what is no template reads nothing."""
    if isinstance(given, Mapping):
        return frozenset().union(*(paths_in(part) for part in given.values()))
    if isinstance(given, (list, tuple)):
        return frozenset().union(*(paths_in(part) for part in given))
    return frozenset(template_paths(given)) - {RECORD} if is_template(given) else frozenset()


class Action(Definition):
    """One step of a flow. `key` is its name in YAML."""

    key: ClassVar[str]

    @classmethod
    @abstractmethod
    def read(cls, options: Any) -> Self:
        """Read what stands under the key.

        Raises:
            ValueError: When it has the wrong shape.
        """

    @abstractmethod
    def options(self) -> Any:
        """What stands under the key, as plain data."""

    @abstractmethod
    def problems(self, checks: Checks) -> list[str]:
        """What is wrong with it for records of a module: sentences, none when it can be used."""

    @abstractmethod
    def plan(self, context: StepContext) -> Plan:
        """The effects it wants, as expressions over the rows of the context.

        Raises:
            ConditionInvalid, TemplateInvalid, UnknownModule: When the definitions no longer allow it.
        """

    @abstractmethod
    def writes(self, catalog: Catalog, module: str) -> Sequence[Writes]:
        """What it can change."""

    def reads(self, catalog: Catalog, module: str) -> frozenset[str]:
        """The paths of the record that it reads: those in its texts, unless it says otherwise."""
        return paths_in(self.options())

    def as_document(self) -> dict[str, Any]:
        """The action as it stands in YAML."""
        return {self.key: self.options()}
