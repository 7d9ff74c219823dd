"""Mail handed over by SMTP, as other servers do it."""

from __future__ import annotations

import asyncio
import hashlib
import smtplib
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from crm_core.errors import SettingInvalid
from crm_core.files import blob_path
from crm_core.mail.arrivals import Arrival
from crm_core.mail.store import store_all
from crm_core.settings import Settings
from flows.delivery import Delivery, DeliveryConfig
from flows.ingress import Ingress
from flows.runner import run_until_current
from lake import Lake
from tests.flows.mail_server import free_port
from tests.mail.conftest import NewOffice, Office
from tests.mail.letters import letter

US = "help@freight.example"


@contextmanager
def serving(office: Office, **more: Any) -> Iterator[int]:
    """The ingress of an office on a free port."""
    port = free_port()
    ingress = Ingress(office.lake, office.mail_in, host="127.0.0.1", port=port, **more)
    ingress.start()
    try:
        yield port
    finally:
        ingress.stop()


def hand_over(
    port: int, raw: bytes, *, sender: str = "ida@shipper.example", to: str = US
) -> tuple[int, bytes]:
    """What the server says to a message."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo("mx.example")
        client.mail(sender)
        code, words = client.rcpt(to)
        return client.data(raw) if code == 250 else (code, words)


def test_250_is_said_when_bytes_and_record_are_safe(office: Office) -> None:
    raw = letter("Long line: " + "x" * 5000)
    with serving(office) as port:
        code, words = hand_over(port, raw)
    assert code == 250
    taken = words.decode().split()[-1]
    [row] = office.lake.read("SELECT * FROM lake.ops.mail_in WHERE id = CAST(? AS UUID)", [taken]).to_dicts()
    digest = hashlib.sha256(raw + b"\r\n").hexdigest()
    assert (row["state"], row["sha256"], row["envelope_to"]) == ("stored", digest, [US])
    assert blob_path(office.files, digest).stat().st_size == row["size"]


def test_what_cannot_be_stored_now_is_put_off(own_office: Office) -> None:
    own_office.files.parent.mkdir(exist_ok=True)
    own_office.files.write_text("a file where the folder should be")
    with serving(own_office) as port:
        first, _ = hand_over(port, letter("Keep me"))
        own_office.files.unlink()
        second, _ = hand_over(port, letter("Keep me"))
    assert (first, second) == (451, 250)
    assert own_office.count("ops", "mail_in") == 1


def test_mail_for_others_and_too_large_mail_is_refused(office: Office) -> None:
    with serving(office, addresses=(US,), max_bytes=20_000) as port:
        codes = [
            hand_over(port, letter(), to="somebody@else.example")[0],
            hand_over(port, letter("x" * 30_000))[0],
            hand_over(port, letter(), to="HELP@freight.example")[0],
        ]
    assert codes == [550, 552, 250]


def test_a_port_that_is_taken_is_told(office: Office) -> None:
    with serving(office) as port, pytest.raises(SettingInvalid, match="MERGANSER_MAIL_IN_PORT"):
        Ingress(office.lake, office.mail_in, host="127.0.0.1", port=port).start()


def exchange(here: Office, there: Office, ports: tuple[int, int], rounds: int) -> list[int]:
    """Let two instances do what they do, in turns; the mails that left in each round."""
    left = []
    for _ in range(rounds):
        sent = 0
        for office, port, own in ((here, ports[1], "a"), (there, ports[0], "b")):
            run_until_current(office.lake)
            config = DeliveryConfig(f"smtp://127.0.0.1:{port}", f"Desk <help@{own}.example>", timeout=10.0)
            sent += Delivery(office.lake, config).run().sent
        left.append(sent)
    return left


def test_two_instances_that_would_answer_each_other_stop_after_one_exchange(
    new_office: NewOffice, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folders = [tmp_path_factory.mktemp("two") for _ in range(2)]
    with Lake.open(new_office(folders[0])) as one, Lake.open(new_office(folders[1])) as two:
        here, there = Office(one, folders[0] / "files"), Office(two, folders[1] / "files")
        with serving(here) as port_a, serving(there) as port_b:
            hand_over(port_b, letter("Hello", sender="help@a.example"), sender="help@a.example")
            left = exchange(here, there, (port_a, port_b), rounds=3)
        # There acknowledges; here takes it for what it is, and answers nothing.
        assert left == [1, 0, 0]
        reasons = one.read("SELECT state, reason FROM lake.ops.outbox").rows()
        assert [state for state, _ in reasons] == ["dropped"]
        assert "Auto-Submitted" in reasons[0][1]
        assert here.count("crm", "inquiries", "automatic") == 1
        assert there.count("crm", "communications", "direction = 'out' AND state = 'sent'") == 1


def test_a_loop_without_marks_ends_at_ten_mails_an_hour(own_office: Office) -> None:
    bot = "loop@bot.example"
    with serving(own_office) as port:
        config = DeliveryConfig(f"smtp://127.0.0.1:{port}", "Desk <desk@freight.example>", timeout=10.0)
        delivery = Delivery(own_office.lake, config)
        for count in (10, 2):
            arrivals = [Arrival(letter(sender=bot), "smtp", bot) for _ in range(count)]
            store_all(own_office.lake, arrivals, files=own_office.files)
            run_until_current(own_office.lake)
            delivery.run()
    states = own_office.lake.read(
        "SELECT state, count(*) AS n FROM lake.ops.outbox WHERE recipient = ? GROUP BY 1 ORDER BY 1", [bot]
    ).rows()
    assert states == [("dropped", 2), ("sent", 10)]


def test_many_at_once_share_commits_and_none_is_lost(own_office: Office) -> None:
    before = own_office.lake.snapshot()

    async def all_of_them(port: int) -> list[int]:
        hand = [asyncio.to_thread(hand_over, port, letter(f"N{n}", subject=f"N{n}")) for n in range(60)]
        return [code for code, _ in await asyncio.gather(*hand)]

    with serving(own_office) as port:
        codes = asyncio.run(all_of_them(port))
    assert codes == [250] * 60
    assert own_office.count("crm", "communications", "state = 'received'") == 60
    assert own_office.lake.snapshot() - before < 45


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of our own for this machine, and its key."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)]  # fmt: skip
    subprocess.run(made, check=True, capture_output=True)
    return cert, key


def test_mail_comes_in_encrypted_where_a_certificate_is_set(own_office: Office, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    port = free_port()
    settings = Settings(home=tmp_path, mail_in_port=port, mail_in_tls_cert=cert, mail_in_tls_key=key)
    ingress = Ingress.from_settings(own_office.lake, settings)
    assert ingress is not None
    ingress.start()
    try:
        with smtplib.SMTP("localhost", port, timeout=30) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(cert)))
            client.sendmail("ida@shipper.example", US, letter("Sealed"))
    finally:
        ingress.stop()
    assert own_office.count("crm", "communications", "text = 'Sealed'") == 1


def test_a_certificate_that_cannot_be_read_is_told(own_office: Office, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, mail_in_port=free_port(), mail_in_tls_cert=tmp_path / "missing.pem")
    with pytest.raises(SettingInvalid, match="MERGANSER_MAIL_IN_TLS_CERT"):
        Ingress.from_settings(own_office.lake, settings)
