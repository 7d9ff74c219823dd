"""The process without pages takes mail in as the server does: by SMTP and from mailboxes."""

from __future__ import annotations

import os
import signal
import smtplib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crm_core.access import Actor
from crm_core.definitions import apply_pack
from crm_core.settings import Settings
from crm_core.workspace import prepare
from flows import schema_sql
from lake import Lake
from tests.flows.mail_server import free_port
from tests.mail.imap_server import imap_server
from tests.mail.letters import letter

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0
SUBJECTS = "SELECT subject FROM lake.crm.communications ORDER BY subject"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Lake.open(Settings(home=tmp_path).lake_config) as lake:
        prepare(lake, schemas=[schema_sql()])
        apply_pack(lake, "logistics", actor=Actor.system())
    return tmp_path


def subjects(lake: Lake) -> set[str]:
    return {str(one) for one in lake.read(SUBJECTS)["subject"].to_list()}


def handed_over(port: int) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
            client.sendmail("ida@shipper.example", "help@freight.example", letter(subject="By SMTP"))
    except ConnectionRefusedError:
        return False
    return True


def test_mail_comes_in_while_nobody_serves_pages(home: Path) -> None:
    port, command = free_port(), [sys.executable, "-c", "from cli import app; app()", "work"]
    with imap_server() as folder, Lake.open(Settings(home=home).lake_config) as lake:
        folder.fill(letter(subject="By IMAP"))
        env = os.environ | {
            "MERGANSER_HOME": str(home), "MERGANSER_MAIL_IN_PORT": str(port), "MERGANSER_MAIL_IMAP_URLS": folder.url(),
            "MERGANSER_MAIL_POLL_SECONDS": "1", "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL) as process:
            try:
                deadline, by_smtp = time.monotonic() + SECONDS, False
                # Each is acknowledged by the flows of the same process.
                while not (came := {"By IMAP", "By SMTP"} <= subjects(lake)) and time.monotonic() < deadline:
                    assert process.poll() is None
                    by_smtp = by_smtp or handed_over(port)
                    time.sleep(0.2)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=SECONDS)
    assert came
