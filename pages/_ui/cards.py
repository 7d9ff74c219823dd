"""The cards of a dashboard as they are arranged: dragged, sized and removed, by mouse, finger or keyboard.

    arrange([Tile(1, "Revenue", "Bars", "bar_chart", width=2, height=1)], key="cards", version="1", on_change=take)

The browser tells the whole arrangement after each change; it is checked here, and what is none is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import streamlit as st

from pages._ui.components import SORTABLE, heard, parse, source

MOST_CARDS = 24
WIDTHS, HEIGHTS = range(1, 4), range(1, 3)
_CARDS = st.components.v2.component(
    "merganser_cards",
    html='<ol class="tiles" aria-label="Cards of the dashboard"></ol><div class="menu" role="menu" popover></div>'
    '<p class="said" aria-live="polite"></p>',
    css=source("menu.css", "cards.css"),
    js=source("shared.js", "cards.js"),
)


@dataclass(frozen=True)
class Tile:
    """A card: its number, which stays, what it shows, and its size in columns and rows."""

    id: int
    title: str
    chart: str
    icon: str
    width: int
    height: int


@dataclass(frozen=True)
class Place:
    """Where a card was put is its place among the others; `width` and `height` are its size."""

    id: int
    width: int
    height: int


def arrange(
    tiles: Sequence[Tile], *, key: str, version: str, on_change: Callable[[tuple[Place, ...]], None]
) -> None:
    """Draw the cards.

    Args:
        tiles: In their order, at most `MOST_CARDS`.
        key: Of the component.
        version: Differs when the cards are others than what the browser made of them.
        on_change: Called in a callback with all cards that are left, in their order.
    """

    def arranged() -> None:
        found = placed(heard(key, "arranged"), frozenset(tile.id for tile in tiles))
        if found is not None:
            on_change(found)

    data: dict[str, Any] = {
        "cards": [asdict(tile) for tile in tiles],
        "library": SORTABLE,
        "version": version,
    }
    _CARDS(data=data, key=key, on_arranged_change=arranged)


def placed(told: object, offered: frozenset[int]) -> tuple[Place, ...] | None:
    """An arrangement as the browser tells it, or None when it is none of the cards that are offered."""
    found = parse(told, most=40 * MOST_CARDS)
    if not isinstance(found, list):
        return None
    places: list[Place] = []
    for one in found:
        match one:
            case [int(number), int(width), int(height)] if (
                number in offered and width in WIDTHS and height in HEIGHTS
            ):
                places.append(Place(number, width, height))
            case _:
                return None
    return tuple(places) if len({one.id for one in places}) == len(places) else None
