"""Who is away or not to be contacted gets nothing before his day; what answers his own words goes at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_core import records
from crm_core.settings import Settings
from flows import outbox
from flows.compose import Draft, send
from flows.delivery import deliver_once
from flows.errors import NotReachable
from lake import Lake
from tests.flows.delivering import SENDER, config
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, run
from tests.flows.mail_server import Mailbox, mail_server

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = datetime.now(BERLIN).date()
BACK = TODAY + timedelta(days=3)
MORNING = datetime(BACK.year, BACK.month, BACK.day, tzinfo=BERLIN).astimezone(UTC)
MAIL = {"send_email": {"to": "{{ email }}", "subject": "S", "body": "B", "purpose": "service"}}
ADA = "Ada@rivers.example"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, mail_from=SENDER)


def ada(lake: Lake, availability: str, until: date | None = None) -> str:
    values = {"name": "Ada", "email": ADA.lower(), "phone": "+49 30 901820", "availability": availability}
    return records.create(
        lake, module="customers", values={**values, "available_from": until}, actor=ADMIN
    ).id


def written(lake: Lake, *others: str) -> None:
    """A mail of a flow to Ada, and to some others."""
    activate(lake, flow("mail", MAIL))
    for address in (ADA, *others):
        inquiry(lake, email=address)
    run(lake)


def told(lake: Lake) -> list[tuple[str, str]]:
    return [(one.state, one.why) for one in outbox.list_messages(lake, actor=ADMIN)]


@pytest.mark.parametrize(("state", "word"), [("do_not_contact", "do not contact"), ("away", "away")])
def test_what_a_flow_sends_waits_for_the_day_and_leaves_by_itself(
    crm: Lake, mailbox: Mailbox, state: str, word: str
) -> None:
    ada(crm, state, BACK)
    written(crm, "bob@x.example")
    assert deliver_once(crm, config(mailbox.url)).sent == 1 and not mailbox.to(ADA)
    assert (("queued", f"{word} until {BACK.day} {BACK:%B %Y}")) in told(crm)
    assert deliver_once(crm, config(mailbox.url), now=MORNING - timedelta(seconds=1)).sent == 0
    assert deliver_once(crm, config(mailbox.url), now=MORNING).sent == 1
    assert told(crm)[0][0] == told(crm)[1][0] == "sent" and len(mailbox.messages) == 2


def test_without_a_day_nothing_is_sent_and_it_says_why(crm: Lake, mailbox: Mailbox) -> None:
    ada(crm, "do_not_contact")
    written(crm)
    assert deliver_once(crm, config(mailbox.url)).dropped == 1
    assert told(crm) == [("dropped", "do not contact")] and not mailbox.messages


@pytest.mark.parametrize(
    ("state", "until"),
    [("reachable", BACK), ("do_not_contact", TODAY), ("away", TODAY - timedelta(days=40)), ("away", None)],
    ids=["reachable", "its day has come", "long over", "away, nobody knows until when"],
)
def test_who_can_be_reached_gets_it_at_once(
    crm: Lake, mailbox: Mailbox, state: str, until: date | None
) -> None:
    ada(crm, state, until)
    written(crm)
    assert deliver_once(crm, config(mailbox.url)).sent == 1


def test_who_is_reachable_again_earlier_gets_it_within_the_hour(crm: Lake, mailbox: Mailbox) -> None:
    key = ada(crm, "do_not_contact", BACK)
    written(crm)
    deliver_once(crm, config(mailbox.url))
    change(crm, key, "customers", availability="reachable", available_from=None)
    assert deliver_once(crm, config(mailbox.url), now=datetime.now(UTC) + timedelta(minutes=61)).sent == 1


def test_a_person_does_not_write_to_whom_is_not_to_be_contacted(crm: Lake, settings: Settings) -> None:
    ada(crm, "do_not_contact", BACK)
    draft = Draft(to=(ADA,), subject="S", text="T")
    with pytest.raises(NotReachable, match=f"{ADA}: do not contact until {BACK.day} {BACK:%B %Y}"):
        send(crm, draft, actor=ADMIN, settings=settings)
    assert not told(crm)


@pytest.mark.parametrize("how", ["answers", "later", "away"])
def test_a_person_answers_whoever_wrote_writes_for_later_and_to_who_is_away(
    crm: Lake, settings: Settings, mailbox: Mailbox, how: str
) -> None:
    ada(crm, "away" if how == "away" else "do_not_contact", BACK)
    more: dict[str, Any] = {"at": MORNING + timedelta(hours=9)} if how == "later" else {}
    if how == "answers":
        came = {
            "channel": "email",
            "direction": "in",
            "state": "received",
            "from": f"Ada <{ADA}>",
            "subject": "?",
        }
        more = {"answers": records.create(crm, module="communications", values=came, actor=ADMIN).id}
    send(crm, Draft(to=(ADA,), subject="S", text="T", **more), actor=ADMIN, settings=settings)
    now = datetime.now(UTC) if how != "later" else MORNING + timedelta(hours=10)
    assert deliver_once(crm, config(mailbox.url), now=now).sent == 1


def test_what_was_put_off_waits_when_somebody_wants_quiet_meanwhile(
    crm: Lake, settings: Settings, mailbox: Mailbox
) -> None:
    at = datetime.now(UTC) + timedelta(hours=2)
    send(crm, Draft(to=(ADA,), subject="S", text="T", at=at), actor=ADMIN, settings=settings)
    ada(crm, "do_not_contact", BACK)
    assert deliver_once(crm, config(mailbox.url), now=at).sent == 0
    assert deliver_once(crm, config(mailbox.url), now=MORNING + timedelta(hours=3)).sent == 1
