"""Reading across modules: search as one types, and SELECTs through the SQL door."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.context import Here, Json, Who
from crm_core.explore import run_query
from crm_core.export import MEDIA_TYPES, table_as_csv, table_as_rows
from crm_core.search import search_all

router = APIRouter(prefix="/v1", tags=["queries"])


class Statement(BaseModel):
    """One SELECT over modules by their slugs, live records; `<slug>__deleted` has the others."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(min_length=1, max_length=50_000, examples=["SELECT count(*) FROM inquiries"])
    limit: int = Field(default=10_000, ge=1, le=100_000)


@router.get("/search", summary="Search")
def search(
    workspace: Here,
    actor: Who,
    q: Annotated[str, Query(description="Words; each must be found.", max_length=200)] = "",
    modules: Annotated[str, Query(description="Only these, with commas between.")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> JSONResponse:
    """The first records of every module that hold all the words, best titles first."""
    chosen = [slug.strip() for slug in modules.split(",") if slug.strip()]
    for slug in chosen:
        workspace.catalog.module(slug)
    hits = search_all(workspace.lake, workspace.catalog, words=q, actor=actor, modules=chosen, limit=limit)
    return Json({"items": [asdict(hit) for hit in hits]})


@router.post("/query", summary="Query")
def query(
    statement: Statement,
    workspace: Here,
    actor: Who,
    format: Annotated[Literal["json", "csv"], Query(description="json or csv")] = "json",
) -> Response:
    """Run one SELECT over what the actor may see."""
    result = run_query(
        workspace.lake, workspace.catalog, sql=statement.sql, actor=actor, max_rows=statement.limit
    )
    if format == "csv":
        return Response(table_as_csv(result.table), media_type=MEDIA_TYPES["csv"])
    columns = [
        {"name": name, "type": kind}
        for name, kind in zip(result.table.column_names, result.types, strict=True)
    ]
    rows = table_as_rows(result.table, result.types)
    return Json({"columns": columns, "rows": rows, "truncated": result.truncated, "seconds": result.seconds})
