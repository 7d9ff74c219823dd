"""Six thousand real mails: every one is stored, and says what Python's own parser reads in it."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
from collections.abc import Iterator, Mapping
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from email.policy import default
from typing import Any

import aiosmtplib
import pytest

from crm_core.access import Actor
from crm_core.definitions import apply_pack
from crm_core.mail.arrivals import Arrival
from crm_core.mail.store import store_all
from crm_core.workspace import prepare
from flows import schema_sql
from flows.ingress import Ingress
from flows.mail_in import MailIn
from lake import Lake, LakeConfig
from tests.flows.mail_server import free_port
from tests.real_data.spam_corpus import read_corpus

WHOLE = os.environ.get("CORPUS_BY_SMTP") == "all"
"""Whether all of it comes by SMTP (`make corpus`); else some does, and the rest through the same code in sets."""

BY_SMTP = 6046 if WHOLE else 200
CONNECTIONS = 40
SET = 500


@pytest.fixture(scope="module")
def corpus() -> dict[str, bytes]:
    return read_corpus()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, corpus: Mapping[str, bytes]) -> Iterator[Lake]:
    """A lake into which all of it came: some by SMTP over many connections, the rest in sets."""
    folder = tmp_path_factory.mktemp("corpus")
    raws, mail_in = list(corpus.values()), MailIn(folder / "files")
    config = LakeConfig(catalog=f"sqlite:{folder / 'c.sqlite'}", data_path=str(folder / "data"), threads=2)
    with Lake.open(config) as lake:
        prepare(lake, schemas=[schema_sql()])
        apply_pack(lake, "logistics", actor=Actor.system())
        port = free_port()
        ingress = Ingress(lake, mail_in, host="127.0.0.1", port=port)
        ingress.start()
        asyncio.run(hand_over(port, raws[:BY_SMTP]))
        ingress.stop()
        for begin in range(BY_SMTP, len(raws), SET):
            arrivals = [Arrival(raw, "import") for raw in raws[begin : begin + SET]]
            store_all(lake, arrivals, files=mail_in.files)
        yield lake


async def hand_over(port: int, raws: list[bytes]) -> None:
    waiting = iter(raws)

    async def connection() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, timeout=120) as client:
            for raw in waiting:
                await client.sendmail("list@taint.example", "help@freight.example", raw)

    await asyncio.gather(*[connection() for _ in range(CONNECTIONS)])


@pytest.fixture(scope="module")
def stored(filled: Lake) -> dict[str, dict[str, Any]]:
    """SHA-256 of the raw mail → its record."""
    rows = filled.read('SELECT raw, subject, text, message_id, "from" FROM lake.crm.communications')
    return {row["raw"]: row for row in rows.to_dicts()}


def record_of(stored: Mapping[str, dict[str, Any]], raw: bytes) -> dict[str, Any] | None:
    return stored.get(hashlib.sha256(raw).hexdigest())


def test_every_mail_is_stored_or_a_dead_letter_and_none_is_lost(
    filled: Lake, corpus: Mapping[str, bytes], stored: Mapping[str, Any]
) -> None:
    rows = dict(filled.read("SELECT via, count(*) AS n FROM lake.ops.mail_in GROUP BY 1").rows())
    states = dict(filled.read("SELECT state, count(*) AS n FROM lake.ops.mail_in GROUP BY 1").rows())
    unexplained = filled.read(
        "SELECT count(*) AS n FROM lake.ops.mail_in WHERE state <> 'stored' AND reason IS NULL"
    )
    by_set = len(corpus) - BY_SMTP
    assert rows == {"smtp": BY_SMTP} | ({"import": by_set} if by_set else {})
    assert sum(states.values()) == len(corpus) == 6046
    assert states["stored"] == len(stored) and unexplained["n"][0] == 0
    # Nothing of it is beyond what mail programs read.
    assert set(states) == {"stored"}


def words(text: str) -> str:
    return " ".join(text.split())


def test_headers_are_those_of_pythons_parser(corpus: Mapping[str, bytes], stored: Mapping[str, Any]) -> None:
    parser, compared, other = BytesHeaderParser(), 0, []
    for name, raw in corpus.items():
        record, headers = record_of(stored, raw), parser.parsebytes(raw)
        given = headers.get("Subject")
        if record is None or given is None or not str(given).isascii():
            continue
        try:
            subject = words(str(make_header(decode_header(str(given).replace("\r\n", "")))))
        except (LookupError, ValueError, UnicodeError):
            continue
        compared += 1
        # What calls itself Latin-1 and has control characters is read as mail programs read it: as Windows-1252.
        if any("\x80" <= letter <= "\x9f" for letter in subject):
            subject = subject.encode("latin-1").decode("cp1252")
        if subject and subject[:500].strip() != record["subject"]:
            other.append((name, subject, record["subject"]))
    assert compared > 5000
    assert other == []


def test_texts_are_those_of_pythons_parser(corpus: Mapping[str, bytes], stored: Mapping[str, Any]) -> None:
    compared, other = 0, []
    for name, raw in itertools.islice(corpus.items(), 0, None, 4):
        record = record_of(stored, raw)
        message = BytesParser(policy=default).parsebytes(raw)
        text = _plain(message)
        if record is None or text is None or "\ufffd" in text:
            continue
        compared += 1
        if words(text)[:50_000] not in words(record["text"] or ""):
            other.append((name, text[:80], (record["text"] or "")[:80]))
    assert compared > 1000
    assert other == []


def _plain(message: EmailMessage) -> str | None:
    """The text in plain words, where Python's parser finds one part that has it in ASCII or UTF-8."""
    try:
        body = message.get_body(("plain",))
        if body is None or message.get_content_maintype() not in ("text", "multipart"):
            return None
        charset = (body.get_content_charset() or "us-ascii").lower()
        content = body.get_content()
    except (LookupError, ValueError, KeyError, AttributeError, TypeError):
        return None
    plain = charset in ("us-ascii", "utf-8") or content.isascii()
    # The lake holds no U+0000.
    return content.replace("\x00", "") if isinstance(content, str) and plain else None
