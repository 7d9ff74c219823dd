"""What waits for one person today: tasks, what customers wrote, appointments, requests without an answer.

A module takes part by what it has, not by its name: what is due has a field `due`, what takes place a `calendar`. Each
of these reads is one statement, and one more for the titles of whom the records belong to. With `everybody` it is about
all records that the actor sees.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from crm_core.access import Actor
from crm_core.badges import reader_of
from crm_core.conversations import MESSAGES
from crm_core.figures.base import end_statuses
from crm_core.intake_forms import intake_module
from crm_core.model import Catalog, Module
from crm_core.my_rows import DUE, Look, asked, due_rows, is_open, last_written, rows_of, whose, written
from crm_core.query import titles
from crm_core.relations import relations_for
from crm_core.trees import column, lake_table, text, union_all
from crm_core.values.fragments import sql
from lake import Lake

AHEAD = timedelta(days=7)
"""How far appointments are looked ahead."""

BACK = timedelta(days=14)
"""How long what customers wrote counts as new activity."""

_ROW = "r"


@dataclass(frozen=True)
class Item:
    """One line of a card. `when` is UTC: due, taking place, or come in; `about` is module and id of whose it is."""

    module: str
    id: str
    title: str
    when: datetime | None
    folder: str | None
    status: str | None
    version: int
    text: str = ""
    until: datetime | None = None
    flagged: bool = False
    about: tuple[str, str] | None = None
    whose: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Card:
    """The first lines, how many there are in all, and how many of all are late or unread."""

    items: tuple[Item, ...] = ()
    total: int = 0
    flagged: int = 0


def due_modules(catalog: Catalog) -> tuple[Module, ...]:
    """The modules whose records are due and can be done: with a field `due`, and a status that ends them."""
    return tuple(
        module
        for module in catalog.ordered
        if (field := module.field(DUE)) is not None
        and field.kind in ("date", "datetime")
        and end_statuses(catalog, module.slug)
    )


def dated_modules(catalog: Catalog) -> tuple[Module, ...]:
    """The modules whose records take place at a time: those of the calendars, without what stands on a whole day."""
    return tuple(module for module in catalog.ordered if module.calendar and not module.calendar.all_day)


def read_due(
    lake: Lake,
    catalog: Catalog,
    *,
    actor: Actor,
    everybody: bool = False,
    limit: int = 12,
    now: datetime | None = None,
) -> Card:
    """What the actor is to do and has not done, what is due first before the rest; `flagged` are late."""
    here = now or datetime.now(UTC)

    def build(look: Look) -> exp.Query | None:
        parts = [due_rows(look, module) for module in due_modules(catalog)]
        if not parts:
            return None
        late = sql("coalesce(m.moment < $now, false)", now=look.relations.params.bind(here, "TIMESTAMPTZ"))
        return _listed(union_all(parts), late, limit, room=limit // 2)

    return _read(lake, catalog, actor, build, everybody)


def read_appointments(
    lake: Lake,
    catalog: Catalog,
    *,
    actor: Actor,
    everybody: bool = False,
    limit: int = 12,
    now: datetime | None = None,
) -> Card:
    """What the actor takes part in from today's beginning on and within seven days; `flagged` are today's."""
    begin = day_begins(catalog, actor, now)

    def build(look: Look) -> exp.Query | None:
        bind = look.relations.params.bind
        parts: list[exp.Query] = []
        for module, place in ((one, one.calendar) for one in dated_modules(catalog) if one.calendar):
            starts = column(place.starts, _ROW)
            within = sql(
                "$s >= $from AND $s < $to", s=starts, **{"from": bind(begin, "TIMESTAMPTZ")},
                to=bind(begin + AHEAD, "TIMESTAMPTZ"),
            )  # fmt: skip
            ends = column(place.ends, _ROW) if place.ends else None
            part = rows_of(look, module, starts, until=ends)
            parts.append(part.where(within, is_open(look, module)))
        if not parts:
            return None
        tomorrow = bind(begin + timedelta(days=1), "TIMESTAMPTZ")
        return _listed(union_all(parts), sql("m.moment < $tomorrow", tomorrow=tomorrow), limit)

    return _read(lake, catalog, actor, build, everybody)


def read_waiting(
    lake: Lake,
    catalog: Catalog,
    *,
    actor: Actor,
    everybody: bool = False,
    limit: int = 12,
    now: datetime | None = None,
) -> Card:
    """The actor's open requests in which the other side wrote last, or nobody answered yet; the oldest first.

    What was put off until later waits for nobody. `flagged` have waited for a day.
    """
    here, module = now or datetime.now(UTC), intake_module(catalog)
    if module is None:
        return Card()

    def build(look: Look) -> exp.Query | None:
        bind = look.relations.params.bind
        rows = rows_of(look, module, column("created_at", _ROW)).where(is_open(look, module))
        if module.field("snoozed_until") is not None:
            asleep = sql("coalesce(r.snoozed_until > $now, false)", now=bind(here, "TIMESTAMPTZ"))
            rows = rows.where(exp.not_(asleep))
        answered = "r.first_answer_at IS NULL" if module.field("first_answer_at") is not None else "true"
        last = last_written(look, module)
        if last is None:
            rows = rows.where(sql(answered))
        else:
            rows = rows.join(last.subquery("w"), on=sql("w.about = r.id"), join_type="left")
            rows = rows.where(sql(f"coalesce(w.incoming, {answered})"))
        since = bind(here - timedelta(days=1), "TIMESTAMPTZ")
        return _listed(rows, sql("m.moment < $since", since=since), limit)

    return _read(lake, catalog, actor, build, everybody)


def read_activity(
    lake: Lake,
    catalog: Catalog,
    *,
    actor: Actor,
    everybody: bool = False,
    limit: int = 12,
    now: datetime | None = None,
) -> Card:
    """What the actor's customers wrote and asked within two weeks, the newest first; `flagged` are unread.

    Unread is what came after the last time that the actor's team looked at the customer, as beside each customer.
    """
    since = (now or datetime.now(UTC)) - BACK

    def build(look: Look) -> exp.Query | None:
        parts = [part for part in (written(look, since), asked(look, since)) if part is not None]
        if not parts:
            return None
        marks = (
            sql("SELECT record_id, max(read_at) AS read_at FROM $marks WHERE reader = $reader GROUP BY 1",
                reader=look.relations.params.bind(reader_of(actor)),
                marks=lake_table("read_marks", schema="ops", catalog=look.relations.catalog_name))
        )  # fmt: skip
        found = exp.select("m.*", sql("k.read_at IS NULL OR m.moment > k.read_at").as_("unread"))
        found = found.from_(union_all(parts).subquery("m"))
        found = found.join(
            exp.Subquery(this=marks, alias=exp.TableAlias(this=exp.to_identifier("k"))),
            on=sql("k.record_id = CAST(m.about_id AS UUID)"), join_type="left",
        )  # fmt: skip
        return _listed(found, sql("m.unread"), limit, newest=True)

    return _read(lake, catalog, actor, build, everybody)


def has_records(lake: Lake, catalog: Catalog) -> bool:
    """Whether anybody has made or loaded a record of a profile, or taken one in."""
    first = intake_module(catalog)
    slugs = [m.slug for m in catalog.ordered if m.profile or m is first] or list(catalog.modules)
    if not slugs:
        return False
    relations = relations_for(lake, catalog, Actor.system())
    parts: list[exp.Query] = [
        exp.select("*").from_(
            exp.select(exp.Literal.number(1).as_("n"))
            .from_(relations.table(slug, _ROW))
            .where(column("deleted_at", _ROW).is_(exp.null()))
            .limit(1)
            .subquery("s")
        )
        for slug in slugs
    ]
    return lake.read(text(union_all(parts)), relations.params.values or None).height > 0


def finished(module: Module, folder: str | None, now: datetime | None = None) -> dict[str, Any]:
    """The values with which a record that is due is done: the first status that ends it, and when it was."""
    own = module.folder(folder or "") or module.default_folder
    values: dict[str, Any] = {"status": next(iter(own.end_statuses), None)}
    return values | ({"done_at": now or datetime.now(UTC)} if module.field("done_at") is not None else {})


def day_begins(catalog: Catalog, actor: Actor, now: datetime | None = None) -> datetime:
    """When the day of an instant began where the actor is, in UTC."""
    zone = ZoneInfo(actor.time_zone or catalog.workspace.time_zone)
    local = (now or datetime.now(UTC)).astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def tables_of(catalog: Catalog) -> dict[str, frozenset[tuple[str, str]]]:
    """Which tables each of the reads asks, by schema and name: what changed elsewhere changes none of them."""
    intake = intake_module(catalog)
    reads = {
        "due": [module.slug for module in due_modules(catalog)],
        "appointments": [module.slug for module in dated_modules(catalog)],
        "waiting": [intake.slug, MESSAGES] if intake else [],
        "activity": [MESSAGES, *([intake.slug] if intake else [])],
    }
    found = {}
    for name, slugs in reads.items():
        known = [slug for slug in slugs if slug in catalog.modules]
        owners = [own.targets[0] for slug in known if (own := whose(catalog, slug)) is not None]
        found[name] = frozenset(("crm", slug) for slug in (*known, *owners))
    found["activity"] |= {("ops", "read_marks")}
    return found


def _read(
    lake: Lake, catalog: Catalog, actor: Actor, build: Callable[[Look], exp.Query | None], everybody: bool
) -> Card:
    relations = relations_for(lake, catalog, actor)
    statement = build(Look(relations, everybody))
    if statement is None:
        return Card()
    rows = lake.read(text(statement), relations.params.values).to_dicts()
    if not rows:
        return Card()
    wanted: dict[str, list[str]] = {}
    items = [_item(row) for row in rows]
    for item in items:
        if item.about is not None:
            wanted.setdefault(item.about[0], []).append(item.about[1])
    named = titles(lake, catalog, wanted=wanted, actor=actor) if wanted else {}
    shown = (replace(item, whose=named.get(item.about[1], "") if item.about else "") for item in items)
    return Card(tuple(shown), int(rows[0]["total"]), int(rows[0]["late"]))


def _item(row: dict[str, Any]) -> Item:
    about = (row["about_module"], row["about_id"]) if row["about_id"] else None
    moment, until = (value.astimezone(UTC) if value else None for value in (row["moment"], row["until"]))
    return Item(
        row["module"], row["id"], row["title"] or "", moment, row["folder"], row["status"], int(row["version"]),
        row["text"] or "", until, bool(row["flagged"]), about, owner=row["owner"] or "",
    )  # fmt: skip


def _listed(
    found: exp.Query, late: exp.Expr, limit: int, *, newest: bool = False, room: int = 0
) -> exp.Select:
    """The first rows, each with whether it is late, how many are, and how many there are.

    With `room` the late ones take no more than that many places while others wait for one; the latest of them stay.
    """
    flagged = exp.select("m.*", late.as_("flagged")).from_(found.subquery("m"))
    counted = exp.select(
        "f.*", sql("count(*) OVER ()").as_("total"), sql("count(*) FILTER (WHERE f.flagged) OVER ()").as_("late"),
        sql("row_number() OVER (PARTITION BY f.flagged ORDER BY f.moment DESC)").as_("place"),
    ).from_(flagged.subquery("f"))  # fmt: skip
    rows = exp.select("*").from_(counted.subquery("c"))
    if room:
        rows = rows.where(
            sql(f"NOT c.flagged OR c.place <= greatest({int(room)}, {int(limit)} - (c.total - c.late))")
        )
    first = exp.Ordered(this=column("moment", "c"), desc=newest, nulls_first=False)
    return rows.order_by(first, column("id", "c")).limit(limit)
