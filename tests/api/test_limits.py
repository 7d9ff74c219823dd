"""How often one address may ask, and which address that is."""

from __future__ import annotations

import ipaddress

import pytest
from starlette.requests import Request

from api.errors import TooManyRequests
from api.limits import IntakeLimit, client_address

PROXIES = (ipaddress.ip_network("10.0.0.0/8"),)


def request(peer: str, forwarded: str = "") -> Request:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return Request({"type": "http", "client": (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        pytest.param("203.0.113.7", [], "203.0.113.7", id="nobody in between"),
        pytest.param("203.0.113.7", ["198.51.100.1"], "203.0.113.7", id="a stranger forwards nothing"),
        pytest.param("10.0.0.2", ["198.51.100.1"], "198.51.100.1", id="a listed proxy is believed"),
        pytest.param(
            "10.0.0.2", ["6.6.6.6", "198.51.100.1", "10.1.1.1"], "198.51.100.1", id="a chain of proxies"
        ),
        pytest.param("10.0.0.2", ["nonsense"], "10.0.0.2", id="what is no address is not believed"),
        pytest.param("2001:db8::1:2:3:4", [], "2001:db8::/64", id="a network of version 6 counts as one"),
        pytest.param("::ffff:203.0.113.7", [], "203.0.113.7", id="a mapped address"),
    ],
)
def test_the_address_is_the_last_that_no_listed_proxy_has(
    peer: str, forwarded: list[str], expected: str
) -> None:
    assert client_address(peer, forwarded, PROXIES) == expected


def test_one_address_is_stopped_and_another_is_not() -> None:
    limit = IntakeLimit(2)
    for _ in range(2):
        limit.take(request("203.0.113.7"))
    with pytest.raises(TooManyRequests) as stopped:
        limit.take(request("203.0.113.7"))
    limit.take(request("203.0.113.8"))
    assert 1 <= stopped.value.retry_after <= 60


def test_zero_is_no_limit() -> None:
    limit = IntakeLimit(0)
    for _ in range(200):
        limit.take(request("203.0.113.7"))
