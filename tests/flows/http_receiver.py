"""A real HTTP server that verifies signatures, and can be told by its path to misbehave."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One call: its path, its headers in lower case, its body."""

    path: str
    headers: Mapping[str, str]
    body: str


@dataclass
class Receiver:
    """What came, in order. `script` are status and headers of the next answers, whatever the path says.

    `/hang` answers when it is `released`, after `hangs` seconds at the latest.
    """

    hangs: float = 2.0
    port: int = 0
    calls: list[Received] = field(default_factory=list)
    script: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [call.path for call in self.calls]


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.calls.append(Received(self.path, headers, body))
            self._answer()

        do_GET = do_POST

        def _answer(self) -> None:
            if self.path.startswith("/hang"):
                receiver.released.wait(receiver.hangs)
            if self.path.startswith("/nothing"):
                self.close_connection = True
                return
            status, more = self._status()
            text = b"x" * 5000 if self.path.startswith("/long") else b'{"told": "so"}'
            if self.path.startswith("/repeat"):
                text = str(self.headers).encode()
            self.send_response(status)
            for name, value in {"content-length": str(len(text)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def _status(self) -> tuple[int, dict[str, str]]:
            if receiver.script:
                return receiver.script.pop(0)
            first = self.path.strip("/").partition("/")[0]
            status = int(first) if first.isdecimal() and len(first) == 3 else 200
            return status, {"location": f"{receiver.url}/elsewhere"} if 300 <= status < 400 else {}

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


@contextmanager
def receiver_on(host: str = "127.0.0.1", port: int = 0) -> Iterator[Receiver]:
    """A receiver on a free port of this machine."""
    receiver = Receiver()
    server = ThreadingHTTPServer((host, port), _handler(receiver))
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def wait_until(done: Any, seconds: float = 10.0) -> None:
    """Until something holds, or a while has passed."""
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.01)
