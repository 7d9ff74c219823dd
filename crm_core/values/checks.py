"""What only the records there are can say: whether a key is taken, and whether a reference leads anywhere.

These checks hold only under the writer lock; each is one statement, whatever the number of fields and rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from crm_core.access import Actor
from crm_core.model import Catalog, Reference
from crm_core.model.fields import Field
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.trees import column, lake_table, name, union_all
from crm_core.values.fragments import Statement, compiled, literal, sql
from crm_core.values.lookups import Runner
from crm_core.values.messages import message
from crm_core.values.plan import writable
from lake import ident

_FOUND = "check_found"


@dataclass(frozen=True)
class Checked:
    """The rows that a write is about to store.

    Attributes:
        table: a temp table with `_row`, `id` and every column of the module.
        problems: the temp table that takes what is wrong.
        before: a temp table with the rows as they are now, by `id`, when they are there already; only values
            that differ are asked about.
    """

    table: str
    problems: str
    before: str | None = None


def check_set(
    tx: Runner, catalog: Catalog, *, module: str, actor: Actor, rows: Checked, fields: Sequence[str]
) -> int:
    """Add a problem for each key that is taken and each reference that leads nowhere; returns how many.

    Args:
        tx: the transaction that will store the rows.
        catalog: the definitions.
        module: whose rows they are.
        actor: a record that he may not see is one that is not there.
        rows: what is about to be stored.
        fields: slugs of the fields and references that the write gives values for.
    """
    known = writable(catalog, module)
    given = _with_values(tx, {slug: known[slug] for slug in fields if slug in known}, rows)
    targets = _targets(tx, [one for one in given.values() if isinstance(one, Reference)], rows)
    key = ("checks", module, actor, rows, tuple(given), tuple(targets.items()))
    statement = catalog.memo.of(key, lambda: _compile(catalog, module, actor, rows, given, targets))
    if not statement.sql:
        return 0
    count = tx.execute(f"CREATE OR REPLACE TEMP TABLE {_FOUND} AS {statement.sql}", statement.values())
    if count:
        _report(tx, given, _FOUND, rows.problems)
    return count


def _compile(
    catalog: Catalog,
    module: str,
    actor: Actor,
    rows: Checked,
    given: Mapping[str, Field | Reference],
    targets: Mapping[str, tuple[str, ...]],
) -> Statement:
    """The statement that finds `_row, field, code, received` of everything wrong; an empty one asks nothing."""
    relations = Relations(catalog, actor, Params("c"))
    selects = [_taken(module, one, rows) for one in given.values() if one.unique]
    for one in given.values():
        if isinstance(one, Reference) and targets[one.slug]:
            selects.append(_lost_reference(relations, one, rows, targets[one.slug]))
        elif not isinstance(one, Reference) and one.kind == "file" and "files" in catalog.modules:
            selects.append(_lost_files(relations, one, rows))
    if not selects:
        return Statement("", {}, frozenset())
    return compiled(union_all(selects), relations.params.values)


def _report(tx: Runner, given: Mapping[str, Field | Reference], found: str, problems: str) -> None:
    for slug, code in tx.read(f"SELECT DISTINCT field, code FROM {found} ORDER BY ALL").iter_rows():
        tx.execute(
            f"INSERT INTO {ident(problems)} SELECT _row, field, $shown, "
            "replace($words, '{value}', left(coalesce(received, ''), 120)), received "
            f"FROM {found} WHERE field = $field AND code = $code",
            {"shown": code.removesuffix("_in_set"), "field": slug, "code": code}
            | {"words": message(given[slug], code)},
        )


def _taken(module: str, one: Field | Reference, rows: Checked) -> exp.Select:
    """Rows whose key a live record has that is not among them, or an earlier one among them."""
    key = next(iter(one.columns))
    value, differs = column(key, "w"), _differs(key, rows)
    others = exp.select(column(key, "o")).from_(lake_table(module, alias="o"))
    others = others.where(sql("o.deleted_at IS NULL AND $key IS NOT NULL", key=column(key, "o")))
    if rows.before is not None:
        others = others.where(sql(f"o.id NOT IN (SELECT id FROM {ident(rows.table)})"))
    inner = (
        exp.select(column("_row", "w"), exp.cast(value, "VARCHAR").as_("received"))
        .select(value.isin(query=others).as_("taken"), differs.as_("differs"))
        .select(
            sql("row_number() OVER (PARTITION BY $v ORDER BY $d, w._row)", v=value, d=differs).as_("place")
        )
        .from_(_here(rows))
        .where(exp.not_(value.is_(exp.null())))
    )
    return (
        exp.select(column("_row"), literal(one.slug).as_("field"))
        .select(sql("CASE WHEN taken THEN 'unique' ELSE 'unique_in_set' END").as_("code"), column("received"))
        .from_(_join_before(inner, rows).subquery("x"))
        .where(sql("differs AND (taken OR place > 1)"))
    )


def _with_values(
    tx: Runner, given: Mapping[str, Field | Reference], rows: Checked
) -> dict[str, Field | Reference]:
    """What is given, without the keys and files that no row has: to look among all records is what costs."""
    asked = [
        one for one in given.values() if not isinstance(one, Reference) and (one.unique or one.kind == "file")
    ]
    if not asked:
        return dict(given)
    wanted = [f"coalesce(bool_or({ident(next(iter(one.columns)))} IS NOT NULL), false)" for one in asked]
    found = tx.read(f"SELECT {', '.join(wanted)} FROM {ident(rows.table)}").row(0)
    empty = {one.slug for one, valued in zip(asked, found, strict=True) if not valued}
    return {slug: one for slug, one in given.items() if slug not in empty}


def _targets(tx: Runner, references: Sequence[Reference], rows: Checked) -> dict[str, tuple[str, ...]]:
    """Reference → the modules that it points to in these rows; planning a look into each module is what costs."""
    if not references:
        return {}
    wanted = [
        f"list(DISTINCT {ident(one.module_column) if one.polymorphic else literal(one.targets[0]).sql('duckdb')}) "
        f"FILTER ({ident(one.slug)} IS NOT NULL) AS {ident(one.slug)}"
        for one in references
    ]
    found = tx.read(f"SELECT {', '.join(wanted)} FROM {ident(rows.table)}").row(0, named=True)
    return {
        one.slug: tuple(target for target in one.targets if target in (found[one.slug] or ()))
        or one.targets[: 1 if found[one.slug] else 0]
        for one in references
    }


def _lost_reference(
    relations: Relations, one: Reference, rows: Checked, targets: Sequence[str]
) -> exp.Select:
    """Rows whose reference names no live record that the actor sees."""
    value = column(one.slug, "w")
    lost = exp.and_(*[_not_among(relations, one, target) for target in targets])
    select = (
        exp.select(column("_row", "w"), literal(one.slug).as_("field"), literal("reference").as_("code"))
        .select(exp.cast(value, "VARCHAR").as_("received"))
        .from_(_here(rows))
        .where(exp.not_(value.is_(exp.null())), _differs(one.slug, rows), exp.paren(lost))
    )
    return _join_before(select, rows)


def _not_among(relations: Relations, one: Reference, target: str) -> exp.Expr:
    ids = exp.select(column("id", "t")).from_(relations.visible(target, "t", columns=("id",)))
    outside = exp.not_(column(one.slug, "w").isin(query=ids))
    if not one.polymorphic:
        return outside
    other = exp.NullSafeNEQ(this=column(one.module_column, "w"), expression=literal(target))
    return exp.paren(exp.or_(other, outside))


def _lost_files(relations: Relations, one: Field, rows: Checked) -> exp.Select:
    """Ids of files that are not there, or not for the actor."""
    items = (
        exp.select(column("_row", "w"), sql("unnest($v)", v=column(one.slug, "w")).as_("received"))
        .from_(_here(rows))
        .where(_differs(one.slug, rows))
    )
    ids = exp.select(exp.cast(column("id", "t"), "VARCHAR")).from_(
        relations.visible("files", "t", columns=("id",))
    )
    return (
        exp.select(
            column("_row"), literal(one.slug).as_("field"), literal("file").as_("code"), column("received")
        )
        .from_(_join_before(items, rows).subquery("x"))
        .where(exp.not_(column("received").isin(query=ids)))
    )


def _here(rows: Checked) -> exp.Table:
    return exp.Table(this=name(rows.table), alias=exp.TableAlias(this=name("w")))


def _join_before(select: exp.Select, rows: Checked) -> exp.Select:
    if rows.before is None:
        return select
    before = exp.Table(this=name(rows.before), alias=exp.TableAlias(this=name("b")))
    return select.join(before, on=column("id", "b").eq(column("id", "w")), join_type="left")


def _differs(key: str, rows: Checked) -> exp.Expr:
    if rows.before is None:
        return exp.true()
    return exp.NullSafeNEQ(this=column(key, "w"), expression=column(key, "b"))
