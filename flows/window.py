"""One window, from changes to effects: staged outside the writer lock, committed in one transaction with the cursor."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from crm_core.directory import Directory
from crm_core.model import Catalog
from crm_core.people import read_directory
from flows.active import ActiveFlow, waits_for_changes
from flows.awaiting import Awaited, awaited, begin_came, stage_came
from flows.effects import Effects, stage_effects
from flows.link_changes import awaited_links, changed_links, stage_link_changes
from flows.runs import RUNS, begin_runs, fail_runs, stage_runs
from flows.segments import Segment
from flows.staging import Window, flows_wrote, stage_changes
from flows.storms import hold_storms
from lake import Lake, Session, Transaction, ident


@dataclass(frozen=True)
class Staged:
    """A window that is worked out and not yet written: its runs and effects stand in the session's temp tables."""

    window: Window
    catalog: Catalog
    directory: Directory
    flows: tuple[ActiveFlow, ...]
    changes: int
    runs: int
    effects: Effects
    started_at: datetime
    came: int = 0
    """How many waits end since their event came within the window."""


def stage_window(
    session: Session, lake: Lake, catalog: Catalog, flows: Sequence[ActiveFlow], window: Window
) -> Staged:
    """Work out what the active flows do with the changes of a window. Nothing of the lake is written."""
    started, changes, came = datetime.now(UTC), 0, 0
    begin_runs(session)
    changed = lake.feed.tables_changed(window.after, window.until)
    waits = awaited(lake, catalog, window, touched=("ops", "flow_timers") in changed)
    if waits:
        begin_came(session)
    for module in _modules(catalog, flows, waits, changed):
        of_module = [flow for flow in flows if flow.definition.module == module and waits_for_changes(flow)]
        changes += (found := stage_module(session, lake, catalog, module, of_module, window, changed=changed))
        if found:
            stage_runs(session, catalog, module, of_module, window, changes=found)
            came += stage_came(session, catalog, module, waits, window)
    hold_storms(session, flows, limit=catalog.workspace.hold_runs_over)
    staged = finish_staging(session, lake, catalog, flows, window, changes=changes, started_at=started)
    return replace(staged, came=came)


def finish_staging(
    session: Session | Transaction,
    lake: Lake,
    catalog: Catalog,
    flows: Sequence[ActiveFlow],
    window: Window,
    *,
    changes: int,
    started_at: datetime,
    now_there: bool = False,
) -> Staged:
    """Work out the effects of the runs that are staged; `now_there` reads records as the open transaction does."""
    runs = int(session.read(f"SELECT count(*) AS n FROM {ident(RUNS)}")["n"][0])
    segments = staged_segments(session, catalog, flows)
    directory, effects = Directory(), Effects()
    if segments:
        directory = read_directory(lake)
        effects = stage_effects(session, catalog, directory, segments, window, now_there=now_there)
        fail_runs(session)
    return Staged(window, catalog, directory, tuple(flows), changes, runs, effects, started_at)


def staged_segments(
    session: Session | Transaction, catalog: Catalog, flows: Sequence[ActiveFlow]
) -> list[Segment]:
    """Where the staged runs begin that have something to do."""
    known = {(flow.id, flow.version): flow for flow in flows}
    rows = session.read(
        f"SELECT DISTINCT place, flow_id, flow_version, start, module FROM {ident(RUNS)} WHERE state = 'done' "
        "ORDER BY ALL"
    )
    return [
        Segment(known[flow_id, version], start, module)
        for _, flow_id, version, start, module in rows.iter_rows()
    ]


def _modules(
    catalog: Catalog, flows: Sequence[ActiveFlow], waits: Sequence[Awaited], changed: set[tuple[str, str]]
) -> list[str]:
    """The modules with flows, or with runs that wait, on which something may have changed."""
    watched = {flow.definition.module for flow in flows if waits_for_changes(flow)}
    watched |= {one.module for one in waits}
    found = {module for module in watched if ("crm", module) in changed}
    links = awaited_links(catalog, [flow.definition for flow in flows])
    found |= {module for module, own in links.items() if changed_links(own, changed)}
    return sorted(found)


def stage_module(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    module: str,
    flows: Sequence[ActiveFlow],
    window: Window,
    *,
    changed: set[tuple[str, str]],
) -> int:
    """Stage the changes of one module that flows can wait for: of its records, and of the links that they ask about.

    Args:
        session: where they are staged.
        lake: the lake.
        catalog: the definitions.
        module: whose changes they are.
        flows: those of the module.
        window: the snapshots.
        changed: the tables in which something may have changed, as the feed tells them.

    Returns:
        How many there are; with none, the prepared view need not be there.
    """
    links = awaited_links(catalog, [flow.definition for flow in flows]).get(module, {})
    of_links = changed_links(links, changed)
    if ("crm", module) not in changed and not of_links:
        return 0
    found = stage_changes(
        session, lake, catalog, module, window, even_none=bool(of_links), by_flows=flows_wrote(changed)
    )
    if links and (found or of_links):
        found += stage_link_changes(session, lake, catalog, module, window, links=links, changed=changed)
    return found
