"""Saved reports: which there are, and what they answer to the one who asks."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from api.context import Here, Json, Who
from crm_core.export import MEDIA_TYPES
from crm_core.reports import plain
from crm_core.reports.run import run_report
from crm_core.reports.store import report_of

router = APIRouter(prefix="/v1/reports", tags=["reports"])


@router.get("", summary="Reports")
def list_reports(workspace: Here, actor: Who) -> JSONResponse:
    """The reports that you are offered: your own, those of your teams, everybody's."""
    return Json({"items": plain.list_reports(workspace.catalog, actor=actor)})


@router.get("/{report}/rows", summary="Ask a report")
def report_rows(
    report: str,
    workspace: Here,
    actor: Who,
    first: Annotated[str, Query(alias="from", description="The first day, such as 2026-11-01.")] = "",
    last: Annotated[str, Query(alias="to", description="The last day.")] = "",
    format: Annotated[Literal["json", "csv"], Query(description="json or csv")] = "json",
) -> Response:
    """What a report says of the records that you may see; without days, over its own period."""
    catalog = workspace.catalog
    saved = report_of(catalog, report, actor=actor)
    asked = plain.range_given(first, last)
    result = run_report(workspace.lake, catalog, saved, actor=actor, range=asked)
    if format == "csv":
        return Response(plain.answer_csv(result), media_type=MEDIA_TYPES["csv"])
    return Json(plain.answer_document(result))
