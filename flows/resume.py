"""Runs that are gone on with: after a wait, from a failed step, or when somebody lets held ones go.

They see the record as it is now, under the version of the flow that they began with, and keep their id.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from crm_core.definitions import read_catalog, read_versions
from crm_core.model import Catalog
from flows.active import ActiveFlow, stored_flow
from flows.runs import RUNS, begin_runs
from flows.staging import Window, stage_records
from flows.window import Staged, finish_staging
from lake import Lake, Session, ident, table

GOING = "flow_going"
"""The temp table of what is gone on with: `run_id, start, timer, expects, attempt`."""

RESUMED = "resumed"
_RUNS_OF_LAKE = table("ops", "flow_runs")


def stage_resumed(
    session: Session, lake: Lake, *, going: str, values: Mapping[str, Any] | None, now: datetime
) -> Staged | None:
    """Stage the runs that a select names, to go on where it says; None when there are none.

    Args:
        session: where they are staged.
        lake: the lake.
        going: a select of `run_id` (UUID), `start` (see `flows.segments`), `timer` (UUID or NULL), `expects` (the state
            that the run must still have when this is stored) and `attempt`.
        values: its parameters.
        now: the aware instant from which relative dates count.
    """
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(GOING)} AS {going}", dict(values) if values else None
    )
    catalog, snapshot = read_catalog(lake), lake.snapshot()
    window = Window(snapshot, snapshot, snapshot, now)
    begin_runs(session)
    flows = _flows(session, lake, catalog)
    count = session.execute(
        f"INSERT INTO {ident(RUNS)} BY NAME SELECT uuidv7() AS id, g.run_id, 0 AS place, r.flow, r.flow_id, "
        "r.flow_version, r.module, r.record_id, $event AS event, $snapshot AS snapshot, r.id AS change_id, r.load_id, "
        "'done' AS state, r.depth, r.chain, $now AS occurred, g.start, g.timer, g.attempt, g.expects "
        f"FROM {ident(GOING)} g JOIN {_RUNS_OF_LAKE} r ON r.id = g.run_id",
        {"event": RESUMED, "snapshot": snapshot, "now": now},
    )
    if not count:
        return None
    for flow in flows:
        session.execute(
            f"UPDATE {ident(RUNS)} SET place = ? WHERE flow_id = ? AND flow_version = ?",
            [flow.order, flow.id, flow.version],
        )
    _stage_records(session, catalog, window)
    _end_without(session, catalog, flows)
    return finish_staging(session, lake, catalog, flows, window, changes=0, started_at=now)


def _flows(session: Session, lake: Lake, catalog: Catalog) -> list[ActiveFlow]:
    """The versions that the runs began with, in the order of their names."""
    wanted = session.read(
        f"SELECT DISTINCT r.flow, r.flow_version FROM {ident(GOING)} g JOIN {_RUNS_OF_LAKE} r ON r.id = g.run_id "
        "ORDER BY ALL"
    )
    found = []
    for place, (slug, version) in enumerate(wanted.iter_rows()):
        made = partial(_version, lake, slug, version, place)
        found.append(catalog.memo.of(("flow version", slug, version, place), made))
    return found


def _version(lake: Lake, slug: str, version: int, place: int) -> ActiveFlow:
    stored = next(one for one in read_versions(lake, "flow", slug) if one.version == version)
    return stored_flow(stored, place)


def _stage_records(session: Session, catalog: Catalog, window: Window) -> None:
    """Stage the records as they are now; a run whose record is gone, or its module, ends here."""
    modules = session.read(f"SELECT DISTINCT module FROM {ident(RUNS)}")["module"]
    for module in modules:
        if module not in catalog.modules:
            _cancel(session, "the module is not there any more", "module = ?", [module])
            continue
        ids = session.read(
            f"SELECT DISTINCT CAST(record_id AS VARCHAR) AS id FROM {ident(RUNS)} WHERE module = ?", [module]
        )
        stage_records(session, catalog, module, ids=ids["id"].to_list(), window=window, event=RESUMED)
        gone = f"module = ? AND record_id NOT IN (SELECT _id FROM {ident(f'flow_meta__{module}')})"
        _cancel(session, "the record was deleted in the meantime", gone, [module])


def _end_without(session: Session, catalog: Catalog, flows: list[ActiveFlow]) -> None:
    for flow in flows:
        live = catalog.live.get(flow.slug)
        if live is not None and live.state == "retired":
            _cancel(session, "the flow was removed in the meantime", "flow = ?", [flow.slug])


def _cancel(session: Session, reason: str, which: str, values: list[Any]) -> None:
    session.execute(
        f"UPDATE {ident(RUNS)} SET state = 'cancelled', error = ? WHERE {which}", [reason, *values]
    )
