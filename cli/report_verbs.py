"""The verbs of reports: which there are, and what they answer."""

from typing import Annotated, Any, Literal

import typer

from cli.base import report, verb
from crm_core.terminal import Here, Package, crm

reports = Package("crm_core.reports")


@verb(report, "list")
def list_reports(here: Here) -> Any:
    """The reports that you are offered, by name."""
    return reports.plain.list_reports(here.catalog, actor=here.actor)


@verb(report, "run")
def run_report(
    here: Here,
    slug: str,
    first: Annotated[str, typer.Option("--from", help="The first day, such as 2026-11-01.")] = "",
    last: Annotated[str, typer.Option("--to", help="The last day.")] = "",
    format: Annotated[Literal["table", "csv"], typer.Option(help="How rows are printed.")] = "table",
) -> Any:
    """Ask a report over its own period, or over the days that are given."""
    asked = reports.plain.range_given(first, last)
    saved = reports.store.report_of(here.catalog, slug, actor=here.actor)
    found = reports.run.run_report(here.lake, here.catalog, saved, actor=here.actor, range=asked)
    document = {**reports.plain.answer_document(found), "rows": reports.plain.answer_rows(found)}
    if format == "csv":
        return crm.telling.Printed(reports.plain.answer_csv(found).decode(), document)
    return document
