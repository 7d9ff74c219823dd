"""What concerns whom, as statements over a window of changes: one row for a person, a record and a change."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from crm_core.conversations import MESSAGES, WRITTEN
from crm_core.figures.base import end_statuses
from crm_core.intake_forms import intake_module
from crm_core.model import Catalog, Reference
from crm_core.my_rows import DUE, whose
from crm_core.my_work import dated_modules, due_modules
from flows.provenance import SILENT_DOORS
from lake import ident, table

FOUND, PEOPLE, NAMES = "notices_found", "notice_people", "notice_names"
NOTES = "notes"
_CHANGES = table("ops", "changes")
_RUNS = table("ops", "flow_runs")
_NOTIFICATIONS = table("ops", "notifications")
_COLUMNS = {
    "kind": "VARCHAR", "user_slug": "VARCHAR", "module": "VARCHAR", "record_id": "UUID", "flow": "VARCHAR",
    "grp": "UUID", "actor": "VARCHAR", "about": "VARCHAR", "text": "VARCHAR",
}  # fmt: skip
"""`grp` is the load or change that it belongs to: what belongs together is told once. `about` is a team's name."""

Statements = Iterator[tuple[str, dict[str, Any] | None]]


def empty_sql() -> str:
    """The temp table of what was found, without rows."""
    columns = ", ".join(f"{ident(name)} {kind}" for name, kind in _COLUMNS.items())
    return f"CREATE OR REPLACE TEMP TABLE {ident(FOUND)} ({columns})"


def is_told_of(catalog: Catalog, module: str) -> bool:
    """Whether anybody is told of changes of a module."""
    return is_given(catalog, module) or module in (MESSAGES, NOTES)


def is_given(catalog: Catalog, module: str) -> bool:
    """Whether a record of a module is given to somebody: those that stand for themselves, and what he is to do."""
    own = catalog.module(module)
    return own.access == "own" or own in (*due_modules(catalog), *dated_modules(catalog))


def found_sql(catalog: Catalog, module: str, feed: str, columns: frozenset[str]) -> Statements:
    """What the staged changes of a module have to tell, each statement with its values."""
    made = (
        f"{ident(feed)} f JOIN {_CHANGES} c ON c.id = f.change_id AND c.snapshot = f._snapshot "
        "AND NOT list_contains($silent, c.door) AND f.deleted_at IS NULL"
    )
    silent = {"silent": [*SILENT_DOORS, "read-marks"]}
    if is_given(catalog, module):
        yield _given(module, made), silent
        yield _team(catalog, module, made), silent
    if module == MESSAGES:
        yield from ((sql, silent | {"written": list(WRITTEN)}) for sql in _written(catalog, made, columns))
    if module in (NOTES, MESSAGES):
        text = next((name for name in ("text", "body", "content") if name in columns), None)
        if text is not None:
            yield _mentioned(catalog, module, made, text, notes_only=module == MESSAGES), silent


def _insert(select: str) -> str:
    return f"INSERT INTO {ident(FOUND)} BY NAME {select}"


_GROUP = "coalesce(c.load_id, c.id) AS grp, c.actor"
_PEOPLE_OF = "list_filter(list_append(coalesce({0}.workers, []), {0}.owner), x -> x IS NOT NULL)"
_WERE = "list_filter(list_append(coalesce(f.old__workers, []), f.old__owner), x -> x IS NOT NULL)"


def _given(module: str, made: str) -> str:
    now = _PEOPLE_OF.format("f")
    return _insert(
        f"SELECT 'assigned' AS kind, '{module}' AS module, f._id AS record_id, {_GROUP}, "
        f"unnest(list_distinct(list_filter({now}, x -> NOT list_contains({_WERE}, x)))) AS user_slug FROM {made}"
    )


def _team(catalog: Catalog, module: str, made: str) -> str:
    """Those of the team who were not told in person."""
    return _insert(
        f"SELECT 'team' AS kind, '{module}' AS module, f._id AS record_id, {_GROUP}, p.slug AS user_slug, "
        f"f.team AS about FROM {made} JOIN {ident(PEOPLE)} p ON list_contains(p.teams, f.team) "
        f"WHERE f.team IS DISTINCT FROM f.old__team AND NOT list_contains({_PEOPLE_OF.format('f')}, p.slug)"
    )


def _written(catalog: Catalog, made: str, columns: frozenset[str]) -> Iterator[str]:
    """A message that came in, for whoever has its customer or what it is about."""
    automatic = "AND NOT coalesce(f.automatic, false)" if "automatic" in columns else ""
    came = (
        f"FROM {made} AND f._kind = 'insert' AND f.direction = 'in' AND list_contains($written, f.channel) "
    )
    came += automatic
    said = "left(coalesce(nullif(f.subject, ''), f.text, ''), 200) AS text"
    request, customer = intake_module(catalog), whose(catalog, MESSAGES)
    about = catalog.reference(MESSAGES, "about")
    ways: list[tuple[str, str, str]] = []
    if request is not None and about is not None and request.slug in about.targets:
        also = f" AND f.about__module = '{request.slug}'" if about.polymorphic else ""
        ways.append((request.slug, "about", also))
    if customer is not None:
        # Whoever has the request is told of that.
        also = (
            f" AND f.about__module IS DISTINCT FROM '{ways[0][0]}'"
            if ways and about and about.polymorphic
            else ""
        )
        ways.append((customer.targets[0], customer.slug, also))
    for module, column, also in ways:
        yield _insert(
            f"SELECT 'message' AS kind, '{module}' AS module, o.id AS record_id, {_GROUP}, {said}, "
            f"unnest(list_distinct({_people_too(catalog, module, column, customer)})) AS user_slug {came}{also} "
            f"JOIN {table('crm', module)} o ON o.id = f.{ident(column)} AND o.deleted_at IS NULL"
            + _customer_join(module, column, customer)
        )


def _people_too(catalog: Catalog, module: str, column: str, customer: Reference | None) -> str:
    own = _PEOPLE_OF.format("o")
    return f"{own} || {_PEOPLE_OF.format('k')}" if column == "about" and customer is not None else own


def _customer_join(module: str, column: str, customer: Reference | None) -> str:
    if column != "about" or customer is None:
        return ""
    return f" LEFT JOIN {table('crm', customer.targets[0])} k ON k.id = f.{ident(customer.slug)}"


def _mentioned(catalog: Catalog, module: str, made: str, text: str, *, notes_only: bool) -> str:
    """People whose name stands behind an @ where it did not before; the notice is about what the note is about."""
    called = "regexp_extract_all(lower(coalesce(f.{0}, '')), '(?:^|[^\\w])@([\\w.-]+)', 1)"
    names = f"list_transform({called}, x -> rtrim(x, '.-_'))"
    now, before = names.format(ident(text)), names.format(ident(f"old__{text}"))
    about, customer = catalog.reference(module, "about"), whose(catalog, module)
    target, record = f"'{module}'", "f._id"
    if customer is not None:
        target = (
            f"CASE WHEN f.{ident(customer.slug)} IS NOT NULL THEN '{customer.targets[0]}' ELSE {target} END"
        )
        record = f"coalesce(f.{ident(customer.slug)}, {record})"
    if about is not None and about.polymorphic:
        target, record = f"coalesce(f.about__module, {target})", f"coalesce(f.about, {record})"
    only = " AND f.channel = 'note'" if notes_only else ""
    return _insert(
        f"SELECT 'mention' AS kind, m.module, m.record_id, m.grp, m.actor, m.text, n.slug AS user_slug FROM ("
        f"SELECT {target} AS module, {record} AS record_id, {_GROUP}, left(f.{ident(text)}, 200) AS text, "
        f"unnest(list_distinct(list_filter({now}, x -> NOT list_contains({before}, x)))) AS called "
        f"FROM {made}{only}) m JOIN {ident(NAMES)} n ON n.name = m.called"
    )


def failed_sql() -> str:
    """Flows that failed, for administrators; not again within an hour while the last notice of it is unread."""
    return _insert(
        f"SELECT 'failed' AS kind, r.module, r.record_id, r.flow, "
        "first(r.id) OVER (PARTITION BY r.flow) AS grp, 'system' AS actor, p.slug AS user_slug, r.error AS text "
        f"FROM {_RUNS} r JOIN {ident(PEOPLE)} p ON p.role = 'admin' "
        "WHERE r.state = 'failed' AND r.committed > $after AND r.committed <= $until AND r.record_id IS NOT NULL "
        f"AND NOT EXISTS (SELECT 1 FROM {_NOTIFICATIONS} n WHERE n.user_slug = p.slug AND n.flow = r.flow "
        "AND n.kind = 'failed' AND n.read_at IS NULL AND n.created_at > now() - INTERVAL 1 HOUR)"
    )


def due_sql(catalog: Catalog, now: datetime, late: timedelta) -> Statements:
    """What has come to be due, for whoever is to do it, once for each time that it is due."""
    for module in due_modules(catalog):
        if getattr(module.field(DUE), "kind", "") != "datetime":
            continue
        due = f"f.{ident(DUE)}"
        yield (
            _insert(
                f"SELECT * FROM (SELECT 'due' AS kind, '{module.slug}' AS module, f.id AS record_id, f.id AS grp, "
                f"'' AS actor, {due} AS moment, unnest(list_distinct({_PEOPLE_OF.format('f')})) AS user_slug "
                f"FROM {table('crm', module.slug)} f WHERE {due} > $since AND {due} <= $now "
                "AND f.deleted_at IS NULL AND NOT list_contains($closed, coalesce(f.status, ''))) d "
                f"WHERE NOT EXISTS (SELECT 1 FROM {_NOTIFICATIONS} n WHERE n.kind = 'due' "
                "AND n.user_slug = d.user_slug AND n.record_id = d.record_id AND n.created_at >= d.moment)"
            ).replace("SELECT * FROM (SELECT 'due'", "SELECT d.* EXCLUDE (moment) FROM (SELECT 'due'"),
            {"since": now - late, "now": now, "closed": end_statuses(catalog, module.slug)},
        )


def spare_sql() -> str:
    """Nobody is told of what he did himself, or does not want to know."""
    return (
        f"DELETE FROM {ident(FOUND)} x WHERE x.actor IS NOT DISTINCT FROM x.user_slug OR NOT EXISTS "
        f"(SELECT 1 FROM {ident(PEOPLE)} p WHERE p.slug = x.user_slug AND NOT list_contains(p.muted, x.kind))"
    )


def store_sql() -> str:
    """A notice for each person, kind and change."""
    return (
        f"INSERT INTO {_NOTIFICATIONS} BY NAME SELECT uuidv7() AS id, t.user_slug, t.text, t.module, t.record_id, "
        "t.flow, t.kind, t.records, $now AS created_at, NULL::TIMESTAMPTZ AS read_at, "
        "CAST($change AS UUID) AS change_id, $snapshot AS snapshot FROM ("
        "SELECT x.kind, x.user_slug, x.module, min(x.record_id) AS record_id, x.flow, "
        "count(DISTINCT x.record_id) AS records, "
        f"{_words()} AS text FROM {ident(FOUND)} x "
        f"LEFT JOIN {ident(PEOPLE)} a ON a.slug = x.actor "
        "GROUP BY x.kind, x.user_slug, x.module, x.grp, x.flow) t"
    )


def _words() -> str:
    """What is told, below the record's title."""
    by = "coalesce(' by ' || any_value(a.name), '')"
    return (
        "CASE x.kind "
        f"WHEN 'assigned' THEN 'Given to you' || {by} "
        f"WHEN 'team' THEN 'Given to your team' || {by} "
        "WHEN 'message' THEN 'Wrote: ' || coalesce(any_value(x.text), '') "
        "WHEN 'mention' THEN coalesce(any_value(a.name), 'Somebody') || ' mentioned you: ' || any_value(x.text) "
        "WHEN 'due' THEN 'Is due' "
        "ELSE 'A flow failed: ' || coalesce(any_value(x.text), '') END"
    )
