"""Files under the links that pages hand out: streamed from disk, in ranges where a player asks for them."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from api.context import Here
from crm_core import files, media, pictures
from crm_core.errors import RecordNotFound

router = APIRouter(prefix="/files")

NOTHING_RUNS = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'; frame-ancestors 'self'"
)
"""What a file may do in a browser: be looked at."""

_SANDBOX = "; sandbox"


@router.api_route("/{token}", methods=["GET", "HEAD"], include_in_schema=False)
def serve_file(
    token: str, workspace: Here, download: Annotated[bool, Query(description="Take it away.")] = False
) -> FileResponse:
    """A file, shown where a browser can show it without running anything; else, or when asked, to be taken away.

    Its bytes decide what it is, whatever its record or its ending says.
    """
    kept = files.follow(workspace, token)
    shown = media.shown_as(media.read_head(kept.place))
    kind = "inline" if shown and not download else "attachment"
    headers = {
        "Content-Disposition": disposition(kind, kept.name),
        "Content-Security-Policy": policy(shown),
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, no-store",
    }
    return FileResponse(kept.place, media_type=shown or media.UNKNOWN, headers=headers)


@router.api_route("/{token}/small", methods=["GET", "HEAD"], include_in_schema=False)
def serve_small(token: str, workspace: Here) -> FileResponse:
    """A small square of a picture.

    Raises:
        RecordNotFound: It is none, or there is none to be seen.
    """
    kept = files.follow(workspace, token)
    made = pictures.small(workspace.settings.files_path, kept.place)
    if made is None:
        raise RecordNotFound(files.MODULE, str(kept.record["id"]))
    headers = {
        "Content-Security-Policy": policy("image/webp"),
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "private, max-age=600",
    }
    return FileResponse(made, media_type="image/webp", headers=headers)


def policy(shown: str | None) -> str:
    """The policy under which a file is opened; the reader of PDFs that browsers have does not work in a sandbox."""
    return NOTHING_RUNS if shown == "application/pdf" else NOTHING_RUNS + _SANDBOX


def disposition(kind: str, name: str) -> str:
    """`Content-Disposition` with a name in any script (RFC 6266): in ASCII for old programs, in full for others."""
    plain = "".join(
        letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in name
    ).strip()
    return f"{kind}; filename=\"{plain or 'file'}\"; filename*=UTF-8''{quote(name.encode('utf-8', 'replace'), safe='')}"
