"""What a message takes along, and how one that failed is mended."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import Forbidden
from crm_core.files import blob_path, write_blob
from crm_core.model import Catalog
from crm_core.records import create
from flows import outbox
from flows.actions import parse_action
from flows.checks import Checks
from flows.delivery import deliver_once
from flows.errors import MessageInvalid, UnknownMessage
from lake import Lake
from tests.flows.delivering import config, queue_calls
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, rows, run
from tests.flows.http_receiver import receiver_on
from tests.flows.mail_server import Mailbox, mail_server


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


def stored(lake: Lake, folder: Path, name: str, content: bytes, media_type: str) -> str:
    digest, size = write_blob(folder, io.BytesIO(content))
    values = {"name": name, "sha256": digest, "size": size, "media_type": media_type}
    return create(lake, module="files", values=values, actor=ADMIN).id


def mail(*attachments: str) -> dict[str, object]:
    return {
        "send_email": {"to": "{{ email }}", "subject": "S", "body": "B", "attachments": list(attachments)}
    }


def test_files_of_the_record_and_of_the_flow_go_along(crm: Lake, mailbox: Mailbox, tmp_path: Path) -> None:
    terms = stored(crm, tmp_path, "Bedingungen für\nalle.pdf", b"%PDF-1", "application/pdf")
    quote = stored(crm, tmp_path, "quote.txt", b"12 EUR", "text/plain")
    activate(crm, flow("mail", mail("papers", terms)))
    inquiry(crm, email="a@x.example", papers=[quote])
    inquiry(crm, email="b@x.example")
    run(crm)
    assert deliver_once(crm, config(mailbox.url, files=tmp_path)).sent == 2
    [both] = mailbox.to("a@x.example")
    found = {part.get_filename(): part.get_payload(decode=True) for part in both.iter_attachments()}
    assert found == {"quote.txt": b"12 EUR", "Bedingungen für alle.pdf": b"%PDF-1"}
    [one] = mailbox.to("b@x.example")
    assert [part.get_content_type() for part in one.iter_attachments()] == ["application/pdf"]
    assert sorted(rows(crm, "communications", "files")) == sorted([[quote, terms], [terms]])


@pytest.mark.parametrize("gone", ["record", "bytes"])
def test_a_file_that_is_gone_lets_its_message_fail_alone(
    crm: Lake, mailbox: Mailbox, tmp_path: Path, gone: str
) -> None:
    paper = stored(crm, tmp_path, "q.txt", b"12 EUR", "text/plain")
    activate(crm, flow("mail", mail("papers")))
    inquiry(crm, email="a@x.example", papers=[paper])
    inquiry(crm, email="b@x.example")
    run(crm)
    if gone == "bytes":
        blob_path(tmp_path, rows(crm, "files", "sha256")[0]).unlink()
    report = deliver_once(crm, config(mailbox.url, files=tmp_path if gone == "bytes" else None))
    assert (report.sent, report.dead) == (1, 1) and not mailbox.to("a@x.example")
    [why] = [one.why for one in outbox.list_messages(crm, actor=ADMIN, state="dead")]
    assert "attachment" in why


@pytest.fixture(scope="module")
def catalog(shared: Lake) -> Catalog:
    return read_catalog(shared)


@pytest.mark.parametrize(
    ("action", "wrong"),
    [
        pytest.param(mail("papers", "customer.name"), "no field of files", id="a field of another kind"),
        pytest.param(mail("nothing"), "nothing", id="a field that is not there"),
        pytest.param({"send_message": {"channel": "sms", "to": "{{ fax }}", "text": "T"}}, "fax", id="a number"),
        pytest.param({"send_message": {"channel": "sms", "to": "1", "template": "x"}}, "no template", id="a template"),
        *(
            pytest.param(
                {"call_webhook": {"url": "https://x.example", "headers": {name: "Bearer abc"}}},
                f"and write {name}: {{secret: ", id=f"a secret in {name}",
            )
            for name in ("Authorization", "X-Api-Key", "cookie", "Proxy-Authorization", "x-erp-token")
        ),
        pytest.param({"call_webhook": {"url": "ftp://x.example"}}, "no address such as", id="an address"),
        pytest.param({"call_webhook": {"url": "https://u:p@x.example"}}, "password", id="a password in it"),
        pytest.param(
            {"call_webhook": {"url": "https://x.example", "body": {"a": [{"b": "{{ nothing }}"}]}}},
            "body.a.b: the template names a missing field", id="a field deep within a body",
        ),
        pytest.param(
            {"call_webhook": {"url": "https://x.example", "headers": {"a": "{{ nothing }}"}}}, "headers.a", id="header"
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_told_when_the_flow_is_saved(
    catalog: Catalog, action: dict[str, object], wrong: str
) -> None:
    problems = parse_action(action).problems(Checks(catalog, "inquiries"))
    assert any(wrong in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("action", "wrong"),
    [
        pytest.param({"send_message": {"channel": "fax", "to": "1", "text": "T"}}, "channel", id="a channel"),
        pytest.param(
            {"send_message": {"channel": "sms", "to": "1"}}, "either template, or text", id="no words"
        ),
        pytest.param(
            {"call_webhook": {"url": "https://x", "headers": {"Webhook-Id": "1"}}}, "is set when", id="ours"
        ),
        pytest.param(
            {"call_webhook": {"url": "https://x", "headers": {"a": "b\nc: d"}}}, "one line", id="two lines"
        ),
    ],
)
def test_an_action_that_is_none_is_refused(action: dict[str, object], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        parse_action(action)


def test_a_message_that_failed_is_mended_and_sent(crm: Lake, mailbox: Mailbox) -> None:
    activate(crm, flow("mail", {"send_email": {"to": "{{ email }}", "subject": "S", "body": "B"}}))
    inquiry(crm, email="nobody@x.example")
    run(crm)
    assert deliver_once(crm, config(mailbox.url)).dead == 1
    [dead] = outbox.list_messages(crm, actor=ADMIN)
    outbox.edit(crm, dead.id, actor=ADMIN, recipient="ann@x.example", subject="Again", text="Better")
    outbox.retry(crm, actor=ADMIN, ids=[dead.id])
    assert deliver_once(crm, config(mailbox.url)).sent == 1
    [message] = mailbox.to("ann@x.example")
    assert (message["Subject"], message.get_content().strip()) == ("Again", "Better")
    assert rows(crm, "communications", "to", "subject", "state") == [("ann@x.example", "Again", "sent")]
    shown = outbox.show(crm, dead.id, actor=ADMIN)
    assert [(one.attempt, one.state) for one in shown.attempts] == [(1, "refused"), (2, "sent")]
    with pytest.raises(UnknownMessage, match="dead, held or queued"):
        outbox.edit(crm, dead.id, actor=ADMIN, subject="Too late")


def test_a_call_that_failed_is_mended_and_made(crm: Lake) -> None:
    with receiver_on() as served:
        [call] = queue_calls(crm, f"{served.url}/410")
        deliver_once(crm, config())
        outbox.edit(crm, call, actor=ADMIN, url=f"{served.url}/new", payload='{"b": 2}')
        outbox.retry(crm, actor=ADMIN)
        assert deliver_once(crm, config()).sent == 1
    assert (served.calls[-1].path, served.calls[-1].body) == ("/new", '{"b": 2}')


def test_what_does_not_fit_a_message_is_refused(crm: Lake) -> None:
    [call] = queue_calls(crm, "https://erp.example/")
    for wrong in ({"subject": "S"}, {"payload": "no JSON"}, {"url": "erp"}, {}):
        with pytest.raises(MessageInvalid):
            outbox.edit(crm, call, actor=ADMIN, **wrong)
    with pytest.raises(Forbidden):
        outbox.edit(crm, call, actor=Actor("anna", "agent"), url="https://x.example/")
