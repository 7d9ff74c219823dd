"""Which rows an actor sees, as a predicate: by assignment, team and folder, or by what a row belongs to.

What a row belongs to may belong to something itself. Each module's seen rows are therefore one set, which a statement
defines once (`trees.text` puts it in front) and asks as often as it needs to.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from crm_core.access import own_predicate, sees_whole_module
from crm_core.model import Catalog, Module, Reference
from crm_core.trees import column, shared_set, union_all

if TYPE_CHECKING:
    from crm_core.relations import Relations


def sight(relations: "Relations", module: Module, alias: str, passed: tuple[str, ...] = ()) -> exp.Expr:
    """True for the rows of a module that the actor sees; `passed` are the modules on the way here."""
    own = own_predicate(module, relations.actor, alias, relations.params)
    parents = parents_of(relations.catalog, module)
    if module.access == "own" or not parents or module.slug in passed:
        return own
    missing = [column(reference.slug, alias).is_(exp.null()) for reference in parents]
    orphan = exp.and_(*missing, own, copy=False)
    # Every parent that is set must be seen: a visible one does not open what a hidden one closes.
    seen = []
    for gone, reference in zip(missing, parents, strict=True):
        leads = _leads_to_seen(relations, reference, alias, (*passed, module.slug))
        seen.append(exp.paren(exp.or_(gone.copy(), leads, copy=False), copy=False))
    none = exp.and_(*[gone.copy() for gone in missing], copy=False)
    some = exp.not_(exp.paren(none, copy=False), copy=False)
    return exp.paren(exp.or_(orphan, exp.and_(some, *seen, copy=False), copy=False), copy=False)


def parents_of(catalog: Catalog, module: Module) -> Sequence[Reference]:
    """The references by which a module's records belong to others."""
    named = (catalog.reference(module.slug, slug) for slug in module.parent)
    return [reference for reference in named if reference is not None]


def _leads_to_seen(
    relations: "Relations", reference: Reference, alias: str, passed: tuple[str, ...]
) -> exp.Expr:
    here = column(reference.slug, alias)
    if not reference.polymorphic:
        ids = exp.select(column("id")).from_(_seen(relations, reference.targets[0], passed), copy=False)
        return here.isin(query=ids, copy=False)

    def anywhere() -> exp.Query:
        return union_all(
            [
                exp.select(exp.Literal.string(target).as_("module"), column("id")).from_(
                    _seen(relations, target, passed), copy=False
                )
                for target in reference.targets
            ]
        )

    name = f"seen_by__{'__'.join(passed)}__{reference.slug}{_when(relations)}"
    pairs = exp.select(exp.Tuple(expressions=[column("module"), column("id")])).from_(
        shared_set(name, anywhere, relations.params.shared), copy=False
    )
    both = exp.Tuple(expressions=[column(reference.module_column, alias), here])
    return exp.In(this=both, query=pairs.subquery(copy=False))


def _seen(relations: "Relations", slug: str, passed: tuple[str, ...]) -> exp.Table:
    """The ids of the live rows of a module that the actor sees, as a set of the statement."""
    module = relations.catalog.module(slug)
    # Only a module that can be reached again on the way up makes the set depend on the way here.
    again = sorted(set(passed) & _above(relations.catalog, slug))

    def rows() -> exp.Select:
        live = column("deleted_at", "m").is_(exp.null())
        ids = exp.select(column("id", "m")).from_(relations.table(slug, "m"), copy=False)
        ids = ids.where(live, copy=False)
        if sees_whole_module(relations.catalog, module, relations.actor):
            return ids
        return ids.where(sight(relations, module, "m", tuple(again)), copy=False)

    name = f"seen__{'__after__'.join([slug, *again])}{_when(relations)}"
    return shared_set(name, rows, relations.params.shared)


def _above(catalog: Catalog, slug: str) -> set[str]:
    """The modules that a module's records can belong to, over any number of steps."""
    found: set[str] = set()
    waiting = [slug]
    while waiting:
        module = catalog.module(waiting.pop())
        targets = {one for reference in parents_of(catalog, module) for one in reference.targets}
        waiting += sorted(targets - found)
        found |= targets
    return found


def _when(relations: "Relations") -> str:
    return "" if relations.at is None else f"__at_{relations.at}"
