"""Words about a record that many parts show: its status, its subtitle, a reference as a link."""

from __future__ import annotations

from typing import Any

from crm_core.model import Module, Reference, Status
from pages._ui import html, words


def status_badge(module: Module, folder: str | None, status: str | None) -> html.Html:
    """The status in its folder's words and colour; nothing for none."""
    if not status:
        return html.Html("")
    found = _status(module, folder, status)
    return html.badge(status_name(module, folder, status), color=found.color if found else "gray", dot=True)


def status_name(module: Module, folder: str | None, status: str | None) -> str:
    """The status in its folder's words; empty for none."""
    found = _status(module, folder, status)
    return found.name if found else words.readable(status or "")


def _status(module: Module, folder: str | None, status: str | None) -> Status | None:
    known = {s.slug: s for f in module.folders for s in f.statuses}
    own = module.folder(folder or "")
    known |= {s.slug: s for s in own.statuses} if own else {}
    return known.get(status or "")


def reference_link(reference: Reference, value: Any, titles: dict[str, str]) -> html.Html | None:
    """The title of the referenced record as a link to it; None when there is none, or none that may be seen."""
    if not value:
        return None
    module, target = (
        (value["module"], value["id"]) if isinstance(value, dict) else (reference.targets[0], value)
    )
    title = titles.get(str(target))
    return html.link(title, click=html.click("open", str(module), str(target))) if title else None
