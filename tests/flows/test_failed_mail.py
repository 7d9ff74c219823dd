"""Mail that failed says why where it stands, and leaves once more when somebody asks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import Forbidden
from crm_core.query import read_record
from crm_core.settings import Settings
from flows.compose import Draft, send
from flows.delivery import deliver_once
from flows.errors import UnknownMessage
from flows.failed_mail import read_failures, send_again
from lake import Lake
from tests.flows.delivering import SENDER, config
from tests.flows.flows_of import ADMIN
from tests.flows.mail_server import mail_server

ANNA = Actor("anna", "agent", name="Anna")
DRAFT = Draft(to=("nobody@buyer.example",), subject="Freight", text="Hello")


def state(lake: Lake, message: str) -> str:
    found = read_record(lake, read_catalog(lake), module="communications", record_id=message, actor=ADMIN)
    return str(found["state"])


def test_a_refused_mail_says_why_and_is_sent_again(crm: Lake, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, mail_from=SENDER)
    sent = send(crm, DRAFT, actor=ANNA, settings=settings)
    assert read_failures(crm, [sent.id]) == {}
    with mail_server() as box:
        deliver_once(crm, config(box.url))
        assert state(crm, sent.id) == "failed"
        reason, again = read_failures(crm, [sent.id])[sent.id]
        assert "no such mailbox" in reason and again
        with pytest.raises(Forbidden):
            send_again(crm, sent.id, actor=Actor("vic", "viewer"))
        assert (send_again(crm, sent.id, actor=ADMIN), state(crm, sent.id)) == (1, "queued")
        deliver_once(crm, config(box.url))
        assert state(crm, sent.id) == "failed", "the server still knows nobody of that name"
        fine = send(crm, replace(DRAFT, to=("anna@buyer.example",)), actor=ANNA, settings=settings)
        deliver_once(crm, config(box.url))
        with pytest.raises(UnknownMessage):
            send_again(crm, fine.id, actor=ADMIN)
