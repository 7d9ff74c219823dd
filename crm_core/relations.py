"""The rows an actor may see: every statement about records reads modules through here, and only here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from crm_core.access import Actor, sees_whole_module
from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.searched import forgives, open_points, search_texts, searched_columns
from crm_core.sight import sight
from crm_core.trees import coalesce, column, lake_table, union_all
from lake import Lake
from lake.held import Gathered, Held, key_column, key_number, keyed_schema
from lake.mirror import MIRROR
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

    @property
    def copied(self) -> bool:
        """Whether the serving copy is read."""
        return self.catalog_name == MIRROR

    @property
    def row_key(self) -> str:
        """The column by which a statement finds rows of `stored` again that it has found before."""
        return "rowid" if self.copied else "id"

    def stored(self, slug: str, alias: str) -> exp.Table:
        """As `table`; of the serving copy with the columns that it has beyond the table's."""
        if not self.copied:
            return self.table(slug, alias)
        slug = self.catalog.module(slug).slug
        return lake_table(slug, schema=keyed_schema("crm"), alias=alias, catalog=MIRROR)

    def narrowed(self, slug: str, alias: str, keys: Mapping[str, Sequence[str]]) -> exp.Expr:
        """A module's rows, or as much fewer as the serving copy finds at once by some columns of ids.

        What it leaves out has none of the ids (column → UUIDs as text) in any of the columns; what it has is still to
        be tested. Rows come once. Where there is no serving copy it is the bare table.
        """
        held = served_tables(self.catalog)["crm", self.catalog.module(slug).slug].keys
        if not self.copied or not keys or not set(keys) <= set(held):
            return self.table(slug, alias)
        try:
            tests = {key: _one_of(key, [key_number(id) for id in ids]) for key, ids in keys.items()}
        except ValueError:
            return self.table(slug, alias)
        # A test by two columns at once would read every row: each has a part of its own.
        parts: list[exp.Query] = []
        for place, (key, test) in enumerate(tests.items()):
            part = exp.select("*").from_(self.stored(slug, "n"), copy=False)
            if len(keys[key]) > 1:
                # Numbers are read of all rows, everything else only of those found.
                found = exp.select(column("rowid", "o")).from_(self.stored(slug, "o"), copy=False)
                found = found.where(_one_of(key, [key_number(id) for id in keys[key]], "o"), copy=False)
                test = column("rowid", "n").isin(query=found, copy=False)
            part = part.where(test, copy=False)
            for earlier in list(tests.values())[:place]:
                part = part.where(exp.not_(coalesce(earlier.copy(), exp.false()), copy=False), copy=False)
            parts.append(part)
        return union_all(parts).subquery(alias, copy=False)

    def predicate(self, slug: str, alias: str, *, deleted: bool = False) -> exp.Expr:
        """True for the live (or deleted) rows of a module that the actor may see.

        What is closed to him today, by its row or by the definitions, is closed in the past as well.
        """
        gone = column("deleted_at", alias).is_(exp.null())
        parts: list[exp.Expr] = [exp.not_(gone) if deleted else gone]
        if self.at is not None and not self._sees_all(slug):
            parts.append(sight(self, self.catalog.module(slug), alias))
        today = self._today(slug)
        if not today._sees_all(slug):
            here = alias if self.at is None else "c"
            seen = sight(today, today.catalog.module(slug), here)
            if self.at is not None:
                ids = exp.select(column("id", here)).from_(today.table(slug, here), copy=False)
                seen = column("id", alias).isin(query=ids.where(seen, copy=False), copy=False)
            parts.append(seen)
        return exp.and_(*parts, copy=False)

    def _sees_all(self, slug: str) -> bool:
        return sees_whole_module(self.catalog, self.catalog.module(slug), self.actor)

    def _today(self, slug: str) -> "Relations":
        """The relations of today, by the definitions of today where they still have the module."""
        rights = self.catalog.rights
        known = rights if rights is not None and slug in rights.modules else self.catalog
        return self if self.at is None and known is self.catalog else replace(self, at=None, catalog=known)

    def visible(
        self, slug: str, alias: str, *, columns: tuple[str, ...] = (), deleted: bool = False
    ) -> exp.Subquery:
        """The live rows of a module that the actor may see, as a subquery; all columns unless named."""
        inner = "m"
        chosen: list[exp.Expr] = [column(name, inner) for name in columns]
        chosen = chosen or [exp.Star()]
        select = exp.select(*chosen, copy=False).from_(self.table(slug, inner), copy=False)
        select = select.where(self.predicate(slug, inner, deleted=deleted), copy=False)
        return select.subquery(alias, copy=False)

    def link(self, link_table: str, alias: str) -> exp.Subquery:
        """The live rows of a link table. Whoever reads it joins the two visible sides."""
        select = (
            exp.select("*")
            .from_(lake_table(link_table, alias="l", at=self.at, catalog=self.catalog_name))
            .where(column("deleted_at", "l").is_(exp.null()))
        )
        return select.subquery(alias)


def relations_for(lake: Lake, catalog: Catalog, actor: Actor, at: int | None = None) -> Relations:
    """The relations for a read: of the serving copy when the lake keeps one and no snapshot is asked for."""
    mirror = lake.mirror
    # Who reads the past has definitions of the past: the copy follows those of today only.
    if mirror is not None and (not isinstance(mirror.label, int) or mirror.label < catalog.version):
        mirror.follow(served_tables(catalog), label=catalog.version)
    return Relations(catalog, actor, Params(), at, CATALOG if at is not None else lake.serving())


def served_tables(catalog: Catalog) -> dict[tuple[str, str], Held]:
    """The tables that pages read, and how their copies are held: records are found by id and by every reference."""
    found = {
        ("ops", "read_marks"): Held(rows=("reader", "record_id")),
        ("ops", "pins"): Held(),
        ("access", "consents"): Held(("address",)),
    }
    for module in catalog.modules.values():
        references = tuple(r.slug for r in catalog.references(module.slug))
        sort = module.sort or references[:1] or ("id",)
        searched = search_texts(catalog, module.slug)
        points = open_points(catalog, module.slug)
        gathered: tuple[Gathered, ...] = ()
        if points is not None:
            texts = searched_columns(catalog, points.module)
            gathered = (Gathered(("crm", points.module), points.reference, texts),)
        words = forgives(catalog, module.slug)
        found[("crm", module.slug)] = Held(sort, ("id", *references), searched, gathered, words)
    for rel in catalog.link_relationships:
        found[("crm", rel.link_table)] = Held(("from_id",))
    return found


def _one_of(key: str, numbers: Sequence[int], alias: str = "n") -> exp.Expr:
    here = column(key_column(key), alias)
    if len(numbers) == 1:
        return here.eq(exp.Literal.number(numbers[0]))
    return here.isin(*[exp.Literal.number(number) for number in numbers], copy=False)
