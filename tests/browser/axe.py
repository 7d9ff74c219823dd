"""axe-core over a page as it stands: the faults that keep somebody out, each in a line."""

from __future__ import annotations

import tarfile
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

PLACE = Path(__file__).resolve().parents[2] / ".venv" / "share" / "axe-core-4.14.1.tgz"
"""Where `make test` puts the package."""
GRAVE = ("serious", "critical")

_RUN = """async (within) => {
  const found = await axe.run(within ?? document, { resultTypes: ["violations"] });
  return found.violations.map((v) => ({
    rule: v.id, impact: v.impact, help: v.help,
    nodes: v.nodes.map((n) => ({ at: n.target.join(" "), html: n.html.slice(0, 160), why: n.failureSummary })),
  }));
}"""


@cache
def script() -> str:
    """The engine, as npm brings it."""
    with tarfile.open(PLACE) as package:
        stream = package.extractfile("package/axe.min.js")
        assert stream is not None
        return stream.read().decode()


def faults(page: Page, *, within: str | None = None) -> list[str]:
    """What is seriously wrong with the page as it stands, or with the part of a selector; a line for each place."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(script())
    found: list[dict[str, Any]] = page.evaluate(_RUN, within)
    return [
        f"{fault['rule']} ({fault['impact']}): {node['at']} {node['html']} {' '.join(node['why'].split())[:200]}"
        for fault in found
        if fault["impact"] in GRAVE
        for node in fault["nodes"]
    ]
