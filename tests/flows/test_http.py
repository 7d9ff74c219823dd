"""Calls of other systems: signed, never into one's own network by accident, and every answer is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from standardwebhooks import Webhook

from flows.answers import Answer
from flows.http import LONGEST_WAIT, Call, HttpPolicy, address_problem, is_allowed, new_client, post
from tests.flows.http_receiver import Receiver, receiver_on
from tests.flows.mail_server import free_port

SECRET = "whsec_" + "c2VjcmV0IG9mIGEgZmxvdyBmb3IgdGhlIHRlc3Q="
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HERE = HttpPolicy(allow=("127.0.0.0/8",), timeout=1.0)


@pytest.fixture(scope="module")
def served() -> Iterator[Receiver]:
    with receiver_on() as one:
        yield one


def made(call: Call, policy: HttpPolicy = HERE) -> Answer:
    async def run() -> Answer:
        async with new_client(policy) as client:
            return (await post(client, call, timeout=policy.timeout, now=NOW))[0]

    return asyncio.run(run())


def test_a_call_is_signed_as_standard_webhooks_says(served: Receiver) -> None:
    call = Call("0199-a", f"{served.url}/hooks?a=b", '{"name": "Søren & Söhne"}', {"X-Shop": "7"}, SECRET)
    assert made(call).outcome == "sent"
    got = served.calls[-1]
    assert Webhook(SECRET).verify(got.body, dict(got.headers)) == {"name": "Søren & Söhne"}
    assert (got.path, got.headers["webhook-id"], got.headers["x-shop"]) == ("/hooks?a=b", "0199-a", "7")
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == f"127.0.0.1:{served.port}"


@pytest.mark.parametrize(
    ("path", "outcome", "words"),
    [
        pytest.param("/200", "sent", '200 OK: {"told": "so"}', id="taken"),
        pytest.param("/204", "sent", "204 No Content", id="taken without a word"),
        pytest.param("/301", "refused", "which is not followed", id="a redirect"),
        pytest.param("/400", "refused", "400 Bad Request", id="refused"),
        pytest.param("/410", "refused", "gone for good", id="gone"),
        pytest.param("/429", "retry", "429", id="too many"),
        pytest.param("/500", "retry", "500 Internal Server Error", id="a server's error"),
        pytest.param("/599", "retry", "599", id="an error without a name"),
        pytest.param("/nothing", "unknown", "disconnected", id="nothing"),
        pytest.param("/hang", "unknown", "no answer within 1 seconds", id="a server that hangs"),
    ],
)
def test_an_answer_says_what_became_of_a_call(served: Receiver, path: str, outcome: str, words: str) -> None:
    answer = made(Call("1", served.url + path, "{}"))
    assert answer.outcome == outcome and words in answer.words
    assert "/elsewhere" not in served.paths


def test_a_long_answer_is_cut(served: Receiver) -> None:
    answer = made(Call("1", f"{served.url}/long", "{}"))
    assert answer.outcome == "sent" and len(answer.words) == 500


@pytest.mark.parametrize(
    ("given", "at"),
    [
        pytest.param("120", NOW + timedelta(seconds=120), id="seconds"),
        pytest.param(
            format_datetime(NOW + timedelta(hours=2), usegmt=True), NOW + timedelta(hours=2), id="date"
        ),
        pytest.param(format_datetime(NOW - timedelta(hours=2), usegmt=True), NOW, id="a date that is over"),
        pytest.param("9" * 30, NOW + LONGEST_WAIT, id="for ever"),
        pytest.param("soon", None, id="no time at all"),
    ],
)
def test_the_wait_that_a_server_asks_for_is_told(given: str, at: datetime | None) -> None:
    with receiver_on() as one:
        one.script = [(503, {"retry-after": given})]
        answer = made(Call("1", one.url, "{}"))
    assert (answer.outcome, answer.retry_at) == ("retry", at)


def test_nobody_there_is_tried_again() -> None:
    assert made(Call("1", f"http://127.0.0.1:{free_port()}/", "{}")).outcome == "retry"
    unknown = replace(HERE, resolve=_answers([]))
    assert made(Call("1", "http://no.such.host.example/", "{}"), unknown).outcome == "retry"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.9", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "168.63.129.16", "::1", "::", "fe80::1%eth0", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1",
     "64:ff9b::7f00:1", "2002:7f00:1::"],
)  # fmt: skip
def test_an_address_of_a_private_network_is_refused(address: str) -> None:
    assert not is_allowed("h.example", address)
    answer = made(Call("1", "http://h.example/", "{}"), HttpPolicy(resolve=_answers([address])))
    assert answer.outcome == "refused" and "MERGANSER_WEBHOOK_ALLOW" in answer.words


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    policy = HttpPolicy(resolve=_answers(["93.184.216.34", "10.0.0.1"]))
    assert made(Call("1", "http://h.example/", "{}"), policy).outcome == "refused"


@pytest.mark.parametrize(
    "allow", [("127.0.0.0/8",), ("127.0.0.1",), ("erp.internal",)], ids=["network", "address", "host"]
)
def test_what_is_listed_may_be_called(served: Receiver, allow: tuple[str, ...]) -> None:
    policy = HttpPolicy(allow=allow, resolve=_answers(["127.0.0.1"]))
    answer = made(Call("1", f"http://erp.internal:{served.port}/listed", "{}"), policy)
    assert answer.outcome == "sent" and served.calls[-1].headers["host"] == f"erp.internal:{served.port}"


def test_a_name_that_changes_after_the_check_leads_nowhere_else(served: Receiver) -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    policy = HttpPolicy(allow=("127.0.0.1",), resolve=rebinding)
    call = Call("1", f"http://rebinding.example:{served.port}/", "{}")
    assert made(call, policy).outcome == "sent" and asked == ["rebinding.example"], "looked up once, and used"
    answer = made(call, policy)
    assert answer.outcome == "refused" and "127.0.0.2" in answer.words


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        pytest.param("https://erp.example:8443/hooks?x=1", None, id="sound"),
        pytest.param("ftp://erp.example/", "no address such as", id="another protocol"),
        pytest.param("erp.example/hooks", "no address such as", id="no protocol"),
        pytest.param("https://user:pass@erp.example/", "password", id="a password"),
        pytest.param("https://erp.example:port/", "no address", id="no port"),
    ],
)
def test_an_address_that_cannot_be_called_is_told(url: str, wrong: str | None) -> None:
    found = address_problem(url)
    assert (found is None) if wrong is None else wrong in str(found)


def test_a_header_that_cannot_be_sent_is_refused(served: Receiver) -> None:
    answer = made(Call("1", served.url, json.dumps({}), {"x-a": "b\r\nx-c: d"}))
    assert answer.outcome == "refused" and "x-c" not in (served.calls[-1].headers if served.calls else {})


def _answers(addresses: Sequence[str]) -> object:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve
