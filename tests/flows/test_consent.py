"""Consent is asked when a message is written, and again at the moment it leaves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_core.definitions import save
from crm_core.records import create
from flows import outbox
from flows.delivery import Provider, deliver_once
from flows.run_history import list_runs, show_run
from lake import Lake
from tests.flows.delivering import config, minutes, say
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, rows, run
from tests.flows.http_receiver import receiver_on
from tests.flows.mail_server import Mailbox, mail_server


def mail(purpose: str) -> dict[str, object]:
    return {"send_email": {"to": "{{ email }}", "subject": "S", "body": "B", "purpose": purpose}}


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


def queued(lake: Lake, address: str, purpose: str) -> None:
    activate(lake, flow("mail", mail(purpose)))
    inquiry(lake, email=address)
    run(lake)


@pytest.mark.parametrize(
    ("purpose", "first", "then", "reason"),
    [
        pytest.param("marketing", "granted", "withdrawn", "no consent any more", id="withdrawn"),
        pytest.param("service", None, "objected", "objected to messages", id="objected"),
        pytest.param(
            "research", "granted", "withdrawn", "no consent any more", id="a purpose that is not listed"
        ),
    ],
)
def test_who_changes_his_mind_before_a_message_leaves_does_not_get_it(
    crm: Lake, mailbox: Mailbox, purpose: str, first: str | None, then: str, reason: str
) -> None:
    if first:
        say(crm, "ann@x.example", first, purpose=purpose)
    queued(crm, "Ann@x.example", purpose)
    say(crm, "ANN@x.example", then, purpose=purpose)
    report = deliver_once(crm, config(mailbox.url))
    assert (report.dropped, report.tried) == (1, 0) and not mailbox.to("x.example")
    [message] = outbox.list_messages(crm, actor=ADMIN)
    assert message.state == "dropped" and reason in message.why
    assert rows(crm, "communications", "state") == ["failed"]


def test_a_held_message_is_asked_for_when_it_is_released(crm: Lake, mailbox: Mailbox) -> None:
    activate(crm, flow("news", mail("marketing")))
    for number in range(7):
        say(crm, f"p{number}@held.example", "granted", purpose="marketing")
    create(
        crm, module="inquiries", actor=ADMIN,
        values=[{"subject": "S", "email": f"p{number}@held.example"} for number in range(7)],
    )  # fmt: skip
    run(crm)
    say(crm, "p3@held.example", "withdrawn", purpose="marketing")
    assert outbox.release(crm, actor=ADMIN) == 7
    assert deliver_once(crm, config(mailbox.url)).sent == 6
    assert not mailbox.to("p3@held.example") and len(mailbox.to("held.example")) == 6


def test_the_consent_that_was_seen_is_kept_with_the_message(crm: Lake, mailbox: Mailbox) -> None:
    say(crm, "kept@x.example", "granted", purpose="marketing")
    queued(crm, "kept@x.example", "marketing")
    say(crm, "kept@x.example", "granted", purpose="marketing")
    deliver_once(crm, config(mailbox.url))
    [kept] = crm.read("SELECT consent, consent_id FROM lake.ops.outbox").rows()
    latest = crm.read("SELECT id FROM lake.access.consents ORDER BY occurred_at DESC, id DESC LIMIT 1")["id"][
        0
    ]
    assert (kept[0], str(kept[1])) == ("granted", str(latest))
    assert rows(crm, "communications", "consent") == ["granted"]


def test_consent_for_a_phone_counts_for_its_messages_however_the_number_is_written(crm: Lake) -> None:
    text = {
        "send_message": {"channel": "whatsapp", "to": "{{ phone }}", "text": "Hi", "purpose": "marketing"}
    }
    activate(crm, flow("text", text))
    say(crm, "+49 151 234-5678", "granted", purpose="marketing", channel="phone")
    inquiry(crm, phone="+491512345678")
    inquiry(crm, phone="+491519999999")
    run(crm)
    with receiver_on() as provider:
        sent = deliver_once(crm, config(providers={"whatsapp": Provider(provider.url)})).sent
    assert sent == 1 and '"+491512345678"' in provider.calls[0].body
    details = [show_run(crm, one.id, actor=ADMIN).effects[0].detail for one in list_runs(crm, actor=ADMIN)]
    assert sorted(str(one) for one in details) == [
        "None",
        "there is no consent to messages with the purpose marketing",
    ]


def test_a_workspace_says_what_its_purposes_need(crm: Lake, mailbox: Mailbox) -> None:
    settings = {
        "name": "Testing",
        "hold_messages_over": 5,
        "purposes": [{"slug": "news", "basis": "no_objection"}],
    }
    save(crm, [("workspace", settings)], actor=ADMIN)
    queued(crm, "n@x.example", "news")
    queued(crm, "s@x.example", "service")
    assert deliver_once(crm, config(mailbox.url), now=minutes(1)).sent == 1
    assert not mailbox.to("s@x.example") and mailbox.to("n@x.example")
