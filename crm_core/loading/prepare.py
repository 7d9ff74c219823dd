"""What a load would write: new records and changed ones as whole rows, judged; and what cannot be taken."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import cast

from crm_core.loading.counting import forget_known
from crm_core.loading.fresh import forget_view, give_ids, may_stay_view, table_of_new
from crm_core.loading.job import DROPPED, MERGED, PLAN, PROBLEMS, READY, TYPED, Job
from crm_core.loading.judge import dropping_slugs
from crm_core.loading.match import bad_keys, hidden_state, match_rows
from crm_core.loading.reading import RAW, STAGED
from crm_core.loading.references import find_targets, key_fields
from crm_core.model import Reference
from crm_core.records.insert import Ready, prepare_insert
from crm_core.records.update import Merged, prepare_update
from crm_core.values.checks import Checked, check_set
from crm_core.values.circles import check_circles
from crm_core.values.lookups import Runner
from crm_core.values.normalise import Typed
from crm_core.values.overlaps import check_overlaps
from crm_core.values.plan import writable
from lake import Transaction, ident
from lake.ingest.sql import literal

_NEW = "load_new"
_CHANGED = "load_changed"
_FROM_VALUES = "load_problems_of_values"

_WRITTEN_STATES = ("new", "matched")
_QUIET_STATES = ("same", "identical")
"""States of rows that change nothing and are no reject."""


@dataclasses.dataclass(frozen=True)
class Prepared:
    """The temp tables of what would be written: `load_ready` and `load_merged`, rejected rows taken out.

    `load_dropped` has the `_row` of every row that is rejected, and `load_problems` what is wrong with whom.
    """

    ready: Ready
    merged: Merged | None


def prepare(job: Job, s: Runner) -> Prepared:
    """Match and judge all rows against the lake as it is now; may be called again when it has changed."""
    job.base = s.snapshot - 1 if isinstance(s, Transaction) else job.s.snapshot()
    _keep_problems_of_values(job, s)
    for one in job.refs:
        find_targets(s, job.place, one, actor=job.writer.actor)
    forget_known(job, s)
    _plan(job, s)
    _ambiguous_references(job, s)
    _drop(job, s, first=True)
    ready = _prepare_new(job, s)
    merged = _prepare_changed(job, s)
    return Prepared(ready, merged)


def with_references(
    job: Job,
    s: Runner,
    *,
    name: str,
    where: str,
    more: str = "",
    source: bool = True,
    ids: Mapping[str, str] | None = None,
) -> Typed:
    """Make a view of typed rows with the references as they are found; `p` is the plan, when there is one.

    `ids` are further columns to carry along: that of the typed table → the name here.
    """
    typed = cast(Typed, job.typed)
    present = _columns(s, TYPED)
    carried = ["_row", *[c for c in present if c.startswith("_given__")]]
    flags = [f"{slug}__problem" for slug in typed.judged]
    columns = {c: kind for c, kind in typed.columns.items() if source or c != "source"}
    parts = [f"t.{ident(c)}" for c in (*carried, *flags, *columns)]
    parts += [f"t.{ident(was)} AS {ident(called)}" for was, called in (ids or {}).items()]
    joins, texts = [], []
    for place, one in enumerate(job.refs):
        found = f"f{place}"
        columns |= one.reference.columns
        parts.append(f"{found}.id AS {ident(one.slug)}")
        if one.reference.polymorphic:
            parts.append(f"{found}.module AS {ident(one.reference.module_column)}")
        texts += [f"{one.key_sql} AS key_{place}", f"{one.which_sql} AS which_{place}"]
        joins.append(
            f"LEFT JOIN {ident(one.table)} {found} ON {found}.key = w.key_{place} "
            f"AND {found}.which IS NOT DISTINCT FROM w.which_{place} AND {found}.found = 1"
        )
    if texts:
        joins.insert(0, f"JOIN (SELECT rowid AS _row, {', '.join(texts)} FROM {RAW}) w ON w._row = t._row")
    plan = f"JOIN {PLAN} p ON p._row = t._row" if "p." in where or "p." in more else ""
    s.execute(
        f"CREATE OR REPLACE TEMP VIEW {ident(name)} AS SELECT {', '.join(parts)}{more} "
        f"FROM {TYPED} t {plan} {' '.join(joins)} WHERE {where}"
    )
    fields = {slug: field for slug, field in typed.fields.items() if source or slug != "source"}
    fields |= {one.slug: one.reference for one in job.refs}
    more_carried = ("_id", "_given") if more else tuple((ids or {}).values())
    return dataclasses.replace(
        typed, table=name, columns=columns, fields=fields, carried=(*carried, *more_carried)
    )


def _keep_problems_of_values(job: Job, s: Runner) -> None:
    """The problems of single values stay; those of an earlier attempt at whole rows go."""
    first, second = (_FROM_VALUES, PROBLEMS) if job.attempts else (PROBLEMS, _FROM_VALUES)
    job.attempts += 1
    s.execute(f"CREATE OR REPLACE TEMP TABLE {second} AS SELECT * FROM {first}")


def _plan(job: Job, s: Runner) -> None:
    if job.matches:
        match_rows(job, s)
        bad_keys(job, s)


def _ambiguous_references(job: Job, s: Runner) -> None:
    """A key that several records have leads to none of them."""
    for one in job.refs:
        words = f"“{one.slug}”: several records have the key “{{value}}”; name one of them by its id"
        s.execute(
            f"INSERT INTO {PROBLEMS} SELECT w._row, {literal(one.slug)}, 'ambiguous_reference', "
            f"replace({literal(words)}, '{{value}}', w.key), w.key "
            f"FROM {one.rows_sql} WHERE f.found > 1"
        )


_DROPPING = ("required", "unique", "refused", "overlap", "backwards", "circle")
"""What takes the whole row along, whatever the contract says."""


def _drop(job: Job, s: Runner, *, first: bool = False) -> None:
    """Work out anew which rows are rejected."""
    every = "true" if job.contract.bad_values == "reject_row" else "false"
    states = ", ".join(map(literal, (*_WRITTEN_STATES, *_QUIET_STATES)))
    plan = f" UNION SELECT _row FROM {PLAN} WHERE state NOT IN ({states})" if job.matches else ""
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {DROPPED} AS SELECT _row FROM {PROBLEMS} "
        f"WHERE list_contains($slugs, field) OR code IN ({', '.join(map(literal, _DROPPING))}) OR {every}{plan}",
        {"slugs": list(dropping_slugs(job))},
    )


def _prepare_new(job: Job, s: Runner) -> Ready:
    forget_view(job, s)
    where = _which_are_new(job, s)
    view = may_stay_view(job, s, where)
    ids = give_ids(job, s) if view else {}
    typed = with_references(job, s, name=_NEW, where=where, ids=ids)
    ready = prepare_insert(
        s, job.writer, module=job.module, typed=typed, staged=STAGED, ready=READY, view=view
    )
    job.new_is_view = view
    _take_back_pending(job, s)
    _own_references(job, s)
    _set_aside_new(job, s)
    _leave_out_new(job, s, where, ids)
    unique = _open_to_new(job)
    if unique and _any(s, READY):
        rows = Checked(READY, PROBLEMS)
        check_set(s, job.place.catalog, module=job.module, actor=job.writer.actor, rows=rows, fields=unique)
        _leave_out_new(job, s, where, ids)
    fresh = Checked(READY, PROBLEMS)
    if check_circles(s, job.place.catalog, job.module, rows=fresh) + check_overlaps(
        s, ready.module, rows=fresh
    ):
        _leave_out_new(job, s, where, ids)
    return ready


def _leave_out_new(job: Job, s: Runner, where: str, ids: Mapping[str, str]) -> None:
    """Take the rows that are rejected out of the new records."""
    _drop(job, s)
    dropped = f"(SELECT _row FROM {DROPPED})"
    if not job.new_is_view:
        _forget_left_out(job, s, dropped)
        s.execute(f"DELETE FROM {READY} WHERE _row IN {dropped}")
    elif _any(s, DROPPED):
        with_references(job, s, name=_NEW, where=f"{where} AND t._row NOT IN {dropped}", ids=ids)


def _forget_left_out(job: Job, s: Runner, dropped: str) -> None:
    """References to records of the same file that are left out of it wait for them again."""
    for one in job.refs:
        if job.module in one.reference.targets:
            nothing = ", ".join(f"{ident(name)} = NULL" for name in one.reference.columns)
            s.execute(
                f"UPDATE {READY} SET {nothing} WHERE {ident(one.slug)} IN "
                f"(SELECT id FROM {READY} WHERE _row IN {dropped})"
            )


def _open_to_new(job: Job) -> list[str]:
    """Unique fields that new records must be asked about: not the key, which no record has and no other row."""
    only = job.key[0].target if len(job.key) == 1 else None
    settled = only.slug if only is not None and only.role == "value" else None
    return [slug for slug in _unique(job) if slug != settled]


def _which_are_new(job: Job, s: Runner) -> str:
    """The condition for rows that make new records; all of them, as in a first load, need no look at each."""
    tests = []
    if job.matches and s.read(f"SELECT count(*) AS n FROM {PLAN} WHERE state <> 'new'").item():
        tests.append("p.state = 'new'")
    if job.known_files:
        tests.append(f"t._file_no NOT IN ({', '.join(map(str, job.known_files))})")
    if _any(s, DROPPED):
        tests.append(f"t._row NOT IN (SELECT _row FROM {DROPPED})")
    return " AND ".join(tests) or "true"


def _prepare_changed(job: Job, s: Runner) -> Merged | None:
    if not job.matches or not s.read(f"SELECT count(*) AS n FROM {PLAN} WHERE state = 'matched'").item():
        s.execute(f"CREATE OR REPLACE TEMP TABLE {MERGED} (_row BIGINT, id UUID, _differs BOOLEAN)")
        return None
    given = ", p.id AS _id, p.given AS _given"
    if s.read(f"SELECT count(*) AS n FROM {PLAN} WHERE state = 'matched' AND given IS NULL").item():
        slugs = [*(m.target.slug for m in job.mapped if m.target), *job.read.made]
        every = ", ".join(map(literal, dict.fromkeys(slugs)))
        given = f", p.id AS _id, coalesce(p.given, [{every}]) AS _given"
    where = f"p.state = 'matched' AND t._row NOT IN (SELECT _row FROM {DROPPED})"
    mapped = any(m.target and m.target.slug == "source" for m in job.mapped)
    typed = with_references(job, s, name=_CHANGED, where=where, more=given, source=mapped)
    everybody = job.writer.actor.sees_all
    merged = prepare_update(
        s, job.writer, module=job.module, typed=typed, staged=STAGED, merged=MERGED, keep_empty=not job.clear,
        everybody=everybody,
    )  # fmt: skip
    _not_seen(job, s, merged)
    _keep_pending_references(job, s)
    _set_aside_changed(job, s, merged)
    unique = [slug for slug in _unique(job) if slug in merged.typed.fields and _differs(s, slug)]
    if unique:
        rows = Checked(MERGED, PROBLEMS, merged.before)
        check_set(s, job.place.catalog, module=job.module, actor=job.writer.actor, rows=rows, fields=unique)
    rows = Checked(MERGED, PROBLEMS, merged.before)
    check_circles(s, job.place.catalog, job.module, rows=rows)
    check_overlaps(s, merged.module, rows=rows)
    _drop(job, s)
    s.execute(f"DELETE FROM {MERGED} WHERE _row IN (SELECT _row FROM {DROPPED})")
    return merged


def _take_back_pending(job: Job, s: Runner) -> None:
    """A required reference whose target is yet to come is not missing."""
    for one in job.refs:
        s.execute(
            f"DELETE FROM {PROBLEMS} WHERE field = {literal(one.slug)} AND code = 'required' AND _row IN ("
            f"SELECT w._row FROM {one.rows_sql} WHERE f.found = 0)"
        )


def _own_references(job: Job, s: Runner) -> None:
    """References to records that come in the same file."""
    keys = [
        slug for slug in key_fields(job.place.catalog, job.module) if slug in cast(Typed, job.typed).columns
    ]
    for one in job.refs:
        fields = [one.by_field] if one.by_field else keys
        for slug in fields if job.module in one.reference.targets else ():
            if slug not in cast(Typed, job.typed).columns:
                continue
            which = (
                f", {ident(one.reference.module_column)} = {literal(job.module)}"
                if one.reference.polymorphic
                else ""
            )
            s.execute(
                f"UPDATE {READY} SET {ident(one.slug)} = o.target{which} FROM (SELECT w._row, n.id AS target "
                f"FROM {one.rows_sql} AND f.found = 0 "
                f"JOIN {READY} n ON n.{ident(slug)} = w.key "
                f"WHERE w.which IS NULL OR w.which = {literal(job.module)}) o "
                f"WHERE o._row = {READY}._row AND {READY}.{ident(one.slug)} IS NULL"
            )


def _keep_pending_references(job: Job, s: Runner) -> None:
    """A reference that leads nowhere yet leaves the stored one as it is."""
    for one in job.refs:
        columns = list(one.reference.columns)
        sets = ", ".join(f"{ident(c)} = b.{ident(c)}" for c in columns)
        s.execute(
            f"UPDATE {MERGED} SET {sets}, {ident(f'{one.slug}__differs')} = false FROM {MERGED}__before b "
            f"WHERE b.id = {MERGED}.id AND {MERGED}._row IN (SELECT w._row FROM "
            f"{one.rows_sql} WHERE f.found <> 1)"
        )


def _set_aside_new(job: Job, s: Runner) -> None:
    """Values that a rule of the whole row refuses are left out of new rows."""
    known = writable(job.place.catalog, job.module)
    dropping = set(dropping_slugs(job))
    for slug in _refused(s):
        if slug in dropping or slug not in known:
            continue
        table_of_new(job, s)
        bad = f"_row IN (SELECT _row FROM {PROBLEMS} WHERE field = {literal(slug)})"
        if slug == "status":
            folders = job.place.catalog.module(job.module).folders
            starts = " ".join(f"WHEN {literal(f.slug)} THEN {_or_null(f.start_status)}" for f in folders)
            s.execute(f"UPDATE {READY} SET status = CASE folder {starts} END WHERE {bad}")
            continue
        sets = ", ".join(f"{ident(c)} = NULL" for c in _own_columns(job, slug))
        s.execute(f"UPDATE {READY} SET {sets} WHERE {bad}")


def _set_aside_changed(job: Job, s: Runner, merged: Merged) -> None:
    """Values that a rule of the whole row refuses leave the stored ones as they are."""
    for slug in _refused(s):
        if slug == "status" or slug not in merged.typed.fields:
            continue
        sets = ", ".join(f"{ident(c)} = b.{ident(c)}" for c in _own_columns(job, slug))
        s.execute(
            f"UPDATE {MERGED} SET {sets}, {ident(f'{slug}__differs')} = false FROM {MERGED}__before b "
            f"WHERE b.id = {MERGED}.id AND {MERGED}._row IN (SELECT _row FROM {PROBLEMS} WHERE field = {literal(slug)})"
        )
    differs = " OR ".join(
        [ident(f"{slug}__differs") for slug in merged.typed.fields]
        + [f"{MERGED}.{ident(c)} IS DISTINCT FROM b.{ident(c)}" for c in ("status", "workers")]
    )
    s.execute(
        f"UPDATE {MERGED} SET _differs = ({differs}) FROM {MERGED}__before b WHERE b.id = {MERGED}.id AND _differs"
    )


def _refused(s: Runner) -> list[str]:
    """Fields with values that only the rules of whole rows refuse."""
    found = s.read(f"SELECT DISTINCT field FROM {PROBLEMS} WHERE code IN ('hidden', 'option') ORDER BY 1")
    return [str(slug) for slug in found["field"].to_list()]


def _not_seen(job: Job, s: Runner, merged: Merged) -> None:
    """A record that the actor does not see keeps its key, and is not changed."""
    if merged.missing:
        s.execute(
            f"UPDATE {PLAN} SET state = {literal(hidden_state(job))} WHERE state = 'matched' "
            f"AND id NOT IN (SELECT id FROM {MERGED}__before) AND _row NOT IN (SELECT _row FROM {DROPPED})"
        )


def _own_columns(job: Job, slug: str) -> Sequence[str]:
    one = writable(job.place.catalog, job.module)[slug]
    if isinstance(one, Reference):
        return list(one.columns)
    return [c for c in one.columns if c in job.place.catalog.columns(job.module)]


def _unique(job: Job) -> list[str]:
    return [slug for slug, one in writable(job.place.catalog, job.module).items() if one.unique]


def _columns(s: Runner, name: str) -> list[str]:
    return [
        str(c) for c in s.read(f"SELECT column_name FROM (DESCRIBE {ident(name)})")["column_name"].to_list()
    ]


def _differs(s: Runner, slug: str) -> bool:
    """Whether the field becomes another one in any changed record."""
    return bool(
        s.read(f"SELECT coalesce(bool_or({ident(f'{slug}__differs')}), false) AS it FROM {MERGED}").item()
    )


def _any(s: Runner, name: str) -> bool:
    return bool(s.read(f"SELECT count(*) AS n FROM {ident(name)}").item())


def _or_null(text: str | None) -> str:
    return "NULL" if text is None else literal(text)
