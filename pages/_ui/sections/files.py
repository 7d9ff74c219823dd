"""Files: put in by drag or by choice, looked at, renamed, deleted and brought back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from crm_core import files, records, uploads
from crm_core.figures import files as figure
from crm_core.figures.reading import Row
from pages._ui import feedback, file_preview, html, words
from pages._ui.components import Click
from pages._ui.frames import frames
from pages._ui.sections.acting import Ask, Form, belonging, offer, question, strip, users, word
from pages._ui.sections.base import ProfileSection, Spot
from pages._ui.upload import upload_box

MODULE = figure.MODULE
_OPEN, _GONE, _BOX = "file", "deleted", "box"


def draw(spot: Spot) -> None:
    """Draw the figures, the box, the file that is looked at, and the list."""
    found = figure.read(**question(spot))
    st.html(strip(found.figure))
    if not spot.locked:
        _draw_box(spot)
    _draw_deleted(spot)
    opened = spot.state.within.get(_OPEN)
    if opened:
        _draw_open(spot, opened)
    names = users(spot)
    listed = [html.Row(_cells(spot, row, names), html.click("file", row["id"])) for row in found.rows]
    st.html(
        html.table_card(
            "Files", ["Name", "Size", "By", "Added", ""], listed, count=words.number(found.total),
            right_aligned=(1, 4), empty="No files yet.",
            footer=f"The newest {len(found.rows)}." if found.total > len(found.rows) else "",
        )
    )  # fmt: skip
    frames(key=spot.key("frames"))


def _cells(spot: Spot, row: Row, names: Mapping[str, str]) -> list[html.Text]:
    name = row["name"] or "File"
    by = names.get(row["uploader"] or "", row["uploader"] or "")
    if not by and str(row["source"] or "").startswith("mail"):
        by = "By mail"
    shown = html.Html('<div class="m-file">{}<span>{}</span>{}</div>').format(
        file_preview.symbol(row["media_type"]), name, file_preview.warning(name, row["media_type"])
    )
    return [
        shown,
        uploads.in_words(row["size"]) if row["size"] is not None else html.missing(),
        by or html.missing(),
        words.ago(row["created_at"], zone=spot.here.zone),
        file_preview.download(row["id"], actor=spot.here.actor, label=_down(name)),
    ]


def _down(name: str) -> html.Html:
    return html.Html('{}<span class="m-unseen">Download {}</span>').format(html.icon("download"), name)


def _draw_box(spot: Spot) -> None:
    within, most = spot.state.within, spot.here.workspace.settings.file_max_bytes
    if not within.get(_BOX):
        within[_BOX] = uploads.open_box(most_bytes=most)
    upload_box(
        within[_BOX], key=spot.key("box"), on_sent=lambda: _keep(spot), most_bytes=most, thin=True, forgets=True,
        hint=f"Up to {uploads.in_words(most)} a file.",
    )  # fmt: skip


def _keep(spot: Spot) -> None:
    box = spot.state.within.get(_BOX)
    if spot.locked or not box:
        return
    kept = feedback.run(
        lambda: files.store_box(
            spot.here.workspace, box, actor=spot.here.actor, also=belonging(spot, MODULE)
        ),
        done=lambda ids: f"{words.plural(len(ids), 'file')} added" if ids else "",
    )
    if kept:
        spot.state.within[_OPEN] = kept[-1]


def _draw_open(spot: Spot, file_id: str) -> None:
    actor = spot.here.actor
    kept = feedback.run(lambda: files.open_file(spot.here.workspace, file_id=file_id, actor=actor), at="here")
    if kept is None:
        return
    acts: list[html.Text] = [file_preview.download(file_id, actor=actor)]
    if not spot.locked:
        acts.append(html.link("Delete", click=html.click("delete-file", file_id)))
    acts.append(html.link("Close", click=html.click("file", file_id)))
    notes = (file_preview.warning(kept.name, kept.record.get("media_type")), kept.record.get("description"))
    card = html.card(
        kept.name, file_preview.preview(kept, actor=actor), right=_acts(acts), count=_about(kept.record),
        footer=html.join([one for one in notes if one], between=" "),
    )  # fmt: skip
    st.html(html.Html('<div data-arrive="{}">{}</div>').format(file_id, card))
    asks = (Ask("name", kept.name), Ask("description", kept.record.get("description")))
    offer(
        spot,
        Form(
            "rename",
            "Rename",
            MODULE,
            asks,
            lambda values: _rename(spot, file_id, values),
            icon="edit",
            given=kept.record,
        ),
    )


def _acts(acts: list[html.Text]) -> html.Html:
    return html.Html('<span class="m-acts">{}</span>').format(html.join(acts))


def _about(record: Mapping[str, Any]) -> str:
    size = record.get("size")
    return uploads.in_words(size) if size is not None else ""


def _rename(spot: Spot, file_id: str, values: Mapping[str, Any]) -> object:
    given = {**values, "name": values.get("name"), "description": values.get("description")}
    return records.update(
        spot.here.lake, module=MODULE, record_id=file_id, values=given, actor=spot.here.actor, door="browser"
    )


def _draw_deleted(spot: Spot) -> None:
    gone = spot.state.within.get(_GONE)
    if gone and not spot.locked:
        file_id, name = gone
        back = word("Undo", "restore-file", file_id)
        st.html(html.note(html.Html("{} is deleted. {}").format(name, back), color="gray"))


def clicked(spot: Spot, click: Click) -> bool:
    """Look at a file, delete it, or bring it back."""
    if click.verb not in ("file", "delete-file", "restore-file") or len(click.values) != 1:
        return False
    file_id, within = click.values[0], spot.state.within
    if click.verb == "file":
        within[_OPEN] = None if within.get(_OPEN) == file_id else file_id
    elif not spot.locked and click.verb == "delete-file":
        _delete(spot, file_id)
    elif not spot.locked:
        _restore(spot, file_id)
    return True


def _delete(spot: Spot, file_id: str) -> None:
    here = spot.here
    known = files.names(here.lake, here.catalog, ids=[file_id], actor=here.actor)
    gone = feedback.run(
        lambda: records.delete(here.lake, module=MODULE, record_id=file_id, actor=here.actor, door="browser")
    )
    if gone is not None:
        spot.state.within.update({_OPEN: None, _GONE: (file_id, known.get(file_id, "The file"))})


def _restore(spot: Spot, file_id: str) -> None:
    here = spot.here
    back = feedback.run(
        lambda: records.restore(
            here.lake, module=MODULE, record_id=file_id, actor=here.actor, door="browser"
        ),
        done="It is back",
    )
    if back is not None:
        spot.state.within.update({_OPEN: file_id, _GONE: None})


SECTION = ProfileSection("files", draw, clicked)
