"""All records that one link of a record leads to, page by page."""

from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog, ToMany
from crm_core.params import Params
from crm_core.query import MAX_LIMIT, read_record
from crm_core.related import linked
from crm_core.relations import Relations, relations_for
from crm_core.shape import Record, shape_record
from crm_core.trees import column, text
from lake import Lake

_ROW = "r"


@dataclass(frozen=True)
class LinkedPage:
    """Some of the linked records, newest first, and how many there are.

    `links` maps a record's id to the own fields of its link, when the link has a table of its own.
    """

    module: str
    items: tuple[Record, ...]
    total: int
    links: dict[str, dict[str, Any]]


def find_link(catalog: Catalog, module: str, slug: str) -> ToMany:
    """The list of related records of that name.

    Raises:
        ConditionInvalid: When the module has none; the message lists what there is.
    """
    found = next((link for link in catalog.to_many(catalog.module(module).slug) if link.slug == slug), None)
    if found is None:
        names = ", ".join(link.slug for link in catalog.to_many(module)) or "none"
        raise ConditionInvalid(slug, f"{module} has no related records “{slug}”; it has {names}")
    return found


def read_linked(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    record_id: str,
    link: str,
    actor: Actor,
    limit: int = 50,
    offset: int = 0,
) -> LinkedPage:
    """The records that a link leads to, as far as the actor may see them, newest first.

    Raises:
        ConditionInvalid: When there is no such link.
        RecordNotFound: When there is no such record, or none that the actor may see.
    """
    chosen = find_link(catalog, module, link)
    owner = read_record(lake, catalog, module=module, record_id=record_id, actor=actor)["id"]
    relations = relations_for(lake, catalog, actor)
    rows = lake.read(
        text(
            linked(relations, chosen, owner, _ROW)
            .select(
                exp.Column(this=exp.Star(), table=exp.to_identifier(_ROW, quoted=True)),
                exp.Window(this=exp.Count(this=exp.Star())).as_("total__"),
            )
            .order_by(exp.Ordered(this=column("created_at", _ROW), desc=True, nulls_first=False))
            .order_by(column("id", _ROW))
            .limit(max(1, min(limit, MAX_LIMIT)))
            .offset(max(0, offset))
        ),
        relations.params.values,
    ).to_dicts()
    items = tuple(shape_record(catalog, chosen.module, row) for row in rows)
    own = _own_fields(lake, relations, chosen, owner, [item["id"] for item in items])
    return LinkedPage(chosen.module, items, int(rows[0]["total__"]) if rows else 0, own)


def _own_fields(
    lake: Lake, relations: Relations, link: ToMany, owner: str, ids: list[str]
) -> dict[str, dict[str, Any]]:
    if link.link_table is None or not ids or not link.relationship.fields:
        return {}
    near, far = ("from_id", "to_id") if link.outgoing else ("to_id", "from_id")
    names = [name for field in link.relationship.fields for name in field.columns]
    params = Params()
    select = (
        exp.select(exp.cast(column(far, "l"), "VARCHAR").as_("far"), *[column(name, "l") for name in names])
        .from_(relations.link(link.link_table, "l"))
        .where(column(near, "l").eq(params.bind(owner, "UUID")))
        .where(column(far, "l").isin(*params.bind_all(ids, "UUID")))
    )
    rows = lake.read(text(select), params.values).to_dicts()
    return {row["far"]: {name: row[name] for name in names} for row in rows}
