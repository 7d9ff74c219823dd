"""How often one address may use the public intake."""

import ipaddress
import time
from collections.abc import Iterable, Sequence

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from api.errors import TooManyRequests

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_UNKNOWN = "unknown"


class IntakeLimit:
    """A moving window of a minute per address; what listed proxies forward is believed."""

    def __init__(self, per_minute: int, trusted_proxies: Iterable[str] = ()) -> None:
        """Begin to count.

        Args:
            per_minute: requests that one address may make in a minute; 0 for no limit.
            trusted_proxies: addresses or networks whose `X-Forwarded-For` is believed.
        """
        self.per_minute = per_minute
        self._item = RateLimitItemPerMinute(max(1, per_minute))
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._proxies: tuple[Network, ...] = tuple(
            ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies
        )

    def take(self, request: Request) -> None:
        """Count one request of the address that it comes from.

        Raises:
            TooManyRequests: When there were as many as are allowed within the last minute.
        """
        if not self.per_minute:
            return
        address = self.address_of(request)
        if self._limiter.hit(self._item, address):
            return
        free_at = self._limiter.get_window_stats(self._item, address).reset_time
        raise TooManyRequests(f"{self.per_minute} requests a minute", max(1, round(free_at - time.time())))

    def address_of(self, request: Request) -> str:
        """The client: the peer, or the last one in `X-Forwarded-For` that is no listed proxy."""
        peer = request.client.host if request.client else _UNKNOWN
        forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",")]
        return client_address(peer, [part for part in forwarded if part], self._proxies)


def client_address(peer: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """Walk from the peer backwards through the forwarded addresses as long as each is a listed proxy."""
    here = peer
    for earlier in reversed(forwarded):
        if not _is_in(here, proxies) or _parse(earlier) is None:
            break
        here = earlier
    parsed = _parse(here)
    if isinstance(parsed, ipaddress.IPv6Address):
        # One household has a network of them.
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed) if parsed else here


def _is_in(address: str, proxies: Sequence[Network]) -> bool:
    parsed = _parse(address)
    return parsed is not None and any(parsed in network for network in proxies)


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    return parsed.ipv4_mapped or parsed if isinstance(parsed, ipaddress.IPv6Address) else parsed
