"""Tags in the right panel: in their colours, pressed to list what else has them, chosen, made and painted."""

from __future__ import annotations

import streamlit as st

from crm_core.facets import read_tags
from crm_core.profile import Head
from crm_core.tags import PALETTE, PLAIN, colour_tag, read_tag_colours
from pages._ui import feedback, html, workspace_narrow
from pages._ui.components import Click
from pages._ui.layout import redraw
from pages._ui.record_fields import change
from pages._ui.session import Here
from pages._ui.workspace_state import WorkspaceState


def draw(here: Here, seen: Head, *, locked: bool, filtered: str = "") -> None:
    """The tags of a record; `filtered` is the one by which the list is filtered."""
    tags = list(seen.record["tags"] or [])
    colors = read_tag_colours(here.lake, module=seen.module.slug)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="side_tags"
    ):
        st.html(html.section_header("Tags", str(len(tags)) if tags else ""))
        if not locked:
            opened = st.popover(
                "Change" if tags else "Add", type="tertiary", width="content", on_change="rerun", help="Tags",
                key=f"side:{seen.record['id']}:tagging:{seen.record['version']}",
            )  # fmt: skip
            if opened.open:
                with opened:
                    _choose(here, seen, tags)
                    paints = html.join(_paints(tag, colors.get(tag, PLAIN)) for tag in tags)
                    st.html(html.Html("<div>{}</div>").format(paints))
    chips = [_chip(tag, colors.get(tag, PLAIN), on=tag == filtered) for tag in tags]
    st.html(html.chips(chips) if chips else html.Html('<span class="m-sub">No tags yet.</span>'))


def clicked(here: Here, seen: Head, state: WorkspaceState, click: Click, *, locked: bool) -> bool:
    """List what has a tag, or all again; paint a tag."""
    match click.verb, click.values:
        case "tag", (tag,):
            state.tag = "" if state.tag == tag else tag
            workspace_narrow.keep_in_url(state)
            redraw("left", "right")
        case "paint", (tag, color) if not locked and tag in (seen.record["tags"] or []):
            feedback.run(
                lambda: colour_tag(
                    here.lake, module=seen.module.slug, tag=tag, color=color, actor=here.actor, door="browser"
                )
            )
            redraw("left", "right")
    return click.verb in ("tag", "paint")


def _chip(tag: str, color: str, *, on: bool) -> html.Html:
    told = f"List all with “{tag}”" if not on else "List all again"
    return html.Html(
        '<a class="m-tag" role="button" tabindex="0" data-click="{}" title="{}" aria-pressed="{}">{}</a>'
    ).format(html.click("tag", tag), told, "true" if on else "false", html.badge(tag, color=color))


def _paints(tag: str, current: str) -> html.Html:
    dots = html.join(
        html.Html(
            '<a class="m-paint {}" role="button" tabindex="0" data-click="{}" title="{}" aria-label="{}"{}></a>'
        ).format(
            html.color_class(color), html.click("paint", tag, color), color.capitalize(), f"{tag}: {color}",
            html.Html(' aria-current="true"') if color == current else "",
        )
        for color in PALETTE
    )  # fmt: skip
    return html.Html('<div class="m-paints"><span class="m-clip">{}</span><span>{}</span></div>').format(
        tag, dots
    )


def _choose(here: Here, seen: Head, tags: list[str]) -> None:
    known = read_tags(here.lake, here.catalog, module=seen.module.slug, actor=here.actor)
    key = f"side:{seen.record['id']}:tags:{seen.record['version']}"
    st.multiselect(
        "Tags", sorted(set(known) | set(tags)), default=tags, key=key, accept_new_options=True,
        label_visibility="collapsed", placeholder="Add a tag, or write a new one", width=260,
        on_change=_write, args=(here, seen, key, tags),
    )  # fmt: skip


def _write(here: Here, seen: Head, key: str, before: list[str]) -> None:
    value = st.session_state[key]
    if value != before:
        change(here, seen, {"tags": value})
    redraw("left", "centre", "right")
