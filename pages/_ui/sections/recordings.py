"""Calls: played where they were recorded, with notes and what was said; one is noted with its recording."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from crm_core import files, media, records
from crm_core.figures import recordings as figure
from crm_core.figures.reading import Row
from pages._ui import file_preview, html, words
from pages._ui.sections.acting import Ask, Form, belonging, offer, question, strip, users
from pages._ui.sections.base import ProfileSection, Spot

MODULE = figure.MODULE
_DIRECTIONS = {"in": "They called", "out": "We called"}


def draw(spot: Spot) -> None:
    """Draw the figures, the form, and the calls, the newest first."""
    found = figure.read(**question(spot))
    st.html(strip(found.figure))
    asks = (
        Ask("direction", "out", _DIRECTIONS, "Who called"), Ask("occurred_at", datetime.now(UTC), label="When"),
        Ask("duration", label="Duration in seconds"), Ask("text", label="Notes"), Ask("files", label="Recording"),
        Ask("transcript"),
    )  # fmt: skip
    offer(
        spot,
        Form(
            "call",
            "Log a call",
            MODULE,
            asks,
            lambda values: _log(spot, values),
            "Call noted",
            "call",
            {"channel": figure.CALL},
        ),
    )
    ids = {one for row in found.rows for one in row["files"] or ()}
    kept = files.read_told(spot.here.lake, spot.here.catalog, ids=ids, actor=spot.here.actor)
    names = users(spot)
    listed = [_event(spot, row, kept, names) for row in found.rows]
    st.html(html.timeline_card("Calls", listed, count=words.number(found.total), empty="No calls yet."))


def _event(spot: Spot, row: Row, kept: Mapping[str, files.Told], names: Mapping[str, str]) -> html.Event:
    inward = row["direction"] == "in"
    title = html.link(row["subject"] or "Call", click=html.click("open", MODULE, row["id"]))
    lasted = _clock(row["duration"]) if row["duration"] else "not answered" if row["duration"] == 0 else ""
    who = names.get(row["owner"] or "", row["owner"] or "")
    number = words.phone(row["from"] if inward else row["to"] or "")
    told = " · ".join(one for one in (lasted, number, who) if one)
    parts = [_paper(spot, one, kept[one]) for one in row["files"] or () if one in kept]
    if row["transcript"]:
        said = html.Html("<details><summary>What was said</summary><div>{}</div></details>")
        parts.append(said.format(row["transcript"]))
    return html.Event(
        "call_received" if inward else "call_made", "orange",
        html.Html('{}<div class="m-sub">{}</div>').format(title, told),
        words.ago(row["occurred_at"] or row["created_at"], zone=spot.here.zone), row["text"] or "",
        html.Html('<div class="m-call">{}</div>').format(html.join(parts)) if parts else "",
    )  # fmt: skip


def _paper(spot: Spot, file_id: str, told: files.Told) -> html.Html:
    if media.family(told.media_type) == "audio":
        return file_preview.player(file_id, actor=spot.here.actor, title=told.name)
    label = html.join([file_preview.symbol(told.media_type), told.name], between=" ")
    return html.Html("<p>{}</p>").format(file_preview.download(file_id, actor=spot.here.actor, label=label))


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02d} min"


def _log(spot: Spot, values: Mapping[str, Any]) -> object:
    """Make the message of a call; its recording belongs to the same record."""
    inward = values.get("direction") == "in"
    given = {
        "channel": figure.CALL, "direction": "out", "state": "received" if inward else "sent",
        "subject": f"Call with {spot.seen.title}", **belonging(spot, MODULE), **values,
    }  # fmt: skip
    here = spot.here
    made = records.create(here.lake, module=MODULE, values=given, actor=here.actor, door="browser")
    whose = belonging(spot, files.MODULE)
    for file_id in values.get("files") or () if whose else ():
        records.update(
            here.lake, module=files.MODULE, record_id=file_id, values=whose, actor=here.actor, door="browser"
        )
    return made


SECTION = ProfileSection("recordings", draw)
