"""What a process logs: lines of JSON on standard error, a traceback as one field, nothing that opens doors."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from crm_core.logs import redact

BEGIN = "import logging, threading, structlog; from crm_core.logs import *; write_logs()\n"
FAIL = "def fail():\n    raise ValueError('smtp://me:hunter2@mail.example is no good')\n"


def logged(code: str) -> list[dict[str, Any]]:
    """What a process that runs the code says on standard error; on standard output it says nothing."""
    done = subprocess.run([sys.executable, "-c", BEGIN + FAIL + code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("try: fail()\nexcept ValueError as error: log_failure('failed', error)", id="a failure"),
        pytest.param(
            "try: fail()\nexcept ValueError: structlog.get_logger('flows').exception('failed')",
            id="structlog",
        ),
        pytest.param(
            "try: fail()\nexcept ValueError: logging.getLogger('uvicorn.error').exception('failed')",
            id="a library",
        ),
        pytest.param("one = threading.Thread(target=fail); one.start(); one.join()", id="a thread that dies"),
    ],
)
def test_an_error_is_one_line_with_its_traceback_and_no_password(code: str) -> None:
    [line] = logged(code)
    assert line["level"] == "error" and line["timestamp"].endswith("Z") and line["event"]
    assert line["trace"].startswith("Traceback") and "in fail" in line["trace"]
    assert "hunter2" not in json.dumps(line) and "smtp://me:***@mail.example" in line["error"]


def test_a_library_that_wrote_for_itself_writes_the_same_way() -> None:
    code = (
        "own = logging.getLogger('somebody.deep'); own.propagate = False; own.addHandler(logging.StreamHandler())\n"
        "follow_root('somebody'); own.warning('careful with %s', 'this')"
    )
    assert [line["event"] for line in logged(code)] == ["careful with this"]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        pytest.param("postgres:host=db user=me password=hunter2 dbname=x", "hunter2", id="a libpq text"),
        pytest.param("postgresql://me:hunter2@db/x", "hunter2", id="an address"),
        pytest.param("Authorization: Bearer mgr_abcdefghijk", "abcdefghijk", id="a header"),
        pytest.param("the key mgr_abc-def_ghijk was sent", "abc-def_ghijk", id="a key of ours"),
        pytest.param("CREATE SECRET (KEY_ID 'a', SECRET 'hunter2')", "hunter2", id="a secret of the engine"),
        pytest.param('{"token": "hunter2"}', "hunter2", id="JSON"),
    ],
)
def test_what_opens_doors_is_taken_out(text: str, secret: str) -> None:
    assert secret not in redact(text) and "***" in redact(text)


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05Z", "ida@x.example wrote", "http://127.0.0.1:8501/x@y"])
def test_what_opens_nothing_stays(text: str) -> None:
    assert redact(text) == text
