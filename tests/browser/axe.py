"""axe-core over a page as it stands: the faults that keep somebody out, each in a line."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

PLACE = Path(__file__).resolve().parents[2] / ".venv" / "share" / "axe-core-4.14.1.tgz"
"""Where `make test` puts the package."""
GRAVE = ("serious", "critical")

_RUN = """async ([within, rules]) => {
  const chosen = rules ? { runOnly: { type: "rule", values: rules } } : {};
  const found = await axe.run(within ?? document, { resultTypes: ["violations"], ...chosen });
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


def faults(page: Page, *, within: str | None = None, rules: Sequence[str] | None = None) -> list[str]:
    """What is seriously wrong with the page as it stands, or with the part of a selector; a line for each place.

    Args:
        page: Is looked at.
        within: The selector of the part that is looked at, all by default.
        rules: Those of axe that are asked, all by default.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(script())
    found: list[dict[str, Any]] = page.evaluate(_RUN, [within, rules and [*rules]])
    return [
        f"{fault['rule']} ({fault['impact']}): {node['at']} {node['html']} {' '.join(node['why'].split())[:200]}"
        for fault in found
        if fault["impact"] in GRAVE
        for node in fault["nodes"]
    ]
