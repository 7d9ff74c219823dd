"""A module as a board: a lane for each status, with its exact count and sums; cards are dragged from one to another.

The same search, filter, folder, order and views as the table of the module.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from crm_core.boards import CARDS, MOST_CARDS, NOWHERE, Board, Card, Lane, read_board
from crm_core.model import Module
from crm_core.totals import Total
from pages._ui import edits, feedback, html, nav, words
from pages._ui.components import SORTABLE, heard, source, version
from pages._ui.field_views import FieldContext
from pages._ui.grid import Refused
from pages._ui.layout import page
from pages._ui.pulse import pulse
from pages._ui.session import Here, here
from pages._ui.surroundings import field_context
from pages._ui.table import draw_dialogs, draw_done, draw_nothing
from pages._ui.table_bar import draw_bar
from pages._ui.table_edit import why
from pages._ui.table_link import keep_link
from pages._ui.table_state import TableState, condition_of, state_of

_BOARD = st.components.v2.component(
    "merganser_board",
    html='<div class="board" role="group"></div><div class="menu" role="menu" popover></div>'
    '<p class="said" aria-live="polite"></p>',
    css=source("menu.css", "board.css"),
    js=source("shared.js", "board.js"),
)


def draw(slug: str, *, workspace: bool = False) -> None:
    """Draw the board of a module; with `workspace` one gets back from it to the page of profiles."""
    nav.follow()
    now = here()
    module, state = now.catalog.module(slug), state_of(slug)
    keep_link(now, module, state)
    seen = now.lake.known_snapshot()  # before the read: what comes in between is drawn again
    found = feedback.run(lambda: _read(now, module, state), at="here")
    total = found.total if found is not None else 0
    with page(module.name, count=words.number(total), wide=True):
        narrowed = state.filter
        draw_bar(now, module, state, view="board", total=total, workspace=workspace)
        if state.filter != narrowed:
            state.narrowed()
            st.rerun()  # what was read above is of the filter before
        draw_done(now, module, state)
        if found is not None and total:
            _lanes(now, module, state, found)
        elif found is not None:
            draw_nothing(now, module, state)
    pulse(seen, on_move=lambda: None, key=f"pulse:board:{slug}")
    draw_dialogs(now, module, state, total=total)


def _read(now: Here, module: Module, state: TableState) -> Board:
    return read_board(
        now.lake, now.catalog, module=module.slug, actor=now.actor, folder=state.folder,
        condition=condition_of(now, module, state), sort=state.sort, shown=state.cards,
    )  # fmt: skip


def _lanes(now: Here, module: Module, state: TableState, found: Board) -> None:
    context, key = field_context(now), f"board:{module.slug}"
    cards = {card.id: card for lane in found.lanes for card in lane.cards}
    targets = {lane.status.slug for lane in found.lanes} - {NOWHERE.slug}
    movable = now.actor.role != "viewer"
    lanes = [_lane_data(lane, context, state) for lane in found.lanes]

    def moved() -> None:
        match heard(key, "moved"):
            case {"id": str(one), "to": str(to)}:
                state.moves += 1  # whatever comes of it: the browser waits for an answer
                if movable and one in cards and to in targets:
                    _move(now, module, state, cards[one], to)

    def opened() -> None:
        match heard(key, "opened"):
            case str(one) if one in cards:
                nav.go(module.slug, one)

    def more() -> None:
        match heard(key, "more"):
            case str(lane) if lane in targets | {NOWHERE.slug}:
                state.cards[lane] = min(MOST_CARDS, state.cards.get(lane, CARDS) + CARDS)

    data = {
        "lanes": lanes, "movable": movable, "label": f"{module.name} by status", "said": state.said,
        "moves": state.moves, "library": SORTABLE, "version": version(lanes, movable),
    }  # fmt: skip
    _BOARD(
        data=data, key=key, on_moved_change=moved, on_opened_change=opened, on_more_change=more,
    )  # fmt: skip


def _move(now: Here, module: Module, state: TableState, card: Card, to: str) -> None:
    """A card that is refused stands where it was, and says why."""
    refused = move_card(now, module, card, to)
    state.edited = None if refused else _shown(module, card)
    state.refused = Refused(card.id, "status", to, refused, state.moves) if refused else None
    state.said = f"{card.title} stays: {refused}" if refused else f"{card.title} was moved."


def move_card(now: Here, module: Module, card: Card, to: str) -> str:
    """Give the record of a card another status; returns why that is refused, in words, or nothing."""
    refused: list[str] = []
    edits.change(
        now, _shown(module, card), {"status": to}, done="",
        on_invalid=lambda error: refused.append(why(now, module, error)),
    )  # fmt: skip
    return refused[0] if refused else ""


def _shown(module: Module, card: Card) -> edits.Shown:
    record = {"id": card.id, "version": card.version, "status": card.status, "folder": card.folder}
    return edits.Shown(module, record)


def _lane_data(lane: Lane, context: FieldContext, state: TableState) -> dict[str, Any]:
    rest = lane.count - len(lane.cards)
    more = (
        f"Show {min(rest, CARDS)} more of {words.number(rest)}"
        if rest and len(lane.cards) < MOST_CARDS
        else ""
    )
    return {
        "slug": lane.status.slug,
        "name": lane.status.name,
        "color": html.color_class(lane.status.color).removeprefix("m-"),
        "target": lane.status.slug != NOWHERE.slug,
        "count": words.number(lane.count),
        "sums": " · ".join(map(_sum_text, lane.sums)),
        "more": more,
        "cards": [_card_data(card, context, state.refused) for card in lane.cards],
    }


def _sum_text(total: Total) -> str:
    return words.money(total.value, total.currency)


def _card_data(card: Card, context: FieldContext, refused: Refused | None) -> dict[str, Any]:
    owner = context.users.get(card.owner or "", card.owner or "")
    return {
        "id": card.id,
        "title": card.title or "Without a name",
        "note": card.note,
        "owner": owner,
        "initials": html.initials(owner) if owner else "",
        "hue": html.hue(owner),
        "amount": words.money(card.amount, card.currency) if card.amount is not None else "",
        "why": refused.why if refused is not None and refused.id == card.id else "",
    }
