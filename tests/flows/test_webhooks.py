"""A flow calls another system: what it says, once, and who may see the call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook

from crm_core.access import Actor
from crm_core.records import create
from crm_core.settings import Settings, read_settings
from flows import outbox
from flows.delivery import deliver_once
from flows.outgoing import signing_secret
from flows.run_history import list_runs, show_run
from lake import Lake, table
from tests.flows.delivering import config
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, leaf, run
from tests.flows.http_receiver import Receiver, receiver_on

TABLES = ("outbox", "deliveries", "flow_runs", "flow_effects", "changes")


@pytest.fixture(scope="module")
def served() -> Iterator[Receiver]:
    with receiver_on() as one:
        yield one


def call(url: str, **more: Any) -> dict[str, Any]:
    return {"call_webhook": {"url": url, **more}}


def said(lake: Lake, served: Receiver) -> Any:
    """What the last call said, once everything is delivered."""
    deliver_once(lake, config())
    return json.loads(served.calls[-1].body)


def test_a_call_says_what_its_flow_wrote(crm: Lake, served: Receiver, tmp_path: Path) -> None:
    body = {
        "id": "{{ record }}", "number": "{{ amount }}", "kinds": "{{ kinds }}", "text": "A “{{ subject }}”",
        "missing": "{{ note }}", "who": {"name": "{{ customer.name }}"}, "plain": [1, None, True],
        "price": "{{ price }}",
    }  # fmt: skip
    activate(
        crm, flow("call", call(served.url + "/{{ channel }}", body=body, headers={"X-No": "{{ amount }}"}))
    )
    customer = create(crm, module="customers", values={"name": "Søren"}, actor=ADMIN).id
    record = inquiry(
        crm,
        subject='"x"',
        amount=7,
        price={"amount": "12.50", "currency": "EUR"},
        kinds=["sea"],
        channel="form",
        customer=customer,
    )
    run(crm)
    settings = Settings(home=tmp_path)
    assert deliver_once(crm, config(settings=settings)).sent == 1
    got = served.calls[-1]
    [one] = list_runs(crm, actor=ADMIN)
    secret = signing_secret(crm, settings, "call", actor=ADMIN)
    assert Webhook(secret).verify(got.body, dict(got.headers)) == {
        "id": record, "number": 7, "kinds": ["sea"], "text": 'A “"x"”', "missing": None, "who": {"name": "Søren"},
        "plain": [1, None, True], "price": 12.5,
    }  # fmt: skip
    assert (got.path, got.headers["x-no"]) == ("/form", "7")
    effect = show_run(crm, one.id, actor=ADMIN).effects[0]
    assert (one.state, effect.action, effect.outcome) == ("done", "call_webhook", "queued")


def test_a_call_without_a_body_says_the_record(crm: Lake, served: Receiver) -> None:
    activate(crm, flow("call", call(served.url)))
    price = {"amount": "12.50", "currency": "EUR"}
    record = inquiry(crm, subject="S", price=price, due="2026-12-24", kinds=["sea", "air"])
    run(crm)
    got = said(crm, served)
    data = got["data"]
    assert (got["type"], data["id"], data["status"]) == ("inquiries.created", record, "new")
    assert data["price"] == {"amount": "12.50", "currency": "EUR"}
    assert (data["due"], data["kinds"], data["note"]) == ("2026-12-24", ["sea", "air"], None)
    assert got["timestamp"].endswith("Z") and data["created_at"].endswith("Z")


def test_an_address_that_came_to_nothing_is_skipped_and_the_run_says_so(crm: Lake) -> None:
    activate(crm, flow("call", call("{{ note }}"), {"set_field": {"score": 1}}))
    inquiry(crm, note="no address")
    run(crm)
    [one] = list_runs(crm, actor=ADMIN)
    effects = show_run(crm, one.id, actor=ADMIN).effects
    assert [effect.outcome for effect in effects] == ["skipped", "written"]
    assert "address to call" in str(effects[0].detail) and outbox.list_messages(crm, actor=ADMIN) == []


def test_a_call_is_seen_by_who_sees_the_record_of_its_run(crm: Lake, served: Receiver) -> None:
    activate(crm, flow("call", call(f"{served.url}/{{{{ subject }}}}")))
    inquiry(crm, subject="open")
    inquiry(crm, subject="secret", folder="secret")
    run(crm)
    anna = Actor("anna", "agent", ("sales",))
    [seen] = outbox.list_messages(crm, actor=anna)
    assert (seen.subject, seen.channel, seen.url) == (f"{served.url}/open", "webhook", f"{served.url}/open")
    assert outbox.count_messages(crm, actor=anna) == {"queued": 1}
    assert outbox.count_messages(crm, actor=ADMIN) == {"queued": 2}
    assert outbox.drop(crm, actor=ADMIN, ids=[seen.id]) == 1
    assert deliver_once(crm, config()).sent == 1 and served.calls[-1].path == "/secret"


def test_calls_and_mail_of_a_window_are_held_together_and_let_go_or_dropped(
    crm: Lake, served: Receiver
) -> None:
    mail = {"send_email": {"to": "{{ email }}", "subject": "S", "body": "B"}}
    # Five may leave at once: four calls and two messages are too many, neither alone is.
    activate(
        crm,
        flow("call", {"if": leaf("email", "is_set"), "then": [mail]}, call(f"{served.url}/{{{{ note }}}}")),
    )
    given = [
        {"subject": "S", "note": f"held{n}", "email": "a@b.example" if n < 2 else None} for n in range(4)
    ]
    create(crm, module="inquiries", values=given, actor=ADMIN)
    run(crm)
    waiting = outbox.list_messages(crm, actor=ADMIN, state="held")
    assert sorted(one.channel for one in waiting) == ["email"] * 2 + ["webhook"] * 4
    assert all("without a person's word" in one.why for one in waiting)
    outcomes = {effect.outcome for one in list_runs(crm, actor=ADMIN)
                for effect in show_run(crm, one.id, actor=ADMIN).effects}  # fmt: skip
    assert outcomes == {"held"} and deliver_once(crm, config()).tried == 0
    first, *others = [one.id for one in waiting if one.channel == "webhook"]
    assert outbox.drop(crm, actor=ADMIN, ids=[first]) == 1
    assert outbox.release(crm, actor=ADMIN, ids=others) == 3
    assert deliver_once(crm, config()).sent == 3
    assert sum(path.startswith("/held") for path in served.paths) == 3


def test_a_secret_is_filled_in_when_the_call_is_made_and_stands_nowhere(
    crm: Lake, served: Receiver, tmp_path: Path
) -> None:
    headers = {
        "Authorization": {"secret": "erp-token", "scheme": "Bearer"},
        "X-Api-Key": {"secret": "other"},
        "X-Of": "{{ subject }}",
    }
    activate(crm, flow("call", call(f"{served.url}/repeat", headers=headers, body={})))
    inquiry(crm)
    run(crm)
    set_ = read_settings({"MERGANSER_SECRET_ERP_TOKEN": "t0p-sec"}, home=tmp_path)
    assert deliver_once(crm, config(settings=set_)).retried == 1 and "/repeat" not in served.paths
    [waits] = outbox.list_messages(crm, actor=ADMIN)
    assert (waits.state, waits.why) == (
        "queued", "the secret other is not set; set MERGANSER_SECRET_OTHER where messages are delivered from",
    )  # fmt: skip
    outbox.retry(crm, actor=ADMIN, ids=[waits.id])
    set_ = set_.model_copy(update={"secrets": {**set_.secrets, "other": SecretStr("0th-er")}})
    assert deliver_once(crm, config(settings=set_)).sent == 1
    got = served.calls[-1].headers
    assert (got["authorization"], got["x-api-key"], got["x-of"]) == ("Bearer t0p-sec", "0th-er", "S")
    everything = [crm.read(f"SELECT * FROM {table('ops', name)}").rows() for name in TABLES]
    assert (
        "t0p-sec" not in str(everything) and "0th-er" not in str(everything) and "Bearer …" in str(everything)
    )
