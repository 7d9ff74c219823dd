"""The rows an actor may see: every statement about records reads modules through here, and only here."""

from dataclasses import dataclass, field

from sqlglot import exp

from crm_core.access import Actor, own_predicate, sees_whole_module
from crm_core.model import Catalog, Module, Reference
from crm_core.params import Params
from crm_core.trees import all_of, any_of, column, lake_table
from lake import Lake
from lake.names import CATALOG


@dataclass(frozen=True)
class Relations:
    """Modules as relations for one actor, now or as of a snapshot.

    `serving` names the catalog of current reads: the lake, or the copy that a server keeps of it. A read as of
    a snapshot always asks the lake.
    """

    catalog: Catalog
    actor: Actor
    params: Params = field(default_factory=Params)
    at: int | None = None
    serving: str = CATALOG

    @property
    def catalog_name(self) -> str:
        """The catalog that the statement reads."""
        return CATALOG if self.at is not None else self.serving

    def table(self, slug: str, alias: str) -> exp.Table:
        """The bare table of a module: all rows, deleted and forbidden ones too."""
        slug = self.catalog.module(slug).slug
        return lake_table(slug, alias=alias, at=self.at, catalog=self.catalog_name)

    def predicate(self, slug: str, alias: str, *, deleted: bool = False) -> exp.Expr:
        """True for the live (or deleted) rows of a module that the actor may see."""
        module = self.catalog.module(slug)
        gone = column("deleted_at", alias).is_(exp.null())
        parts: list[exp.Expr] = [exp.not_(gone) if deleted else gone]
        if not sees_whole_module(self.catalog, module, self.actor):
            parts.append(self._sight(module, alias, ()))
        return all_of(parts)

    def visible(
        self, slug: str, alias: str, *, columns: tuple[str, ...] = (), deleted: bool = False
    ) -> exp.Subquery:
        """The live rows of a module that the actor may see, as a subquery; all columns unless named."""
        inner = "m"
        chosen: list[exp.Expr] = [column(name, inner) for name in columns]
        chosen = chosen or [exp.Star()]
        select = (
            exp.select(*chosen)
            .from_(self.table(slug, inner))
            .where(self.predicate(slug, inner, deleted=deleted))
        )
        return select.subquery(alias)

    def link(self, link_table: str, alias: str) -> exp.Subquery:
        """The live rows of a link table. Whoever reads it joins the two visible sides."""
        select = (
            exp.select("*")
            .from_(lake_table(link_table, alias="l", at=self.at, catalog=self.catalog_name))
            .where(column("deleted_at", "l").is_(exp.null()))
        )
        return select.subquery(alias)

    def _sight(self, module: Module, alias: str, seen: tuple[str, ...]) -> exp.Expr:
        own = own_predicate(module, self.actor, alias, self.params)
        named = (self.catalog.reference(module.slug, slug) for slug in module.parent)
        parents = [reference for reference in named if reference is not None]
        if module.access == "own" or not parents or module.slug in seen:
            return own
        missing = [column(reference.slug, alias).is_(exp.null()) for reference in parents]
        orphan = exp.and_(*missing, own)
        if len(parents) == 1:
            return exp.paren(exp.or_(orphan, self._parent_seen(parents[0], alias, (*seen, module.slug))))
        # Every parent that is set must be seen: a visible one does not open what a hidden one closes.
        seen_all = [
            exp.paren(exp.or_(gone.copy(), self._parent_seen(reference, alias, (*seen, module.slug))))
            for gone, reference in zip(missing, parents, strict=True)
        ]
        some = exp.not_(exp.paren(exp.and_(*[gone.copy() for gone in missing])))
        return exp.paren(exp.or_(orphan, exp.and_(some, *seen_all)))

    def _parent_seen(self, reference: Reference, alias: str, seen: tuple[str, ...]) -> exp.Expr:
        ways: list[exp.Expr] = []
        for target in reference.targets:
            parent = self.catalog.module(target)
            inner = f"{alias}_{target}"
            ids = (
                exp.select(column("id", inner))
                .from_(self.table(target, inner))
                .where(column("deleted_at", inner).is_(exp.null()))
            )
            if not sees_whole_module(self.catalog, parent, self.actor):
                ids = ids.where(self._sight(parent, inner, seen))
            way: exp.Expr = column(reference.slug, alias).isin(query=ids)
            if reference.polymorphic:
                way = exp.and_(column(reference.module_column, alias).eq(self.params.bind(target)), way)
            ways.append(way)
        return exp.paren(any_of(ways))


def relations_for(lake: Lake, catalog: Catalog, actor: Actor, at: int | None = None) -> Relations:
    """The relations for a read: of the serving copy when the lake keeps one and no snapshot is asked for."""
    mirror = lake.mirror
    if mirror is not None and mirror.label != catalog.version:
        mirror.follow(served_tables(catalog), label=catalog.version)
    return Relations(catalog, actor, Params(), at, CATALOG if at is not None else lake.serving())


def served_tables(catalog: Catalog) -> dict[tuple[str, str], tuple[str, ...]]:
    """The tables that pages read, with the columns by which their copies are sorted."""
    found: dict[tuple[str, str], tuple[str, ...]] = {("ops", "read_marks"): ()}
    for module in catalog.modules.values():
        keys = tuple(r.slug for r in catalog.references(module.slug)[:1])
        found[("crm", module.slug)] = module.sort or keys or ("id",)
    for rel in catalog.link_relationships:
        found[("crm", rel.link_table)] = ("from_id",)
    return found
