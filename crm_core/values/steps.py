"""The steps by which one field's values are read: cleaned, parsed, judged, each over the one before."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from crm_core.model import Reference
from crm_core.model.fields import Field
from crm_core.params import Params
from crm_core.trees import column
from crm_core.values.formats import Reading
from crm_core.values.fragments import case, literal, sql

SPACE = " \t\r\n\v\f\u00a0\u2007\u202f\u200b\ufeff"
"""What is taken off both ends of a text, the spaces of spreadsheets and byte order marks included."""


@dataclass(frozen=True)
class Lookup:
    """A value that a library standardises: `phone`, `email` or `country`, as seen from a region.

    `cleaned` is the column that is looked up; those where `shortcut` is not NULL need no library.
    """

    kind: str
    region: str
    cleaned: str
    shortcut: exp.Expr | None = None


@dataclass
class Steps:
    """How the staged columns of a field become its columns of the table.

    Attributes:
        clean: column → text without outer space, over the staged columns.
        parse: column of the table → value, over the cleaned columns (named `<column>__t`).
        codes: (condition, code) in the order they are judged, over the parsed columns (named `<column>__v`).
        received: what came in as text, for problems; over the staged columns.
        lookups: column of the table → what a library must be asked.
        final: column of the table → what is made of the parsed value at last, when it is not taken as it is.
    """

    field: Field | Reference
    columns: dict[str, str]
    clean: dict[str, exp.Expr] = dataclasses.field(default_factory=dict)
    parse: dict[str, exp.Expr] = dataclasses.field(default_factory=dict)
    codes: list[tuple[exp.Expr, str]] = dataclasses.field(default_factory=list)
    lookups: dict[str, Lookup] = dataclasses.field(default_factory=dict)
    final: dict[str, exp.Expr] = dataclasses.field(default_factory=dict)
    received: exp.Expr | None = None

    @property
    def code(self) -> exp.Expr | None:
        """The first code whose condition holds; None when no value can be wrong."""
        return case([(test, literal(code)) for test, code in self.codes]) if self.codes else None


@dataclass(frozen=True)
class Context:
    """What the steps of all fields share: the staged columns with their types, and how text is read.

    `few` when the rows are so few that to ask a library about each value costs less than the long patterns of the
    short ways, which are made ready for every statement anew.
    """

    staged: Mapping[str, str]
    reading: Reading
    params: Params
    few: bool = False

    def text(self, name: str) -> exp.Expr:
        """The staged column as text without outer space; empty is missing."""
        kind = self.staged[name]
        if kind == "VARCHAR" and self.few:
            return sql("nullif(trim($x, $space), '')", x=column(name), space=literal(SPACE))
        if kind == "VARCHAR":
            # Most texts begin with a visible ASCII character and end with no blank; to trim them costs many times more.
            blank_at_end = " OR ".join(f"$x LIKE '%{blank}'" for blank in SPACE)
            return sql(
                f"CASE WHEN $x >= '!' AND $x < chr(127) AND NOT ({blank_at_end}) THEN $x "
                "ELSE nullif(trim($x, $space), '') END",
                x=column(name),
                space=literal(SPACE),
            )
        return sql("CAST($x AS VARCHAR)", x=column(name))

    def as_text(self, name: str) -> exp.Expr:
        """The staged column as text, as it is."""
        return column(name) if self.is_text(name) else exp.cast(column(name), "VARCHAR")

    def is_text(self, name: str) -> bool:
        """Whether the staged column is text that must be read."""
        return self.staged[name] == "VARCHAR"

    def words(self, values: Sequence[str]) -> exp.Expr:
        """A bound list of texts."""
        return self.params.bind(list(values), "VARCHAR[]")


def cleaned(name: str) -> exp.Expr:
    """The cleaned text of a column."""
    return column(f"{name}__t")


def parsed(name: str) -> exp.Expr:
    """The parsed value of a column."""
    return column(f"{name}__v")


def unreadable(name: str) -> exp.Expr:
    """True where there was something and nothing could be made of it."""
    return sql("$t IS NOT NULL AND $v IS NULL", t=cleaned(name), v=parsed(name))


def holds_nul(name: str) -> exp.Expr:
    """True where a text holds U+0000."""
    return sql("contains($t, chr(0))", t=cleaned(name))
