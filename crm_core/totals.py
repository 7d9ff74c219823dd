"""The sums of columns over all records that match, money by currency: exact, however many they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition
from crm_core.model import Catalog, Condition
from crm_core.model.fields import MoneyField
from crm_core.relations import relations_for
from crm_core.trees import all_of, column, text, union_all
from lake import Lake

NUMBERS = ("integer", "decimal", "money")
"""Kinds of fields that have a total."""
_ROW = "r"
_WIDTH = {"integer": "DECIMAL(38, 0)", "decimal": "DECIMAL(38, 6)", "money": "DECIMAL(38, 4)"}


@dataclass(frozen=True)
class Total:
    """The sum of a column; `currency` is empty for plain numbers, `count` says of how many values it is."""

    value: Decimal
    count: int
    currency: str = ""


def read_totals(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    fields: Sequence[str],
    actor: Actor,
    condition: Condition | None = None,
) -> dict[str, tuple[Total, ...]]:
    """Field → its totals over the visible matching records, of money one for each currency, in one statement.

    Fields that are no numbers, and those without any value, are left out. Amounts are never converted.

    Raises:
        ConditionInvalid: The condition cannot be used.
        UnknownModule: There is no such module.
    """
    known = {field.slug: field for field in catalog.module(module).fields if field.kind in NUMBERS}
    wanted = [known[slug] for slug in dict.fromkeys(fields) if slug in known]
    if not wanted:
        return {}
    relations = relations_for(lake, catalog, actor)
    tests = [relations.predicate(module, _ROW)]
    if condition is not None:
        tests.append(compile_condition(condition, Scope(module, _ROW, relations)))
    columns = [column(name, _ROW) for field in wanted for name in field.columns]
    matched = exp.select(*columns).from_(relations.stored(module, _ROW)).where(all_of(tests))
    parts: list[exp.Query] = []
    for field in wanted:
        money = isinstance(field, MoneyField)
        currency = column(f"{field.slug}__currency") if money else exp.Literal.string("")
        # As text: no digit is lost on the way, whatever the width of the sum.
        total = exp.cast(exp.Sum(this=exp.cast(column(field.slug), _WIDTH[field.kind])), _WIDTH[field.kind])
        part = exp.select(
            exp.Literal.string(field.slug).as_("field"),
            exp.Coalesce(this=currency, expressions=[exp.Literal.string("")]).as_("currency"),
            exp.cast(total, "VARCHAR").as_("total"),
            exp.cast(exp.Count(this=column(field.slug)), "BIGINT").as_("n"),
        ).from_("matched")
        part = part.where(exp.not_(column(field.slug).is_(exp.null())))
        parts.append(part.group_by(currency.copy()) if money else part)
    statement = union_all(parts).with_("matched", as_=matched)
    found: dict[str, list[Total]] = {}
    for slug, code, total_text, count in lake.read(text(statement), relations.params.values).rows():
        if count:
            found.setdefault(slug, []).append(Total(Decimal(total_text), count, code))
    return {
        field.slug: tuple(sorted(found[field.slug], key=lambda one: (-one.count, one.currency)))
        for field in wanted
        if field.slug in found
    }
