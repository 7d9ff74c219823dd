"""Mail that people write: it arrives as they wrote it, in its conversation, with what they gave along."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import Forbidden, RecordNotFound, ValuesInvalid
from crm_core.files import write_blob
from crm_core.settings import Settings
from flows import outbox
from flows.compose import Draft, conversation_ids, send, sender_of
from flows.delivery import deliver_once
from flows.drafts import read_addresses
from flows.errors import NotConsented
from lake import Lake, table
from tests.flows.delivering import SENDER, config, minutes, say
from tests.flows.flows_of import ADMIN, inquiry
from tests.flows.mail_server import Mailbox, mail_server

DRAFT = Draft(to=("anna@buyer.example",), subject="Your freight", text="Hello Anna\nit is on its way.")
ANNA = Actor("anna", "agent", ("sales",), name="Anna Weber")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, mail_from=SENDER)


def message(lake: Lake, record_id: str) -> dict[str, Any]:
    sql = f"SELECT * FROM {table('crm', 'communications')} WHERE id = CAST(? AS UUID)"
    return lake.read(sql, [record_id]).to_dicts()[0]


def received(lake: Lake, **values: Any) -> str:
    """A message that somebody wrote to us."""
    given = {"channel": "email", "direction": "in", "state": "received", "subject": "Freight?", **values}
    return records.create(lake, module="communications", values=given, actor=ADMIN).id


def test_a_mail_arrives_as_a_person_wrote_it(shared: Lake, settings: Settings, mailbox: Mailbox) -> None:
    sent = send(shared, replace(DRAFT, html="<p>Hello <b>Anna</b></p>"), actor=ANNA, settings=settings)
    assert message(shared, sent.id)["message_id"] == sent.message_id, "it has its id before it leaves"
    deliver_once(shared, config(mailbox.url))
    [mail] = mailbox.messages
    assert (mail["Subject"], mail["Message-ID"]) == ("Your freight", sent.message_id)
    assert str(mail["From"]) == "Anna Weber <mail@freight.example>"
    assert mail["Auto-Submitted"] is None, "a person wrote it"
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain and plain.get_content().splitlines() == ["Hello Anna", "it is on its way."]
    assert rich and "<b>Anna</b>" in rich.get_content()
    assert message(shared, sent.id)["state"] == "sent"


def test_an_answer_stands_in_its_conversation(shared: Lake, settings: Settings, mailbox: Mailbox) -> None:
    root, long = "<root@buyer.example>", f"<{'a' * 150}@outlook.example>"
    asked = inquiry(shared)
    came = received(
        shared, message_id=long, references=root, thread=root, about={"module": "inquiries", "id": asked}
    )
    first = send(shared, replace(DRAFT, answers=came), actor=ADMIN, settings=settings)
    second = send(shared, replace(DRAFT, answers=first.id), actor=ADMIN, settings=settings)
    deliver_once(shared, config(mailbox.url))
    by_id = {str(mail["Message-ID"]): mail for mail in mailbox.messages}
    assert str(by_id[first.message_id]["References"]).split() == [root, long]
    assert str(by_id[first.message_id]["In-Reply-To"]).strip() == long
    assert str(by_id[second.message_id]["References"]).split() == [root, long, first.message_id]
    assert first.thread == second.thread == root
    assert message(shared, second.id)["about"] == message(shared, came)["about"]


def test_the_first_answer_is_noted_once_with_the_status(shared: Lake, settings: Settings) -> None:
    asked = inquiry(shared)

    def standing() -> tuple[Any, str]:
        found = records.read_record(
            shared, read_catalog(shared), module="inquiries", record_id=asked, actor=ADMIN
        )
        return found["first_answer_at"], found["status"]

    draft = replace(DRAFT, about=("inquiries", asked))
    send(shared, draft, actor=ADMIN, settings=settings)
    first, status = standing()
    assert first is not None and status == "answered"
    records.update(shared, module="inquiries", record_id=asked, values={"status": "closed"}, actor=ADMIN)
    send(shared, draft, actor=ADMIN, settings=settings)
    assert standing() == (first, "closed"), "what is closed stays closed"


def test_each_address_gets_it_by_itself(shared: Lake, settings: Settings, mailbox: Mailbox) -> None:
    draft = replace(
        DRAFT, to=("a@x.example", "nobody@x.example"), cc=("c@x.example",), bcc=("A@x.example", "d@x.example")
    )
    sent = send(shared, draft, actor=ADMIN, settings=settings)
    deliver_once(shared, config(mailbox.url))
    mails = [mail for mail in mailbox.messages if mail["Message-ID"] == sent.message_id]
    stand = [outbox.show(shared, one, actor=ADMIN).message.state for one in sent.outbox_ids]
    assert (stand, len(mails)) == (["sent", "dead", "sent", "sent"], 3)
    headers = {(str(mail["To"]), str(mail["Cc"]), mail["Bcc"]) for mail in mails}
    assert headers == {("a@x.example, nobody@x.example", "c@x.example", None)}
    assert message(shared, sent.id)["state"] == "failed", "one of them did not get it"


def test_an_address_that_was_wrong_is_mended_among_the_others(shared: Lake, settings: Settings) -> None:
    draft = replace(DRAFT, to=("a@x.example", "nobody@x.example"), cc=("c@x.example",))
    sent = send(shared, draft, actor=ADMIN, settings=settings)
    outbox.edit(shared, sent.outbox_ids[1], actor=ADMIN, recipient="b@x.example")
    mended = message(shared, sent.id)
    assert (mended["to"], mended["cc"]) == ("a@x.example, b@x.example", "c@x.example")


def test_files_go_along(shared: Lake, settings: Settings, mailbox: Mailbox) -> None:
    digest, size = write_blob(settings.files_path, io.BytesIO(b"%PDF-1.7 offer"))
    values = {"name": "Angebot Ü.pdf", "sha256": digest, "size": size, "media_type": "application/pdf"}
    file = records.create(shared, module="files", values=values, actor=ADMIN).id
    sent = send(shared, replace(DRAFT, files=(file,)), actor=ADMIN, settings=settings)
    deliver_once(shared, config(mailbox.url, files=settings.files_path))
    [mail] = [one for one in mailbox.messages if one["Message-ID"] == sent.message_id]
    [attached] = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("Angebot Ü.pdf", b"%PDF-1.7 offer")


def test_it_waits_for_its_moment(shared: Lake, settings: Settings, mailbox: Mailbox) -> None:
    deliver_once(shared, config(mailbox.url))
    send(shared, replace(DRAFT, at=minutes(60)), actor=ADMIN, settings=settings)
    assert deliver_once(shared, config(mailbox.url)).sent == 0
    assert deliver_once(shared, config(mailbox.url), now=minutes(61)).sent == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"subject": "a\r\nBcc: all@x.example"}, "subject", id="a header in the subject"),
        pytest.param({"to": ("a@x.example\r\nBcc: all@x.example",)}, "to", id="a header in the address"),
        pytest.param({"cc": ("Anna <a@x.example>",)}, "cc", id="a name"),
        pytest.param({"to": ()}, "to", id="nobody"),
        pytest.param({"to": tuple(f"p{i}@x.example" for i in range(51))}, "to", id="too many"),
        pytest.param({"text": "  "}, "text", id="no words"),
        pytest.param({"files": ("00000000-0000-0000-0000-000000000000",)}, "files", id="no such file"),
    ],
)
def test_what_cannot_be_sent_is_refused_whole(
    shared: Lake, settings: Settings, change: dict[str, Any], field: str
) -> None:
    before = shared.snapshot()
    with pytest.raises(ValuesInvalid) as refused:
        send(shared, replace(DRAFT, **change), actor=ADMIN, settings=settings)
    assert {problem.field for problem in refused.value.problems} == {field}
    assert shared.snapshot() == before


def test_who_objected_is_sent_nothing(shared: Lake, settings: Settings) -> None:
    say(shared, "no@x.example", "objected")
    before = shared.snapshot()
    with pytest.raises(NotConsented, match="No@x"):
        send(shared, replace(DRAFT, cc=("No@x.example",)), actor=ADMIN, settings=settings)
    with pytest.raises(NotConsented, match="no consent"):
        send(shared, replace(DRAFT, purpose="marketing"), actor=ADMIN, settings=settings)
    assert shared.snapshot() == before


def test_rights_count_for_what_it_is_about(shared: Lake, settings: Settings) -> None:
    hidden = inquiry(shared, folder="secret")
    with pytest.raises(RecordNotFound):
        send(shared, replace(DRAFT, about=("inquiries", hidden)), actor=ANNA, settings=settings)
    with pytest.raises(Forbidden):
        send(shared, DRAFT, actor=Actor("vera", "viewer"), settings=settings)


def test_a_name_never_breaks_the_sender() -> None:
    assert sender_of(Actor("x", name='A, "B" <evil@x>\r\n'), SENDER) == '"A, B evil@x" <mail@freight.example>'
    assert sender_of(Actor("x"), SENDER) == '"Freight" <mail@freight.example>'


def test_a_long_conversation_is_named_by_its_beginning_and_its_end() -> None:
    ids = [f"<{number}@x>" for number in range(100)]
    found = conversation_ids({"references": " ".join(ids), "message_id": "<last@x>"})
    assert (found[0], found[-1], len(found)) == ("<0@x>", "<last@x>", 20)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        pytest.param("", (), id="nothing"),
        pytest.param("a@x.example; Anna <b@x.example>", ("a@x.example", "b@x.example"), id="with names"),
        pytest.param('"Weber, Anna" <b@x.example>', ("b@x.example",), id="a comma in a name"),
        pytest.param("a@x.example (Anna, work), b@x.example", ("a@x.example", "b@x.example"), id="a comment"),
        pytest.param("undisclosed-recipients:;", (), id="a group of nobody"),
        pytest.param(
            "a@x.example Bcc: b@x.example", ("a@x.example Bcc: b@x.example",), id="words between addresses"
        ),
        pytest.param("a@x.example\nBcc: b@x", ("a@x.example\nBcc: b@x",), id="two lines are none"),
    ],
)
def test_a_line_is_read_as_addresses(given: str, read: tuple[str, ...]) -> None:
    assert read_addresses(given) == read


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": "Hi\r\nBcc: spy@else.example"},
        {"subject": "Hi\nX-Evil: 1"},
        {"to": ("anna@buyer.example\r\nBcc: spy@else.example",)},
        {"cc": ("anna@buyer.example\nBcc: spy@else.example",)},
    ],
    ids=["subject", "subject with a bare line feed", "address", "copied address"],
)
def test_a_header_that_is_smuggled_in_is_refused(
    shared: Lake, settings: Settings, wrong: dict[str, Any]
) -> None:
    before = shared.snapshot()
    with pytest.raises(ValuesInvalid):
        send(shared, replace(DRAFT, **wrong), actor=ANNA, settings=settings)
    assert shared.snapshot() == before
