"""Pure ASGI layers around every answer: security headers, allowed hosts, a limit for bodies."""

import re
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import BodyTooLarge, HostNotAllowed
from api.problems import ProblemResponse
from crm_core.problems import problem_of

# Streamlit's pages need inline styles and scripts; what no page needs is another host.
PAGE_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' ws: wss: data: blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
API_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "frame-ancestors 'none'"
)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class SecurityHeaders:
    """Adds the headers that a browser needs to keep the answer to itself; an answer's own ones stay."""

    def __init__(self, app: ASGIApp, policy: str = PAGE_POLICY) -> None:
        self.app = app
        self.added = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "SAMEORIGIN",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.added.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)


class AllowedHosts:
    """Refuses requests and websockets whose Host this server does not answer for; no hosts allow all.

    `public` are beginnings of paths, each with a further host that only they answer for.

    A server on the loopback address without sign-in would otherwise be open to any page whose name an
    attacker lets resolve to 127.0.0.1.
    """

    def __init__(
        self, app: ASGIApp, hosts: Sequence[str] = LOOPBACK, public: Sequence[tuple[str, str]] = ()
    ) -> None:
        self.app = app
        self.hosts = tuple(hosts)
        self.public = tuple(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and self.hosts:
            host = _host(Headers(scope=scope).get("host", ""))
            known = host in self.hosts or any(
                host == other and scope["path"].startswith(path) for path, other in self.public if other
            )
            if not known:
                await _refuse(scope, receive, send, HostNotAllowed(host, self.hosts))
                return
        await self.app(scope, receive, send)


class BodyLimit:
    """Answers 413 once a body is longer than allowed; `larger` are patterns of whole paths with a limit of their own.

    Paths are those within the application, wherever it is mounted.
    """

    def __init__(self, app: ASGIApp, limit: int, larger: Sequence[tuple[str, int]] = ()) -> None:
        self.app = app
        self.limit = limit
        self.larger = tuple((re.compile(pattern), most) for pattern, most in larger)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        limit = next((most for pattern, most in self.larger if pattern.fullmatch(path)), self.limit)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            await _refuse(scope, receive, send, BodyTooLarge(limit))
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise BodyTooLarge(limit)
            return message

        await self.app(scope, counted, send)


async def _refuse(scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await ProblemResponse(problem_of(error))(scope, receive, send)


def _host(header: str) -> str:
    """The host of a Host header without its port."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].lower()
