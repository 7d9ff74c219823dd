"""Webhooks that come in: one address a flow, outside of the keys, proved by the flow's own secret."""

import json

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from api.context import Here
from api.errors import BodyInvalid
from api.limits import IntakeLimit
from flows.hooks import HookAnswer, prove, receive

router = APIRouter(tags=["webhooks"])
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


@router.post("/hooks/{flow_id}", summary="Send something to a flow", openapi_extra=_BODY)
async def send_to_flow(flow_id: str, request: Request, workspace: Here) -> JSONResponse:
    """Signed as Standard Webhooks say, or with the flow's secret as `Authorization: Bearer`; once a `webhook-id`."""
    limit: IntakeLimit = request.app.state.intake_limit
    limit.take(request)
    body = await request.body()
    threads: CapacityLimiter = request.app.state.intake_threads
    headers = {name.lower(): value for name, value in request.headers.items()}
    answer = await to_thread.run_sync(_receive, workspace, flow_id, body, headers, limiter=threads)
    return JSONResponse({"run_id": answer.run_id, "state": answer.state, "record_id": answer.record_id})


def _receive(workspace: Here, flow_id: str, body: bytes, headers: dict[str, str]) -> HookAnswer:
    flow = prove(workspace.lake, workspace.settings, flow_id, body=body, headers=headers)
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BodyInvalid(f"it is no JSON ({error})") from error
    if not isinstance(payload, dict):
        raise BodyInvalid("it is no JSON object")
    key = headers.get("webhook-id") or headers.get("idempotency-key") or ""
    return receive(workspace.lake, flow, payload, body=body, key=key)
