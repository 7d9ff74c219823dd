"""Related records of the same module as a tree: companies with their people and branches, families."""

from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures import Figure
from crm_core.model import Catalog, ToMany
from crm_core.prepared import STAND_IN, about_record
from crm_core.query import title_column
from crm_core.related import links_of
from crm_core.relations import Relations, relations_for
from crm_core.trees import column, text, union_all
from lake import Lake

LEVELS = 3
"""How far the tree goes."""
MOST = 200
"""How many records a tree shows at most."""


@dataclass(frozen=True)
class Kin:
    """One record of the tree: below whom it stands, how far from the root, and what it is to that one.

    `outgoing` tells the direction of the link: whether the one above lists this one as of that type, or is listed.
    """

    id: str
    title: str
    above: str
    level: int
    type: str
    role: str
    outgoing: bool


@dataclass(frozen=True)
class Related:
    """The tree in the order in which it is drawn: below each record those that were found by it."""

    kin: tuple[Kin, ...] = ()

    @property
    def figure(self) -> tuple[Figure, ...]:
        """What stands above the section."""
        near = sum(one.level == 1 for one in self.kin)
        return (Figure("Related", near), Figure("Further away", len(self.kin) - near))


def tree_links(catalog: Catalog, module: str) -> tuple[ToMany, ...]:
    """The links from records of a module to others of it, over link tables; a table once."""
    found: dict[str, ToMany] = {}
    for link in links_of(catalog, module):
        if link.module == module and link.link_table is not None and link.outgoing:
            found.setdefault(link.link_table, link)
    return tuple(found.values())


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None, levels: int = LEVELS,
) -> Related:  # fmt: skip
    """The records that a record is linked with, and those these are linked with, one statement a level.

    A record stands in the tree once, where it is nearest to the root: links in a circle end.
    """
    links = tree_links(catalog, module)
    seen, edge, found = {record_id}, [record_id], list[Kin]()
    for level in range(1, levels + 1):
        if not links or not edge or len(found) >= MOST:
            break
        rows = _level(lake, catalog, links, edge, module=module, actor=actor, at=at)
        edge = []
        for above, other, title, kind, role, outgoing in rows:
            if other not in seen and len(found) < MOST:
                seen.add(other)
                edge.append(other)
                found.append(Kin(other, title or other[:8], above, level, kind or "", role or "", outgoing))
    return Related(tuple(_ordered(found, record_id)))


def _ordered(found: list[Kin], above: str) -> list[Kin]:
    own = [one for one in found if one.above == above]
    return [kin for one in own for kin in (one, *_ordered(found, one.id))]


def _level(
    lake: Lake, catalog: Catalog, links: tuple[ToMany, ...], ids: list[str], *, module: str, actor: Actor,
    at: int | None,
) -> list[tuple[str, str, str, str, str, bool]]:  # fmt: skip
    """The neighbours of some records: near id, far id, title, type, role, and whether the near one lists the far."""
    if len(ids) == 1:
        statement, values = about_record(
            lake, catalog, ids[0], lambda relations: _neighbours(relations, links, [STAND_IN]),
            key=("kin", module), actor=actor, at=at,
        )  # fmt: skip
    else:
        relations = relations_for(lake, catalog, actor, at)
        statement, values = text(_neighbours(relations, links, ids)), relations.params.values
    rows: list[tuple[str, str, str, str, str, bool]] = lake.read(statement, values).rows()
    return rows


def _neighbours(relations: Relations, links: tuple[ToMany, ...], ids: list[str]) -> exp.Select:
    parts = [_side(relations, link, ids, outgoing) for link in links for outgoing in (True, False)]
    both = union_all(list(parts)).subquery("b")
    return exp.select("*").from_(both).order_by("near", "type", "title", "far", "outgoing DESC")


def _side(relations: Relations, link: ToMany, ids: list[str], outgoing: bool) -> exp.Select:
    near, far = ("from_id", "to_id") if outgoing else ("to_id", "from_id")
    fields = {field.slug for field in link.relationship.fields}
    title = title_column(relations.catalog, link.module)

    def told(slug: str) -> exp.Expr:
        value: exp.Expr = column(slug, "l") if slug in fields else exp.null()
        return exp.cast(value, "VARCHAR").as_(slug)

    wanted = relations.params.bind_all(ids, "UUID")
    return (
        exp.select(
            exp.cast(column(near, "l"), "VARCHAR").as_("near"),
            exp.cast(column(far, "l"), "VARCHAR").as_("far"),
            exp.cast(column(title, "m"), "VARCHAR").as_("title"),
            told("type"), told("role"), (exp.true() if outgoing else exp.false()).as_("outgoing"),
        )
        .from_(relations.link(str(link.link_table), "l"))
        .join(
            relations.visible(link.module, "m", columns=tuple(dict.fromkeys(("id", title)))),
            on=column("id", "m").eq(column(far, "l")),
        )
        .where(column(near, "l").isin(*wanted))
    )  # fmt: skip
