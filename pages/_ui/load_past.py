"""The loads there were: a list, and behind each what it did, what it did not take, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from crm_core.loading import LoadEntry, UndoResult, read_load, read_loads, undo
from crm_core.people import read_directory
from crm_core.query import titles
from flows import manual
from pages._ui import feedback, html, load_report, load_setup, words
from pages._ui.components import Click, clicks
from pages._ui.load_state import NEW, PAST, LoadState, Setup
from pages._ui.nothing import Action, nothing
from pages._ui.session import Here
from pages._ui.state import record_id

MOST = 200
LATELY = 6
STEPS = (
    ("Choose files", "They are read as they are: separators, headers, dates and numbers are found out."),
    (
        "Match their columns",
        "What fits a field is matched already. Check shows what would happen, and writes nothing.",
    ),
    (
        "Load",
        "One commit. What is not right is set aside with its line and reason, and the load can be taken back.",
    ),
)
STATES: dict[str, tuple[str, str]] = {
    "done": ("Loaded", "green"),
    "unchanged": ("Nothing new", "gray"),
    "undone": ("Taken back", "orange"),
}


def draw(now: Here, state: LoadState) -> None:
    """Draw the list of loads, or the one that is open."""
    clicks(lambda click: _clicked(state, click), key="clicks:loads")
    if state.past:
        _open_load(now, state)
        return
    loads = read_loads(now.lake, actor=now.actor, limit=MOST)
    if not loads:
        nothing(
            "No load yet", "What you load stands here, and can be taken back.", icon_name="history",
            actions=[Action("Choose files", "upload_file", _begin, (state,))],
        )  # fmt: skip
        return
    st.html(_table(now, loads, title="Loads"))


def draw_lately(now: Here, state: LoadState) -> None:
    """Draw the newest loads, below the box for files."""
    clicks(lambda click: _clicked(state, click), key="clicks:lately")
    loads = read_loads(now.lake, actor=now.actor, limit=LATELY)
    if loads:
        st.html(_table(now, loads, title="Loaded lately"))
    else:
        st.html(html.steps(STEPS))


def _begin(state: LoadState) -> None:
    state.view = NEW


def _clicked(state: LoadState, click: Click) -> None:
    if click.verb == "load" and click.values and record_id(click.values[0]):
        state.view, state.past = PAST, click.values[0]


def _table(now: Here, loads: Sequence[LoadEntry], *, title: str) -> html.Html:
    people = _people(now)
    rows = [
        html.Row(
            [
                state_badge(one),
                _place(now, one.module),
                one.source,
                words.number(one.read),
                words.number(one.inserted),
                words.number(one.updated),
                words.number(one.rejected + one.values_rejected),
                people.get(one.actor, one.actor),
                words.moment(one.finished_at, zone=now.zone),
            ],
            click=html.click("load", one.load_id),
        )
        for one in loads
    ]
    columns = ["State", "Into", "Source", "Rows", "New", "Changed", "Not taken", "By", "When"]
    return html.table_card(title, columns, rows, count=str(len(rows)), right_aligned=(3, 4, 5, 6))


def state_badge(entry: LoadEntry) -> html.Html:
    """Where a load stands."""
    label, color = STATES.get(entry.state, (words.readable(entry.state), "gray"))
    return html.badge(label, color=color, dot=True)


def _open_load(now: Here, state: LoadState) -> None:
    st.button(
        "All loads",
        icon=":material/arrow_back:",
        type="tertiary",
        key="past:back",
        on_click=_back,
        args=(state,),
    )
    entry = feedback.run(lambda: read_load(now.lake, state.past, actor=now.actor), at="here")
    if entry is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="past_head"):
        subtitle = f"{_place(now, entry.module)} · {words.moment(entry.finished_at, zone=now.zone)}"
        st.html(html.record_header(entry.source, subtitle=subtitle, badge=state_badge(entry), square=True))
        if entry.state == "done":
            _take_back(now, state, entry)
    if state.undone is not None and state.undone[0] == entry.load_id:
        _show_undone(now, state.undone[1])
    st.html(load_report.accounting(entry, deleted=entry.deleted))
    st.html(html.cards(_how(now, entry), _files(entry)))
    if entry.notes:
        st.html(html.note("How it was read:", color="gray", lines=entry.notes[:12]))
    if entry.silent and entry.state == "done" and now.actor.role == "admin":
        st.button("Let the flows act on it now", icon=":material/bolt:", key="past:replay", on_click=_replay,
                  args=(now, entry.load_id))  # fmt: skip
    load_report.draw_rejects(now, entry.load_id, module=entry.module, mend=lambda: _mend(state, entry))


def _back(state: LoadState) -> None:
    state.past = ""


def _take_back(now: Here, state: LoadState, entry: LoadEntry) -> None:
    with st.popover("Undo this load", icon=":material/undo:", key=f"past:undo:{entry.load_id}"):
        told = [f"{words.plural(entry.inserted, 'new record')} and what flows made of them will be gone."]
        if entry.updated:
            told.append(f"{words.plural(entry.updated, 'changed record')} will be as before.")
        told += [
            "What somebody changed since stays, and is listed.",
            "Mail that was sent cannot be called back.",
        ]
        st.html(html.note("This load is taken back in one step:", color="orange", lines=told))
        if st.button("Undo it", type="primary", key="past:undo", width="stretch"):
            with st.spinner("Taking it back …"):
                done = feedback.run(
                    lambda: undo(now.lake, entry.load_id, actor=now.actor), done="The load is taken back"
                )
            if done is not None:
                state.undone = (entry.load_id, done)
                st.rerun()


def _show_undone(now: Here, done: UndoResult) -> None:
    gone, back = words.plural(done.deleted, "record"), words.plural(done.restored, "record")
    said = f"Taken back: {gone} gone, {back} as before."
    parts: list[html.Text] = [html.note(said, color="green")]
    if done.conflicts:
        parts.append(conflict_table(now, done.conflicts))
    if done.irreversible:
        lines = [str(one.get("recipient") or one.get("id") or one) if isinstance(one, Mapping) else str(one)
                 for one in done.irreversible]  # fmt: skip
        parts.append(
            html.note("These messages have left and cannot be called back:", color="red", lines=lines[:50])
        )
    st.html(html.stack(parts))


def conflict_table(now: Here, conflicts: Sequence[Mapping[str, Any]]) -> html.Html:
    """The cells that stayed as they are, because somebody changed them since."""
    by_module: dict[str, list[str]] = {}
    for one in conflicts:
        by_module.setdefault(one["module"], []).append(one["id"])
    names = titles(now.lake, now.catalog, wanted=by_module, actor=now.actor)
    people = _people(now)
    rows = [
        html.Row(
            [
                names.get(one["id"], html.missing("gone")),
                words.readable(str(one["field"]).replace("__", " ")),
                load_report.cell(one["loaded"]),
                load_report.cell(one["current"]),
                people.get(one["by"], words.readable(str(one["by"]))),
            ]
        )
        for one in conflicts[:MOST]
    ]
    columns = ["Record", "Field", "As loaded", "Stays", "Changed by"]
    return html.table_card("Left as they are", columns, rows, count=words.number(len(conflicts)))


def _how(now: Here, entry: LoadEntry) -> html.Html:
    people = _people(now)
    took = (entry.finished_at - entry.started_at).total_seconds()
    rows: list[tuple[str, html.Text | None]] = [
        ("By", people.get(entry.actor, entry.actor)),
        ("Rows", load_setup.MODE_WORDS.get(entry.mode, entry.mode)),
        ("Key", ", ".join(words.readable(name) for name in entry.key)),
        ("Flows", "did not see it" if entry.silent else "acted on it"),
        ("Took", f"{took:.1f} s"),
        ("Snapshot", f"{entry.snapshot:,}" if entry.snapshot is not None else None),
    ]
    if entry.undone_at is not None:
        by = people.get(str(entry.undone_by), str(entry.undone_by))
        rows.append(("Taken back", f"{words.moment(entry.undone_at, zone=now.zone)} by {by}"))
    return html.kv_card("How", rows)


def _files(entry: LoadEntry) -> html.Html:
    rows = [
        html.Row([str(file.get("path", "")), str(file.get("format", "")).upper(), words.number(file.get("rows") or 0),
                  load_setup.size(int(file.get("bytes") or 0))])
        for file in entry.files[:50]
    ]  # fmt: skip
    return html.table_card(
        "Files", ["Name", "Format", "Rows", "Size"], rows, count=str(len(entry.files)), right_aligned=(2, 3)
    )


def _mend(state: LoadState, entry: LoadEntry) -> None:
    load_setup.replace_files(state)
    state.setup = Setup(module=entry.module, source=entry.source, key=entry.key, mode=entry.mode)


def _replay(now: Here, load_id: str) -> None:
    feedback.run(
        lambda: manual.replay_load(now.lake, load_id, actor=now.actor),
        done=lambda stored: f"{words.plural(stored.done, 'run')} done, {stored.failed:,} failed",
    )


def _people(now: Here) -> dict[str, str]:
    return {slug: user.name for slug, user in read_directory(now.lake).users.items()}


def _place(now: Here, module: str) -> str:
    own, _, link = module.partition(".")
    known = now.catalog.modules.get(own)
    name = known.name if known else own
    return f"{name} › {words.readable(link)}" if link else name
