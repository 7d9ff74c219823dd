"""The picture of a record in its heading: initials where there is none, changed and taken away by a press on it."""

from __future__ import annotations

import streamlit as st

from crm_core import files, uploads
from crm_core.pictures import PHOTO, picture_field, picture_of, store_picture
from crm_core.profile import Head
from pages._ui import edits, feedback, file_preview, html
from pages._ui.components import Click
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.upload import upload_box
from pages._ui.workspace_state import WorkspaceState

MOST_BYTES = 20_000_000
_OPEN, _BOX = "photo", "photo:box:"


def face(here: Here, seen: Head, *, locked: bool, size: int = 42) -> html.Html:
    """The picture, the initials, or the symbol of the module; where it can be changed, a press opens that."""
    if not seen.module.profile:
        return html.symbol(seen.module.icon, seen.title)
    hidden = PHOTO in seen.states.hidden
    picture = None if hidden else picture_of(seen.module, seen.record)
    shown = html.avatar(seen.title, size=size, picture=file_preview.small(picture, actor=here.actor))
    if locked or not _changeable(seen):
        return shown
    return html.Html(
        '<span class="m-face" role="button" tabindex="0" data-click="{}" aria-label="{} Photo" title="Photo">{}</span>'
    ).format(html.click(_OPEN), html.initials(seen.title), shown)


def _changeable(seen: Head) -> bool:
    field = picture_field(seen.module)
    return (
        field is not None and not field.read_only and PHOTO not in seen.states.read_only | seen.states.hidden
    )


def draw(now: Here, seen: Head, state: WorkspaceState) -> None:
    """The box for another picture, where it was asked for."""
    if state.head != _OPEN or not _changeable(seen):
        return
    key = _BOX + str(seen.record["id"])
    if not st.session_state.get(key):
        st.session_state[key] = uploads.open_box(most_bytes=MOST_BYTES)
    upload_box(
        st.session_state[key], key=f"photo:{seen.record['id']}", on_sent=lambda: _sent(now, seen, state),
        label="Drop a picture here, or click to choose", most_bytes=MOST_BYTES, thin=True, forgets=True,
        hint=f"PNG, JPEG, GIF or WebP, up to {uploads.in_words(MOST_BYTES)}.",
    )  # fmt: skip
    acts = [html.link("Close", click=html.click(_OPEN))]
    if picture_of(seen.module, seen.record):
        acts.insert(0, html.link("Remove the photo", click=html.click("photo-remove")))
    st.html(html.Html('<div class="m-acts">{}</div>').format(html.join(acts)))


def clicked(now: Here, seen: Head, state: WorkspaceState, click: Click) -> bool:
    """Open the box or close it, or take the picture away."""
    if click.verb == _OPEN and not click.values:
        state.head = "" if state.head == _OPEN else _OPEN
        return True
    if click.verb == "photo-remove" and _changeable(seen):
        state.head = ""
        edits.change(now, seen, {PHOTO: None}, done="Photo removed")
        return True
    return False


def _sent(now: Here, seen: Head, state: WorkspaceState) -> None:
    keep(now, seen, state, str(st.session_state.pop(_BOX + str(seen.record["id"]), "")))
    redraw("left", "centre")


def keep(now: Here, seen: Head, state: WorkspaceState, box: str) -> None:
    """Make what was sent into a box the picture of the record, unless it is none."""
    own = seen.module.slug == "customers" and now.catalog.reference(files.MODULE, "customer") is not None
    about = None if own else (seen.module.slug, str(seen.record["id"]))
    also = {"customer": seen.record["id"]} if own else None
    kept = feedback.run(lambda: store_picture(now.workspace, box, actor=now.actor, about=about, also=also))
    if kept:
        state.head = ""
        edits.change(now, seen, {PHOTO: [kept]})
