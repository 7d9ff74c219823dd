"""The readable page of the API: one small page of our own, so that nothing is fetched from other hosts."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

router = APIRouter(include_in_schema=False)
STATIC = Path(__file__).parent / "static"


@router.get("/docs")
async def docs_page() -> FileResponse:
    """The page; it reads `/api/openapi.json`."""
    return FileResponse(STATIC / "docs.html", media_type="text/html")


@router.get("/docs.js")
async def docs_script() -> FileResponse:
    """The page's script."""
    return FileResponse(STATIC / "docs.js", media_type="text/javascript")


@router.get("/docs.css")
async def docs_style() -> FileResponse:
    """The page's style."""
    return FileResponse(STATIC / "docs.css", media_type="text/css")
