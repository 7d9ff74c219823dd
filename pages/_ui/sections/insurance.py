"""Insurance: what is covered, and claims that are opened and decided."""

from __future__ import annotations

from functools import partial

import streamlit as st

from crm_core.figures import insurance as figure
from crm_core.figures import rows
from crm_core.figures.reading import Row
from pages._ui import html, words
from pages._ui.components import Click
from pages._ui.record_words import status_badge
from pages._ui.sections.acting import (
    Ask,
    Form,
    asked,
    change,
    create,
    module_of,
    offer,
    question,
    strip,
    word,
)
from pages._ui.sections.base import ProfileSection, Spot

POLICIES, CLAIMS = "policies", "claims"
MOVES = {"accept": "accepted", "refuse": "refused"}


def draw(spot: Spot) -> None:
    """Draw what is covered and claimed, the form, and both lists."""
    st.html(strip(figure.read(**question(spot)).figure))
    policies = rows.policies(asked(spot))
    offer(spot, *_forms(spot, policies))
    parts = []
    if module_of(spot, POLICIES) is not None:
        parts.append(_policies(spot, policies))
    if module_of(spot, CLAIMS) is not None:
        parts.append(_claims(spot, rows.claims(asked(spot))))
    st.html(html.stack(parts))


def _forms(spot: Spot, found: list[Row]) -> list[Form]:
    forms = []
    if module_of(spot, CLAIMS) is not None:
        named = {row["id"]: f"{row['number']} · {row['insurer'] or ''}".strip(" ·") for row in found}
        on = (Ask("policy", next(iter(named), None), named, "Policy"),) if named else ()
        asks = (Ask("title"), *on, Ask("amount"), Ask("occurred_on"))
        forms.append(Form("claim", "Open a claim", CLAIMS, asks,
                          partial(create, spot, CLAIMS), "Claim opened", "report"))  # fmt: skip
    if module_of(spot, POLICIES) is not None:
        wanted = ("number", "insurer", "kind", "coverage", "valid_from", "valid_until")
        forms.append(Form("policy", "Add a policy", POLICIES, [Ask(slug) for slug in wanted],
                          partial(create, spot, POLICIES), "Policy added", "add_moderator"))  # fmt: skip
    return forms


def _policies(spot: Spot, found: list[Row]) -> html.Html:
    module = spot.here.catalog.module(POLICIES)

    def cells(row: Row) -> list[html.Text]:
        return [
            row["number"] or html.missing("Without a number"),
            row["insurer"] or html.missing(),
            words.money(row["coverage"], row["coverage__currency"])
            if row["coverage"] is not None
            else html.missing(),
            words.day(row["valid_until"]) if row["valid_until"] else html.missing(),
            status_badge(module, row["folder"], row["status"]),
        ]

    listed = [html.Row(cells(row), html.click("open", POLICIES, row["id"])) for row in found]
    return html.table_card(
        "Policies", ["No.", "Insurer", "Covers up to", "Until", "Status"], listed, right_aligned=(2,),
        empty="No policies yet.",
    )  # fmt: skip


def _claims(spot: Spot, found: list[Row]) -> html.Html:
    module = spot.here.catalog.module(CLAIMS)

    def cells(row: Row) -> list[html.Text]:
        verbs = [] if spot.locked or row["status"] != "open" else ["accept", "refuse"]
        return [
            row["title"] or html.missing("Without a name"),
            words.day(row["occurred_on"]) if row["occurred_on"] else html.missing(),
            words.money(row["amount"], row["amount__currency"])
            if row["amount"] is not None
            else html.missing(),
            status_badge(module, row["folder"], row["status"]),
            html.join([word(verb.capitalize(), verb, row["id"]) for verb in verbs], between=" "),
        ]

    listed = [html.Row(cells(row), html.click("open", CLAIMS, row["id"])) for row in found]
    return html.table_card(
        "Claims", ["Claim", "Happened on", "Amount", "Status", ""], listed, right_aligned=(2,),
        empty="No claims yet.",
    )  # fmt: skip


def clicked(spot: Spot, click: Click) -> bool:
    """Accept or refuse a claim."""
    if click.verb not in MOVES or len(click.values) != 1:
        return False
    status = MOVES[click.verb]
    change(spot, CLAIMS, click.values[0], {"status": status}, done=words.readable(status))
    return True


SECTION = ProfileSection("insurance", draw, clicked)
