"""Reading records: one, a page, a count; each for an actor, now or as of a snapshot."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition, value_expression
from crm_core.errors import ConditionInvalid, RecordNotFound
from crm_core.model import All, Catalog, Condition, Path, Reference
from crm_core.params import Params
from crm_core.prepared import STAND_IN, about_record
from crm_core.relations import Relations, relations_for
from crm_core.shape import Record, shape_record
from crm_core.trees import all_of, any_of, column, name, text, union_all
from lake import Lake

MAX_LIMIT = 1000
_ROW = "r"


@dataclass(frozen=True)
class Page:
    """Some records in order, how many match in all, the cursor of the next page, and the snapshot read."""

    items: tuple[Record, ...]
    total: int
    next: str | None
    snapshot: int


@dataclass(frozen=True)
class SortKey:
    """A path to sort by and its direction; missing values come last either way."""

    path: Path
    descending: bool


def parse_sort(catalog: Catalog, module: str, sort: str | Sequence[str]) -> tuple[SortKey, ...]:
    """Read `-updated_at,name` as sort keys.

    Raises:
        ConditionInvalid: When a name is unknown or leads over a list of related records.
    """
    parts = [part.strip() for part in (sort.split(",") if isinstance(sort, str) else sort) if part.strip()]
    keys = []
    for part in parts:
        path = catalog.resolve(module, part.lstrip("+-"))
        if any(not isinstance(step, Reference) for step in path.steps):
            raise ConditionInvalid(
                part, f"“{part}” leads over a list of related records; sort by a single value"
            )
        keys.append(SortKey(path, part.startswith("-")))
    return tuple(keys)


def read_page(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    actor: Actor,
    condition: Condition | None = None,
    sort: str | Sequence[str] = (),
    limit: int = 50,
    after: str | None = None,
    offset: int = 0,
    expected: int = 0,
    at: int | None = None,
    deleted: bool = False,
    expand: Sequence[str] = (),
    now: datetime | None = None,
) -> Page:
    """Read one page of the records that the actor may see and that match.

    Pages follow each other by `after` (a cursor, stable while others write) or by `offset`. `total` is exact
    and counts all pages. `expand` names references whose record stands in place of its id.

    Who knows how many match, as the page before said, gives it as `expected`: a page near the end is then found from
    the end, as quickly as one at the beginning. Where there are others by now it is found from the beginning.

    Raises:
        ConditionInvalid: When the condition, the order, the cursor or `expand` cannot be used.
        UnknownModule: When there is no such module.
    """
    catalog.module(module)
    relations = relations_for(lake, catalog, actor, at)
    snapshot = at if at is not None else lake.known_snapshot()
    keys = parse_sort(catalog, module, sort)
    scope = _scope(module, relations, now)
    where = all_of(
        [relations.predicate(module, _ROW, deleted=deleted), compile_condition(condition or All(), scope)]
    )
    limit = max(1, min(limit, MAX_LIMIT))
    window = _window(limit, after=after, offset=offset, expected=expected)
    statement = _page_statement(scope, keys, where, window)
    rows = lake.read(text(statement), relations.params.values).to_dicts()
    total = int(rows[0]["total__"])
    if window.backwards and total != expected:
        return read_page(
            lake, catalog, module=module, actor=actor, condition=condition, sort=sort, limit=limit, offset=offset,
            at=at, deleted=deleted, expand=expand, now=now,
        )  # fmt: skip
    rows = [row for row in rows if row["id"] is not None]
    following = _cursor(keys, rows[limit - 1]) if len(rows) > limit else None
    items = [shape_record(catalog, module, row) for row in rows[:limit]]
    for slug in expand:
        _expand(lake, catalog, items, module=module, slug=slug, actor=actor, at=at)
    return Page(tuple(items), total, following, snapshot)


def read_record(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    deleted: bool = False,
) -> Record:  # fmt: skip
    """Read one record.

    Raises:
        RecordNotFound: When there is none, or none that the actor may see.
    """
    catalog.module(module)

    def build(relations: Relations) -> exp.Select:
        is_it = exp.TryCast(this=relations.params.bind(STAND_IN), to=exp.DataType.build("UUID"))
        return (
            exp.select(*[column(name, _ROW) for name in catalog.columns(module)])
            .from_(relations.narrowed(module, _ROW, {"id": [STAND_IN]}))
            .where(relations.predicate(module, _ROW, deleted=deleted), column("id", _ROW).eq(is_it))
        )

    statement, values = about_record(
        lake, catalog, str(record_id), build, key=("record", module, deleted), actor=actor, at=at
    )
    rows = lake.read(statement, values).to_dicts()
    if not rows:
        raise RecordNotFound(module, record_id)
    return shape_record(catalog, module, rows[0])


def count(
    lake: Lake, catalog: Catalog, *, module: str, actor: Actor, condition: Condition | None = None,
    at: int | None = None,
) -> int:  # fmt: skip
    """Count the records that the actor may see and that match."""
    relations = relations_for(lake, catalog, actor, at)
    scope = _scope(module, relations, None)
    select = (
        exp.select(exp.alias_(exp.Count(this=exp.Star()), "n"))
        .from_(relations.table(module, _ROW))
        .where(relations.predicate(module, _ROW), compile_condition(condition or All(), scope))
    )
    return int(lake.read(text(select), relations.params.values).item())


def count_modules(lake: Lake, catalog: Catalog, *, actor: Actor) -> list[dict[str, Any]]:
    """The modules in their order, each with the number of records that the actor may see."""
    return [
        {"slug": one.slug, "label": one.name, "records": count(lake, catalog, module=one.slug, actor=actor)}
        for one in catalog.ordered
    ]


def matching_ids_sql(
    catalog: Catalog, *, module: str, actor: Actor, condition: Condition, at: int | None = None
) -> tuple[str, dict[str, Any]]:
    """The statement (one column, `id`) of the matching records that the actor may see, and its values."""
    relations = Relations(catalog, actor, Params("q"), at)
    select = (
        exp.select(column("id", _ROW))
        .from_(relations.table(module, _ROW))
        .where(
            relations.predicate(module, _ROW), compile_condition(condition, _scope(module, relations, None))
        )
    )
    return text(select), relations.params.values


def titles(
    lake: Lake, catalog: Catalog, *, wanted: Mapping[str, Sequence[str]], actor: Actor, at: int | None = None
) -> dict[str, str]:
    """Id → title of records of several modules that the actor may see, in one statement."""
    relations = relations_for(lake, catalog, actor, at)
    parts: list[exp.Query] = []
    for module, ids in wanted.items():
        known = [record_id for record_id in ids if record_id]
        if module in catalog.modules and known:
            title = exp.cast(column(title_column(catalog, module), _ROW), "VARCHAR")
            known = sorted(set(known))
            asked = relations.params.bind_all(known, "UUID")
            parts.append(
                exp.select(exp.cast(column("id", _ROW), "VARCHAR").as_("id"), title.as_("title"))
                .from_(relations.narrowed(module, _ROW, {"id": known}))
                .where(relations.predicate(module, _ROW), column("id", _ROW).isin(*asked))
            )
    if not parts:
        return {}
    union = union_all(parts)
    rows = lake.read(text(union), relations.params.values).rows()
    return {record_id: title or record_id[:8] for record_id, title in rows}


def title_column(catalog: Catalog, module: str) -> str:
    """The column whose text stands for a record: the module's title."""
    return catalog.resolve(module, catalog.module(module).title).column


def _scope(module: str, relations: Relations, now: datetime | None) -> Scope:
    return Scope(module, _ROW, relations, now) if now else Scope(module, _ROW, relations)


@dataclass(frozen=True)
class _Window:
    """Which of the ordered rows are read, one more than the page has: behind `after`, or so many after `skip`.

    `backwards` counts from the end.
    """

    take: int
    skip: int = 0
    after: str | None = None
    backwards: bool = False


def _window(limit: int, *, after: str | None, offset: int, expected: int) -> _Window:
    if after or offset * 2 <= expected or offset >= expected:
        return _Window(limit + 1, offset, after)
    skip = max(0, expected - offset - limit - 1)
    return _Window(expected - offset - skip, skip, backwards=True)


def _page_statement(scope: Scope, keys: Sequence[SortKey], where: exp.Expr, window: _Window) -> exp.Expr:
    """`total` beside the page's rows in one statement: the matching ids are found once and read twice."""
    sorting = [_key_expression(key, scope) for key in keys]
    matched = (
        exp.select(column("id", _ROW), *[value.as_(f"k{i}") for i, value in enumerate(sorting)])
        .from_(scope.relations.table(scope.module, _ROW))
        .where(where)
    )
    page = exp.select("*").from_("matched")
    if window.after:
        page = page.where(_beyond(keys, window.after, scope))
    for i, key in enumerate(keys):
        descending = key.descending is not window.backwards
        page = page.order_by(exp.Ordered(this=column(f"k{i}"), desc=descending, nulls_first=window.backwards))
    page = page.order_by(exp.Ordered(this=column("id"), desc=window.backwards))
    page = page.limit(window.take).offset(window.skip)
    rows = (
        exp.select(
            exp.Column(this=exp.Star(), table=name("t")), *[column(f"k{i}", "p") for i in range(len(keys))]
        )
        .from_("page AS p")
        .join(scope.relations.table(scope.module, "t"), on=column("id", "t").eq(column("id", "p")))
    )
    total = exp.select(exp.Count(this=exp.Star()).as_("total__")).from_("matched")
    statement = (
        exp.select("c.total__", exp.Column(this=exp.Star(), table=name("rows")))
        .from_(total.subquery("c"))
        .join(rows.subquery("rows"), on=exp.true(), join_type="left")
        .with_("matched", as_=matched)
        .with_("page", as_=page)
    )
    for i, key in enumerate(keys):
        statement = statement.order_by(
            exp.Ordered(this=column(f"k{i}", "rows"), desc=key.descending, nulls_first=False)
        )
    return statement.order_by(exp.Ordered(this=column("id", "rows"), desc=False))


def _key_expression(key: SortKey, scope: Scope) -> exp.Expr:
    return value_expression(key.path.text, scope)


def _beyond(keys: Sequence[SortKey], after: str, scope: Scope) -> exp.Expr:
    """The rows behind a cursor in the order of the keys, missing values last."""
    values = _read_cursor(after, len(keys) + 1)
    bind = scope.relations.params.bind
    ways: list[exp.Expr] = []
    same: list[exp.Expr] = []
    for i, key in enumerate(keys):
        here, value = column(f"k{i}"), values[i]
        if value is None:
            same.append(here.is_(exp.null()))
            continue
        bound = bind(value, key.path.column_type)
        further = (
            exp.LT(this=here, expression=bound) if key.descending else exp.GT(this=here, expression=bound)
        )
        ways.append(exp.and_(*same, exp.paren(exp.or_(further, here.is_(exp.null())))))
        same.append(here.copy().eq(bound.copy()))
    ways.append(exp.and_(*same, exp.GT(this=column("id"), expression=bind(values[-1], "UUID"))))
    return any_of(ways)


def _cursor(keys: Sequence[SortKey], row: Mapping[str, Any]) -> str:
    # As text, a number or an instant keeps every digit, so that no row is passed over or met twice.
    values = [_key_value(row[f"k{i}"]) for i in range(len(keys))] + [str(row["id"])]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


def _key_value(value: Any) -> Any:
    if isinstance(value, (date, Decimal)):
        return value.isoformat() if isinstance(value, date) else f"{value:f}"
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _read_cursor(after: str, length: int) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(after.encode()))
    except ValueError as error:
        raise ConditionInvalid(after, "“after” is no cursor; use `next` of the page before") from error
    if not isinstance(values, list) or len(values) != length:
        raise ConditionInvalid(after, "“after” belongs to another order; use `next` of the page before")
    return values


def _expand(
    lake: Lake, catalog: Catalog, items: list[Record], *, module: str, slug: str, actor: Actor, at: int | None
) -> None:
    reference = catalog.reference(module, slug)
    if reference is None or reference.polymorphic:
        names = ", ".join(r.slug for r in catalog.references(module) if not r.polymorphic)
        raise ConditionInvalid(
            slug, f"“{slug}” cannot be expanded; {module} can expand: {names or 'nothing'}"
        )
    ids = sorted({item[slug] for item in items if item[slug]})
    if not ids:
        return
    relations = relations_for(lake, catalog, actor, at)
    select = (
        exp.select("*")
        .from_(relations.table(reference.targets[0], _ROW))
        .where(
            relations.predicate(reference.targets[0], _ROW),
            column("id", _ROW).isin(*relations.params.bind_all(ids, "UUID")),
        )
    )
    rows = lake.read(text(select), relations.params.values).to_dicts()
    found = {str(row["id"]): shape_record(catalog, reference.targets[0], row) for row in rows}
    for item in items:
        item[slug] = found.get(item[slug], item[slug])
