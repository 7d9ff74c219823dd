"""Libraries of others that run in the browser: served by this server, once, and kept by the browser from then on."""

from pathlib import Path

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

router = APIRouter(prefix="/vendor", include_in_schema=False)
FOLDER = Path(__file__).parent / "static" / "vendor"
_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/{name}")
async def library(name: str) -> FileResponse:
    """A script; its version is part of its name, so that it never changes."""
    known = {path.name: path for path in FOLDER.glob("*.js")}
    if name not in known:
        raise HTTPException(404, f"There is no library “{name}”.")
    return FileResponse(known[name], media_type="text/javascript", headers=_FOR_GOOD)
