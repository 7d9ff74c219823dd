"""What flows did because of a change: told before it is undone, since that stays."""

from sqlglot import exp

from crm_core.access import Actor
from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.trees import column, lake_table, text, union_all
from lake import Lake

_ROW = "r"
_CAUSED = "caused"


def read_followed(lake: Lake, catalog: Catalog, change_id: str, *, actor: Actor) -> dict[str, int]:
    """Module → how many records, of those that the actor sees, stand as flows left them because of a change.

    What flows made of a record that somebody changed since is no more counted. Flows that have not run yet are not
    known. The most first; empty when nothing followed.
    """
    first = Params("c")
    asked = exp.select(exp.Count(this=exp.Star())).from_(_CAUSED)
    asked = asked.with_(_CAUSED, as_=_caused(first.bind(change_id, "UUID")), recursive=True)
    if not lake.read(text(asked), first.values).item():
        return {}
    relations = Relations(catalog, actor, Params("f"))
    caused = _caused(relations.params.bind(change_id, "UUID"))
    ids = exp.select(column("id")).from_(_CAUSED)
    counted = [
        exp.select(exp.Literal.string(slug).as_("module"), exp.Count(this=exp.Star()).as_("n"))
        .from_(relations.table(slug, _ROW))
        .where(relations.predicate(slug, _ROW), column("change_id", _ROW).isin(query=ids.copy()))
        for slug in catalog.modules
    ]
    statement = union_all(counted).with_(_CAUSED, as_=caused, recursive=True)
    rows = lake.read(text(statement), relations.params.values).rows()
    return {module: n for module, n in sorted(rows, key=lambda row: (-row[1], row[0])) if n}


def _caused(change: exp.Expr) -> exp.Query:
    """The changes of flow runs that the change set off, and those that these did; undoing is no following."""
    mine = exp.select(column("id", "c")).from_(lake_table("changes", schema="ops", alias="c"))
    by_flow = exp.not_(column("flow_run_id", "c").is_(exp.null()))
    first = mine.copy().where(column("cause_id", "c").eq(change), by_flow.copy())
    further = mine.join(f"{_CAUSED} AS b", on=column("cause_id", "c").eq(column("id", "b"))).where(by_flow)
    return exp.union(first, further)
