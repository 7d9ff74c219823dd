"""A small IMAP server (RFC 9051) with one folder: as much of it as reading needs, and a way to break off."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Folder:
    """What lies in the folder, by UID. `dies_after` FETCHes of bodies the connection is cut within the answer."""

    port: int = 0
    validity: int = 7
    messages: dict[int, bytes] = field(default_factory=dict)
    dies_after: int = -1
    commands: list[str] = field(default_factory=list)

    def url(self, user: str = "help%40freight.example") -> str:
        return f"imap://{user}:p%2Cass@127.0.0.1:{self.port}/INBOX"

    def fill(self, *raws: bytes) -> None:
        for raw in raws:
            self.messages[max(self.messages, default=0) + 1] = raw

    def chosen(self, given: str) -> list[int]:
        found: set[int] = set()
        for part in given.split(","):
            begin, _, end = part.partition(":")
            found |= {uid for uid in self.messages if int(begin) <= uid <= int(end or begin)}
        return sorted(found)


async def _serve(folder: Folder, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"* OK ready\r\n")
    while line := (await reader.readline()).decode():
        tag, _, rest = line.strip().partition(" ")
        folder.commands.append(rest.split(" ")[0] + (" BODY" if "BODY" in rest else ""))
        if not await _answer(folder, writer, tag, rest):
            break
        await writer.drain()
    writer.close()


async def _answer(folder: Folder, writer: asyncio.StreamWriter, tag: str, rest: str) -> bool:
    verb = " ".join(rest.split(" ")[: 2 if rest.upper().startswith("UID") else 1]).upper()
    if verb == "CAPABILITY":
        writer.write(b"* CAPABILITY IMAP4rev1\r\n")
    elif verb == "LOGIN" and "p,ass" not in rest:
        writer.write(f"{tag} NO wrong password\r\n".encode())
        return True
    elif verb == "STATUS":
        coming = max(folder.messages, default=0) + 1
        writer.write(f'* STATUS "INBOX" (UIDVALIDITY {folder.validity} UIDNEXT {coming})\r\n'.encode())
    elif verb == "EXAMINE":
        writer.write(f"* {len(folder.messages)} EXISTS\r\n".encode())
    elif verb == "UID SEARCH":
        found = folder.chosen(rest.rsplit(" ", 1)[1])
        writer.write(f"* SEARCH {' '.join(map(str, found))}\r\n".encode())
    elif verb == "UID FETCH":
        return _fetch(folder, writer, tag, rest)
    elif verb not in ("LOGIN", "LOGOUT", "NOOP"):
        writer.write(f"{tag} BAD {verb} would change something\r\n".encode())
        return True
    writer.write(f"{tag} OK done\r\n".encode())
    return verb != "LOGOUT"


def _fetch(folder: Folder, writer: asyncio.StreamWriter, tag: str, rest: str) -> bool:
    bodies = "BODY.PEEK[]" in rest
    folder.dies_after -= bodies
    for uid in folder.chosen(re.split(r"\s+", rest)[2]):
        raw = folder.messages[uid]
        if not bodies:
            writer.write(f"* {uid} FETCH (UID {uid} RFC822.SIZE {len(raw)})\r\n".encode())
        elif uid % 2:
            writer.write(f"* {uid} FETCH (UID {uid} BODY[] {{{len(raw)}}}\r\n".encode() + raw + b")\r\n")
        else:
            writer.write(
                f"* {uid} FETCH (BODY[] {{{len(raw)}}}\r\n".encode() + raw + f" UID {uid})\r\n".encode()
            )
        if bodies and folder.dies_after == -1:
            return False
    writer.write(f"{tag} OK done\r\n".encode())
    return True


@contextmanager
def imap_server() -> Iterator[Folder]:
    """A server on a free port of this machine, in a thread of its own."""
    folder, loop, ready = Folder(dies_after=10**9), asyncio.new_event_loop(), threading.Event()

    async def begin() -> None:
        server = await asyncio.start_server(lambda r, w: _serve(folder, r, w), "127.0.0.1", 0)
        folder.port = server.sockets[0].getsockname()[1]
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(begin())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield folder
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
