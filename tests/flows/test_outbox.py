"""Mail from a flow to a mail server: queued with its effects, tried as often as is right, and held when too many."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.errors import Forbidden
from crm_core.records import create
from flows import outbox
from flows.delivery import DeliveryConfig, deliver_once
from flows.errors import UnknownMessage
from flows.run_history import list_runs, show_run
from lake import Change, Lake, LakeConfig, table
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, rows, run
from tests.flows.mail_server import Mailbox, free_port, mail_server

MAIL = {"send_email": {"to": "{{ email }}", "template": "received", "purpose": "service"}}
SENDER = "Freight <mail@freight.example>"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


def config(url: str, **more: Any) -> DeliveryConfig:
    return DeliveryConfig(url, SENDER, timeout=1.0, **more)


def queue(lake: Lake, *recipients: str) -> None:
    """A queued message for each of the recipients."""
    activate(lake, flow("mail", MAIL))
    for recipient in recipients:
        inquiry(lake, email=recipient)
    run(lake)


def later(lake: Lake, url: str, minutes: int = 600, **more: Any) -> Any:
    return deliver_once(lake, config(url, **more), now=datetime.now(UTC) + timedelta(minutes=minutes))


def states(lake: Lake) -> list[str]:
    return [message.state for message in outbox.list_messages(lake, actor=ADMIN)]


def test_a_message_is_delivered_with_its_words(crm: Lake, mailbox: Mailbox) -> None:
    customer = create(crm, module="customers", values={"name": "Søren"}, actor=ADMIN).id
    activate(crm, flow("mail", MAIL))
    inquiry(crm, email="soren@buyer.example", customer=customer, amount=101, subject="10 % & {{ subject }}")
    run(crm)
    assert rows(crm, "communications", "state", "direction", "channel", "customer") == [
        ("queued", "out", "email", customer)
    ]
    report = deliver_once(crm, config(mailbox.url))
    [message] = mailbox.messages
    assert (report.sent, message["To"], message["From"]) == (1, "soren@buyer.example", SENDER)
    assert message["Subject"] == "We have “10 % & {{ subject }}”"
    assert message.get_content().splitlines() == ["Dear Søren,", "this is a large one.", "Testing"]
    assert rows(crm, "communications", "state", "message_id") == [("sent", message["Message-ID"])]
    assert deliver_once(crm, config(mailbox.url)).tried == 0


def test_without_a_server_mail_stays_queued_and_says_why(crm: Lake) -> None:
    queue(crm, "a@x.example")
    assert "MERGANSER_SMTP_URL" in deliver_once(crm, config("")).reason
    [message] = outbox.list_messages(crm, actor=ADMIN, smtp_url="")
    assert message.state == "queued" and "MERGANSER_SMTP_URL" in message.why


def test_a_server_that_is_down_gets_it_later(crm: Lake, mailbox: Mailbox) -> None:
    queue(crm, "a@x.example")
    assert deliver_once(crm, config(f"smtp://127.0.0.1:{free_port()}")).retried == 1
    assert deliver_once(crm, config(mailbox.url)).tried == 0, "the next attempt waits"
    assert later(crm, mailbox.url).sent == 1
    [message] = outbox.list_messages(crm, actor=ADMIN)
    assert (message.state, message.attempts) == ("sent", 2)


def test_one_refused_recipient_holds_up_no_other(crm: Lake, mailbox: Mailbox) -> None:
    queue(crm, "nobody@x.example", "later@x.example", "good@x.example", "spam@x.example")
    report = deliver_once(crm, config(mailbox.url))
    assert (report.sent, report.retried, report.dead) == (1, 1, 2)
    found = {m.recipient: (m.state, m.why[:3]) for m in outbox.list_messages(crm, actor=ADMIN)}
    assert found == {
        "nobody@x.example": ("dead", "550"), "spam@x.example": ("dead", "554"),
        "later@x.example": ("queued", "451"), "good@x.example": ("sent", "250"),
    }  # fmt: skip
    assert sorted(rows(crm, "communications", "state")) == ["failed", "failed", "queued", "sent"]


def test_a_message_that_is_put_off_too_often_is_dead_until_somebody_retries_it(
    crm: Lake, mailbox: Mailbox
) -> None:
    queue(crm, "later@x.example")
    for day in range(1, 4):
        later(crm, mailbox.url, minutes=day * 1440, max_attempts=3)
    assert states(crm) == ["dead"] and rows(crm, "communications", "state") == ["failed"]
    assert outbox.retry(crm, actor=ADMIN) == 1
    assert states(crm) == ["queued"] and rows(crm, "communications", "state") == ["queued"]


def test_pauses_grow(crm: Lake) -> None:
    pauses = [config("smtp://x").pause(attempt).total_seconds() for attempt in (1, 2, 3, 30)]
    assert 24 <= pauses[0] <= 36 and 48 <= pauses[1] <= 72 and 96 <= pauses[2] <= 144
    assert pauses[3] <= 6 * 3600 * 1.2


def test_an_answer_that_never_came_is_an_unknown_outcome_and_tried_again_as_the_same_message(
    crm: Lake, mailbox: Mailbox
) -> None:
    queue(crm, "slow@x.example")
    assert deliver_once(crm, config(mailbox.url)).unknown == 1
    [message] = outbox.list_messages(crm, actor=ADMIN)
    assert message.state == "unknown" and "outcome unknown" in message.why
    later(crm, mailbox.url)
    first, second = mailbox.messages
    assert first["Message-ID"] == second["Message-ID"] == message.message_id


def test_an_answer_is_not_forgotten_while_the_lake_is_locked(
    crm_config: LakeConfig, mailbox: Mailbox
) -> None:
    mailbox.pause = 0.2
    with Lake.open(replace(crm_config, lock_timeout=0.2)) as impatient, Lake.open(crm_config) as other:
        queue(impatient, "a@x.example")

        def hold() -> None:
            while not mailbox.messages:
                time.sleep(0.01)
            other.commit(lambda tx: time.sleep(1.5), Change(actor="t", door="t"))

        holder = threading.Thread(target=hold)
        holder.start()
        assert deliver_once(impatient, config(mailbox.url)).sent == 1
        holder.join()
        assert states(impatient) == ["sent"] and len(mailbox.messages) == 1


def test_an_attempt_of_a_dead_process_is_told_and_made_again(crm: Lake, mailbox: Mailbox) -> None:
    queue(crm, "a@x.example")
    # As a process leaves it that dies between the attempt's record and its answer.
    crm.commit(
        lambda tx: (
            tx.execute(
                f"UPDATE {outbox.OUTBOX} SET state = 'sending', attempts = 1, message_id = '<first@x>'"
            )
            + tx.execute(
                f"INSERT INTO {outbox.DELIVERIES} (id, outbox_id, attempt, state, started_at) "
                f"SELECT uuidv7(), id, 1, 'sending', now() FROM {outbox.OUTBOX}"
            )
        ),
        Change(actor="t", door="t"),
    )
    assert deliver_once(crm, config(mailbox.url)).sent == 1
    assert [message["Message-ID"] for message in mailbox.messages] == ["<first@x>"]
    attempts = crm.read(f"SELECT attempt, state FROM {outbox.DELIVERIES} ORDER BY attempt").rows()
    assert attempts == [(1, "unknown"), (2, "sent")]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        pytest.param({}, "no address", id="no address"),
        pytest.param({"email": "objected@x.example"}, "no consent", id="objected"),
    ],
)
def test_a_message_that_may_not_be_sent_is_not_and_the_run_says_so(
    crm: Lake, values: dict[str, Any], reason: str
) -> None:
    consent(crm, "objected@x.example", "service", "objected")
    activate(crm, flow("mail", MAIL, {"set_field": {"note": "after"}}))
    inquiry(crm, **values)
    run(crm)
    assert outbox.list_messages(crm, actor=ADMIN) == [] and rows(crm, "communications", "id") == []
    [one] = list_runs(crm, actor=ADMIN)
    effect = show_run(crm, one.id, actor=ADMIN).effects[0]
    assert (one.state, effect.outcome) == ("done", "skipped") and reason in str(effect.detail)
    assert rows(crm, "inquiries", "note") == ["after"]


def consent(lake: Lake, address: str, purpose: str, state: str) -> None:
    lake.commit(
        lambda tx: tx.execute(
            f"INSERT INTO {table('access', 'consents')} (id, address, channel, purpose, state, occurred_at, change_id) "
            "VALUES (uuidv7(), ?, 'email', ?, ?, now(), ?)",
            [address, purpose, state, tx.change_id],
        ),
        Change(actor="t", door="t"),
    )


def test_marketing_needs_a_granted_consent_that_was_not_withdrawn(crm: Lake) -> None:
    for address, state in (("yes", "granted"), ("was", "granted"), ("was", "withdrawn")):
        consent(crm, f"{address}@x.example", "marketing", state)
    activate(crm, flow("news", {"send_email": {**MAIL["send_email"], "purpose": "marketing"}}))
    for address in ("yes", "was", "never"):
        inquiry(crm, email=f"{address}@x.example")
    run(crm)
    assert rows(crm, "communications", "to", "consent") == [("yes@x.example", "granted")]


def test_too_many_messages_wait_for_a_person(crm: Lake, mailbox: Mailbox) -> None:
    activate(crm, flow("mail", MAIL))
    values = [{"subject": "S", "email": f"p{number}@x.example"} for number in range(7)]
    create(crm, module="inquiries", values=values, actor=ADMIN)
    run(crm)
    assert states(crm) == ["held"] * 7 and set(rows(crm, "communications", "state")) == {"held"}
    assert deliver_once(crm, config(mailbox.url)).tried == 0
    one, two, *_ = [message.id for message in outbox.list_messages(crm, actor=ADMIN)]
    assert outbox.release(crm, actor=ADMIN, ids=[one]) == 1
    assert outbox.drop(crm, actor=ADMIN, ids=[two]) == 1
    assert outbox.release(crm, actor=ADMIN) == 5
    assert deliver_once(crm, config(mailbox.url)).sent == 6
    assert sorted(states(crm)) == ["dropped"] + ["sent"] * 6


def test_what_has_left_cannot_be_dropped(crm: Lake, mailbox: Mailbox) -> None:
    queue(crm, "a@x.example")
    deliver_once(crm, config(mailbox.url))
    [message] = outbox.list_messages(crm, actor=ADMIN)
    with pytest.raises(UnknownMessage, match="no message"):
        outbox.drop(crm, actor=ADMIN, ids=[message.id])
    with pytest.raises(Forbidden):
        outbox.drop(crm, actor=Actor("anna", "agent"))


def test_messages_of_records_that_one_may_not_see_are_not_listed(crm: Lake) -> None:
    activate(crm, flow("mail", MAIL))
    inquiry(crm, email="open@x.example")
    inquiry(crm, email="secret@x.example", folder="secret")
    run(crm)
    seen = outbox.list_messages(crm, actor=Actor("anna", "agent", ("sales",)))
    assert [message.recipient for message in seen] == ["open@x.example"]
    assert len(outbox.list_messages(crm, actor=ADMIN)) == 2
