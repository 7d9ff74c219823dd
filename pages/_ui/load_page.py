"""The page of loads: files come in, are looked at, checked and loaded; past loads stand beside."""

from __future__ import annotations

import streamlit as st

from crm_core import uploads
from crm_core.loading import LoadOptions, LoadResult, Preview, load, preview, read_contract
from crm_core.loading.mapping import OWN_COLUMNS, Mapped, suggest_columns
from crm_core.loading.targets import place_of
from crm_core.uploads import Uploaded
from flows.after_load import settle_load
from lake.ingest import Sniffed, file_source
from pages._ui import feedback, html, load_mapping, load_past, load_report, load_setup, nav
from pages._ui.layout import page
from pages._ui.load_job import Job, begin_check, begin_load, watch
from pages._ui.load_state import NEW, NEW_FIELD, PAST, LoadState, fingerprint, options_of
from pages._ui.nothing import nothing, to_modules
from pages._ui.session import Here, here
from pages._ui.state import page_state, record_id_in_url, set_url


def draw() -> None:
    """Draw the page."""
    nav.follow()
    now = here()
    if now.actor.role == "viewer":
        st.html(
            html.empty_state(
                "You may look, not load", "Ask somebody who works with the records to load the file."
            )
        )
        return
    state = page_state(LoadState, page="load")
    asked = record_id_in_url("load")
    if asked is not None:
        state.view, state.past = PAST, asked
        set_url(load=None)
    with page(
        "Load", subtitle="Files become records. Every row is accounted for, and a load can be taken back."
    ):
        _views(state)
        if state.view == PAST:
            load_past.draw(now, state)
        elif state.job is not None:
            _running(now, state, state.job)
        elif state.done is not None:
            load_report.draw_done(now, state, state.done)
        else:
            _new(now, state)


def _views(state: LoadState) -> None:
    def chosen() -> None:
        # The browser may tell what the page itself has chosen: what is open in it then stays open.
        if st.session_state["load:view"] != state.view:
            state.view, state.past = st.session_state["load:view"], ""

    st.session_state["load:view"] = state.view
    st.segmented_control("View", [NEW, PAST], required=True, key="load:view", on_change=chosen,
                         label_visibility="collapsed")  # fmt: skip


def _running(now: Here, state: LoadState, job: Job) -> None:
    if not job.ended:
        watch(job)
        return
    state.job = None
    came_to = feedback.run(job.result, at="here")
    if isinstance(came_to, LoadResult):
        state.done = came_to
        load_report.draw_done(now, state, came_to)
        return
    if isinstance(came_to, tuple):
        state.checked = came_to
    _new(now, state)


def _new(now: Here, state: LoadState) -> None:
    files = uploads.files_in(state.box)
    if not files:
        if not now.catalog.modules:
            nothing("Nothing to load into yet", "Make the module first that the rows belong to.",
                    icon_name="deployed_code", actions=[to_modules()] if now.actor.role == "admin" else [])  # fmt: skip
            return
        load_setup.draw_box(state)
        load_past.draw_lately(now, state)
        return
    sniffed = load_setup.look(now, state, files)
    load_setup.draw_files(now, state, files, sniffed)
    if sniffed is not None and state.setup.module:
        _setup(now, state, files, sniffed)


def _setup(now: Here, state: LoadState, files: tuple[Uploaded, ...], sniffed: Sniffed) -> None:
    setup = state.setup
    row = st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="load_settings")
    with row:
        load_setup.draw_module(now, setup)
    place = place_of(now.catalog, setup.module)
    known = read_contract(now.lake, source=setup.source, module=place.name)
    told = feedback.run(lambda: suggest_columns(place, sniffed.columns, known), at="here") or tuple(
        Mapped(position=at, header=header, target=None, reason="")
        for at, header in enumerate(sniffed.columns, start=1)
    )
    # What a download of rejects puts before the columns of the file is not for a person to map.
    suggested = [one for one in told if one.header not in OWN_COLUMNS]
    choices = load_mapping.choices_of(place, may_add=now.actor.role == "admin" and place.relationship is None)
    chosen = load_mapping.chosen_of(setup, suggested)
    key = setup.key if setup.key is not None else (known.key if known else ())
    key = key or (load_mapping.suggested_key(place, chosen, suggested) if setup.key is None else ())
    paths = {path: choices.label(path) for path in chosen.values() if path is not None and path != NEW_FIELD}
    with row:
        load_setup.draw_settings(now, setup, place, paths, key)
    load_mapping.draw(setup, suggested, sniffed, choices)
    _actions(now, state, files, chosen, key)


def _actions(
    now: Here, state: LoadState, files: tuple[Uploaded, ...], chosen: dict[str, str | None], key: tuple[str, ...]
) -> None:  # fmt: skip
    setup = state.setup
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="load_actions"):
        buttons = st.container(horizontal=True, gap="small", width="content")
        setup.strict = st.checkbox("All or nothing", value=setup.strict, key="load:strict",
                                   help="Refuse the load when one row, value or reference is not right.")  # fmt: skip
        setup.silent = st.checkbox("No flows", value=setup.silent, key="load:silent",
                                   help="No flow acts on what this load changes.")  # fmt: skip
    options = options_of(setup, chosen, key, load_setup.mode_of(setup, key))
    wanted = fingerprint(files, options)
    fits = state.checked is not None and state.checked[0] == wanted
    # Not in callbacks: theirs would be the options of the run before, when a choice and the click come together.
    check = buttons.button("Check", icon=":material/fact_check:", key="load:check",
                           type="secondary" if fits else "primary")  # fmt: skip
    go = buttons.button(
        "Load", icon=":material/upload:", key="load:go", type="primary" if fits else "secondary"
    )
    if check or go:
        (_check if check else _load)(now, state, files, options)
        st.rerun()
    if state.checked is not None and fits:
        load_report.draw_preview(now, state.checked[1])
    elif state.checked is not None:
        st.html(html.note("Something was changed since the last check.", color="gray"))


def _check(now: Here, state: LoadState, files: tuple[Uploaded, ...], options: LoadOptions) -> None:
    module, wanted = state.setup.module, fingerprint(files, options)

    def work(job: Job) -> tuple[str, Preview]:
        found = preview(
            now.lake, [file_source(file.path, name=file.name) for file in files], module=module, actor=now.actor,
            options=options, progress=job.advance, cancel=job.cancel, rows=20,
        )  # fmt: skip
        return wanted, found

    state.job = begin_check(work)


def _load(now: Here, state: LoadState, files: tuple[Uploaded, ...], options: LoadOptions) -> None:
    module = state.setup.module

    def work(job: Job) -> LoadResult:
        result = load(
            now.lake, [file_source(file.path, name=file.name) for file in files], module=module, actor=now.actor,
            options=options, progress=job.advance, cancel=job.cancel,
        )  # fmt: skip
        return result if options.silent else settle_load(now.lake, result)

    state.job = begin_load(work)
