"""Several steps of several flows on one record become one write: the last in order wins, members of lists add up."""

from collections.abc import Iterator, Sequence

from sqlglot import exp

from crm_core.model import Catalog
from crm_core.records.update import Merged
from crm_core.trees import name
from crm_core.values import Typed
from crm_core.values.fragments import sql
from flows.runs import RUNS
from flows.statements import Runner, temp
from lake import ident, table

DERIVED = {"folder": "status", "owner": "workers"}
"""A column whose change can bring that of another along: a move to a folder may give its start status."""


def claims_table(module: str) -> str:
    """The temp table of the steps that are still to be written: of runs that did not fail before them."""
    return f"flow_claims__{module}"


def merged_table(module: str) -> str:
    """The temp table with one row for each record that is to be changed."""
    return f"flow_merged__{module}"


def merge_updates(tx: Runner, catalog: Catalog, module: str, typed: Typed) -> int:
    """Make one row a record of what all steps want of it, over its values as they are now.

    The merged table has `_row`, `_id` (the record), `_change_id` (the run that the change is recorded under: the
    deepest in a chain, so that no chain forgets its length), `_given` (the slugs that change), `_claimed` (the
    columns that steps name), and every touched column with its final value. Records that are not there any more are
    left out.

    Returns:
        The number of records.
    """
    columns = list(typed.columns)
    _keep_claims(tx, module, typed)
    members = [one for one in columns if typed.columns[one].endswith("[]") and _is_changed(tx, module, one)]
    for one in members:
        _keep_members(tx, module, one, f"_remove__{one}" in _columns(tx, claims_table(module)))
    grouped, finals = _grouped(module, columns), dict(_finals(columns, members, typed))
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(merged_table(module))} AS "
        f"SELECT row_number() OVER (ORDER BY _id) AS _row, * FROM ("
        f"SELECT g._record AS _id, g._change_id, {_given(catalog, module, columns)} AS _given, "
        "g._claimed, "
        + ", ".join(f"{tree} AS {ident(one)}" for one, tree in finals.items())
        + f" FROM ({grouped}) g JOIN {table('crm', module)} cur ON cur.id = g._record AND cur.deleted_at IS NULL"
        + "".join(f" LEFT JOIN {ident(_members(module, one))} AS {ident('m__' + one)} "
                  f"ON {ident('m__' + one)}._record = g._record" for one in members)
        + ")"
    )  # fmt: skip
    return int(tx.read(f"SELECT count(*) AS n FROM {ident(merged_table(module))}")["n"][0])


def _keep_claims(tx: Runner, module: str, typed: Typed) -> None:
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(claims_table(module))} AS SELECT t.* FROM {ident(typed.table)} t "
        f"JOIN {ident(RUNS)} r ON r.id = t._run "
        "WHERE r.state = 'done' OR (r.state = 'failed' AND t._step < r.failed_step)"
    )


def _is_changed(tx: Runner, module: str, one: str) -> bool:
    """Whether any step adds members to a list, or takes some away."""
    found = tx.read(
        f"SELECT count(*) AS n FROM {ident(claims_table(module))} "
        "WHERE list_contains(_add, $one) OR list_contains(_remove, $one)",
        {"one": one},
    )
    return bool(found["n"][0])


def _columns(tx: Runner, relation: str) -> set[str]:
    return set(tx.read(f"DESCRIBE {ident(relation)}")["column_name"])


def _members(module: str, one: str) -> str:
    return f"flow_members__{module}__{one}"


def _keep_members(tx: Runner, module: str, one: str, removes: bool) -> None:
    """For each record the members that are added and taken in the end, after the list was last set as a whole."""
    claims = ident(claims_table(module))
    parts = [f"SELECT _record, 2 * _ord + 1 AS o, unnest({ident(one)}) AS member, true AS stays FROM {claims} "
             "WHERE list_contains(_add, $one)"]  # fmt: skip
    if removes:
        parts.append(
            f"SELECT _record, 2 * _ord AS o, unnest({ident('_remove__' + one)}) AS member, false AS stays "
            f"FROM {claims} WHERE list_contains(_remove, $one)"
        )
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(_members(module, one))} AS "
        "SELECT _record, coalesce(list(member ORDER BY o, member) FILTER (stays), []) AS added, "
        "coalesce(list(member) FILTER (NOT stays), []) AS taken FROM ("
        "SELECT _record, member, arg_max(stays, o) AS stays, max(o) AS o "
        f"FROM ({' UNION ALL '.join(parts)}) p LEFT JOIN (SELECT _record AS r, max(_ord) AS since FROM {claims} "
        "WHERE list_contains(_set, $one) GROUP BY _record) s ON s.r = p._record "
        "WHERE member IS NOT NULL AND p.o > 2 * coalesce(s.since, -1) GROUP BY _record, member) GROUP BY _record",
        {"one": one},
    )


def _grouped(module: str, columns: Sequence[str]) -> str:
    """One row a record: who wrote last, and for each column whether it is set and the last value."""
    claims = exp.select(
        name("_record"),
        sql(f"arg_max(_run, {_DEPTH_AND_ORDER})").as_("_change_id"),
        sql("list_distinct(flatten(list(list_concat(_set, list_concat(_add, _remove)))))").as_("_claimed"),
    )
    for one in columns:
        sets = sql("list_contains(_set, $one)", one=exp.Literal.string(one))
        last = sql("arg_max_null($v, _ord)", v=exp.column(name(one)))
        claims = claims.select(
            exp.Anonymous(this="bool_or", expressions=[sets]).as_(f"set__{one}", quoted=True),
            exp.Filter(this=last, expression=exp.Where(this=sets.copy())).as_(f"last__{one}", quoted=True),
        )
    return claims.from_(temp(claims_table(module))).group_by(name("_record")).sql("duckdb")


def _finals(columns: Sequence[str], members: Sequence[str], typed: Typed) -> Iterator[tuple[str, str]]:
    for one in columns:
        base = f"CASE WHEN g.{ident('set__' + one)} THEN g.{ident('last__' + one)} ELSE cur.{ident(one)} END"
        if one in members:
            alias = ident("m__" + one)
            kept = f"list_filter(coalesce({base}, []), lambda x: NOT list_contains({alias}.taken, x))"
            new = f"list_filter({alias}.added, lambda x: NOT list_contains({kept}, x))"
            base = f"CASE WHEN {alias}._record IS NULL THEN {base} ELSE list_concat({kept}, {new}) END"
        yield one, f"CAST({base} AS {typed.columns[one]})"


def _given(catalog: Catalog, module: str, columns: Sequence[str]) -> str:
    """The slugs of which at least one column is claimed."""
    by_slug: dict[str, list[str]] = {}
    for one in columns:
        by_slug.setdefault(one.partition("__")[0], []).append(one)
    parts = [
        f"CASE WHEN list_has_any(g._claimed, [{', '.join(map(_text, own))}]) THEN {_text(slug)} END"
        for slug, own in by_slug.items()
    ]
    return f"list_filter([{', '.join(parts)}], lambda x: x IS NOT NULL)"


def _text(value: str) -> str:
    return exp.Literal.string(value).sql("duckdb")


def note_changed(tx: Runner, module: str, merged: Merged) -> None:
    """Keep for each record which columns become other than they are; to be called before they are written.

    The row is then recorded under the deepest run that changed it, and not under one that found its value there: that
    run has no change, so that the chain would begin anew.
    """
    differs = [
        f"CASE WHEN m.{ident(one)} IS DISTINCT FROM b.{ident(one)} THEN {_text(one)} END"
        for one in merged.columns
    ]
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(_changed(module))} AS SELECT m.id AS _id, m._claimed, "
        f"list_filter(CAST([{', '.join(differs)}] AS VARCHAR[]), lambda x: x IS NOT NULL) AS _changed "
        f"FROM {ident(merged.table)} m JOIN {ident(merged.before)} b ON b.id = m.id"
    )
    tx.execute(
        f"UPDATE {ident(merged.table)} SET _change_id = w.run FROM ("
        f"SELECT c._record, arg_max(c._run, {_DEPTH_AND_ORDER}) AS run FROM ({_touched_sql(module)}) c "
        f"JOIN {ident(_changed(module))} m ON m._id = c._record WHERE c.won AND list_contains(m._changed, c.one) "
        f"GROUP BY c._record) w WHERE w._record = {ident(merged.table)}.id"
    )


_DEPTH_AND_ORDER = "CAST(_depth AS HUGEINT) * 1000000000000000000 + _ord"


def _touched_sql(module: str) -> str:
    """A select with one row for each step and column that it names: `won` where no later step sets the column."""
    claims = ident(claims_table(module))
    return (
        "SELECT c._run, c._step, c._action, c._record, c._depth, c._ord, c._note, u.one, "
        f"c._ord >= coalesce(w.last, -1) AS won FROM {claims} c "
        f"JOIN (SELECT _row, unnest(list_concat(_set, list_concat(_add, _remove))) AS one FROM {claims}) u "
        "ON u._row = c._row LEFT JOIN (SELECT _record, one, max(_ord) AS last FROM "
        f"(SELECT _record, _ord, unnest(_set) AS one FROM {claims}) GROUP BY _record, one) w "
        "ON w._record = c._record AND w.one = u.one"
    )


def _changed(module: str) -> str:
    return f"flow_changed__{module}"


def updated_effects_sql(module: str) -> str:
    """A select with what each step did to its record: `run, step, action, record, outcome, fields, note`.

    A step is `written` when a column has its value now and had another before; `overwritten` when a later step's
    value stands; `unchanged` when the value was there already; `skipped` when the record is gone.
    """
    moved = ", ".join(
        f"CASE WHEN c.one = {_text(by)} AND list_contains(m._changed, {_text(then)}) "
        f"AND NOT list_contains(m._claimed, {_text(then)}) THEN {_text(then)} END"
        for by, then in DERIVED.items()
    )
    own = "CASE WHEN list_contains(m._changed, c.one) THEN c.one END"
    return (
        "SELECT c._run AS run, c._step AS step, c._action AS action, c._record AS record, "
        "CASE WHEN any_value(m._id) IS NULL THEN 'skipped' WHEN bool_or(won AND list_contains(m._changed, c.one)) "
        "THEN 'written' WHEN bool_or(NOT won) THEN 'overwritten' ELSE 'unchanged' END AS outcome, "
        f"list_filter(list_distinct(coalesce(flatten(list([{own}, {moved}]) FILTER (won)), [])), "
        "lambda x: x IS NOT NULL) AS fields, any_value(c._note) AS note "
        f"FROM ({_touched_sql(module)}) c LEFT JOIN {ident(_changed(module))} m ON m._id = c._record "
        "GROUP BY c._run, c._step, c._action, c._record"
    )
