"""The last occasion on which a record could have set off a flow that waits for no change of it: a link, or a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from crm_core.model import Catalog, Reference
from crm_core.params import Params
from crm_core.trees import column, function, lake_table
from flows.active import ActiveFlow
from flows.compiler import ROW, change_scope, trigger_tree
from flows.cron import next_firing
from flows.due_records import near_moments
from flows.link_changes import Link, stage_link_changes, watched_links
from flows.staging import Window, rows_view, stage_changes
from flows.statements import create_temp, read, run, temp
from lake import Lake, Session, table

_ONLY = "flow_why_record"
_TICKS = table("ops", "flow_ticks")
_RUNS = table("ops", "flow_runs")
_CAME = {"linked": "came", "unlinked": "went"}


@dataclass(frozen=True)
class Occasion:
    """What happened last, and whether it is what the flow waits for; `told` says it in a sentence or two.

    `snapshot` is None where nothing was committed.
    """

    fired: bool
    told: str
    event: str = ""
    snapshot: int | None = None
    changed: tuple[str, ...] = ()


def link_occasion(
    session: Session, lake: Lake, catalog: Catalog, flow: ActiveFlow, *, record_id: str, now: datetime
) -> Occasion:
    """The last change of the link that a flow waits for, of one record: whether it came or went."""
    trigger, module = flow.definition.trigger, flow.definition.module
    link = watched_links(catalog, module)[trigger.link]
    snapshot = _last_link(lake, module, link, record_id)
    if snapshot is None:
        return Occasion(
            False, f"Nothing was ever linked to this record by “{link.label}”, as far as the lake knows."
        )
    window = Window(max(0, snapshot - 1), snapshot, snapshot, now)
    params = Params()
    is_it = exp.cast(params.bind(record_id), "UUID", dialect="duckdb")
    run(session, create_temp(_ONLY, exp.select(is_it.as_("_id"))), params)
    # Who made the change does not matter here, so none is passed over.
    stage_changes(session, lake, catalog, module, window, silent=(), only=_ONLY, even_none=True)
    stage_link_changes(
        session, lake, catalog, module, window, links={trigger.link: link},
        changed=lake.feed.tables_changed(window.after, window.until), silent=(), only=_ONLY,
    )  # fmt: skip
    events = _events(session, catalog, flow, window)
    fired = any(asked for _, asked in events)
    told = [event for event, _ in events]
    if not told:
        words = f"The link “{link.label}” of this record was changed last without coming or going"
    else:
        words = f"By “{link.label}” a link of this record {' and one '.join(_CAME[one] for one in told)} last"
    waits = "which is what it waits for" if fired else f"and it waits for one that {_COMES[trigger.event]}"
    event = trigger.event if trigger.event in told else "".join(told[:1])
    return Occasion(fired, f"{words}, {waits}.", event, snapshot, (trigger.link,))


_COMES = {"linked": "comes", "unlinked": "goes"}


def _last_link(lake: Lake, module: str, link: Link, record_id: str) -> int | None:
    """The snapshot in which a link of a record changed last."""
    if isinstance(link, Reference):
        history = lake.history.of_record("crm", module, record_id)
        told = history.filter(history["field"].is_in(list(link.columns)))
        last = told["snapshot"].max()
        return None if last is None else int(str(last))
    end = "from_id" if link.outgoing else "to_id"
    found = lake.read(
        f"SELECT max(version) AS n FROM {table('crm', str(link.link_table))} WHERE {end} = TRY_CAST($id AS UUID)",
        {"id": record_id},
    )
    return None if found["n"][0] is None else int(found["n"][0])


def _events(
    session: Session, catalog: Catalog, flow: ActiveFlow, window: Window
) -> Sequence[tuple[str, bool]]:
    """What happened to the link in the window, each with whether it sets the flow off."""
    params = Params()
    scope = change_scope(catalog, flow.definition.module, params=params, at=window.at, now=window.now)
    asked = function("list_contains", column("_links", ROW), params.bind(flow.definition.trigger.link))
    select = exp.select(column("_event", ROW), trigger_tree(flow, scope).as_("fired"))
    found = read(session, select.from_(temp(rows_view(scope.module), ROW)).where(asked), params)
    return sorted((event, bool(fired)) for event, fired in found.iter_rows())


def clock_occasion(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    flow: ActiveFlow,
    *,
    record_id: str,
    at: int,
    now: datetime,
) -> Occasion:
    """When a flow of the clock looked last, or when the moment of a record came, and what it made of the record."""
    looked, ran = _looked(lake, flow, record_id)
    zone = ZoneInfo(catalog.workspace.time_zone)
    if flow.definition.trigger.event == "date":
        found = _at_its_date(session, catalog, flow, record_id, at, now, zone)
        if found.fired and ran is None:
            words = "The flow did nothing with it then: it was not active yet, or its folder or condition did not fit."
            return Occasion(False, f"{found.told} {words}", "date")
        return replace(found, fired=found.fired and ran is not None)
    trigger = flow.definition.trigger
    following = next_firing(trigger.cron, now, ZoneInfo(trigger.time_zone) if trigger.time_zone else zone)
    then = f" It looks next on {_said(following, zone)}." if following else ""
    if looked is None:
        return Occasion(False, f"It has not looked yet.{then}", "schedule")
    taken = ran is not None and ran == looked[1]
    words = "this record was among those for which its condition held" if taken else (
        "this record was not among those for which its condition held, or not in one of its folders")  # fmt: skip
    return Occasion(
        taken, f"It looked last on {_said(looked[0], zone)}: {words}.{then}", "schedule", looked[1]
    )


def _looked(lake: Lake, flow: ActiveFlow, record_id: str) -> tuple[tuple[datetime, int] | None, int | None]:
    """When a flow looked last and in which commit that is stored; and the last commit in which it took up a record."""
    tick = lake.read(
        f"SELECT until, committed FROM {_TICKS} WHERE flow_id = ? ORDER BY committed DESC LIMIT 1", [flow.id]
    ).rows()
    ran = lake.read(
        f"SELECT max(committed) AS n FROM {_RUNS} WHERE flow_id = ? AND record_id = TRY_CAST(? AS UUID) "
        "AND event IN ('schedule', 'date')",
        [flow.id, record_id],
    )["n"][0]
    return (tick[0] if tick else None), (None if ran is None else int(ran))


def _at_its_date(
    session: Session,
    catalog: Catalog,
    flow: ActiveFlow,
    record_id: str,
    at: int,
    now: datetime,
    zone: ZoneInfo,
) -> Occasion:
    """Whether the moment of a record has come, and when."""
    params = Params()
    near = near_moments(catalog, flow, params, _years(now, -1), _years(now, 1))
    moments = function("list_value", *[moment for _, moment in near]).as_("moments")
    is_it = column("id", ROW).eq(exp.TryCast(this=params.bind(record_id), to=exp.DataType.build("UUID")))
    select = exp.select(moments).from_(lake_table(flow.definition.module, alias=ROW, at=at)).where(is_it)
    rows = read(session, select, params)["moments"].to_list()
    told: list[Any] = [one for one in (rows[0] if rows else []) if one is not None]
    come, ahead = [one for one in told if one <= now], [one for one in told if one > now]
    if come:
        again = f", and comes again on {_said(min(ahead), zone)}" if ahead else ""
        return Occasion(True, f"Its moment was on {_said(max(come), zone)}{again}.", "date")
    if ahead:
        return Occasion(False, f"Its moment comes on {_said(min(ahead), zone)}.", "date")
    return Occasion(False, f"It has no moment, since “{flow.definition.trigger.field}” is empty.", "date")


def _years(moment: datetime, count: int) -> datetime:
    return moment.replace(year=moment.year + count, day=min(moment.day, 28))


def _said(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d at %H:%M}"
