"""The right panel of a record: what one does with it, who works on it, where it stands, and what is like it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from crm_core import people
from crm_core.duplicates import likely
from crm_core.panels import Panel
from crm_core.profile import Head
from pages._ui import html, side_quick, side_run, side_tags
from pages._ui.duplicates import reasons_of
from pages._ui.layout import redraw
from pages._ui.record_fields import change
from pages._ui.session import Here


def draw(
    here: Here, profile: Head, *, panels: tuple[Panel, ...] = (), locked: bool = False, at: int | None = None,
    filtered: str = "",
) -> None:  # fmt: skip
    """Quick actions, workers, owner, team, folder and status, tags, related records, automation, likely duplicates.

    Args:
        here: for whom.
        profile: the record.
        panels: the sections that its profile offers.
        locked: whether nothing may be changed.
        at: the snapshot that is looked at, when it is not the current one.
        filtered: the tag by which the list is filtered.
    """
    locked = locked or here.actor.role == "viewer"
    quick = side_quick.actions(here, profile) if not locked else None
    if quick:
        st.html(quick)
    _workers(here, profile, locked)
    _place(here, profile, locked)
    side_tags.draw(here, profile, locked=locked, filtered=filtered)
    kin = side_quick.kin(here, profile, panels, locked=locked, at=at)
    if kin:
        st.html(kin)
    if not locked:
        side_run.draw(here, profile)
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
