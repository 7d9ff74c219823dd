"""The statement that a timeline is read with: every dated record that reaches a record, with its words."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlglot import exp

from crm_core.conditions import Scope, value_expression
from crm_core.model import Catalog, Module, ToMany
from crm_core.prepared import STAND_IN
from crm_core.relations import Relations
from crm_core.trees import all_of, any_of, coalesce, column, function, lake_table, shared_set, union_all

MAX_STEPS = 3
MOST_WORDS = 8
"""How many words of a search count."""
MOST_PINNED = 20
"""How many pinned entries stand on top."""
STAND_IN_CURSOR = (datetime(1, 1, 1, tzinfo=UTC), "the entry before")
STAND_IN_WORDS = tuple(f"word {place} of a search" for place in range(MOST_WORDS))
MESSAGES, INQUIRIES = "communications", "inquiries"
PINNED = "pinned"
"""A field of this name, where a module has one, says which of its records are pinned."""
_ROW = "r"


def routes_to(catalog: Catalog, module: str) -> dict[str, tuple[tuple[ToMany, ...], ...]]:
    """Module with a timeline date → the shortest routes by which its records reach a record of `module`.

    Routes go over reference columns only: a related person's orders are not one's own.
    """
    found: dict[str, tuple[tuple[ToMany, ...], ...]] = {}
    frontier: list[tuple[ToMany, ...]] = [()]
    seen = {module}
    for _ in range(MAX_STEPS):
        longer = [
            (*route, link)
            for route in frontier
            for link in catalog.to_many(route[-1].module if route else module)
            if link.reference is not None and link.module not in seen
        ]
        for target in {route[-1].module for route in longer}:
            if catalog.module(target).timeline is not None:
                found[target] = tuple(route for route in longer if route[-1].module == target)
        seen |= {route[-1].module for route in longer}
        frontier = longer
    return dict(sorted(found.items()))


def entries_statement(
    relations: Relations, kinds: Collection[str], routes: dict[str, tuple[tuple[ToMany, ...], ...]], *, limit: int,
    behind: bool, words: int,
) -> exp.Query:  # fmt: skip
    """The newest entries about `STAND_IN`, one more than a page has; on the first page the pinned ones as well.

    Args:
        relations: what may be read.
        kinds: the modules whose records are entries.
        routes: by which links they reach the record, see `routes_to`.
        limit: how many entries a page has.
        behind: whether only those behind `STAND_IN_CURSOR` are read.
        words: how many words are looked for; they are bound as `STAND_IN_WORDS`.

    Returns:
        A query with `kind`, `id`, `occurred_at`, `title`, `text`, `status`, `owner`, `pinned`, and `top` for the pinned
        ones, which come once more.
    """

    def entries() -> exp.Query:
        union = union_all([_part(relations, slug, routes[slug], STAND_IN) for slug in kinds])
        rows = exp.select("*").from_(_without_echoes(union, kinds).subquery("e", copy=False), copy=False)
        dated = exp.not_(column("occurred_at").is_(exp.null()))
        return rows.where(all_of([dated, *_holds(relations, words)]), copy=False)

    rows = exp.select("*", exp.false().as_("top"), copy=False)
    if behind:
        rows = rows.from_(entries().subquery("n", copy=False), copy=False)
        return _newest(rows.where(_behind(relations), copy=False), limit + 1)
    found = shared_set("entries", entries, relations.params.shared)
    top = exp.select("*", exp.true().as_("top"), copy=False).from_(found.copy(), copy=False)
    parts = [
        _newest(rows.from_(found, copy=False), limit + 1),
        _newest(top.where(column(PINNED), copy=False), MOST_PINNED),
    ]
    return union_all(
        [exp.select("*").from_(part.subquery(f"part{i}", copy=False)) for i, part in enumerate(parts)]
    )


def _newest(rows: exp.Select, most: int) -> exp.Select:
    newest = [exp.Ordered(this=column(name), desc=True) for name in ("occurred_at", "id")]
    return rows.order_by(*newest, copy=False).limit(most, copy=False)


def _behind(relations: Relations) -> exp.Expr:
    """True for the entries that are older than the one of the cursor."""
    instant = relations.params.bind(STAND_IN_CURSOR[0], "TIMESTAMPTZ")
    earlier = exp.LT(this=column("occurred_at"), expression=instant)
    tie = exp.and_(
        column("occurred_at").eq(instant.copy()),
        exp.LT(this=column("id"), expression=relations.params.bind(STAND_IN_CURSOR[1])),
    )
    return exp.paren(exp.or_(earlier, exp.paren(tie)))


def _holds(relations: Relations, words: int) -> list[exp.Expr]:
    """A test for each word: title or text has it, whatever its case and accents."""
    texts = [coalesce(column(one), exp.Literal.string("")) for one in ("title", "text")]
    told = exp.DPipe(this=exp.DPipe(this=texts[0], expression=exp.Literal.string(" ")), expression=texts[1])
    return [
        function("contains", _folded(exp.paren(told.copy())), _folded(relations.params.bind(word)))
        for word in STAND_IN_WORDS[:words]
    ]


def _folded(value: exp.Expr) -> exp.Expr:
    return function("strip_accents", function("lower", value))


def _pinned(relations: Relations, module: Module) -> exp.Expr:
    """Whether a record is pinned: by a field of its own, else by somebody to this record's timeline.

    Of the past only what a field says is known: which entries are kept on top is no part of a record.
    """
    if has_pin_field(module):
        return coalesce(column(PINNED, _ROW), exp.false())
    if relations.at is not None:
        return exp.false()

    def pins() -> exp.Query:
        table = lake_table("pins", schema="ops", alias="p", catalog=relations.catalog_name)
        here = column("record_id", "p").eq(relations.params.bind(STAND_IN, "UUID"))
        return exp.select(column("entry_id", "p")).from_(table).where(here)

    ids = exp.select(column("entry_id")).from_(shared_set("pins", pins, relations.params.shared))
    return column("id", _ROW).isin(query=ids)


def has_pin_field(module: Module) -> bool:
    """Whether a module says by a field of its own which of its records are pinned."""
    field = module.field(PINNED)
    return field is not None and field.kind == "boolean"


def _without_echoes(entries: exp.Query, kinds: Collection[str]) -> exp.Query:
    """The entries without the messages that only repeat an inquiry: what opened it is told once.

    The message of an inquiry and the inquiry are two records with the same subject and text. Of a timeline
    that shows both kinds the inquiry stays; where inquiries are not shown, or not seen, the message does.
    """
    if not {MESSAGES, INQUIRIES} <= set(kinds):
        return entries
    inquiries = exp.Filter(
        this=exp.Count(this=exp.Star()),
        expression=exp.Where(this=column("kind", "w").eq(exp.Literal.string(INQUIRIES))),
    )
    of_the_same_words = exp.Window(this=inquiries, partition_by=[column("title", "w"), column("text", "w")])
    echo = exp.and_(
        column("kind", "w").eq(exp.Literal.string(MESSAGES)),
        coalesce(column("text", "w"), exp.Literal.string("")).neq(exp.Literal.string("")),
        exp.GT(this=of_the_same_words, expression=exp.Literal.number(0)),
    )
    select = exp.select("*").from_(entries.subquery("w", copy=False), copy=False)
    select.set("qualify", exp.Qualify(this=exp.not_(exp.paren(echo))))
    return select


def _part(
    relations: Relations, slug: str, routes: Sequence[tuple[ToMany, ...]], record_id: str
) -> exp.Select:
    catalog = relations.catalog
    module = catalog.module(slug)
    shown = module.timeline
    if shown is None:
        raise ValueError(f"{slug} has no timeline")
    scope = Scope(slug, _ROW, relations)
    words = {
        "title": value_expression(shown.title or module.title, scope),
        "text": value_expression(shown.text, scope) if shown.text else exp.Literal.string(""),
    }
    reached = any_of([_reached(relations, route, record_id, _ROW) for route in routes])
    return (
        exp.select(
            exp.Literal.string(slug).as_("kind"),
            exp.cast(column("id", _ROW), "VARCHAR").as_("id"),
            _instant(catalog, module, shown.date, scope).as_("occurred_at"),
            exp.cast(words["title"], "VARCHAR").as_("title"),
            exp.cast(words["text"], "VARCHAR").as_("text"),
            column("status", _ROW).as_("status"),
            column("owner", _ROW).as_("owner"),
            _pinned(relations, module).as_(PINNED),
        )
        .from_(_candidates(relations, slug, routes, record_id), copy=False)
        .where(relations.predicate(slug, _ROW), exp.paren(reached, copy=False), copy=False)
    )


def _instant(catalog: Catalog, module: Module, date: str, scope: Scope) -> exp.Expr:
    """When a record happened; a day without a time begins where the workspace is."""
    value, field = value_expression(date, scope), module.field(date)
    if field is None or field.kind != "date":
        return exp.cast(value, "TIMESTAMPTZ")
    zone = exp.Literal.string(catalog.workspace.time_zone)
    return function("timezone", zone, exp.cast(value, "TIMESTAMP"))


def _candidates(
    relations: Relations, slug: str, routes: Sequence[tuple[ToMany, ...]], record_id: str
) -> exp.Expr:
    """The module's rows, or only those that point at the record where every route is one step long."""
    if any(len(route) > 1 for route in routes):
        return relations.table(slug, _ROW)
    columns = {route[-1].reference.slug for route in routes if route[-1].reference is not None}
    return relations.narrowed(slug, _ROW, {name: [record_id] for name in sorted(columns)})


def _reached(relations: Relations, route: Sequence[ToMany], record_id: str, alias: str) -> exp.Expr:
    """True for the rows at the end of a route that begins at the record."""
    last = route[-1]
    reference = last.reference
    if reference is None:
        raise ValueError(f"{last.slug} is no reference")
    here = column(reference.slug, alias)
    if len(route) == 1:
        test: exp.Expr = here.eq(relations.params.bind(record_id, "UUID"))
    else:
        inner = f"{alias}{len(route)}"
        ids = (
            exp.select(column("id", inner))
            .from_(relations.table(last.owner, inner), copy=False)
            .where(
                relations.predicate(last.owner, inner),
                _reached(relations, route[:-1], record_id, inner),
                copy=False,
            )
        )
        test = here.isin(query=ids, copy=False)
    if reference.polymorphic:
        owner = relations.params.bind(last.owner)
        test = exp.and_(test, column(reference.module_column, alias).eq(owner), copy=False)
    return exp.paren(test, copy=False)
