"""The definitions in the lake: read them together, save new versions, and change the tables with them."""

import json
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import polars as pl

from crm_core import yaml
from crm_core.access import Actor
from crm_core.definition_documents import build_catalog, kind_of, parse_document
from crm_core.definition_rules import list_problems, rule_problems
from crm_core.definition_versions import current_rows_sql, next_rows, read_row
from crm_core.errors import DefinitionInvalid, Forbidden
from crm_core.mended_views import lost_views
from crm_core.model import Catalog, Offered, Stored
from crm_core.model.documents import STATES, Document, DocumentKind, State
from crm_core.pack_files import pack_document, read_pack
from crm_core.reports.checking import made_problems
from crm_core.snapshot_cache import Reader, SnapshotCache
from crm_core.tables import Migration, existing_tables, plan_migration
from lake import Change, Lake, Transaction, table

_TABLE = table("meta", "definitions")

Check = Callable[[Catalog], Iterable[str]]
_checks: list[Check] = []


@dataclass(frozen=True)
class DefinitionChange:
    """What a save does to one definition: `created`, `changed`, or `retired`."""

    kind: DocumentKind
    slug: str
    what: str
    version: int


@dataclass(frozen=True)
class Plan:
    """What a save does: to which definitions, and to which tables (a line each), the unchanged left out.

    `views` has a line for each saved view that is shown without something from then on.
    """

    changes: tuple[DefinitionChange, ...]
    tables: tuple[str, ...]
    views: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Draft:
    """A save that is worked out and not yet written."""

    after: Catalog
    rows: tuple[Stored, ...]
    changes: tuple[DefinitionChange, ...]
    migration: Migration
    views: tuple[str, ...]


def _read(reader: Reader, mark: int) -> Catalog:
    return build_catalog(map(read_row, reader.read(current_rows_sql()).to_dicts()), version=mark)


_PAST_KEPT = 4
_past: weakref.WeakKeyDictionary[Lake, dict[tuple[int, int], Catalog]] = weakref.WeakKeyDictionary()
"""Version → definitions of the past, the last few that were asked for."""

_catalogs: SnapshotCache[Catalog] = SnapshotCache(f"SELECT coalesce(max(snapshot), 0) FROM {_TABLE}", _read)


def read_catalog(lake: Lake) -> Catalog:
    """Every definition of the workspace as it is now; cheap as long as none has changed in any process."""
    return _catalogs.get(lake)


def read_catalog_at(lake: Lake, snapshot: int) -> Catalog:
    """Every definition as it was at a snapshot, for records read as of it; told also when the snapshot is expired.

    Definitions are only ever added to, so that theirs is the one past that needs no time travel.
    """
    before = f"WHERE snapshot <= {int(snapshot)}"
    mark = int(lake.read(f"SELECT coalesce(max(snapshot), 0) FROM {_TABLE} {before}").item())
    now = read_catalog(lake)
    if mark == now.version:
        return now
    kept, key = _past.setdefault(lake, {}), (mark, now.version)
    if key not in kept:
        rows = lake.read(current_rows_sql(before)).to_dicts()
        kept[key] = replace(build_catalog(map(read_row, rows), version=mark), rights=now)
        for oldest in list(kept)[:-_PAST_KEPT]:
            kept.pop(oldest, None)
    return kept[key]


def read_catalog_in(tx: Transaction, lake: Lake) -> Catalog:
    """As `read_catalog`, for an open transaction that has not written definitions itself."""
    return _catalogs.get(lake, reader=tx, snapshot=tx.snapshot - 1)


def note_commit(lake: Lake, snapshot: int) -> None:
    """Know that this process made `snapshot` without touching definitions, so that no look is needed."""
    _catalogs.note_commit(lake, snapshot)


def read_versions(lake: Lake, kind: DocumentKind, slug: str) -> tuple[Stored, ...]:
    """Every version of one definition, the newest first."""
    rows = lake.read(
        f"SELECT kind, id, slug, version, state, document, occurred_at FROM {_TABLE} "
        "WHERE kind = ? AND slug = ? ORDER BY version DESC",
        [kind, slug],
    )
    return tuple(map(read_row, rows.to_dicts()))


def register_check(check: Check) -> Check:
    """Have every save ask `check(catalog)` for problems: what other packages know of theirs."""
    if check not in _checks:
        _checks.append(check)
    return check


def save(
    lake: Lake,
    documents: Sequence[tuple[str, Any]],
    *,
    actor: Actor,
    reason: str = "",
    state: State = "active",
    retire: Sequence[tuple[str, str]] = (),
    also: Callable[[Transaction], None] | None = None,
) -> Plan:
    """Save definitions and change the tables with them, in one transaction; what is the same is left alone.

    Args:
        lake: the lake.
        documents: (kind, document) each; a document is plain data or the model itself.
        actor: an administrator.
        reason: why, for the history.
        state: of the documents; a document's own key `state` wins for flows.
        retire: (kind, slug) of definitions that shall no longer count. Their tables and columns stay.
        also: what else belongs to the same commit, when there is one.

    Raises:
        Forbidden: The actor is no administrator.
        DefinitionInvalid: With every problem of all of them; nothing was changed.
    """
    actor.require_admin("definitions")
    return _commit(lake, documents, actor=actor, reason=reason, state=state, retire=retire, also=also)


def save_own(lake: Lake, made: Offered, *, actor: Actor) -> Plan:
    """Save a view, report or dashboard of the actor's own: for him or his team, by an administrator for anybody.

    Raises:
        Forbidden: The actor may only look, it is somebody else's, or he shares what he may not.
        DefinitionInvalid: It does not fit the other definitions; nothing was changed.
    """
    kind = kind_of(made)
    actor.require_change(_words(kind))
    if actor.role != "admin":
        shared = made.shared_with == "everyone" or (
            made.shared_with == "team" and made.team not in actor.teams
        )
        if shared or made.locked or made.owner != actor.user:
            raise Forbidden(actor.name or actor.user, "share", f"the {_words(kind)} {made.title}")
    return _commit(
        lake, [(kind, made)], actor=actor, check=lambda catalog: _require_own(catalog, kind, made.slug, actor)
    )


def retire_own(lake: Lake, kind: DocumentKind, slug: str, *, actor: Actor) -> Plan:
    """Have a view, report or dashboard of the actor's own no longer count; otherwise as `save_own`."""
    actor.require_change(_words(kind))
    return _commit(
        lake, [], actor=actor, retire=[(kind, slug)],
        check=lambda catalog: _require_own(catalog, kind, slug, actor),
    )  # fmt: skip


def _require_own(catalog: Catalog, kind: DocumentKind, slug: str, actor: Actor) -> None:
    """Refuse to touch what is somebody else's; what administrators may is theirs to know."""
    offered: dict[str, Mapping[str, Offered]] = {
        "saved_filter": catalog.saved_filters, "report": catalog.reports, "dashboard": catalog.dashboards,
    }  # fmt: skip
    one = offered[kind].get(slug)
    if one is None or (one.owner == actor.user and (actor.role == "admin" or not one.locked)):
        return
    if actor.role != "admin" or one.shared_with == "me":
        raise Forbidden(actor.name or actor.user, "change", f"the {_words(kind)} {slug}")


def _words(kind: DocumentKind) -> str:
    return "view" if kind == "saved_filter" else kind


def _commit(
    lake: Lake,
    documents: Sequence[tuple[str, Any]],
    *,
    actor: Actor,
    reason: str = "",
    state: State = "active",
    retire: Sequence[tuple[str, str]] = (),
    also: Callable[[Transaction], None] | None = None,
    check: Callable[[Catalog], None] | None = None,
) -> Plan:
    def work(tx: Transaction) -> Plan:
        before = read_catalog_in(tx, lake)
        if check is not None:
            check(before)
        draft = _work_out(lake, tx, before, documents, state, retire, tx.snapshot)
        if not draft.rows:
            tx.cancel()
        else:
            for step in draft.migration.steps:
                tx.execute(step.sql, dict(step.params) if step.params else None)
            _append(tx, draft.rows)
            _mirror_teams(tx, draft)
            if also is not None:
                also(tx)
        return Plan(draft.changes, draft.migration.words, draft.views)

    return lake.commit(work, Change(actor=actor.user, door="definitions", reason=reason)).value


def check_definition(
    lake: Lake,
    documents: Sequence[tuple[str, Any]],
    *,
    actor: Actor,
    state: State = "active",
    retire: Sequence[tuple[str, str]] = (),
) -> Plan:
    """What `save` would change; raises what it would raise, and writes nothing."""
    actor.require_admin("definitions")
    draft = _work_out(lake, lake, read_catalog(lake), documents, state, retire, lake.snapshot() + 1)
    return Plan(draft.changes, draft.migration.words, draft.views)


def apply_pack(lake: Lake, name_or_path: str | Path, *, actor: Actor) -> Plan:
    """Save every definition of a pack: a shipped one by its name, or a YAML file or folder.

    Raises:
        PackInvalid: There is no such pack, or its files are not shaped like one.
        DefinitionInvalid: Its definitions do not fit together, or not with those there are.
    """
    return save(lake, read_pack(name_or_path), actor=actor, reason=f"pack {name_or_path}")


def export_pack(lake: Lake) -> str:
    """All definitions as one YAML document, which `apply_pack` takes in another workspace."""
    return yaml.dump(pack_document(read_catalog(lake)))


def _work_out(
    lake: Lake,
    reader: Reader,
    before: Catalog,
    documents: Sequence[tuple[str, Any]],
    state: State,
    retire: Sequence[tuple[str, str]],
    snapshot: int,
) -> _Draft:
    wanted = _wanted(documents, state)
    for key in retire:
        if key not in before.stored:
            raise DefinitionInvalid(f"The {key[0]} “{key[1]}”", ["there is no such definition"])
        wanted[key] = ("retired", before.stored[key].document)
    added = [
        found
        for key, (its_state, document) in wanted.items()
        if (found := next_rows(before, key, its_state, document))
    ]
    rows = [row for found in added for row in found]
    after = build_catalog([*before.live.values(), *before.stored.values(), *rows], version=snapshot)
    # A view that is there must not keep administrators from shaping a module: it is shown without what is gone.
    after.check(views={slug for kind, slug in wanted if kind == "saved_filter"})
    changed = [row.slug for row in rows if row.kind == "module"]
    problems = list(rule_problems(lake, after, changed=changed))
    problems += list_problems(before, after)
    # Those there are may have lost a field since: they say so where they are looked at.
    problems += made_problems(after, [(row.kind, row.slug) for row in rows if row.state == "active"])
    problems += [problem for check in _checks for problem in check(after)]
    migration = plan_migration(before, after, have=existing_tables(reader), snapshot=snapshot)
    if problems or migration.problems:
        raise DefinitionInvalid("The definitions", [*problems, *migration.problems])
    return _Draft(
        after, tuple(rows), tuple(_change(found[0]) for found in added), migration, tuple(lost_views(before, after))
    )  # fmt: skip


def _wanted(
    documents: Sequence[tuple[str, Any]], state: State
) -> dict[tuple[str, str], tuple[State, Document]]:
    """(kind, slug) → (state, document), every document checked by itself; all problems at once."""
    wanted: dict[tuple[str, str], tuple[State, Document]] = {}
    problems: list[str] = []
    for kind, given in documents:
        its_state = state
        if kind == "flow" and isinstance(given, Mapping) and "state" in given:
            its_state = cast(State, given["state"])
            given = {key: value for key, value in given.items() if key != "state"}
        try:
            slug, document = parse_document(kind, given)
        except DefinitionInvalid as error:
            problems += [f"{error.what}: {problem}" for problem in error.problems]
            continue
        if "\\u0000" in json.dumps(document, default=str):
            problems.append(f"{kind} {slug} holds the character U+0000, which the lake does not store")
        allowed = STATES if kind == "flow" else tuple(one for one in STATES if one != "paused")
        if its_state not in allowed:
            problems.append(f"{kind} {slug}: the state is one of {', '.join(allowed)}, not {its_state!r}")
        if wanted.get((kind, slug), (its_state, document)) != (its_state, document):
            problems.append(f"{kind} {slug} is given twice, and not the same")
        wanted[kind, slug] = (its_state, document)
    if problems:
        raise DefinitionInvalid("The definitions", problems)
    return wanted


def _change(row: Stored) -> DefinitionChange:
    what = "retired" if row.state == "retired" else "created" if row.version == 1 else "changed"
    return DefinitionChange(row.kind, row.slug, what, row.version)


def _append(tx: Transaction, rows: Sequence[Stored]) -> None:
    names = ["kind", "id", "slug", "version", "state"]
    staged = pl.DataFrame(
        [[*(getattr(r, n) for n in names), json.dumps(r.document, ensure_ascii=False)] for r in rows],
        schema=[*names, "document"],
        orient="row",
    )
    tx.register("definitions_staged", staged)
    tx.execute(
        f"INSERT INTO {_TABLE} SELECT kind, id, slug, version, state, document, "
        "CAST($change AS UUID), $occurred_at, $snapshot FROM definitions_staged",
        {"change": tx.change_id, "occurred_at": tx.occurred_at, "snapshot": tx.snapshot},
    )


def _mirror_teams(tx: Transaction, draft: _Draft) -> None:
    """`access.teams` is what SQL joins; the definitions are what is edited."""
    if not any(row.kind == "team" for row in draft.rows):
        return
    teams = table("access", "teams")
    staged = [(team.slug, team.name) for team in draft.after.teams.values()]
    schema = {"slug": pl.String, "name": pl.String}
    tx.register("teams_staged", pl.DataFrame(staged, schema=schema, orient="row"))
    tx.execute(
        f"DELETE FROM {teams} WHERE NOT EXISTS (SELECT 1 FROM teams_staged s "
        f"WHERE s.slug = {teams}.slug AND s.name = {teams}.name)"
    )
    tx.execute(
        f"INSERT INTO {teams} SELECT slug, name, CAST(? AS UUID), ? FROM teams_staged "
        f"WHERE slug NOT IN (SELECT slug FROM {teams})",
        [tx.change_id, tx.snapshot],
    )
