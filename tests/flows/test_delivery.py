"""Delivery of whatever waits in the outbox: every server has a lane of its own, and every answer is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from crm_core.settings import Settings
from flows import outbox
from flows.answers import Answer
from flows.claiming import Rooms, claim
from flows.delivery import Delivery, Provider, deliver_once
from flows.journal import Journal
from flows.outbox import OUTBOX
from flows.secrets import webhook_secret
from lake import Change, Lake
from tests.flows.delivering import FLOW_ID, answers, config, minutes, queue_calls, standing
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, rows, run
from tests.flows.http_receiver import Receiver, receiver_on, wait_until
from tests.flows.mail_server import free_port, mail_server

MAIL = {"send_email": {"to": "{{ email }}", "subject": "S", "body": "B"}}
TEXT = {"send_message": {"channel": "sms", "to": "{{ phone }}", "text": "Hello {{ subject }}"}}


@pytest.fixture
def served() -> Iterator[Receiver]:
    with receiver_on() as one:
        yield one


def queue_mail(lake: Lake, *recipients: str) -> None:
    activate(lake, flow("mail", MAIL))
    for recipient in recipients:
        inquiry(lake, email=recipient)
    run(lake)


def test_a_call_is_signed_by_its_flow_and_carries_the_same_id_at_every_attempt(
    crm: Lake, served: Receiver, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path)
    [call] = queue_calls(crm, f"{served.url}/hooks")
    served.script = [(500, {})]
    with_secrets = config(settings=settings)
    assert deliver_once(crm, with_secrets).retried == 1
    assert deliver_once(crm, with_secrets, now=minutes(5)).sent == 1
    first, second = served.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == call
    secret = webhook_secret(settings, "webhook", FLOW_ID)
    assert Webhook(secret).verify(second.body, dict(second.headers)) == {"a": 1}
    assert [state for state, _ in answers(crm)] == ["failed", "sent"]
    assert answers(crm)[1][1] == '200 OK: {"told": "so"}'
    attempts = outbox.show(crm, call, actor=ADMIN).attempts
    assert {one.server for one in attempts} == {f"127.0.0.1:{served.port}"}


@pytest.mark.parametrize(
    ("path", "state"),
    [
        pytest.param("/200", "sent", id="taken"),
        pytest.param("/301", "dead", id="a redirect"),
        pytest.param("/410", "dead", id="gone"),
        pytest.param("/404", "dead", id="nobody knows it"),
        pytest.param("/503", "queued", id="not now"),
        pytest.param("/nothing", "unknown", id="no answer"),
    ],
)
def test_an_answer_decides_what_becomes_of_a_call(
    shared: Lake, served: Receiver, path: str, state: str
) -> None:
    [call] = queue_calls(shared, served.url + path)
    deliver_once(shared, config())
    assert outbox.show(shared, call, actor=ADMIN).message.state == state


def test_a_server_is_asked_again_when_it_said_so(crm: Lake, served: Receiver) -> None:
    first, second = queue_calls(crm, f"{served.url}/a", f"{served.url}/b")
    served.script = [(429, {"retry-after": "600"})] * 4
    delivery = Delivery(crm, config())
    now = datetime.now(UTC)
    delivery.run(now=now)
    waits = outbox.show(crm, first, actor=ADMIN).message.next_attempt_at - now
    assert timedelta(seconds=599) < waits < timedelta(seconds=601)
    assert delivery.run(now=now + timedelta(seconds=590)).tried == 0
    served.script = []
    assert delivery.run(now=now + timedelta(seconds=700)).sent == 2 and second


def test_a_server_that_hangs_holds_up_no_other(crm: Lake, served: Receiver) -> None:
    with receiver_on() as stuck, mail_server() as mailbox:
        stuck.hangs = 30.0
        queue_calls(crm, *[f"{stuck.url}/hang/{number}" for number in range(20)])
        queue_calls(crm, *[f"{served.url}/{number}" for number in range(3)])
        queue_mail(crm, "a@x.example", "b@x.example")

        def release() -> None:
            wait_until(lambda: len(served.calls) == 3 and len(mailbox.messages) == 2)
            others.append((len(served.calls), len(mailbox.messages)))
            stuck.released.set()

        others: list[tuple[int, int]] = []
        watcher = threading.Thread(target=release)
        watcher.start()
        report = deliver_once(crm, config(mailbox.url, http_timeout=60.0))
        watcher.join()
    assert others == [(3, 2)] and report.sent == 25


def test_a_host_that_is_down_uses_up_few_attempts(crm: Lake, served: Receiver) -> None:
    dead = f"http://127.0.0.1:{free_port()}"
    queue_calls(crm, *[f"{dead}/{number}" for number in range(40)], f"{served.url}/good")
    delivery = Delivery(crm, config())
    report = delivery.run()
    assert (report.sent, report.retried < 10) == (1, True) and len(served.calls) == 1
    untried = [state for state, attempts in standing(crm) if attempts == 0]
    assert len(untried) > 30 and set(untried) == {"queued"}
    assert delivery.run().tried == 0, "it is left alone for a while"


def test_a_call_that_is_never_answered_is_given_up(crm: Lake, served: Receiver) -> None:
    queue_calls(crm, f"{served.url}/nothing")
    for day in range(3):
        deliver_once(crm, config(max_attempts=3), now=minutes(day * 1440))
    assert standing(crm) == [("dead", 3)] and len(served.calls) == 3


def test_a_lane_gets_no_more_than_it_may_in_a_minute(crm: Lake, served: Receiver) -> None:
    queue_calls(crm, *[f"{served.url}/{number}" for number in range(5)])
    slow = config(per_minute={"webhook": 3})
    now = datetime.now(UTC)
    assert deliver_once(crm, slow, now=now).sent == 3
    assert deliver_once(crm, slow, now=now + timedelta(seconds=30)).tried == 0
    assert deliver_once(crm, slow, now=now + timedelta(seconds=61)).sent == 2


def test_every_lane_gets_its_share_of_what_is_taken(crm: Lake) -> None:
    queue_calls(crm, *[f"http://busy.example/{number}" for number in range(30)], "http://other.example/")
    claimed = claim(crm, Rooms({"webhook": 5}, {}), now=datetime.now(UTC), domain="x.example")
    hosts = claimed.rows["host"].to_list()
    assert (hosts.count("busy.example"), hosts.count("other.example")) == (5, 1)


def test_a_text_message_is_handed_to_its_provider(crm: Lake, served: Receiver) -> None:
    activate(crm, flow("text", TEXT))
    inquiry(crm, phone="+49 151 2345678", subject="“you”")
    run(crm)
    assert deliver_once(crm, config()).tried == 0
    [message] = outbox.list_messages(crm, actor=ADMIN, missing=config().missing)
    assert message.state == "queued" and "MERGANSER_SMS_URL" in message.why
    provided = config(providers={"sms": Provider(f"{served.url}/v1/messages", "s3cret")})
    assert deliver_once(crm, provided).sent == 1
    [call] = served.calls
    assert call.headers["authorization"] == "Bearer s3cret"
    assert call.headers["idempotency-key"] == message.id
    assert call.body == f'{{"to": "+491512345678", "text": "Hello “you”", "id": "{message.id}"}}'
    assert rows(crm, "communications", "channel", "state") == [("sms", "sent")]


def test_an_answer_that_only_the_journal_knows_is_not_asked_for_again(crm: Lake, tmp_path: Path) -> None:
    queue_mail(crm, "a@x.example", "b@x.example")
    claimed = claim(crm, Rooms({"email": 10}, {}), now=datetime.now(UTC), domain="x.example")
    first, _ = claimed.rows["id"].to_list()
    # As a process leaves it that is killed after the first answer was on the disk.
    Journal(tmp_path).append([Answer(first, "sent", "250 taken", attempt=1)])
    with mail_server() as mailbox:
        assert deliver_once(crm, config(mailbox.url, journal=tmp_path)).sent == 1
        assert len(mailbox.messages) == 1
    assert standing(crm) == [("sent", 1), ("sent", 2)]
    assert list(tmp_path.glob("*.jsonl")) == []


def test_a_line_that_was_cut_off_is_no_answer(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append([Answer("a", "sent", "250"), Answer("b", "retry", "451", retry_at=datetime.now(UTC))])
    [(found, place)] = Journal(tmp_path).left()
    place.write_text("\x00\x00\n[]\n" + place.read_text()[:-5])
    [(cut, _)] = Journal(tmp_path).left()
    assert [one.id for one in found] == ["a", "b"] and [one.id for one in cut] == ["a"]


def test_a_message_without_a_record_is_dead_and_says_so(crm: Lake) -> None:
    queue_mail(crm, "a@x.example")
    crm.commit(
        lambda tx: tx.execute(f"UPDATE {OUTBOX} SET communication_id = uuid()"), Change(actor="t", door="t")
    )
    with mail_server() as mailbox:
        assert deliver_once(crm, config(mailbox.url)).dead == 1
    [message] = crm.read(f"SELECT reason FROM {OUTBOX}")["reason"].to_list()
    assert "not there any more" in message
