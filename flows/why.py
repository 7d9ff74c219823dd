"""Why a flow ran for a record, or did not: its trigger and every leaf of its condition, on the record itself."""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import compile_condition
from crm_core.definitions import read_catalog
from crm_core.errors import CrmError, RecordNotFound
from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.query import read_record
from flows.active import ActiveFlow, stored_flow
from flows.compiler import ROW, change_scope, trace_tree, trigger_tree
from flows.errors import CommandInvalid
from flows.events import expand
from flows.occasions import Occasion, clock_occasion, link_occasion
from flows.run_history import Run, TraceLeaf, list_runs, show_run
from flows.staging import Window, rows_view, stage_last_change
from flows.statements import read, temp
from flows.store import find_live, flow_versions
from flows.triggers import LINKS, OF_THE_CLOCK
from flows.windows import catalog_at
from lake import Lake, Session
from lake.errors import StatementError


@dataclass(frozen=True)
class Why:
    """What keeps a flow from a record, or led it there.

    `fired` says whether the last change of the record (`event`, at snapshot `snapshot`, of `changed` columns) is one
    that the trigger waits for; `matched` whether the condition holds for the record as it is now. `runs` are the
    last ones. Of a flow that waits for a link it is the last change of that link, and of one that waits for the clock
    whether the record was taken up when it looked last, or when the record's date came. `told` says all that in words.
    """

    flow: str
    version: int
    state: str
    waits_for: str
    event: str
    snapshot: int
    changed: tuple[str, ...]
    fired: bool
    matched: bool | None
    leaves: tuple[TraceLeaf, ...]
    runs: tuple[Run, ...]
    told: str


def why(lake: Lake, flow: str, *, module: str | None = None, record_id: str, actor: Actor) -> Why:
    """Explain a flow on one record, computed now from the record and its last change.

    Args:
        lake: the lake.
        flow: a slug or id.
        module: the flow's module; another is refused.
        record_id: the record.
        actor: who asks; of related records that he may not see, neither values nor answers are told.

    Raises:
        UnknownFlow: There is no such flow.
        RecordNotFound: There is no such record, or none that the actor may see.
        CommandInvalid: The flow is of another module.
    """
    catalog = read_catalog(lake)
    stored = find_live(catalog, flow)
    active = stored_flow(stored)
    waits_for, own = active.definition.trigger.event, active.definition.module
    active = replace(active, definition=expand(catalog, active.definition))
    if module is not None and module != own:
        raise CommandInvalid(module, f"the flow {active.slug} is for {own}, not for {module}")
    record = read_record(lake, catalog, module=own, record_id=record_id, actor=actor)
    now = lake.snapshot()
    snapshot = int(record["version"] or now)
    window = Window(max(0, snapshot - 1), snapshot, now, datetime.now(UTC))
    with lake.session() as session:
        other = _other_occasion(session, lake, catalog, active, record_id, window)
        event, changed = stage_last_change(session, catalog, own, record_id=record_id, window=window)
        last = other or _last_change(
            session, catalog, active, window, Occasion(False, "", event, snapshot, changed)
        )
        truth, leaves = trace_record(session, catalog, active, window, actor)
    hidden = any(leaf.hidden for leaf in leaves)
    runs = list_runs(lake, actor=actor, flow=active.id, record_id=record_id, limit=5)
    return Why(
        active.slug, active.version, stored.state, waits_for, last.event, last.snapshot or snapshot, last.changed,
        last.fired, None if hidden else truth, leaves, tuple(runs), last.told,
    )  # fmt: skip


def explain_run(lake: Lake, run_id: str, *, actor: Actor) -> Run:
    """One run with what each of its steps did, and with what its condition saw.

    Of a large window not every run keeps its trace. It is then worked out anew, from the record as the commit left it
    and related records as of that commit; it stays None where that state has expired, or nothing can be told of it.

    Raises:
        UnknownRun: There is none, or none of a record that the actor may see.
    """
    run = show_run(lake, run_id, actor=actor)
    if run.trace is not None or run.record_id is None or run.event == "manual":
        return run
    try:
        return replace(run, trace=_retrace(lake, run, actor))
    except (CrmError, StatementError):
        return run


def _retrace(lake: Lake, run: Run, actor: Actor) -> tuple[TraceLeaf, ...]:
    version = next(one for one in flow_versions(lake, run.flow) if one.version == run.flow_version)
    catalog = catalog_at(lake, run.snapshot)
    version = replace(version, definition=expand(catalog, version.definition))
    window = Window(max(0, run.snapshot - 1), run.snapshot, run.snapshot, run.started_at)
    with lake.session() as session:
        stage_last_change(session, catalog, run.module, record_id=str(run.record_id), window=window)
        return trace_record(session, catalog, version, window, actor)[1]


def _other_occasion(
    session: Session, lake: Lake, catalog: Catalog, flow: ActiveFlow, record_id: str, window: Window
) -> Occasion | None:
    """What happened last, where it is no change of the record that the flow waits for."""
    event = flow.definition.trigger.event
    if event in LINKS:
        return link_occasion(session, lake, catalog, flow, record_id=record_id, now=window.now)
    if event in OF_THE_CLOCK:
        return clock_occasion(session, lake, catalog, flow, record_id=record_id, at=window.at, now=window.now)
    return None


def _last_change(
    session: Session, catalog: Catalog, flow: ActiveFlow, window: Window, last: Occasion
) -> Occasion:
    """The last change of the record, with whether the flow waits for such a one."""
    event = flow.definition.trigger.event
    if event in _NEVER_BY_CHANGES:
        return replace(last, told=_NEVER_BY_CHANGES[event])
    fired = _fired(session, catalog, flow, window)
    return replace(
        last,
        fired=fired,
        told=f"The last change of this record is {'one' if fired else 'none'} that it waits for.",
    )


_NEVER_BY_CHANGES = {
    "manual": "It waits for somebody to run it by hand.",
    "webhook": "It waits for another system to send something.",
}


def _fired(session: Session, catalog: Catalog, flow: ActiveFlow, window: Window) -> bool:
    params = Params()
    scope = change_scope(catalog, flow.definition.module, params=params, at=window.at, now=window.now)
    select = exp.select(trigger_tree(flow, scope).as_("fired")).from_(temp(rows_view(scope.module), ROW))
    found = read(session, select, params)
    return bool(found.height and found["fired"][0])


def trace_record(
    session: Session, catalog: Catalog, flow: ActiveFlow, window: Window, actor: Actor
) -> tuple[bool, tuple[TraceLeaf, ...]]:
    """Whether a flow's condition holds for the one staged record, and each leaf as far as the actor may see it."""
    module = flow.definition.module
    params = Params()
    scope = change_scope(catalog, module, params=params, at=window.at, now=window.now)
    seen = change_scope(catalog, module, params=params, at=window.at, now=window.now, actor=actor)
    select = exp.select(
        compile_condition(flow.definition.when, scope).as_("truth"),
        trace_tree(flow.definition.when, scope).as_("trace"),
        trace_tree(flow.definition.when, seen).as_("seen"),
    ).from_(temp(rows_view(module), ROW))
    found = read(session, select, params)
    if not found.height:
        raise RecordNotFound(module, "")
    row = found.row(0, named=True)
    pairs = zip(json.loads(row["trace"]), json.loads(row["seen"]), strict=True)
    return bool(row["truth"]), tuple(_told(full, allowed) for full, allowed in pairs)


def _told(full: dict[str, object], allowed: dict[str, object]) -> TraceLeaf:
    """A leaf as it is, unless a reader who sees less would see another value."""
    if full["seen"] != allowed["seen"] or full["true"] != allowed["true"]:
        return TraceLeaf(str(full["field"]), str(full["op"]), full["value"], None, None, hidden=True)  # type: ignore[arg-type]
    return TraceLeaf(**full)  # type: ignore[arg-type]
