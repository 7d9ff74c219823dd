"""The word that opens a table with all records that belong to one."""

from __future__ import annotations

from crm_core.model import ToMany
from pages._ui import html
from pages._ui.html import Html


def table_link(link: ToMany, text: str) -> Html:
    """A word that opens the table with all records of a link."""
    reference = reference_of(link)
    verb = html.click("all", link.module, reference) if reference else html.click("list", link.module)
    return html.link(text, click=verb)


def reference_of(link: ToMany) -> str | None:
    """The reference by which the records of a link point here, when it leads to one module only."""
    return link.reference.slug if link.reference is not None and not link.reference.polymorphic else None
