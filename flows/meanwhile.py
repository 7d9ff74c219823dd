"""What somebody changed after the change that a run acts on: the later word, which the run leaves as it is.

A run acts as if it had done so at the moment of its change, however late its turn comes. What flows wrote since does
not count: their runs follow one another in the order of the changes that set them off.
"""

from collections.abc import Iterator, Mapping

from sqlglot import exp

from crm_core.model import Catalog
from crm_core.values import Typed
from flows.merging import DERIVED
from flows.runs import RUNS
from flows.statements import Runner, empty_table_sql
from lake import Session, Transaction, ident, table
from lake.feed import Feed

SEEN = "_seen__"
_BROUGHT_BY = {brought: by for by, brought in DERIVED.items()}
_KEPT_COLUMNS = {
    "_row": "BIGINT", "_run": "UUID", "_step": "INTEGER", "_action": "VARCHAR", "_record": "UUID",
    "_columns": "VARCHAR[]", "_detail": "VARCHAR", "_whole": "BOOLEAN",
}  # fmt: skip
_CHANGES = table("ops", "changes")


def seen(one: str) -> str:
    """The column of staged updates with the value that the run saw in a column."""
    return SEEN + one


def watched(columns: Mapping[str, str], one: str) -> tuple[str, ...]:
    """The columns whose later change keeps a step from setting `one`: the parts of its field, and what brings it."""
    slug = one.partition("__")[0]
    same = [column for column in columns if column.partition("__")[0] == slug]
    return (*same, *([_BROUGHT_BY[slug]] if slug in _BROUGHT_BY else ()))


def kept_table(module: str) -> str:
    """The temp table of what steps would have set and do not: one row for each step."""
    return f"flow_kept__{module}"


def begin_kept(s: Runner, module: str) -> None:
    """Nothing was found yet."""
    s.execute(empty_table_sql(kept_table(module), _KEPT_COLUMNS))


def keep_later(
    s: Session | Transaction, catalog: Catalog, module: str, typed: Typed, *, after: int, until: int
) -> None:
    """Take out of staged updates the columns that somebody else than a flow changed since the run saw them.

    First the few records are found whose values are others now than those that the runs saw; of these alone the feed is
    read. To be called after `begin_kept`, and again for what was committed since.

    Args:
        s: where they are staged.
        catalog: the definitions.
        module: the module that is updated.
        typed: its staged updates, which lose what is kept.
        after: changes up to this snapshot were looked at before; a run counts from its own.
        until: the last snapshot that is looked at.
    """
    known, there = catalog.columns(module), set(s.read(f"DESCRIBE {ident(typed.table)}")["column_name"])
    guards = {one: watched(known, one) for one in typed.columns if seen(one) in there}
    doubtful, changed = f"flow_doubtful__{module}", f"flow_later__{module}"
    s.execute(f"CREATE OR REPLACE TEMP TABLE {ident(doubtful)} AS {_doubtful_sql(module, typed, guards)}",
              {"after": after, "until": until})  # fmt: skip
    first = s.read(f"SELECT min(_since) AS first FROM {ident(doubtful)}")["first"][0]
    if first is None:
        return
    if not Feed.stage(s, "crm", module, after=int(first), until=until, into=changed, only=doubtful):
        return
    pairs = ", ".join(
        f"({_text(one)}, {_text(by)}, {_text(label)})" for one, by, label in _told(catalog, module, guards)
    )
    s.execute(
        f"INSERT INTO {ident(kept_table(module))} BY NAME "
        "SELECT c._row, c._run, c._step, c._action, c._record, list_distinct(list(g.one)) AS _columns, "
        "'left as ' || string_agg(DISTINCT k.who, ', ' ORDER BY k.who) || ' changed it meanwhile: ' || "
        "string_agg(DISTINCT g.label, ', ' ORDER BY g.label) AS _detail, "
        "len(list_distinct(list(g.one))) = len(any_value(c._set)) AND len(any_value(c._add)) = 0 "
        "AND len(any_value(c._remove)) = 0 AS _whole "
        f"FROM {ident(typed.table)} c JOIN {ident(doubtful)} d ON d._row = c._row "
        f"JOIN ({_later_sql(changed, guards)}) k ON k._id = c._record AND k._snapshot > d._since "
        f"JOIN (VALUES {pairs}) g(one, other, label) ON g.other = k.one AND list_contains(c._set, g.one) "
        "GROUP BY c._row, c._run, c._step, c._action, c._record"
    )
    # What is kept whole goes, and is told from `kept_table` alone.
    s.execute(
        f"DELETE FROM {ident(typed.table)} WHERE _row IN (SELECT _row FROM {ident(kept_table(module))} WHERE _whole)"
    )
    s.execute(
        f"UPDATE {ident(typed.table)} SET _set = list_filter(_set, lambda x: NOT list_contains(k._columns, x)), "
        f"_note = concat_ws('; ', _note, k._detail) FROM {ident(kept_table(module))} k "
        f"WHERE k._row = {ident(typed.table)}._row AND list_has_any(_set, k._columns)"
    )


def _doubtful_sql(module: str, typed: Typed, guards: Mapping[str, tuple[str, ...]]) -> str:
    """The staged updates that would set what is other now than their run saw it: `_row`, `_id`, and since when."""
    differs = [
        f"list_contains(c._set, {_text(one)}) AND ("
        + " OR ".join(f"c.{ident(seen(by))} IS DISTINCT FROM cur.{ident(by)}" for by in guards[one])
        + ")"
        for one in guards
    ]
    return (
        "SELECT c._row, c._record AS _id, greatest(r.snapshot, $after) AS _since "
        f"FROM {ident(typed.table)} c JOIN {ident(RUNS)} r ON r.id = c._run "
        f"JOIN {table('crm', module)} cur ON cur.id = c._record "
        f"WHERE greatest(r.snapshot, $after) < $until AND ({' OR '.join(differs) or 'false'})"
    )


def _later_sql(changed: str, guards: Mapping[str, tuple[str, ...]]) -> str:
    """Each column that somebody else than a flow changed: `_id`, `_snapshot`, `one`, and `who` did."""
    columns = dict.fromkeys(by for several in guards.values() for by in several)
    parts = " UNION ALL ".join(
        f"SELECT _id, _snapshot, change_id, {_text(one)} AS one FROM {ident(changed)} "
        f"WHERE _kind = 'update' AND {ident(one)} IS DISTINCT FROM {ident('old__' + one)}"
        for one in columns
    )
    return (
        "SELECT f._id, f._snapshot, f.one, coalesce(w.actor, 'another program') AS who "
        f"FROM ({parts}) f LEFT JOIN {_CHANGES} w ON w.id = f.change_id AND w.snapshot = f._snapshot "
        "WHERE w.flow_run_id IS NULL"
    )


def _told(
    catalog: Catalog, module: str, guards: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, str, str]]:
    """Each column with those that keep it, and the name by which people know it."""
    labels = {field.slug: field.label for field in catalog.module(module).fields}
    labels |= {one.slug: one.label for one in catalog.references(module)}
    for one, several in guards.items():
        slug = one.partition("__")[0]
        for by in several:
            yield one, by, labels.get(slug) or slug.replace("_", " ").capitalize()


def kept_effects_sql(module: str) -> str:
    """A select with the steps that were left out whole: `run, step, action, record, detail`."""
    return (
        "SELECT _run AS run, _step AS step, _action AS action, _record AS record, _detail AS detail "
        f"FROM {ident(kept_table(module))} WHERE _whole"
    )


def _text(value: str) -> str:
    return exp.Literal.string(value).sql("duckdb")
