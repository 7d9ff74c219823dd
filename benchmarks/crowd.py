"""What 20 people at once wait for, each at a machine of their own: one in Chromium, 19 by what a browser sends.

Twenty pages of Chromium would mostly wait for each other's drawing. So one page is real and paints; the others send the
server the very messages that this page sent before, over websockets of their own, ask for the pulse once a second as
it does, and read every message that comes back. The server has the same to do for each of them.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.async_api import Page, WebSocket, async_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.clicks import CUSTOMERS
from benchmarks.painting import LONGEST, PAINTED, PROFILE
from benchmarks.report import Report, percentile
from tests.browser.server import CHROMIUM_ARGS, Served, find_chromium, serve

PEOPLE = 20
CLICKS = 30
KNOWN = 24
"""How many customers are opened once, to learn what a click on them sends."""
READS = (3.0, 7.0)
"""Seconds that somebody looks at a profile before the next click."""
AIM = 800.0


@dataclass(frozen=True)
class Sent:
    """What the browser sent: when the page was opened, and at each click."""

    opened: bytes
    clicks: Sequence[bytes]


def run(report: Report, folder: Path) -> None:
    """Measure in a demo of 2,000 customers; the server, Chromium and the other people share the machine."""
    with serve(folder, demo=CUSTOMERS) as server:
        began, used = time.monotonic(), _processor(server)
        painted, answered = asyncio.run(_crowd(server))
        busy = (_processor(server) - used) / (time.monotonic() - began)
    name = f"{PEOPLE} people at once, a click every {sum(READS) / 2:g} s each"
    _report(report, f"{name}: click → painted profile, in Chromium", painted)
    _report(report, f"{name}: click → whole answer, by the same messages", answered)
    report.add(f"{name}: the server's share of one processor", f"{busy:.0%}")


def _report(report: Report, what: str, taken: Sequence[float]) -> None:
    high = percentile(list(taken), 0.95)
    figures = f"p50 {statistics.median(taken):.0f} ms, p95 {high:.0f} ms ({len(taken)} clicks)"
    report.add(what, figures, aim=f"p95 ≤ {AIM:g} ms", met=high <= AIM)


def _processor(server: Served) -> float:
    """Seconds of processor that the server has used."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def _crowd(server: Served) -> tuple[list[float], list[float]]:
    """Milliseconds of every click: those painted in Chromium, and those of the others."""
    async with async_playwright() as playwright, AsyncExitStack() as stack:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_ARGS))
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        sent = await _learned(page, server.url)
        address = server.url.replace("http", "ws", 1) + "/_stcore/stream"
        lines = [await stack.enter_async_context(connect(address, max_size=None)) for _ in range(PEOPLE - 1)]
        for line in lines:
            await _answer(line, sent.opened)
        pulses = [asyncio.create_task(_pulse(server.url)) for _ in lines]
        others = [_acts(line, sent.clicks, random.Random(at)) for at, line in enumerate(lines)]
        painted, *answered = await asyncio.gather(_looks(page, random.Random(PEOPLE)), *others)
        for pulse in pulses:
            pulse.cancel()
        await browser.close()
    return painted, [one for each in answered for one in each]


async def _learned(page: Page, url: str) -> Sent:
    """Open the page and some customers, and keep what the browser sends."""
    frames: list[bytes] = []

    def listen(line: WebSocket) -> None:
        line.on("framesent", lambda frame: frames.append(frame) if isinstance(frame, bytes) else None)

    page.on("websocket", listen)
    await page.goto(f"{url}/customers")
    await page.locator(".st-key-centre_head .m-title").wait_for()
    await page.locator(".list .row").first.wait_for()
    await page.wait_for_timeout(3_000)
    opened = frames[0]
    frames.clear()
    for at in range(KNOWN):
        await page.evaluate(PAINTED, [{"row": 1 + at * 7 % 50}, PROFILE, 0, LONGEST])
        await page.wait_for_timeout(600)
    return Sent(opened, [frame for frame in frames if b'"selected"' in frame])


async def _looks(page: Page, chance: random.Random) -> list[float]:
    """The clicks of the person in Chromium."""
    taken = []
    for at in range(CLICKS):
        await asyncio.sleep(chance.uniform(*READS))
        taken.append(float(await page.evaluate(PAINTED, [{"row": 3 + at * 7 % 50}, PROFILE, 0, LONGEST])))
    return taken


async def _acts(line: ClientConnection, clicks: Sequence[bytes], chance: random.Random) -> list[float]:
    """The clicks of somebody else."""
    taken = []
    for _ in range(CLICKS):
        await asyncio.sleep(chance.uniform(*READS))
        taken.append(await _answer(line, chance.choice(clicks)))
    return taken


async def _answer(line: ClientConnection, message: bytes) -> float:
    """Milliseconds until the server has nothing more to say to a message.

    Raises:
        AssertionError: The answer is not the profile that was clicked on.
    """
    began, ended, said = time.perf_counter(), 0.0, bytearray()
    await line.send(message)
    while True:
        try:
            # A click is answered by two runs, the second follows at once; so the end is where nothing comes any more.
            frame = await asyncio.wait_for(line.recv(decode=False), timeout=1.0 if ended else LONGEST / 1000)
        except TimeoutError:
            break
        said += frame
        if ForwardMsg.FromString(frame).WhichOneof("type") == "script_finished":
            ended = time.perf_counter()
    clicked = _clicked(message)
    assert ended and (clicked is None or clicked in said), f"{clicked!r} was clicked on, and did not come."
    return (ended - began) * 1000


def _clicked(message: bytes) -> bytes | None:
    """The id of the customer that a message asks for, None for what opens the page."""
    for widget in BackMsg.FromString(message).rerun_script.widget_states.widgets:
        if "selected" in widget.json_value:
            return str(widget.json_value).split('"')[3].encode()
    return None


async def _pulse(url: str) -> None:
    async with httpx.AsyncClient(base_url=url) as client:
        while True:
            await client.get("/api/pulse")
            await asyncio.sleep(1)
