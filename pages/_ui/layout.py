"""The two shapes of a page: three panels side by side, or one column of blocks.

    three_panels(left=draw_list, centre=draw_profile, right=draw_side, labels=("List", "Customer", "Details"))
    show_panel("centre"); redraw("centre", "right")     # in a callback: only these panels run again

    with page("Load", subtitle="Files into the lake"):
        …

Each panel is a fragment: a click in one does not run the others. On a phone one panel is shown at a time,
chosen in a bar at the bottom, which `show_panel` moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, NoReturn

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages._ui import folding, html

Panel = Literal["left", "centre", "right"]
PANELS: tuple[Panel, ...] = ("left", "centre", "right")
LEFT_WIDTH, RIGHT_WIDTH = 320, 284
_SWITCH = "panel_switch"
_DRAWN = "layout:drawn"
"""The panels and parts of the page that stands: only those can be drawn again by themselves."""
_BESIDE = ("bell",)
"""Parts of the frame that show what others write: drawn again with any panel."""
_SHOWN = "layout:panel"
"""Which panel a phone shows; a plain key, since the widget's own is lost when another page is drawn."""


def three_panels(
    *,
    left: Callable[[], None],
    centre: Callable[[], None],
    right: Callable[[], None] | None = None,
    labels: Sequence[str] = ("List", "Record", "Details"),
    first: Panel = "left",
) -> None:
    """Draws three panels, each a fragment under its own name; without `right` the centre takes its room.

    `first` is the one that a phone shows until another is chosen: a link to a record leads to the record.
    """
    begin_parts()
    panels: list[tuple[Panel, int | Literal["stretch"], Callable[[], None]]] = [
        ("left", LEFT_WIDTH, left),
        ("centre", "stretch", centre),
    ]
    if right is not None:
        panels.append(("right", RIGHT_WIDTH, right))
    with st.container(horizontal=True, gap=None, wrap=False, key="shell"):
        for name, width, draw in panels:
            with st.container(width=width, key=name):
                if name != "centre":
                    folding.button(name)
                part(name, draw)
    shown = [name for name, _, _ in panels]
    part("switch", lambda: _draw_switch(shown, dict(zip(PANELS, labels, strict=True)), first))
    part("folding", folding.listen)


def begin_parts() -> None:
    """Forget the parts of the page before; called before the first `part` of a page."""
    st.session_state[_DRAWN] = []


def part(name: str, draw: Callable[[], None]) -> None:
    """Draws a part of the page that can be drawn again by itself: `redraw(name)`."""
    st.fragment(draw, key=name)()
    beside(name)


def show_panel(panel: Panel) -> None:
    """Makes a phone show this panel; called in a callback, it takes effect with the panel's redraw."""
    st.session_state[_SHOWN] = panel
    if _SWITCH in st.session_state:
        st.session_state[_SWITCH] = panel


def redraw(*panels: str) -> NoReturn:
    """Ends a callback by running these panels (or parts) again, and the switch with them; others stay.

    The panel of the widget that was changed is drawn again by itself, without this: once more would be a second run.
    Where two panels were changed at once, both are drawn: what is asked for here takes the place of what would be.
    """
    drawn = st.session_state.get(_DRAWN, [])
    if not any(name in drawn for name in panels):
        st.rerun("app")  # a page without panels
    wanted = [name for name in (*panels, "switch", *_BESIDE) if name in drawn]
    others = _changed_together(drawn)
    st.rerun("app" if others is None else [*wanted, *(o for o in others if o not in wanted)])


def _changed_together(drawn: Sequence[str]) -> list[str] | None:
    """The panels whose widgets were changed in one go; none for a single one, None for more than panels."""
    context = get_script_run_ctx()
    due = set(context.fragment_ids_this_run or ()) if context is not None else set()
    if context is None or len(due) < 2:
        return []
    owners = {name: set(context.fragment_storage.resolve_target(name)) & due for name in drawn}
    return [name for name, own in owners.items() if own] if set().union(*owners.values()) == due else None


def beside(name: str) -> None:
    """Note that a part of the frame stands beside the panels; called after the page is drawn."""
    drawn = st.session_state.setdefault(_DRAWN, [])
    if name not in drawn:
        drawn.append(name)


@contextmanager
def head(panel: Panel) -> Iterator[None]:
    """The upper part of a panel, which stays in place while the rest scrolls."""
    with st.container(key=f"{panel}_head"):
        yield


@contextmanager
def body(panel: Panel) -> Iterator[None]:
    """The part of a panel below its head."""
    with st.container(key=f"{panel}_body"):
        yield


@contextmanager
def page(title: str, *, subtitle: str = "", count: str = "", wide: bool = False) -> Iterator[None]:
    """A page of one column with its title; `wide` uses the whole width."""
    st.session_state[_DRAWN] = []
    with st.container(key="page_wide" if wide else "page"):
        below = html.Html('<div class="m-sub">{}</div>').format(subtitle) if subtitle else html.Html("")
        st.html(html.join([html.title(title, count=count), below]))
        yield


@contextmanager
def toolbar(*, key: str) -> Iterator[None]:
    """Widgets in one row, at the same height."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=key):
        yield


def _draw_switch(shown: Sequence[Panel], labels: dict[Panel, str], first: Panel) -> None:
    def keep() -> None:
        st.session_state[_SHOWN] = st.session_state[_SWITCH]

    st.session_state.setdefault(_SWITCH, st.session_state.get(_SHOWN, first))
    with st.container(key="panel_bar"):
        st.segmented_control(
            "Panel",
            shown,
            required=True,
            format_func=labels.__getitem__,
            key=_SWITCH,
            on_change=keep,
            label_visibility="collapsed",
        )
