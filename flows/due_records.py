"""The records for which a flow of the clock is due: chosen in one statement, and staged as changes are."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlglot import exp

from crm_core.conditions import Scope, compile_condition
from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.trees import any_of, column, lake_table
from crm_core.values.fragments import sql
from flows.active import ActiveFlow
from flows.compiler import ROW, change_scope, in_folders
from flows.moments import bounds, moment_tree
from flows.staging import WANTED, Window
from flows.statements import create_temp, run
from lake import Session


def choose_due(
    session: Session, catalog: Catalog, flow: ActiveFlow, window: Window, *, after: datetime
) -> int:
    """Put the ids of the live records for which a flow is due into the temp table `WANTED`; returns how many.

    Those of the flow's folders for which its condition holds, as of the window's end; for a flow that waits for a
    date, those whose moment lies after `after` and not after the window's `now`.

    Raises:
        ConditionInvalid: The definitions no longer allow its condition or its field.
        StatementError: The condition cannot be computed.
    """
    module, params = flow.definition.module, Params()
    scope = change_scope(catalog, module, params=params, at=window.at, now=window.now)
    parts = [column("deleted_at", ROW).is_(exp.null()), *in_folders(flow.definition, scope)]
    if flow.definition.trigger.event == "date":
        parts += _reached(flow, scope, after, window.now)
    parts.append(exp.paren(compile_condition(flow.definition.when, scope)))
    chosen = (
        exp.select(exp.cast(column("id", ROW), "VARCHAR", dialect="duckdb").as_("id"))
        .from_(lake_table(module, alias=ROW, at=window.at))
        .where(*parts)
    )
    return run(session, create_temp(WANTED, chosen), params)


def date_column(catalog: Catalog, flow: ActiveFlow) -> tuple[str, str]:
    """The column of the date that a flow waits for, and its type.

    Raises:
        ConditionInvalid: The module has no such field any more.
    """
    path = catalog.resolve(flow.definition.module, flow.definition.trigger.field)
    return path.column, path.column_type


def near_moments(
    catalog: Catalog, flow: ActiveFlow, params: Params, after: datetime, until: datetime
) -> list[tuple[exp.Expr, exp.Expr]]:
    """For each date of a row by which a flow may be due in `(after, until]`: whether it is near, and its moment.

    A moment is to be worked out for dates that are near alone: of one that is far away it may be none.
    """
    trigger, bind = flow.definition.trigger, params.bind
    name, kind = date_column(catalog, flow)
    low, high = bounds(kind, trigger.offset, after, until)
    zone = ZoneInfo(catalog.workspace.time_zone)
    ends = [one.astimezone(zone).date() if kind == "DATE" else one for one in (low, high)]
    dates: list[exp.Expr] = [column(name, ROW)]
    if trigger.yearly:
        dates = [_anniversary(name, year) for year in range(ends[0].year, ends[1].year + 1)]
    found: list[tuple[exp.Expr, exp.Expr]] = []
    for value in dates:
        moment = moment_tree(value, column_type=kind, offset=trigger.offset, at=trigger.at, zone=zone.key)
        found.append((value.between(bind(ends[0]), bind(ends[1])), moment))
    return found


def _reached(flow: ActiveFlow, scope: Scope, after: datetime, until: datetime) -> list[exp.Expr]:
    """Whether the moment lies in `(after, until]`."""
    bind = scope.relations.params.bind
    near = near_moments(scope.relations.catalog, flow, scope.relations.params, after, until)
    asked: list[exp.Expr] = []
    for is_near, moment in near:
        lies = exp.and_(
            exp.GT(this=moment, expression=bind(after)), exp.LTE(this=moment.copy(), expression=bind(until))
        )
        asked.append(exp.Case().when(is_near.copy(), lies, copy=False).else_(exp.false(), copy=False))
    # A date that is far away is passed over before any moment is worked out.
    return [any_of([is_near for is_near, _ in near]), any_of(asked)]


def _anniversary(name: str, year: int) -> exp.Expr:
    """The day of a year on which a date of an earlier one comes back; NULL until then. 29 February is the 28th."""
    return sql(
        "CASE WHEN year($day) < $year THEN CAST($day + to_years(CAST($year - year($day) AS INTEGER)) AS DATE) END",
        day=column(name, ROW), year=exp.Literal.number(year),
    )  # fmt: skip
