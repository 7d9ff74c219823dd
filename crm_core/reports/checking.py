"""What is wrong with a report or a dashboard by the definitions as they are, in words."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition
from crm_core.errors import ConditionInvalid, UnknownModule
from crm_core.model import Catalog, Condition, Dashboard, Report
from crm_core.relations import Relations
from crm_core.reports.paths import grouped, numeric, taken_off, timely


def report_problems(report: Report, catalog: Catalog) -> tuple[str, ...]:
    """Every problem of a report; of a statement only its engine knows."""
    if report.sql:
        return ()
    if report.module not in catalog.modules:
        return (f"there is no module “{report.module}” (any more)",)
    return tuple(_problems(report, catalog))


def made_problems(catalog: Catalog, made: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The problems of the reports and dashboards, as (kind, slug), that are made or changed just now."""
    for kind, slug in made:
        if kind == "report":
            report = catalog.reports[slug]
            yield from (
                f"the report {report.title}: {problem}" for problem in report_problems(report, catalog)
            )
        elif kind == "dashboard":
            board: Dashboard = catalog.dashboards[slug]
            for card in board.cards:
                if card.report not in catalog.reports:
                    yield f"the dashboard {board.title} shows the report “{card.report}”, which there is not"


def _problems(report: Report, catalog: Catalog) -> Iterator[str]:
    module, measure = report.module, report.measure
    yield from _condition(catalog, module, report.when)
    for group in report.groups:
        check = timely if group.bucket else grouped
        yield from _said(partial(check, catalog, module, group.field))
    if report.date:
        yield from _said(partial(timely, catalog, module, report.date))
    if measure.kind == "count":
        return
    if measure.kind == "velocity" or measure.until:
        fields = (measure.field, measure.until) if measure.until else (measure.field,)
        for field in fields:
            yield from _said(partial(timely, catalog, module, field))
        return
    yield from _said(partial(numeric, catalog, module, measure.field))
    for less in measure.less:
        try:
            path = taken_off(catalog, module, less.field).path
            yield from _condition(catalog, path.module, less.when)
        except ConditionInvalid as error:
            yield error.reason


def _condition(catalog: Catalog, module: str, condition: Condition) -> Iterable[str]:
    scope = Scope(module, "r", Relations(catalog, Actor.system()))
    return _said(partial(compile_condition, condition, scope))


def _said(check: Callable[[], object]) -> Iterator[str]:
    try:
        check()
    except ConditionInvalid as error:
        yield error.reason
    except UnknownModule as error:
        yield str(error).rstrip(".")
