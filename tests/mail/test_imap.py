"""Mailboxes: every message comes in once, whatever breaks off in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_core.mail.errors import MailboxFailed
from flows.imap import Mailbox, poll, read_place
from lake import Lake
from tests.mail.conftest import NewOffice, Office
from tests.mail.imap_server import Folder, imap_server
from tests.mail.letters import letter


@pytest.fixture
def folder() -> Iterator[Folder]:
    with imap_server() as served:
        yield served


def read(office: Office, folder: Folder, **more: int) -> int:
    return poll(office.lake, Mailbox.from_url(folder.url()), office.mail_in, **more)


def came(office: Office) -> list[tuple[str, int]]:
    """State and number of what came in from mailboxes."""
    return office.lake.read(
        "SELECT state, count(*) AS n FROM lake.ops.mail_in WHERE via = 'imap' GROUP BY 1 ORDER BY 1"
    ).rows()


def test_a_thousand_messages_over_restarts_and_cut_connections_are_a_thousand(
    new_office: NewOffice, tmp_path: Path, folder: Folder
) -> None:
    config = new_office(tmp_path)
    folder.fill(*[letter(f"Number {n}", subject=f"S{n}") for n in range(600)])
    for round_ in range(4):
        folder.dies_after = 3 if round_ < 3 else 10**9
        # A process of its own each time: nothing is remembered but what the lake holds.
        with Lake.open(config) as lake:
            office = Office(lake, tmp_path / "files")
            if round_ < 3:
                with pytest.raises(MailboxFailed):
                    read(office, folder)
                folder.fill(*[letter(f"Later {n}", subject=f"L{round_}{n}") for n in range(100)])
            else:
                read(office, folder)
                read(office, folder)
                folder.fill(*[letter(f"Last {n}", subject=f"Z{n}") for n in range(100)])
                assert read(office, folder) == 100
                assert came(office) == [("stored", 1000)]
                subjects = lake.read("SELECT count(DISTINCT subject) AS n FROM lake.crm.communications")
                assert subjects["n"][0] == 1000
    assert set(folder.commands) <= {"CAPABILITY", "LOGIN", "STATUS", "EXAMINE", "UID", "UID BODY", "LOGOUT"}


def test_a_mailbox_that_was_rebuilt_brings_nothing_twice(own_office: Office, folder: Folder) -> None:
    raws = [letter(str(n)) for n in range(3)]
    folder.fill(*raws)
    read(own_office, folder)
    folder.validity, folder.messages = 8, {}
    folder.fill(letter("new"), *raws)
    read(own_office, folder)
    assert came(own_office) == [("ignored", 3), ("stored", 4)]
    assert read_place(own_office.lake, Mailbox.from_url(folder.url()).name) == (8, 4)


def test_what_is_too_large_stays_there_as_a_dead_letter(own_office: Office, folder: Folder) -> None:
    folder.fill(letter("x" * 60_000), letter("small"))
    read(own_office, folder, max_bytes=50_000)
    [reason] = own_office.lake.read("SELECT reason FROM lake.ops.mail_in WHERE state = 'dead'")["reason"]
    assert came(own_office) == [("dead", 1), ("stored", 1)]
    assert "more than the 50,000" in reason


def test_why_a_mailbox_cannot_be_read_is_noted_without_the_password(
    own_office: Office, folder: Folder
) -> None:
    wrong = Mailbox.from_url(f"imap://ida:secret@127.0.0.1:{folder.port}/INBOX")
    with pytest.raises(MailboxFailed) as raised:
        poll(own_office.lake, wrong, own_office.mail_in)
    [row] = own_office.lake.read("SELECT name, error, last_uid FROM lake.ops.mailboxes").to_dicts()
    assert (row["name"], row["last_uid"]) == ("ida@127.0.0.1/INBOX", 0)
    assert "wrong password" in row["error"]
    assert "secret" not in row["error"] + str(raised.value) + repr(wrong)
