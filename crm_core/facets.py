"""Counts beside the choices of a list: how many visible records stand in each folder, status, team, owner."""

from collections.abc import Sequence

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition
from crm_core.model import Catalog, Condition, Reference
from crm_core.relations import relations_for
from crm_core.search import search_predicate
from crm_core.trees import all_of, column, text, union_all
from lake import Lake

_ROW = "r"


def read_facets(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    by: Sequence[str],
    actor: Actor,
    condition: Condition | None = None,
    words: str = "",
) -> dict[str, dict[str | None, int]]:
    """Column → value → number of visible matching records, and `""` → `{None: all}`; exact, in one statement.

    `by` names system columns or single-valued fields of the module.
    """
    relations = relations_for(lake, catalog, actor)
    names = [catalog.resolve(module, name).column for name in by]
    tests = [relations.predicate(module, _ROW)]
    if condition is not None:
        tests.append(compile_condition(condition, Scope(module, _ROW, relations)))
    if words.strip():
        tests.append(search_predicate(relations, module, words, _ROW))
    matched = (
        exp.select(*[column(name, _ROW) for name in names] or [column("id", _ROW)])
        .from_(relations.stored(module, _ROW))
        .where(all_of(tests))
    )
    number = exp.cast(exp.Count(this=exp.Star()), "BIGINT").as_("n")
    parts: list[exp.Query] = [
        exp.select(
            exp.Literal.string("").as_("facet"), exp.cast(exp.null(), "VARCHAR").as_("value"), number
        ).from_("matched")
    ]
    for asked, name in zip(by, names, strict=True):
        parts.append(
            exp.select(
                exp.Literal.string(asked).as_("facet"),
                exp.cast(column(name), "VARCHAR").as_("value"),
                number.copy(),
            )
            .from_("matched")
            .group_by(column(name))
        )
    union = union_all(parts)
    statement = union.with_("matched", as_=matched)
    facets: dict[str, dict[str | None, int]] = {asked: {} for asked in ("", *by)}
    for facet, value, n in lake.read(text(statement), relations.params.values).rows():
        facets[facet][value] = n
    return facets


def read_tags(lake: Lake, catalog: Catalog, *, module: str, actor: Actor, limit: int = 200) -> dict[str, int]:
    """The tags of the visible records of a module with how often each is used, most used first."""
    relations = relations_for(lake, catalog, actor)
    each = (
        exp.select(exp.Explode(this=column("tags", _ROW)).as_("tag"))
        .from_(relations.stored(module, _ROW))
        .where(relations.predicate(module, _ROW))
    )
    counted = (
        exp.select(column("tag"), exp.cast(exp.Count(this=exp.Star()), "BIGINT").as_("n"))
        .from_(each.subquery("t"))
        .group_by(column("tag"))
        .order_by(exp.Ordered(this=column("n"), desc=True), exp.Ordered(this=column("tag"), desc=False))
        .limit(limit)
    )
    return dict(lake.read(text(counted), relations.params.values).rows())


def read_values(
    lake: Lake, catalog: Catalog, *, module: str, path: str, actor: Actor, limit: int = 50
) -> list[str]:
    """The values that a field has among the visible records, most frequent first; of a list, its members.

    Args:
        lake: the lake.
        catalog: the definitions.
        module: where the path begins.
        path: of the field, such as `city` or `customer.city`; over a link, every record of the linked module counts.
        actor: who reads.
        limit: at most so many.

    Raises:
        ConditionInvalid: There is no such field.
    """
    found = catalog.resolve(module, path)
    last = found.steps[-1] if found.steps else None
    owner = module if last is None else last.targets[0] if isinstance(last, Reference) else last.module
    relations = relations_for(lake, catalog, actor)
    value: exp.Expr = column(found.column, _ROW)
    if found.column_type.endswith("[]"):
        value = exp.Explode(this=value)
    each = (
        exp.select(exp.cast(value, "VARCHAR").as_("value"))
        .from_(relations.stored(owner, _ROW))
        .where(relations.predicate(owner, _ROW))
    )
    counted = (
        exp.select(column("value"), exp.Count(this=exp.Star()).as_("n"))
        .from_(each.subquery("v"))
        .where(exp.not_(column("value").is_(exp.null())), column("value").neq(relations.params.bind("")))
        .group_by(column("value"))
        .order_by(exp.Ordered(this=column("n"), desc=True), exp.Ordered(this=column("value"), desc=False))
        .limit(limit)
    )
    return [value for value, _ in lake.read(text(counted), relations.params.values).rows()]
