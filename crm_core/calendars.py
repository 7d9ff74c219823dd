"""What takes place in a span of time: appointments, reservations, and open tasks on the day on which they are due.

Calendars show wall clocks, the lake holds instants: `wall` and `instant` go from one to the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures.base import end_statuses, is_one_of
from crm_core.model import Catalog, Exclusive
from crm_core.prepared import STAND_IN, about_record
from crm_core.query import title_column
from crm_core.related import linked, links_of
from crm_core.relations import Relations
from crm_core.trees import coalesce, column, function, union_all
from crm_core.values.fragments import aliased, literal, sql
from crm_core.values.overlaps import takes_time
from lake import Lake

MOST = 1000
_ROW = "r"
_FROM = datetime(9998, 7, 6, 5, 4, 3, tzinfo=UTC)
_TO = datetime(9998, 8, 6, 5, 4, 3, tzinfo=UTC)
_PEOPLE = ("the people asked for",)


@dataclass(frozen=True)
class Source:
    """A module whose records stand in calendars: by which fields, and whether they take a whole day."""

    module: str
    starts: str
    ends: str = ""
    place: str = ""
    all_day: bool = False


@dataclass(frozen=True)
class Entry:
    """A record in a calendar; instants are UTC, `ends` is None where nobody said when it ends.

    `ended` says that its status is an end status, `clashes` that another entry of the answer takes the same time of
    the same person (or whatever its module says is exclusive).
    """

    module: str
    id: str
    title: str
    starts: datetime
    ends: datetime | None
    all_day: bool
    place: str
    owner: str
    status: str
    folder: str
    version: int
    changed_at: datetime
    ended: bool
    clashes: bool


def sources(catalog: Catalog) -> tuple[Source, ...]:
    """What stands in calendars, as the modules say it: in their order, whole days last."""
    found = [
        Source(module.slug, **module.calendar.model_dump()) for module in catalog.ordered if module.calendar
    ]
    return tuple(sorted(found, key=lambda source: source.all_day))


def source_of(catalog: Catalog, module: str) -> Source | None:
    """How a module stands in calendars, when it does."""
    place = catalog.modules[module].calendar if module in catalog.modules else None
    return Source(module, **place.model_dump()) if place is not None else None


def read_entries(
    lake: Lake,
    catalog: Catalog,
    *,
    actor: Actor,
    starts: datetime,
    ends: datetime,
    about: tuple[str, str] | None = None,
    people: Sequence[str] | None = None,
    modules: Sequence[str] = (),
    at: int | None = None,
    most: int = MOST,
) -> tuple[Entry, ...]:
    """What takes place from one instant up to another, by its beginning, as far as the actor may see it: one statement.

    Args:
        lake: the lake.
        catalog: the definitions.
        actor: who asks.
        starts: the first instant.
        ends: the first instant that is out of the span.
        about: only what belongs to this record (module, id).
        people: only what one of these users works on; None for everybody's.
        modules: only these modules; all that stand in calendars by default.
        at: the snapshot that is read, now by default.
        most: how many at most.
    """
    wanted = [one for one in sources(catalog) if not modules or one.module in modules]
    module, record_id = about or ("", STAND_IN)
    if about is not None:
        linked_here = {link.module for link in links_of(catalog, module)}
        wanted = [one for one in wanted if one.module in linked_here]
    if not wanted:
        return ()

    def build(relations: Relations) -> exp.Query:
        parts = [
            part
            for source in wanted
            for part in _parts(relations, source, module if about else None, people is not None)
        ]
        return _told(parts, most)

    statement, values = about_record(
        lake, catalog, record_id, build, actor=actor, at=at,
        key=("calendar", module, tuple(one.module for one in wanted), people is not None, most),
        instead={_FROM: starts, _TO: ends, _PEOPLE: list(people or ())},
    )  # fmt: skip
    return tuple(Entry(**row) for row in lake.read(statement, values).to_dicts())


def _parts(relations: Relations, source: Source, about: str | None, narrowed: bool) -> list[exp.Query]:
    """The rows of one source, once for each link that leads to them."""
    if about is None:
        table = exp.select().from_(relations.table(source.module, _ROW))
        selects = [table.where(relations.predicate(source.module, _ROW))]
    else:
        links = [link for link in links_of(relations.catalog, about) if link.module == source.module]
        selects = [linked(relations, link, STAND_IN, _ROW) for link in links]
    return [_part(relations, source, select, narrowed) for select in selects]


def _part(relations: Relations, source: Source, rows: exp.Select, narrowed: bool) -> exp.Select:
    catalog, bind = relations.catalog, relations.params.bind
    known = catalog.columns(source.module)
    begins = column(source.starts, _ROW)
    ends: exp.Expr = column(source.ends, _ROW) if source.ends in known else exp.null()
    place: exp.Expr = column(source.place, _ROW) if source.place in known else exp.null()
    last = coalesce(ends.copy(), begins.copy())
    within = sql(
        "$b < $to AND ($e > $f OR $b >= $f)",
        b=begins, e=last, to=bind(_TO, "TIMESTAMPTZ"), f=bind(_FROM, "TIMESTAMPTZ"),
    )  # fmt: skip
    rows = rows.where(within, copy=False)
    if narrowed:
        among = function("list_has_any", column("workers", _ROW), bind(_PEOPLE, "VARCHAR[]"))
        # Lists are dear to look into: only those of the span, whatever order the engine would choose.
        asked = sql("CASE WHEN $w THEN coalesce($a, false) ELSE false END", w=within, a=among)
        rows = rows.where(asked, copy=False)
    closed = is_one_of(relations, column("status", _ROW), end_statuses(catalog, source.module))
    if source.all_day:
        rows = rows.where(exp.not_(exp.paren(closed)), copy=False)
    return rows.select(
        literal(source.module).as_("module"),
        aliased(exp.cast(column("id", _ROW), "VARCHAR"), "id"),
        aliased(coalesce(column(title_column(catalog, source.module), _ROW), literal("")), "title"),
        aliased(begins.copy(), "starts"),
        aliased(exp.cast(ends.copy(), "TIMESTAMPTZ", dialect="duckdb"), "ends"),
        aliased(exp.true() if source.all_day else exp.false(), "all_day"),
        *(
            aliased(coalesce(exp.cast(value, "VARCHAR"), literal("")), called)
            for called, value in (
                ("place", place),
                ("owner", column("owner", _ROW)),
                ("status", column("status", _ROW)),
                ("folder", column("folder", _ROW)),
            )
        ),
        aliased(column("version", _ROW), "version"),
        aliased(column("updated_at", _ROW), "changed_at"),
        aliased(closed, "ended"),
        aliased(_taken(catalog, source), "taken"),
        copy=False,
    )


def _taken(catalog: Catalog, source: Source) -> exp.Expr:
    """What an entry takes for its time, as one text; NULL where it takes nothing."""
    rule = exclusive_rule(catalog, source)
    if rule is None:
        return sql("CAST(NULL AS VARCHAR)")
    parts = [exp.cast(column(slug, _ROW), "VARCHAR") for slug in rule.per]
    told = function("concat_ws", literal("\x1f"), literal(source.module), *parts)
    return sql("CASE WHEN $takes THEN $told END", takes=takes_time(rule, _ROW), told=told)


def exclusive_rule(catalog: Catalog, source: Source) -> Exclusive | None:
    """The rule by which the times of a source exclude each other."""
    rules = catalog.module(source.module).exclusive
    return next((rule for rule in rules if rule.start == source.starts), None)


def _told(parts: Sequence[exp.Query], most: int) -> exp.Query:
    every = union_all(list(parts)).subquery("e")
    # A record that is linked twice is one entry; what only begins takes its first instant.
    once = exp.select("*", "greatest(coalesce(ends, starts), starts + INTERVAL 1 MICROSECOND) AS last",
                      dialect="duckdb").distinct().from_(every)  # fmt: skip
    within = "OVER (PARTITION BY taken ORDER BY starts, last, id ROWS BETWEEN"
    before = sql(f"max(last) {within} UNBOUNDED PRECEDING AND 1 PRECEDING)")
    after = sql(f"min(starts) {within} 1 FOLLOWING AND UNBOUNDED FOLLOWING)")
    clashes = sql(
        "taken IS NOT NULL AND (coalesce($before > starts, false) OR coalesce($after < last, false))",
        before=before, after=after,
    )  # fmt: skip
    names = [name for name in Entry.__dataclass_fields__ if name != "clashes"]
    shown = [column(name) for name in names]
    found = exp.select(*shown, aliased(clashes, "clashes")).from_(once.subquery("o"))
    return found.order_by("starts", "id", dialect="duckdb").limit(most)


def month_span(day: date, zone: str) -> tuple[datetime, datetime]:
    """The instants (UTC) between which everything lies that a month's calendar shows, with the weeks at its edges."""
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return midnight(first - timedelta(days=7), zone), midnight(following + timedelta(days=14), zone)


def midnight(day: date, zone: str) -> datetime:
    """The first instant (UTC) of a day in a zone."""
    return instant(datetime.combine(day, time()), zone)


def wall(moment: datetime, zone: str) -> datetime:
    """What the clocks of a zone show at an instant, without a zone."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def instant(shown: datetime, zone: str) -> datetime:
    """The instant (UTC) at which the clocks of a zone show this: the first of two, and what follows a gap in a gap."""
    return shown.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def moved(
    source: Source, record: dict[str, Any], *, starts: datetime, ends: datetime | None, zone: str
) -> dict[str, datetime]:
    """The values that put a record of a calendar to another time; none where it stands there.

    An edge whose clock shows what it showed is left alone: of an hour that comes twice it may be the second.

    Args:
        source: how its module stands in calendars.
        record: the record as it is stored.
        starts: what the clocks show when it shall begin; of a whole day its date counts.
        ends: what they show when it shall end; None leaves the end.
        zone: whose clocks.
    """
    before = wall(record[source.starts], zone)
    if source.all_day:
        starts = datetime.combine(starts.date(), before.time())
    found = {} if starts == before else {source.starts: instant(starts, zone)}
    if source.ends and ends is not None:
        stored = record.get(source.ends)
        if stored is None or wall(stored, zone) != ends:
            found[source.ends] = instant(ends, zone)
    return found
