"""Whenever a delivery dies, no mail is lost; what may have arrived is sent again as the same message."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from crm_core.records import create
from flows import outbox
from flows.delivery import DeliveryConfig, deliver_once
from lake import Lake, LakeConfig
from tests.crash.nursery import nursery
from tests.flows.conftest import fill
from tests.flows.flows_of import ADMIN, activate, flow, rows, run
from tests.flows.mail_server import Mailbox, mail_server

CONNECTIONS = 8
RECIPIENTS = [f"p{number:02}@x.example" for number in range(60)]
SENDER = "mail@freight.example"

IMPORTS = """
from pathlib import Path
from flows.delivery import DeliveryConfig, deliver_once
from flows.runner import DELIVERY_LEASE"""
BODY = """
journal = Path(more[2]) if more[2] else None
with lake.lease(DELIVERY_LEASE):
    while deliver_once(lake, DeliveryConfig(more[0], more[1], journal=journal)).tried:
        pass"""


@pytest.fixture
def config(tmp_path: Path, new_catalog: Callable[[Path], str]) -> LakeConfig:
    """A lake with a queued message for each recipient."""
    config = LakeConfig(catalog=new_catalog(tmp_path), data_path=str(tmp_path / "data"), threads=1)
    with Lake.open(config) as lake:
        fill(lake)
        activate(lake, flow("mail", {"send_email": {"to": "{{ email }}", "subject": "S", "body": "B"}}))
        values = [{"subject": "S", "email": recipient} for recipient in RECIPIENTS]
        create(lake, module="inquiries", values=values, actor=ADMIN)
        run(lake)
        outbox.release(lake, actor=ADMIN)
    return config


@pytest.mark.parametrize(
    ("journalled", "kills"), [(True, 6), (False, 2)], ids=["with a journal", "without one"]
)
def test_a_delivery_killed_at_any_moment_loses_no_mail(
    config: LakeConfig, tmp_path: Path, journalled: bool, kills: int
) -> None:
    journal = tmp_path / "delivery" if journalled else None
    with mail_server() as mailbox, Lake.open(config) as lake:
        mailbox.pause = 0.1
        more = (mailbox.url, SENDER, str(journal or ""))
        with nursery(config, *more, imports=IMPORTS, body=BODY) as children:
            for number in range(kills):
                child = children.born()
                wait_for(mailbox, random.randint(0, 4) if number else 1)
                time.sleep(random.uniform(0, 0.3))
                children.killed(child)
        mailbox.pause = 0.0
        while deliver_once(lake, DeliveryConfig(mailbox.url, SENDER, journal=journal)).tried:
            pass
        arrived = Counter(str(message["To"]) for message in mailbox.messages)
        assert sorted(arrived) == RECIPIENTS
        assert rows(lake, "communications", "to", "state") == [(one, "sent") for one in RECIPIENTS]
        assert {message.state for message in outbox.list_messages(lake, actor=ADMIN)} == {"sent"}
        assert_repeats_are_known(lake, mailbox, arrived, kills)


def wait_for(mailbox: Mailbox, more: int) -> None:
    """Until so many more messages have come, or all of them."""
    enough = min(len(mailbox.messages) + more, len(RECIPIENTS))
    while len(mailbox.messages) < enough:
        time.sleep(0.005)


def assert_repeats_are_known(lake: Lake, mailbox: Mailbox, arrived: Counter[str], kills: int) -> None:
    """A mail that came twice is the same message, was on its way at a kill, and its attempts are all recorded."""
    ids = {(str(message["To"]), str(message["Message-ID"])) for message in mailbox.messages}
    assert ids == set(rows(lake, "communications", "to", "message_id")) and len(ids) == len(RECIPIENTS)
    assert arrived.total() - len(RECIPIENTS) <= kills * CONNECTIONS
    attempts = lake.read(
        f"SELECT o.recipient, count(*) AS n, count(*) FILTER (WHERE d.state = 'unknown') AS unknown "
        f"FROM {outbox.DELIVERIES} d JOIN {outbox.OUTBOX} o ON o.id = d.outbox_id GROUP BY ALL"
    )
    assert attempts["unknown"].sum() >= 1
    for recipient, tried, unknown in attempts.iter_rows():
        assert arrived[recipient] <= tried == unknown + 1
