"""The rows an actor may see: every statement about records reads modules through here, and only here."""

from dataclasses import dataclass, field

from sqlglot import exp

from crm_core.access import Actor, own_predicate, sees_whole_module
from crm_core.model import Catalog, Module, Reference
from crm_core.params import Params
from crm_core.trees import all_of, any_of, column, lake_table


@dataclass(frozen=True)
class Relations:
    """Modules as relations for one actor, now or as of a snapshot.

    `deleted` turns them to the soft-deleted rows instead of the live ones.
    """

    catalog: Catalog
    actor: Actor
    params: Params = field(default_factory=Params)
    at: int | None = None

    def table(self, slug: str, alias: str) -> exp.Table:
        """The bare table of a module: all rows, deleted and forbidden ones too."""
        return lake_table(self.catalog.module(slug).slug, alias=alias, at=self.at)

    def predicate(self, slug: str, alias: str, *, deleted: bool = False) -> exp.Expression:
        """True for the live (or deleted) rows of a module that the actor may see."""
        module = self.catalog.module(slug)
        gone = column("deleted_at", alias).is_(exp.null())
        parts: list[exp.Expression] = [exp.not_(gone) if deleted else gone]
        if not sees_whole_module(self.catalog, module, self.actor):
            parts.append(self._sight(module, alias, ()))
        return all_of(parts)

    def visible(
        self, slug: str, alias: str, *, columns: tuple[str, ...] = (), deleted: bool = False
    ) -> exp.Subquery:
        """The live rows of a module that the actor may see, as a subquery; all columns unless named."""
        inner = "m"
        chosen = [column(name, inner) for name in columns] or [exp.Star()]
        select = exp.select(*chosen).from_(self.table(slug, inner)).where(
            self.predicate(slug, inner, deleted=deleted)
        )
        return select.subquery(alias)

    def link(self, link_table: str, alias: str) -> exp.Subquery:
        """The live rows of a link table. Whoever reads it joins the two visible sides."""
        select = (
            exp.select("*")
            .from_(lake_table(link_table, alias="l", at=self.at))
            .where(column("deleted_at", "l").is_(exp.null()))
        )
        return select.subquery(alias)

    def _sight(self, module: Module, alias: str, seen: tuple[str, ...]) -> exp.Expression:
        own = own_predicate(module, self.actor, alias, self.params)
        reference = self.catalog.reference(module.slug, module.parent or "")
        if module.access == "own" or reference is None or module.slug in seen:
            return own
        orphan = exp.and_(column(reference.slug, alias).is_(exp.null()), own)
        return exp.paren(exp.or_(orphan, self._parent_seen(reference, alias, (*seen, module.slug))))

    def _parent_seen(self, reference: Reference, alias: str, seen: tuple[str, ...]) -> exp.Expression:
        ways: list[exp.Expression] = []
        for target in reference.targets:
            parent = self.catalog.module(target)
            inner = f"{alias}_{target}"
            ids = exp.select(column("id", inner)).from_(self.table(target, inner)).where(
                column("deleted_at", inner).is_(exp.null())
            )
            if not sees_whole_module(self.catalog, parent, self.actor):
                ids = ids.where(self._sight(parent, inner, seen))
            way: exp.Expression = column(reference.slug, alias).isin(query=ids)
            if reference.polymorphic:
                way = exp.and_(column(reference.module_column, alias).eq(self.params.bind(target)), way)
            ways.append(way)
        return exp.paren(any_of(ways))
