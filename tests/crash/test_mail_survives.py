"""Mail that was answered with 250 is there, whatever happens to the process a moment later."""

from __future__ import annotations

import smtplib
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from crm_core.access import Actor
from crm_core.definitions import apply_pack
from crm_core.workspace import prepare
from flows import schema_sql
from lake import Lake, LakeConfig

ROOT = Path(__file__).resolve().parents[2]
SERVER = """
import sys, threading
from pathlib import Path
from flows.ingress import Ingress
from flows.mail_in import MailIn
from lake import Lake, LakeConfig
from tests.flows.mail_server import free_port
folder = Path(sys.argv[1])
config = LakeConfig(catalog=sys.argv[2], data_path=str(folder / "data"), threads=1)
lake, port = Lake.open(config), free_port()
Ingress(lake, MailIn(folder / "files"), host="127.0.0.1", port=port).start()
print("port", port, flush=True)
threading.Event().wait()
"""


def hand_over_until_it_dies(server: subprocess.Popen[str], *, kill_after: int) -> list[str]:
    """The ids of the messages that were answered with 250; the server is killed while it works on the next."""
    assert server.stdout is not None
    port = next(int(line.split()[1]) for line in server.stdout if line.startswith("port "))
    taken: list[str] = []
    with suppress(smtplib.SMTPException, OSError), smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        client.ehlo("mx.example")
        while len(taken) <= kill_after:
            number = len(taken)
            client.mail("ida@shipper.example")
            client.rcpt("help@freight.example")
            client.docmd("DATA")
            client.send(
                f"From: ida@shipper.example\r\nSubject: Number {number}\r\n\r\nHello\r\n.\r\n".encode()
            )
            if number == kill_after:
                server.kill()
            code, words = client.getreply()
            if code == 250:
                taken.append(words.decode().split()[-1])
    return taken


def test_no_message_that_was_taken_is_lost_when_the_process_dies(
    tmp_path: Path, new_catalog: Callable[[Path], str]
) -> None:
    catalog = new_catalog(tmp_path)
    config = LakeConfig(catalog=catalog, data_path=str(tmp_path / "data"), threads=1)
    with Lake.open(config) as lake:
        prepare(lake, schemas=[schema_sql()])
        apply_pack(lake, "logistics", actor=Actor.system())
    taken: list[str] = []
    for kill_after in (1, 4):
        command = [sys.executable, "-c", SERVER, str(tmp_path), catalog]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
            try:
                found = hand_over_until_it_dies(server, kill_after=kill_after)
            finally:
                server.kill()
        assert len(found) >= kill_after
        taken += found
    with Lake.open(config) as lake:
        kept = lake.read(
            "SELECT count(*) AS n FROM lake.ops.mail_in m JOIN lake.crm.communications c ON c.id = m.communication_id "
            "WHERE CAST(m.id AS VARCHAR) IN (SELECT unnest($ids))",
            {"ids": taken},
        )
    assert kept["n"][0] == len(taken)
