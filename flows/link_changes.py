"""Changes of links as changes of the records at their ends, beside the changes of the records themselves.

A link that came or went is one more row of the prepared changes of a module (`flows.staging`): `_event` is `linked` or
`unlinked`, `_links` says which links, and its values are those that the record had after that commit, old ones and new.
Rows of link tables count, and references of the module itself that were set or cleared.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlglot import exp

from crm_core.model import Catalog, Reference, ToMany
from crm_core.params import Params
from crm_core.trees import any_of, coalesce, column, function, lake_table, text, union_all
from flows.model import FlowDefinition
from flows.provenance import SILENT_DOORS, feed_table
from flows.staging import (
    Window,
    feed_columns,
    flows_wrote,
    meta_table,
    picked_table,
    picked_view,
    prepared_sql,
    rows_view,
    stage_feed,
    stage_provenance,
)
from flows.statements import create_temp, insert_by_name, run, temp
from flows.triggers import LINKS
from lake import Lake, Session, ident

Link = ToMany | Reference


def watched_links(catalog: Catalog, module: str) -> dict[str, Link]:
    """What a flow of a module can see linked: its references, and the many-to-many relationships at its end."""
    found: dict[str, Link] = {one.slug: one for one in catalog.to_many(module) if one.link_table}
    return found | {one.slug: one for one in catalog.references(module)}


def awaited_links(catalog: Catalog, flows: Iterable[FlowDefinition]) -> dict[str, dict[str, Link]]:
    """Module → the links that some of these flows wait for."""
    found: dict[str, dict[str, Link]] = {}
    for flow in flows:
        trigger, module = flow.trigger, flow.module
        if trigger.event in LINKS and (link := watched_links(catalog, module).get(trigger.link)):
            found.setdefault(module, {})[trigger.link] = link
    return found


def changed_links(links: Mapping[str, Link], changed: Collection[tuple[str, str]]) -> dict[str, ToMany]:
    """Those of some links that stand in tables of their own in which something changed."""
    many = {slug: one for slug, one in links.items() if isinstance(one, ToMany)}
    return {slug: one for slug, one in many.items() if ("crm", one.link_table) in changed}


def stage_link_changes(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    module: str,
    window: Window,
    *,
    links: Mapping[str, Link],
    changed: Collection[tuple[str, str]],
    silent: Sequence[str] = SILENT_DOORS,
    only: str | None = None,
) -> int:
    """Add what happened to the links of a module's records to its prepared changes, which stand there already.

    Args:
        session: where the changes are staged.
        lake: the lake.
        catalog: the definitions.
        module: whose changes they are.
        window: the snapshots.
        links: the links that are waited for.
        changed: the tables, each with its schema, in which something changed within the window.
        silent: the doors whose changes count for nothing.
        only: a temp table with the `_id` of the records that count alone.

    Returns:
        The number of rows added: one for each record, commit and event.
    """
    known = feed_columns(session, module)
    parts = [_of_reference(module, one, known) for one in links.values() if isinstance(one, Reference)]
    for slug, one in changed_links(links, changed).items():
        parts += _of_table(session, lake, catalog, slug, one, window, silent)
    parts = [part for part in parts if part is not None]
    if not parts:
        return 0
    if not session.execute(text(create_temp(_keys(module), _together(parts, only)))):
        return 0
    values = [name for name in catalog.columns(module) if name in known]
    session.execute(text(create_temp(_states(module), _states_tree(module, values, window))))
    meta = [column(name, "k") for name in _META]
    found = exp.select(*meta).from_(temp(_keys(module), "k"))
    there = exp.select(*[column(name) for name in _KEY]).from_(temp(_states(module)))
    same = exp.and_(*[column(name, "s").eq(column(name, "k")) for name in _KEY])
    found = found.join(there.subquery("s"), on=same, join_type="semi")
    count = run(session, insert_by_name(meta_table(module), found), Params())
    _show(session, catalog, module, known)
    return count


_KEY = ("_id", "_snapshot", "_event")
_META = (
    "_id", "_snapshot", "_change", "_load", "_flow", "_chain", "_own", "_depth", "_occurred", "_event", "_links",
)  # fmt: skip


def _keys(module: str) -> str:
    return f"flow_link_keys__{module}"


def _states(module: str) -> str:
    return f"flow_link_states__{module}"


def _of_reference(module: str, link: Reference, known: Collection[str]) -> exp.Select | None:
    """The records whose reference was set, cleared, or now leads elsewhere: which is both."""
    if not set(link.columns) <= set(known):
        return None
    new, old = column(link.slug, "f"), column(f"old__{link.slug}", "f")
    differs = any_of(
        [
            exp.NullSafeNEQ(this=column(name, "f"), expression=column(f"old__{name}", "f"))
            for name in link.columns
        ]
    )
    told: list[tuple[str, exp.Expr, tuple[str, ...]]] = [
        ("linked", new, ("created", "updated", "restored")),
        ("unlinked", old, ("updated",)),
    ]
    parts = []
    for event, value, events in told:
        was = column("_event", "m").isin(*[exp.Literal.string(one) for one in events])
        select = exp.select(*_provenance("m", column("_id", "m"), event, link.slug)).from_(
            temp(meta_table(module), "m")
        )
        select = select.join(temp(feed_table(module), "f"), on=_same("m", "f"))
        parts.append(select.where(was, exp.not_(value.is_(exp.null())), exp.paren(differs.copy())))
    return exp.select("*").from_(union_all(parts).subquery("u"))


def _of_table(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    slug: str,
    link: ToMany,
    window: Window,
    silent: Sequence[str],
) -> list[exp.Select | None]:
    """The records at one end of the rows of a link table that came, went, or came back."""
    table = str(link.link_table)
    if not stage_feed(session, lake, table, window):
        return []
    wrote = flows_wrote(lake.feed.tables_changed(window.after, window.until))
    stage_provenance(session, catalog, table, window, silent=silent, by_flows=wrote)
    end = "from_id" if link.outgoing else "to_id"
    record = coalesce(column(end, "f"), column(f"old__{end}", "f"))
    parts: list[exp.Select | None] = []
    for event, kinds in (("linked", ("created", "restored")), ("unlinked", ("deleted",))):
        select = exp.select(*_provenance("m", record.copy(), event, slug)).from_(temp(meta_table(table), "m"))
        select = select.join(temp(feed_table(table), "f"), on=_same("m", "f"))
        parts.append(select.where(column("_event", "m").isin(*[exp.Literal.string(one) for one in kinds])))
    # Another link may be of the same table, whose staged feed is then made anew.
    kept = f"flow_link_rows__{slug}"
    session.execute(text(create_temp(kept, union_all([part for part in parts if part is not None]))))
    return [exp.select("*").from_(temp(kept))]


def _same(one: str, other: str) -> exp.Expr:
    return exp.and_(
        column("_id", one).eq(column("_id", other)), column("_snapshot", one).eq(column("_snapshot", other))
    )


def _provenance(alias: str, record: exp.Expr, event: str, link: str) -> list[exp.Expr]:
    own: dict[str, exp.Expr] = {
        "_id": record,
        "_event": exp.Literal.string(event),
        "_links": exp.Literal.string(link),
    }
    return [own.get(name, column(name, alias)).as_(name) for name in _META]


def _together(parts: Sequence[exp.Select | None], only: str | None) -> exp.Select:
    """One row for each record, commit and event, with the names of all the links that it is about."""
    rows = union_all([part for part in parts if part is not None]).subquery("u")
    listed = exp.Distinct(expressions=[column("_links", "u")])
    told: list[exp.Expr] = []
    for name in _META:
        if name in _KEY:
            told.append(column(name, "u"))
        elif name == "_links":
            told.append(function("list_sort", function("list", listed)).as_(name))
        else:
            told.append(function("any_value", column(name, "u")).as_(name))
    counts: list[exp.Expr] = [exp.not_(column("_id", "u").is_(exp.null()))]
    if only is not None:
        counts.append(column("_id", "u").isin(query=exp.select(column("_id")).from_(temp(only))))
    return exp.select(*told).from_(rows).where(*counts).group_by(*[column(name, "u") for name in _KEY])


def _states_tree(module: str, values: Sequence[str], window: Window) -> exp.Expr:
    """For each of the changed links, the record as that commit left it: live records alone.

    A record that changed within the window had the values of its last change up to that commit, or those before its
    first one; one that did not change has those of the window's end.
    """
    wanted = exp.select(column("_id")).from_(temp(_keys(module)))
    after = exp.select(
        column("_id", "f"), column("_snapshot", "f").as_("_from"), *[column(name, "f") for name in values]
    ).from_(temp(feed_table(module), "f")).where(column("_id", "f").isin(query=wanted.copy()))  # fmt: skip
    first = exp.Window(
        this=exp.RowNumber(), partition_by=[column("_id", "f")],
        order=exp.Order(expressions=[exp.Ordered(this=column("_snapshot", "f"))]),
    )  # fmt: skip
    before = exp.select(
        column("_id", "f"), exp.Literal.number(0).as_("_from"),
        *[column(f"old__{name}", "f").as_(name, quoted=True) for name in values],
    ).from_(temp(feed_table(module), "f")).where(column("_id", "f").isin(query=wanted.copy()))  # fmt: skip
    before = before.qualify(first.eq(exp.Literal.number(1)))
    fed = exp.select(column("_id")).from_(temp(feed_table(module)))
    resting = exp.select(
        column("id", "t").as_("_id"), exp.Literal.number(0).as_("_from"), *[column(name, "t") for name in values]
    ).from_(lake_table(module, alias="t", at=window.until))  # fmt: skip
    resting = resting.where(
        column("id", "t").isin(query=wanted.copy()), exp.not_(column("id", "t").isin(query=fed))
    )
    states = union_all([after, before, resting]).subquery("s")
    last = exp.Window(
        this=exp.RowNumber(), partition_by=[column(name, "k") for name in _KEY],
        order=exp.Order(expressions=[exp.Ordered(this=column("_from", "s"), desc=True)]),
    )  # fmt: skip
    both: list[exp.Expr] = []
    for name in values:
        both += [column(name, "s"), column(name, "s").as_(f"old__{name}", quoted=True)]
    since = exp.LTE(this=column("_from", "s"), expression=column("_snapshot", "k"))
    found = (
        exp.select(*[column(name, "k") for name in _KEY], *both)
        .from_(temp(_keys(module), "k"))
        .join(states, on=exp.and_(column("_id", "s").eq(column("_id", "k")), since))
        .qualify(last.eq(exp.Literal.number(1)))
    )
    return (
        exp.select("*")
        .from_(found.subquery("x"))
        .where(exp.not_(column("id", "x").is_(exp.null())), column("deleted_at", "x").is_(exp.null()))
    )


def _show(session: Session, catalog: Catalog, module: str, known: frozenset[str]) -> None:
    """The views of the prepared changes, with the rows of links below the others."""
    for view, over in ((rows_view(module), meta_table(module)), (picked_view(module), picked_table(module))):
        values: list[exp.Expr] = []
        for name, kind in catalog.columns(module).items():
            for each in (name, f"old__{name}"):
                missing = exp.cast(exp.null(), kind, dialect="duckdb").as_(each, quoted=True)
                values.append(column(each, "s") if name in known else missing)
        everything = exp.Column(this=exp.Star(), table=exp.to_identifier("m"))
        same = exp.and_(*[column(name, "s").eq(column(name, "m")) for name in _KEY])
        rows = (
            exp.select(everything, *values).from_(temp(_states(module), "s")).join(temp(over, "m"), on=same)
        )
        plain = prepared_sql(catalog, module, known, over)
        session.execute(
            f"CREATE OR REPLACE TEMP VIEW {ident(view)} AS ({plain}) UNION ALL BY NAME ({text(rows)})"
        )
