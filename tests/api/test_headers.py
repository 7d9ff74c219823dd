"""What stands around every answer: headers, allowed hosts, a limit for bodies."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from api.app import MOST_BODY_BYTES
from api.headers import AllowedHosts, BodyLimit, SecurityHeaders
from api.problems import answer_error


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        body = await Request(scope, receive).body()
    except Exception as error:
        await answer_error(error)(scope, receive, send)
        return
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def client(app: ASGIApp, host: str = "127.0.0.1:8501") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{host}")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("127.0.0.1:8501", 200, id="the loopback address"),
        pytest.param("localhost", 200, id="its name"),
        pytest.param("[::1]:8501", 200, id="of version 6"),
        pytest.param("evil.example", 421, id="a name that leads here"),
        pytest.param("127.0.0.1.evil.example", 421, id="a name that looks like it"),
    ],
)
@pytest.mark.anyio
async def test_a_loopback_server_answers_for_itself_only(host: str, status: int) -> None:
    async with client(AllowedHosts(echo), host) as http:
        assert (await http.get("/")).status_code == status


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        pytest.param("/m/o/token", "crm.company.example", 200, id="a public path under the public name"),
        pytest.param("/modules", "crm.company.example", 421, id="any other path under it"),
        pytest.param("/m/o/token", "evil.example", 421, id="a public path under another name"),
    ],
)
@pytest.mark.anyio
async def test_a_public_name_opens_the_public_paths_only(path: str, host: str, status: int) -> None:
    app = AllowedHosts(echo, public=(("/m/", "crm.company.example"), ("/x", "")))
    async with client(app, host) as http:
        assert (await http.get(path)).status_code == status


@pytest.mark.anyio
async def test_a_server_that_is_reached_from_outside_asks_for_no_name() -> None:
    async with client(AllowedHosts(echo, hosts=()), "crm.company.example") as http:
        assert (await http.get("/")).status_code == 200


@pytest.mark.anyio
async def test_a_browser_may_not_guess_frame_or_fetch_elsewhere() -> None:
    async with client(SecurityHeaders(echo)) as http:
        headers = (await http.get("/")).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'self'" in headers["Content-Security-Policy"]
    assert "https:" not in headers["Content-Security-Policy"]


async def streamed(size: int) -> AsyncIterator[bytes]:
    for _ in range(size):
        yield b"x"


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "streamed"])
@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        pytest.param("/a", 10, 200, id="as much as allowed"),
        pytest.param("/a", 11, 413, id="too much"),
        pytest.param("/import", 11, 200, id="more where more is allowed"),
        pytest.param("/import", 21, 413, id="too much there, too"),
        pytest.param("/a/import", 11, 413, id="too much where a path only ends so"),
    ],
)
@pytest.mark.anyio
async def test_a_body_has_a_limit(path: str, size: int, status: int, announced: bool) -> None:
    app = BodyLimit(echo, limit=10, larger=((r"/import", 20),))
    async with client(app) as http:
        content = b"x" * size if announced else streamed(size)
        answer = await http.post(path, content=content)
    assert answer.status_code == status
    assert status == 200 or answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/v1/modules/customers/records/import", 413, id="a record called import"),
        pytest.param("/v1/modules/customers/records/upload", 413, id="a record called upload"),
        pytest.param("/v1/modules/customers/import", 401, id="where files are loaded"),
    ],
)
def test_only_where_files_come_in_a_body_may_be_large(api: FastAPI, path: str, status: int) -> None:
    announced = {"content-length": str(MOST_BODY_BYTES + 1)}
    mounted = Starlette(routes=[Mount("/api", app=api)])
    with TestClient(mounted) as http:
        answer = http.request(
            "PATCH" if "records" in path else "POST", f"/api{path}", headers=announced, content=b"x"
        )
    assert answer.status_code == status
