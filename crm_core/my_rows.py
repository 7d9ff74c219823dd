"""The rows that wait for one person, or for everybody whose rows he sees: parts of the statements of `my_work`."""

from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from crm_core.conversations import MESSAGES, WRITTEN
from crm_core.figures.base import end_statuses, is_one_of
from crm_core.intake_forms import intake_module
from crm_core.model import Catalog, Module, Reference
from crm_core.query import title_column
from crm_core.relations import Relations
from crm_core.trees import column, function
from crm_core.values.fragments import sql

DUE = "due"
_ROW = "r"


@dataclass(frozen=True)
class Look:
    """Who looks, and whether at what is his alone or at everybody's."""

    relations: Relations
    everybody: bool = False


def whose(catalog: Catalog, module: str) -> Reference | None:
    """The reference that says to which profile a module's records belong; to one whom we write to before others."""
    found = [
        one
        for one in catalog.references(module)
        if not one.polymorphic and one.targets[0] != module and catalog.modules[one.targets[0]].profile
    ]
    reached = [one for one in found if catalog.modules[one.targets[0]].contact_points is not None]
    return next(iter([*reached, *found]), None)


def rows_of(
    look: Look, module: Module, moment: exp.Expr, *, until: exp.Expr | None = None,
    words: exp.Expr | None = None, everybody: bool = False,
) -> exp.Select:  # fmt: skip
    """The rows of a module that the actor owns or works on, in the columns of a card."""
    owner = whose(look.relations.catalog, module.slug)
    about = column(owner.slug, _ROW) if owner is not None else exp.null()
    kind = exp.Literal.string(owner.targets[0]) if owner is not None else exp.null()
    rows = exp.select(
        exp.Literal.string(module.slug).as_("module"),
        exp.cast(column("id", _ROW), "VARCHAR").as_("id"),
        exp.cast(column(title_column(look.relations.catalog, module.slug), _ROW), "VARCHAR").as_("title"),
        exp.cast(words if words is not None else exp.null(), "VARCHAR").as_("text"),
        exp.cast(moment, "TIMESTAMPTZ").as_("moment"),
        exp.cast(until if until is not None else exp.null(), "TIMESTAMPTZ").as_("until"),
        column("folder", _ROW).as_("folder"), column("status", _ROW).as_("status"),
        column("version", _ROW).as_("version"), column("owner", _ROW).as_("owner"),
        exp.cast(kind, "VARCHAR").as_("about_module"), exp.cast(about, "VARCHAR").as_("about_id"),
    )  # fmt: skip
    rows = rows.from_(look.relations.table(module.slug, _ROW)).where(
        look.relations.predicate(module.slug, _ROW)
    )
    return rows if everybody else rows.where(_is_mine(look, _ROW))


def _is_mine(look: Look, alias: str) -> exp.Expr:
    if look.everybody:
        return exp.true()
    me = look.relations.params.bind(look.relations.actor.user)
    works = function("list_contains", column("workers", alias), me.copy())
    return exp.paren(exp.or_(column("owner", alias).eq(me), works))


def is_open(look: Look, module: Module) -> exp.Expr:
    """True for rows in no status that ends them."""
    return exp.not_(
        is_one_of(look.relations, column("status", _ROW), end_statuses(look.relations.catalog, module.slug))
    )


def due_rows(look: Look, module: Module) -> exp.Query:
    """What is to be done and has not been, with when it is due."""
    due: exp.Expr = column(DUE, _ROW)
    if getattr(module.field(DUE), "kind", "") == "date":
        # What is due on a day is late when that day is over.
        zone = look.relations.params.bind(look.relations.catalog.workspace.time_zone)
        due = sql("timezone($zone, CAST($due + 1 AS TIMESTAMP))", zone=zone, due=due)
    return rows_of(look, module, due).where(is_open(look, module))


def last_written(look: Look, module: Module) -> exp.Select | None:
    """For each request of the actor with messages, whether the last one that is to be answered came in."""
    catalog = look.relations.catalog
    about = catalog.reference(MESSAGES, "about") if MESSAGES in catalog.modules else None
    if about is None or module.slug not in about.targets:
        return None
    own = (
        exp.select(column("id", "o")).from_(look.relations.table(module.slug, "o")).where(_is_mine(look, "o"))
    )
    automatic = catalog.module(MESSAGES).field("automatic") is not None
    incoming = "c.direction = 'in'" + (" AND NOT coalesce(c.automatic, false)" if automatic else "")
    moment = "(coalesce(c.occurred_at, c.created_at), c.id)"
    last = exp.select(
        column("about", "c").as_("about"), sql(f"arg_max({incoming}, {moment})").as_("incoming")
    )
    return (
        last.from_(look.relations.table(MESSAGES, "c"))
        .where(
            column("about", "c").isin(query=own),
            column("deleted_at", "c").is_(exp.null()),
            is_one_of(look.relations, column("channel", "c"), WRITTEN),
            sql("c.source IS DISTINCT FROM 'flow'"),
        )
        .group_by(column("about", "c"))
    )


def _of_mine(look: Look, module: str) -> exp.Expr | None:
    """True for the rows of a module that belong to a customer of the actor."""
    owner = whose(look.relations.catalog, module)
    if owner is None:
        return None
    mine = exp.select(column("id", "o")).from_(look.relations.table(owner.targets[0], "o"))
    mine = mine.where(column("deleted_at", "o").is_(exp.null()), _is_mine(look, "o"))
    return column(owner.slug, _ROW).isin(query=mine)


def written(look: Look, since: datetime) -> exp.Query | None:
    """What customers wrote since an instant."""
    if MESSAGES not in look.relations.catalog.modules:
        return None
    module, mine = look.relations.catalog.module(MESSAGES), _of_mine(look, MESSAGES)
    if mine is None:
        return None
    moment = sql("coalesce(r.occurred_at, r.created_at)")
    came = sql("$moment >= $since", moment=moment, since=look.relations.params.bind(since, "TIMESTAMPTZ"))
    said = (
        sql("left(coalesce(r.reply_text, r.text), 200)")
        if module.field("reply_text")
        else sql("left(r.text, 200)")
    )
    rows = rows_of(look, module, moment, words=said, everybody=True)
    return rows.where(mine, came, sql("r.direction = 'in'"))


def asked(look: Look, since: datetime) -> exp.Query | None:
    """Requests that no message tells of already."""
    module = intake_module(look.relations.catalog)
    mine = _of_mine(look, module.slug) if module is not None else None
    if module is None or mine is None:
        return None
    came = sql("r.created_at >= $since", since=look.relations.params.bind(since, "TIMESTAMPTZ"))
    rows = rows_of(look, module, column("created_at", _ROW), everybody=True).where(mine, came)
    about = (
        look.relations.catalog.reference(MESSAGES, "about")
        if MESSAGES in look.relations.catalog.modules
        else None
    )
    if about is not None and module.slug in about.targets:
        told = exp.select(column("about", "t")).from_(look.relations.table(MESSAGES, "t"))
        told = told.where(sql("t.direction = 'in' AND t.about IS NOT NULL AND t.deleted_at IS NULL"))
        rows = rows.where(exp.not_(column("id", _ROW).isin(query=told)))
    return rows
