"""The right panel of a record: who works on it, where it stands, its tags, and what can be run on it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from crm_core import people
from crm_core.duplicates import likely
from crm_core.facets import read_tags
from crm_core.profile import Head
from flows import manual
from flows.active import active_flows
from pages._ui import feedback, html
from pages._ui.duplicates import reasons_of
from pages._ui.flows_why import outcome_of
from pages._ui.layout import redraw
from pages._ui.record_fields import change
from pages._ui.session import Here


def draw(here: Here, profile: Head, *, locked: bool = False) -> None:
    """Workers, owner, team, folder and status, tags, automation, likely duplicates."""
    locked = locked or here.actor.role == "viewer"
    _workers(here, profile, locked)
    _place(here, profile, locked)
    _tags(here, profile, locked)
    _automation(here, profile, locked)
    if profile.module.profile and not locked:
        _duplicates(here, profile)


def _key(profile: Head, name: str) -> str:
    return f"side:{profile.record['id']}:{name}:{profile.record['version']}"


def _write(here: Here, profile: Head, key: str, name: str, before: Any) -> None:
    value = st.session_state[key]
    if value != before:
        change(here, profile, {name: value})
    redraw("left", "centre", "right")


def _workers(here: Here, profile: Head, locked: bool) -> None:
    record = profile.record
    names = {user.slug: user.name for user in people.read_directory(here.lake).active}
    workers = list(record["workers"] or [])
    team = here.catalog.teams[record["team"]].name if record["team"] in here.catalog.teams else ""
    # What is read is text; the boxes that change it are made when somebody opens them.
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="side_workers"
    ):
        st.html(html.section_header("Workers", team))
        if not locked:
            opened = st.popover(
                "Change" if workers else "Assign", type="tertiary", width="content", key=_key(profile, "people"),
                on_change="rerun",
            )  # fmt: skip
            if opened.open:
                with opened:
                    _change_people(here, profile, names)
    people_ = [html.person(names.get(w, w), "Owner" if w == record["owner"] else "") for w in workers]
    st.html(html.join(people_ or [html.Html('<span class="m-sub">Nobody yet.</span>')]))


def _change_people(here: Here, profile: Head, names: dict[str, str]) -> None:
    record = profile.record
    workers = list(record["workers"] or [])
    known = list(names) + [w for w in workers if w not in names]
    key = _key(profile, "workers")
    st.multiselect(
        "Workers", known, default=workers, format_func=lambda slug: names.get(slug, slug), key=key,
        placeholder="Assign somebody", width=260,
        on_change=_write, args=(here, profile, key, "workers", workers),
    )  # fmt: skip
    owners = [None, *known]
    owner_key = _key(profile, "owner")
    st.selectbox(
        "Owner", owners, index=owners.index(record["owner"]) if record["owner"] in owners else 0, key=owner_key,
        format_func=lambda slug: names.get(slug, slug) if slug else "Nobody",
        on_change=_write, args=(here, profile, owner_key, "owner", record["owner"]),
    )  # fmt: skip
    teams = [None, *here.catalog.teams]
    team_key = _key(profile, "team")
    st.selectbox(
        "Team", teams, index=teams.index(record["team"]) if record["team"] in teams else 0, key=team_key,
        format_func=lambda slug: here.catalog.teams[slug].name if slug else "No team",
        on_change=_write, args=(here, profile, team_key, "team", record["team"]),
    )  # fmt: skip


def _place(here: Here, profile: Head, locked: bool) -> None:
    record, module = profile.record, profile.module
    folders = [folder.slug for folder in module.folders]
    folder = module.folder(record["folder"] or "") or module.default_folder
    if len(folders) > 1:
        key = _key(profile, "folder")
        st.selectbox(
            "Folder", folders, index=folders.index(folder.slug), key=key, disabled=locked,
            format_func=lambda slug: next(f.name for f in module.folders if f.slug == slug),
            on_change=_write, args=(here, profile, key, "folder", record["folder"]),
        )  # fmt: skip
    if folder.statuses:
        slugs = [status.slug for status in folder.statuses]
        options = slugs if record["status"] in slugs else [record["status"], *slugs]
        key = _key(profile, "status")
        names = {status.slug: status.name for status in folder.statuses}
        st.selectbox(
            "Status", options, index=options.index(record["status"]), key=key, disabled=locked,
            format_func=lambda slug: names.get(slug, slug or "None"),
            on_change=_write, args=(here, profile, key, "status", record["status"]),
        )  # fmt: skip


def _tags(here: Here, profile: Head, locked: bool) -> None:
    tags = list(profile.record["tags"] or [])
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="side_tags"
    ):
        st.html(html.section_header("Tags", str(len(tags)) if tags else ""))
        if not locked:
            opened = st.popover(
                "Change" if tags else "Add", type="tertiary", width="content", key=_key(profile, "tagging"),
                on_change="rerun", help="Tags",
            )  # fmt: skip
            if opened.open:
                with opened:
                    _change_tags(here, profile, tags)
    st.html(
        html.chips(html.badge(tag) for tag in tags)
        if tags
        else html.Html('<span class="m-sub">No tags yet.</span>')
    )


def _change_tags(here: Here, profile: Head, tags: list[str]) -> None:
    known = read_tags(here.lake, here.catalog, module=profile.module.slug, actor=here.actor)
    key = _key(profile, "tags")
    st.multiselect(
        "Tags", sorted(set(known) | set(tags)), default=tags, key=key, accept_new_options=True,
        label_visibility="collapsed", placeholder="Add a tag", width=260,
        on_change=_write, args=(here, profile, key, "tags", tags),
    )  # fmt: skip


def _automation(here: Here, profile: Head, locked: bool) -> None:
    """The flows that wait for a hand as buttons; any other active one of this module can be run too."""
    offered = [
        flow.definition
        for flow in active_flows(here.catalog)
        if flow.definition.module == profile.module.slug
        and flow.definition.trigger.event != "deleted"
        and (not flow.definition.folders or profile.record["folder"] in flow.definition.folders)
    ]
    if not offered or locked:
        return
    st.html(html.section_header("Automation"))
    others = [flow for flow in offered if flow.trigger.event != "manual"]
    for flow in offered:
        if flow not in others:
            st.button(
                flow.title, key=f"run:{flow.flow}:{profile.record['id']}", icon=":material/bolt:", width="stretch",
                help=flow.description or None, on_click=_run, args=(here, profile, flow.flow),
            )  # fmt: skip
    if others:
        titles = {flow.flow: flow.title for flow in others}
        key = f"run:other:{profile.record['id']}"
        st.menu_button(
            "Run a flow", list(titles), format_func=titles.__getitem__, icon=":material/bolt:", width="stretch",
            key=key, on_click=_run_chosen, args=(here, profile, key),
        )  # fmt: skip


def _run_chosen(here: Here, profile: Head, key: str) -> None:
    chosen = st.session_state.get(key)
    if chosen:
        _run(here, profile, str(chosen))


def _run(here: Here, profile: Head, flow: str) -> None:
    feedback.run(
        lambda: manual.run_flow(
            here.lake, flow, module=profile.module.slug, ids=[profile.record["id"]], actor=here.actor
        ),
        done=outcome_of,
    )
    redraw("left", "centre", "right")


def _duplicates(here: Here, profile: Head) -> None:
    """Who may be the same: by address and number at once, by name when asked, since that reads every name."""
    key = f"same:{profile.record['id']}"
    names = bool(st.session_state.get(key))
    found = likely(
        here.lake, here.catalog, module=profile.module.slug, values=profile.record, actor=here.actor,
        without=profile.record["id"], names=names,
    )  # fmt: skip
    rows = [
        (html.link(one.title or one.id[:8], click=html.click("open", one.module, one.id)), reasons_of(one))
        for one in found
    ]
    if rows or names:
        st.html(html.section_header("Possible duplicates", str(len(rows)) if rows else ""))
        lines = [html.Html('<div class="m-sub">{} · {}</div>').format(*row) for row in rows]
        st.html(html.join(lines or [html.Html('<div class="m-sub">None found.</div>')]))
    if not names:
        st.button(
            "Look for similar names", key=f"look:{key}", type="tertiary", icon=":material/person_search:",
            on_click=_look, args=(key,),
        )  # fmt: skip


def _look(key: str) -> None:
    st.session_state[key] = True
