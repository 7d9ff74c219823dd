"""Runner and delivery killed a hundred times while records come in: everything is there once."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_core.records import create
from flows import outbox
from flows.delivery import DeliveryConfig, deliver_once
from flows.runner import run_until_current
from lake import Lake, LakeConfig, table
from tests.crash.nursery import nursery
from tests.crash.test_flow_run import ran_more_than_once, ran_without_a_cause
from tests.flows.conftest import fill
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, leaf, rows
from tests.flows.mail_server import Mailbox, mail_server

# A hundred on the catalog that is used most; the other, where each statement takes longer, fewer.
KILLS = {"sqlite": 100, "postgres": 20}
LONGEST_LIFE = 0.15
LATER = datetime.now(UTC) + timedelta(days=30)
SENDER = "mail@freight.example"
IMPORTS = """
from flows.delivery import DeliveryConfig, deliver_once
from flows.runner import LEASE, DELIVERY_LEASE, Runner"""
# The delivery of the runner's own thread sleeps between its looks; here it works without a pause.
BODY = """
runner = Runner(lake)
runner.start()
with lake.lease(DELIVERY_LEASE):
    while True:
        deliver_once(lake, DeliveryConfig(more[0], more[1]))"""

FLOWS = (
    flow(
        "received",
        {"create_task": {"title": "{{ subject }}"}},
        {
            "if": leaf("amount", "ge", 5),
            "then": [
                {"send_email": {"to": "{{ email }}", "subject": "{{ subject }}", "body": "b"}},
                {"wait": {"for": "0min"}},
                {"set_field": {"score": 1}},
            ],
            "else": [{"wait": {"event": "updated", "fields": ["note"], "within": "1d"}, "on_timeout": [{"stop": ""}]}],
        },
        {"for_each": "customer.inquiries", "do": [{"set_field": {"tags": {"add": ["sibling"]}}}]},
        {"call": "greet", "on": "customer"},
    ),
    flow("greet", {"set_field": {"vip": True}}, module="customers", on="manual"),
    flow("noted", {"set_field": {"notes": "{{ title }}"}}, module="tasks"),
)  # fmt: skip


@pytest.fixture
def make(new_catalog: Callable[[Path], str]) -> Callable[[Path], LakeConfig]:
    def made(folder: Path) -> LakeConfig:
        folder.mkdir(parents=True)
        config = LakeConfig(catalog=new_catalog(folder), data_path=str(folder / "data"), threads=1)
        with Lake.open(config) as lake:
            fill(lake)
            activate(lake, *FLOWS)
        return config

    return made


def test_a_hundred_kills_change_nothing(
    tmp_path: Path, make: Callable[[Path], LakeConfig], catalog_kind: str
) -> None:
    kills = KILLS[catalog_kind]
    calm, rough = make(tmp_path / "calm"), make(tmp_path / "rough")
    with mail_server() as mailbox:
        config = DeliveryConfig(mailbox.url, SENDER)
        with (
            Lake.open(rough) as lake,
            nursery(rough, mailbox.url, SENDER, imports=IMPORTS, body=BODY) as children,
        ):
            for number, seconds in enumerate(lives(kills)):
                child = children.born()
                come_in(lake, number)
                time.sleep(seconds)
                children.killed(child)
            undisturbed(lake, config)
            lived = told(lake)
            assert ran_more_than_once(lake) == 0 and ran_without_a_cause(lake) == 0
            assert_attempts_are_known(lake, mailbox)
        with Lake.open(calm) as lake:
            for number in range(kills):
                come_in(lake, number)
            undisturbed(lake, config)
            assert told(lake) == lived


def lives(kills: int) -> list[float]:
    """How long each life lasts: in any order, but evenly spread, so that few deaths meet every moment of the work."""
    return random.sample(
        [LONGEST_LIFE * (number + random.random()) / kills for number in range(kills)], kills
    )


def come_in(lake: Lake, number: int) -> None:
    """What people do between two deaths: every tenth time a customer, else an inquiry of one."""
    if number % 10 == 0:
        create(lake, module="customers", values={"name": f"c{number // 10}"}, actor=ADMIN)
    customers = lake.read(f"SELECT CAST(id AS VARCHAR) AS id FROM {table('crm', 'customers')} ORDER BY name")[
        "id"
    ]
    inquiry(
        lake, subject=f"s{number:03}", email=f"s{number:03}@x.example", amount=number % 10,
        customer=customers[number // 10 % len(customers)],
    )  # fmt: skip


def undisturbed(lake: Lake, config: DeliveryConfig) -> None:
    """Let everything happen that is still to happen, waits included."""
    run_until_current(lake)
    run_until_current(lake, now=LATER)
    while deliver_once(lake, config, now=LATER).tried:
        pass


def told(lake: Lake) -> dict[str, Any]:
    """Every effect that does not depend on when it was done."""
    runs = lake.read(
        f"SELECT flow, module, state, count(*) AS n FROM {table('ops', 'flow_runs')} GROUP BY ALL ORDER BY ALL"
    )
    waits = lake.read(f"SELECT count(*) AS n FROM {table('ops', 'flow_timers')}")["n"][0]
    return {
        "tasks": rows(lake, "tasks", "title", "notes"),
        "inquiries": rows(lake, "inquiries", "subject", "score"),
        "customers": rows(lake, "customers", "name", "vip"),
        "messages": rows(lake, "communications", "subject", "to", "state"),
        "runs of the flow": [row for row in runs.iter_rows() if row[0] in ("noted",)],
        "ended": sorted(set(runs["state"])),
        "waits": waits,
    }


def assert_attempts_are_known(lake: Lake, mailbox: Mailbox) -> None:
    """No message reached the server more often than attempts are recorded for it, and each under one Message-ID."""
    arrived = Counter(str(message["Message-ID"]) for message in mailbox.messages)
    known = lake.read(
        f"SELECT o.message_id, count(d.id) AS n FROM {outbox.OUTBOX} o "
        f"JOIN {outbox.DELIVERIES} d ON d.outbox_id = o.id GROUP BY ALL"
    )
    attempts = dict(known.iter_rows())
    assert set(arrived) == set(attempts)
    assert all(count <= attempts[message] for message, count in arrived.items())
