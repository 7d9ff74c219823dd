"""Mail with its markup, for a frame of a page: nothing in it runs, and nothing is fetched for it unless asked for."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.context import Here
from crm_core.mail import shown

router = APIRouter(prefix="/mail")

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:{}; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)
"""Scripts are not allowed by the sandbox either; of one origin with the page it is so that the page sees its height."""


@router.api_route("/{token}", methods=["GET", "HEAD"], include_in_schema=False)
def show_mail(token: str, workspace: Here) -> HTMLResponse:
    """A message with its markup."""
    found = shown.follow(workspace, token)
    headers = {
        "Content-Security-Policy": _POLICY.format(" https: http:" if found.remote else ""),
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "private, no-store",
    }
    return HTMLResponse(found.document, headers=headers)
