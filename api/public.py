"""The public intake: contacts and inquiries of strangers, answered once they are durable."""

import json
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse

from api.context import Here
from api.errors import BodyInvalid
from api.limits import IntakeLimit
from crm_core.intake import FORMS, Answer, Form, submit

router = APIRouter(
    prefix="/public",
    tags=["public intake"],
    responses={200: {"description": "The answer to the same request, which came before with this key"}},
)
THREADS = 64

Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=255, description="The same when repeated."),
]


def _describe(form: Form) -> dict[str, Any]:
    schema = FORMS[form].model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.post(
    "/submit-contact", status_code=201, summary="Submit a contact", openapi_extra=_describe("contact")
)
async def submit_contact(request: Request, workspace: Here, key: Key = None) -> JSONResponse:
    """A general question: `{name, email|phone, company?, subject, message, consent?}`."""
    return await _submit(request, workspace, "contact", key)


@router.post(
    "/submit-inquiry", status_code=201, summary="Submit an inquiry", openapi_extra=_describe("inquiry")
)
async def submit_inquiry(request: Request, workspace: Here, key: Key = None) -> JSONResponse:
    """A request for a service: who asks, from where to where, with which items."""
    return await _submit(request, workspace, "inquiry", key)


async def _submit(request: Request, workspace: Here, form: Form, key: str | None) -> JSONResponse:
    limit: IntakeLimit = request.app.state.intake_limit
    limit.take(request)
    body = await request.body()
    threads: CapacityLimiter = request.app.state.intake_threads
    answer = await to_thread.run_sync(_write, workspace, form, body, key, limiter=threads)
    content = {"reference": answer.reference, "inquiry_id": answer.inquiry_id}
    return JSONResponse(content, status_code=200 if answer.repeated else 201)


def _write(workspace: Here, form: Form, body: bytes, key: str | None) -> Answer:
    return submit(workspace.lake, form=form, body=_read(body), key=key)


def _read(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BodyInvalid(f"it is no JSON ({error})") from error
    if not isinstance(document, dict):
        raise BodyInvalid("it is no JSON object")
    return document
