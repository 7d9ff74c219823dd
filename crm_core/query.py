"""Reading records: one, a page, a count; each for an actor, now or as of a snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition
from crm_core.errors import ConditionInvalid, RecordNotFound
from crm_core.model import All, Catalog, Condition
from crm_core.page_rows import Wanted, cursor_of, parse_sort, read_rows
from crm_core.params import Params
from crm_core.prepared import STAND_IN, about_record
from crm_core.relations import Relations, relations_for
from crm_core.shape import Record, shape_record
from crm_core.trees import all_of, column, text, union_all
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
    the end, and one in the middle by where it most likely lies, without sorting all. Where there are others by now, all
    are sorted after all.

    Raises:
        ConditionInvalid: When the condition, the order, the cursor or `expand` cannot be used.
        UnknownModule: When there is no such module.
    """
    catalog.module(module)
    relations = relations_for(lake, catalog, actor, at)
    snapshot = at if at is not None else lake.known_snapshot()
    keys, scope = parse_sort(catalog, module, sort), _scope(module, relations, now)
    where = all_of(
        [relations.predicate(module, _ROW, deleted=deleted), compile_condition(condition or All(), scope)]
    )
    limit = max(1, min(limit, MAX_LIMIT))
    wanted = Wanted(limit, after=after, offset=offset, expected=expected)
    rows = read_rows(lake, scope, keys, where, wanted)
    if rows is None:
        return read_page(
            lake, catalog, module=module, actor=actor, condition=condition, sort=sort, limit=limit, offset=offset,
            at=at, deleted=deleted, expand=expand, now=now,
        )  # fmt: skip
    total = int(rows[0]["total__"])
    rows = [row for row in rows if row["id"] is not None]
    following = cursor_of(keys, rows[limit - 1]) if len(rows) > limit else None
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
