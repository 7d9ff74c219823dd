"""Waits for events: which there are, and whose event stands among the changes of a window."""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass

from crm_core.definitions import read_versions
from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog, ToMany
from flows.active import ActiveFlow, stored_flow
from flows.compiler import compile_flows
from flows.model import FlowDefinition, Trigger
from flows.staging import Window, rows_view
from flows.steps import Stop, Wait
from flows.waits import TIMERS
from lake import Lake, Session, ident

CAME = "flow_came"
"""The temp table of the waits whose event came within a window."""


@dataclass(frozen=True)
class Awaited:
    """A step at which runs wait for an event of records of `module`: the run's own, or those that `link` to it."""

    flow: ActiveFlow
    flow_id: str
    version: int
    step: int
    module: str
    link: str | None = None
    link_module: str | None = None


_known: "weakref.WeakKeyDictionary[Lake, tuple[int, tuple[Awaited, ...]]]" = weakref.WeakKeyDictionary()


def awaited(lake: Lake, catalog: Catalog, window: Window, *, touched: bool) -> tuple[Awaited, ...]:
    """The steps at which runs wait for an event.

    Args:
        lake: the lake.
        catalog: the definitions.
        window: the window that is read.
        touched: whether anything began or ceased to wait within it.
    """
    known = _known.get(lake)
    if known is not None and known[0] == window.after and not touched:
        found = known[1]
    else:
        rows = lake.read(
            f"SELECT DISTINCT flow, flow_id, flow_version, step FROM {TIMERS} WHERE by_event ORDER BY ALL"
        )
        found = tuple(
            one
            for place, row in enumerate(rows.iter_rows())
            if (one := _awaited(lake, catalog, row, place)) is not None
        )
    _known[lake] = (window.until, found)
    return found


def _awaited(lake: Lake, catalog: Catalog, row: tuple[str, str, int, int], place: int) -> Awaited | None:
    slug, flow_id, version, step = row
    stored = next((one for one in read_versions(lake, "flow", slug) if one.version == version), None)
    if stored is None:
        return None
    definition = stored_flow(stored).definition
    wait = next((one.step for one in definition.steps if one.number == step), None)
    if not isinstance(wait, Wait) or wait.event is None:
        return None
    module, link, link_module = definition.module, None, None
    if wait.of is not None:
        try:
            found = catalog.resolve(module, wait.of).steps[-1]
        except ConditionInvalid:
            # The list is not there any more: what waits for it goes on when its time is up.
            return None
        if not isinstance(found, ToMany) or found.reference is None:
            return None
        link, link_module = (
            found.reference.slug,
            found.reference.module_column if found.reference.polymorphic else None,
        )
        module = found.module
    given = {
        name: value for name, value in (("was", wait.was), ("is", wait.is_)) if getattr(wait, f"asks_{name}")
    }
    trigger = Trigger.model_validate({"event": wait.event, "fields": wait.fields, **given})
    waiting = FlowDefinition(flow=slug, module=module, trigger=trigger, when=wait.when, do=(Stop(),))
    pseudo = ActiveFlow(waiting, f"wait:{flow_id}:{version}:{step}", version, place)
    return Awaited(pseudo, flow_id, version, step, module, link, link_module)


def begin_came(session: Session) -> None:
    """An empty table for the waits whose event came within a window."""
    session.execute(f"CREATE OR REPLACE TEMP TABLE {ident(CAME)} (timer UUID)")


def stage_came(
    session: Session, catalog: Catalog, module: str, waits: Sequence[Awaited], window: Window
) -> int:
    """Find the waits whose event stands among the prepared changes of a module; returns how many."""
    mine = [one for one in waits if one.module == module]
    if not mine:
        return 0
    hits = f"flow_wait_hits__{module}"
    compiled = compile_flows(
        catalog, module, [one.flow for one in mine], relation=rows_view(module), into=hits, now=window.now
    )
    compiled.statement.execute(session, at=window.at)
    by_id = {one.flow.id: one for one in mine}
    count = 0
    for place, flow in enumerate(compiled.flows):
        one = by_id[flow.id]
        record = "h._id" if one.link is None else f"f.{ident(one.link)}"
        rows = "" if one.link is None else _joined(rows_view(module))
        count += session.execute(
            f"INSERT INTO {ident(CAME)} SELECT DISTINCT t.id FROM {ident(hits)} h{rows} JOIN {TIMERS} t "
            f"ON t.record_id = {record} AND h._snapshot > t.committed WHERE h.{ident(f'_m{place}')} "
            "AND t.by_event AND NOT coalesce(t.came, false) AND t.flow_id = $flow AND t.flow_version = $version "
            f"AND t.step = $step{_of_module(one)}",
            {"flow": one.flow_id, "version": one.version, "step": one.step},
        )
    return count


def _joined(rows: str) -> str:
    same = " AND ".join(f"f.{key} = h.{key}" for key in ("_id", "_snapshot", "_event"))
    return f" JOIN {ident(rows)} f ON {same}"


def _of_module(one: Awaited) -> str:
    return "" if one.link_module is None else f" AND f.{ident(one.link_module)} = t.module"
