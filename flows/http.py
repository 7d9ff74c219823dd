"""Calls of other systems over HTTP: never into one's own network by accident, signed, and an answer for every one."""

import asyncio
import ipaddress
import json
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook

from flows.answers import Answer, Ledger

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port → its addresses; the system's way by default."""

LONGEST_WAIT = timedelta(days=1)
"""What `Retry-After` may ask for at most."""

_KEPT = 500
_NOT_NOW = (408, 425, 429)
_METADATA = ipaddress.ip_network("168.63.129.16/32")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PATIENCE = 3
"""Calls in a row that a host may leave without an answer before the others wait for another time."""


class AddressRefused(ValueError):
    """A host that nobody may call from here, since it lies in one's own network."""

    def __init__(self, host: str, address: str) -> None:
        self.host = host
        self.address = address
        super().__init__(
            f"{host} is {address}, an address of a private network; MERGANSER_WEBHOOK_ALLOW names those that "
            "may be called"
        )


@dataclass(frozen=True)
class Call:
    """One call: what is posted where. `secret` (`whsec_…`) signs it as Standard Webhooks does; `id` never changes.

    What is `hidden` is blotted out of the answer, should the other side repeat it.
    """

    id: str
    url: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: str | None = None
    hidden: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class HttpPolicy:
    """What may be called, and how patiently: `allow` are hosts and networks of one's own, `timeout` is in seconds."""

    allow: tuple[str, ...] = ()
    timeout: float = 15.0
    connections: int = 4
    resolve: Resolve | None = None


def is_allowed(host: str, address: str, allow: Sequence[str] = ()) -> bool:
    """Whether an address may be called: one of the public internet, or one that is listed with its host or network."""
    ip = _plain(ipaddress.ip_address(address.partition("%")[0]))
    for one in allow:
        if one == host.lower() or _is_within(ip, one):
            return True
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and ip not in _METADATA


def _plain(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def _is_within(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, listed: str) -> bool:
    try:
        return ip in ipaddress.ip_network(listed, strict=False)
    except ValueError:
        return False


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """The addresses of a host as the system knows them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(info[4][0]) for info in found))


class _Pinned(httpx.AsyncBaseTransport):
    """Looks a host up once, checks every address, and connects to the very address that was checked."""

    def __init__(self, policy: HttpPolicy) -> None:
        self._policy = policy
        self._resolve = policy.resolve or resolve_by_system
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=policy.connections))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"{host} cannot be found ({error})") from error
        for address in addresses:
            if not is_allowed(host, address, self._policy.allow):
                raise AddressRefused(host, address)
        failed: httpx.ConnectError | None = None
        for address in addresses:
            try:
                return await self._at(request, host, address)
            except httpx.ConnectError as error:
                failed = error
        raise failed or httpx.ConnectError(f"{host} has no address")

    async def _at(self, request: httpx.Request, host: str, address: str) -> httpx.Response:
        # The certificate is still checked against the host's name.
        extensions = {**request.extensions, "sni_hostname": host}
        there = httpx.Request(
            request.method, request.url.copy_with(host=address), headers=request.headers, stream=request.stream,
            extensions=extensions,
        )  # fmt: skip
        return await self._inner.handle_async_request(there)

    async def aclose(self) -> None:
        await self._inner.aclose()


def new_client(policy: HttpPolicy) -> httpx.AsyncClient:
    """A client for one host: no redirects, no proxies of the environment."""
    return httpx.AsyncClient(
        transport=_Pinned(policy),
        timeout=httpx.Timeout(policy.timeout, pool=None),
        follow_redirects=False,
        trust_env=False,
    )


@dataclass
class Patience:
    """What the connections of one host have seen together: failures in a row, and whether to leave it alone."""

    failures: int = 0
    until: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether the other calls wait for another time."""
        return self.failures >= _PATIENCE or self.until is not None


async def call_all(
    client: httpx.AsyncClient,
    queue: "asyncio.Queue[Call]",
    ledger: Ledger,
    patience: Patience,
    *,
    timeout: float,
    now: datetime | None = None,
) -> None:
    """One connection's work: call after call from the queue, until it is empty or the host fails."""
    while not queue.empty() and not patience.is_over:
        call = queue.get_nowait()
        answer, reached = await post(client, call, timeout=timeout, now=now)
        for one in call.hidden:
            answer = replace(answer, words=answer.words.replace(one, "…"))
        patience.failures = 0 if reached else patience.failures + 1
        if answer.retry_at is not None:
            patience.until = answer.retry_at
        await ledger.note(answer)


async def post(
    client: httpx.AsyncClient, call: Call, *, timeout: float, now: datetime | None = None
) -> tuple[Answer, bool]:
    """Make one call; never raises for what the other side does.

    Returns:
        What became of it, and whether the host answered at all.
    """
    answered: httpx.Response | None = None
    text = ""
    try:
        async with asyncio.timeout(timeout):
            async with client.stream("POST", call.url, content=call.body, headers=_headers(call)) as response:
                answered = response
                text = await _beginning(response)
    except AddressRefused as error:
        return Answer(call.id, "refused", str(error)[:_KEPT]), True
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        return Answer(call.id, "retry", _words(error)), False
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError) as error:
        return Answer(call.id, "refused", f"the address or a header cannot be used: {_words(error)}"), True
    except (TimeoutError, httpx.TransportError) as error:
        # The call may have arrived; its answer has not, unless only the rest of it is missing.
        if answered is not None:
            return read_answer(call.id, answered, text, now=now or datetime.now(UTC)), True
        words = f"no answer within {timeout:g} seconds" if _is_timeout(error) else _words(error)
        return Answer(call.id, "unknown", words), False
    return read_answer(call.id, answered, text, now=now or datetime.now(UTC)), True


def read_answer(id: str, response: httpx.Response, text: str, *, now: datetime) -> Answer:
    """What an answer means for a call: 2xx took it, 3xx, 410 and most of 4xx never will, the others may later."""
    status = response.status_code
    told = f"{status} {_phrase(status)}: {text}".rstrip(": \n")
    if 200 <= status < 300:
        return Answer(id, "sent", told[:_KEPT])
    if 300 <= status < 400:
        place = response.headers.get("location", "elsewhere")
        words = f"{status}: it redirects to {place}, which is not followed; enter the address where it ends"
        return Answer(id, "refused", words[:_KEPT])
    if status == HTTPStatus.GONE:
        return Answer(id, "refused", f"410: the address is gone for good. {text}".rstrip()[:_KEPT])
    if status in _NOT_NOW or status >= 500:
        return Answer(id, "retry", told[:_KEPT], retry_at=_retry_at(response, now))
    return Answer(id, "refused", told[:_KEPT])


def _retry_at(response: httpx.Response, now: datetime) -> datetime | None:
    """When `Retry-After` (RFC 9110, section 10.2.3: seconds or a date) allows the next try; None without one."""
    given = response.headers.get("retry-after", "").strip()
    if response.status_code not in (429, 503) or not given:
        return None
    if given.isdecimal():
        return now + min(timedelta(seconds=min(int(given), 10**6)), LONGEST_WAIT)
    try:
        told = parsedate_to_datetime(given)
    except ValueError:
        return None
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    return min(max(told, now), now + LONGEST_WAIT)


def _headers(call: Call) -> dict[str, str]:
    own = {
        "content-type": "application/json",
        "accept-encoding": "identity",
        "user-agent": "Merganser",
        **{name.lower(): value for name, value in call.headers.items()},
    }
    if call.secret is None:
        return own
    now = datetime.now(UTC)
    # The signature holds the whole second, as the header tells it.
    signature = Webhook(call.secret).sign(call.id, now, call.body)
    return {
        **own,
        "webhook-id": call.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }


async def _beginning(response: httpx.Response) -> str:
    """The first words of an answer; one that goes on and on is cut."""
    found = b""
    try:
        async with asyncio.timeout(2.0):
            async for part in response.aiter_raw():
                found += part
                if len(found) >= 4 * _KEPT:
                    break
    except (TimeoutError, httpx.TransportError):
        # What it means stands in its status, which is there.
        return found.decode("utf-8", "replace")[:_KEPT]
    return found.decode("utf-8", "replace")[:_KEPT].strip()


def _is_timeout(error: Exception) -> bool:
    return isinstance(error, (TimeoutError, httpx.TimeoutException))


def _words(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:_KEPT]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def provider_body(*, to: str, text: str, id: str) -> str:
    """What a provider of text messages is asked for."""
    return json.dumps({"to": to, "text": text, "id": id}, ensure_ascii=False)


def address_problem(url: str) -> str | None:
    """What is wrong with the address of a webhook, as far as can be told without a look-up; None when nothing is."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        return f"{url!r} is no address ({error})"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"{url!r} is no address such as https://erp.example/hooks"
    if parts.username or parts.password:
        return f"{url!r} holds a password, which would be told to everybody who sees the flow; use headers"
    return None
