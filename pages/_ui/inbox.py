"""The inbox: queues and inquiries on the left, one inquiry in the middle, what can be done with it on the right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import streamlit as st

from crm_core import facets, listing, records
from crm_core.dependencies import read_states
from crm_core.model import Field, Leaf, Module
from crm_core.model.condition import Condition
from crm_core.model.modules import Status
from crm_core.profile import Head
from crm_core.query import Page, read_page
from crm_core.search import search_module
from pages._ui import feedback, forms, html, nav, profile, record_fields, record_words, side, words, workspace
from pages._ui.components import Click, ListRow, clicks, record_list
from pages._ui.edits import draw as draw_edits
from pages._ui.field_views import is_missing
from pages._ui.fields import edit_field
from pages._ui.layout import body, head, redraw, show_panel, three_panels
from pages._ui.nothing import Action, no_such_module, nothing
from pages._ui.pulse import pulse
from pages._ui.session import Here, here
from pages._ui.state import page_state, record_id, record_id_in_url, set_url
from pages._ui.surroundings import field_context
from pages._ui.workspace_state import PAGE, WorkspaceState, read_selected

MODULE = "inquiries"
OPEN, MINE, UNASSIGNED, CLOSED, ALL = "open", "mine", "unassigned", "closed", "all"
QUEUES = {OPEN: "Open", MINE: "Mine", UNASSIGNED: "Unassigned", CLOSED: "Closed", ALL: "All"}
_CLOSING = "inbox:closing"
"""The inquiry that is asked for what a closed one must have."""


@dataclass
class InboxState(WorkspaceState):
    """What the inbox remembers: the queue, the state and the team that are looked at."""

    queue: str = OPEN
    status: str = ""
    team: str = ""


def draw() -> None:
    """Draw the inbox."""
    nav.follow()
    if MODULE not in here().catalog.modules:
        no_such_module(here(), "Inquiries")
        return
    state = page_state(InboxState, page="inbox")
    state.selected = record_id_in_url() or state.selected
    three_panels(
        left=lambda: _left(state),
        centre=lambda: _centre(state),
        right=lambda: _right(state),
        labels=("Inbox", "Inquiry", "Details"),
    )


def ends(module: Module) -> list[str]:
    """The statuses in which an inquiry counts as closed."""
    return sorted({end for folder in module.folders for end in folder.end_statuses})


def queue_condition(now: Here, module: Module, queue: str) -> Condition | None:
    """What stands in a queue."""
    closed = ends(module)
    open_ = Leaf(field="status", op="not_in", value=closed) if closed else None
    match queue:
        case "mine":
            return listing.both(open_, listing.mine(now.actor))
        case "unassigned":
            return listing.both(open_, Leaf(field="owner", op="is_empty"))
        case "closed":
            return Leaf(field="status", op="in", value=closed)
        case "open":
            return open_
    return None


def queue_counts(now: Here, module: Module) -> dict[str, str]:
    """How many inquiries wait in each queue that can run dry, as it stands beside the queue's name."""

    def read(queue: str) -> dict[str, dict[str | None, int]]:
        condition = queue_condition(now, module, queue)
        return facets.read_facets(
            now.lake, now.catalog, module=MODULE, by=["owner"], actor=now.actor, condition=condition
        )

    waiting = read(OPEN)
    found = {
        OPEN: waiting[""].get(None, 0), MINE: read(MINE)[""].get(None, 0), UNASSIGNED: waiting["owner"].get(None, 0)
    }  # fmt: skip
    return {queue: words.compact(count) for queue, count in found.items() if count}


def _condition(now: Here, module: Module, state: InboxState) -> Condition | None:
    status = Leaf(field="status", op="eq", value=state.status) if state.status else None
    team = Leaf(field="team", op="eq", value=state.team) if state.team else None
    return listing.both(queue_condition(now, module, state.queue), status, team)


def _read_list(now: Here, module: Module, state: InboxState) -> Page:
    condition = _condition(now, module, state)
    if state.words.strip():
        hits = search_module(
            now.lake, now.catalog, module=MODULE, actor=now.actor, words=state.words, condition=condition,
            sort="-created_at", limit=state.shown,
        )  # fmt: skip
        ids = [hit.id for hit in hits.items]
        condition = Leaf(field="id", op="in", value=ids)
        found = read_page(
            now.lake, now.catalog, module=MODULE, actor=now.actor, condition=condition, sort="-created_at",
            limit=max(1, len(ids)),
        )  # fmt: skip
        return Page(found.items, hits.total, None, found.snapshot)
    return read_page(
        now.lake, now.catalog, module=MODULE, actor=now.actor, condition=condition, sort="-created_at",
        limit=state.shown,
    )  # fmt: skip


def _left(state: InboxState) -> None:
    now = here()
    seen = now.lake.known_snapshot()  # before the reads: what comes in between is drawn again
    module = now.catalog.module(MODULE)
    found = _read_list(now, module, state)
    with head("left"):
        _list_head(now, module, state, found.total)
    state.empty = not found.total and not state.words
    if state.selected is None and found.items:
        state.selected = found.items[0]["id"]
    record_list(
        [_row(now, module, item) for item in found.items],
        key="list:inbox",
        selected=state.selected,
        on_select=lambda chosen: _select(state, chosen),
        on_more=(lambda _: _more(state)) if found.total > len(found.items) else None,
        search="words:inbox",
        height="calc(100dvh - 178px)",
        label="Inquiries",
        none="Nothing here. Well done." if not state.words else "Nothing found. Try fewer letters.",
    )
    pulse(seen, on_move=lambda: redraw("left", "centre", "right"), key="pulse:inbox")


def _select(state: InboxState, chosen: str) -> None:
    state.select(chosen)
    set_url(id=chosen)
    show_panel("centre")
    redraw("centre", "right")


def _more(state: InboxState) -> None:
    state.shown += PAGE


def _list_head(now: Here, module: Module, state: InboxState, total: int) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="left_title"
    ):
        st.html(html.title("Inbox", count=words.number(total), small=True), width="content")
        if now.actor.role != "viewer":
            st.button(
                "New inquiry", icon=":material/add:", type="tertiary", shortcut="N", key="new:inbox",
                on_click=forms.ask_new, args=(MODULE,),
            )  # fmt: skip
    st.text_input(
        "Search", key="words:inbox", type="search", live="100ms", value=state.words, label_visibility="collapsed",
        placeholder="Search subject, name, e-mail, reference…", on_change=_searched, args=(state,),
    )  # fmt: skip
    counts = queue_counts(now, module)
    with st.container(key="folders"):
        st.pills(
            "Queue", list(QUEUES), default=state.queue, required=True, key="queue",
            format_func=lambda queue: f"{QUEUES[queue]} {counts[queue]}" if counts.get(queue) else QUEUES[queue],
            label_visibility="collapsed", wrap=False, on_change=_queued, args=(state,),
        )  # fmt: skip
    _narrow(now, module, state)
    if forms.asked_new() == MODULE:
        forms.new_record(now, module, on_created=lambda created: _created(state, created))


def _created(state: InboxState, created: str) -> None:
    state.select(created)
    state.queue, state.words, state.status, state.team = OPEN, "", "", ""
    set_url(id=created)


def _narrow(now: Here, module: Module, state: InboxState) -> None:
    """Two small choices with counts: the state and the team."""
    counts = facets.read_facets(
        now.lake, now.catalog, module=MODULE, by=["status", "team"], actor=now.actor,
        condition=queue_condition(now, module, state.queue), words=state.words,
    )  # fmt: skip
    names = {s.slug: s.name for f in module.folders for s in f.statuses}
    statuses = {"": "Any state"} | {
        slug: f"{names.get(slug, slug)} · {n}"
        for slug, n in sorted(counts["status"].items(), key=str)
        if slug
    }
    teams = {"": "Any team"} | {
        slug: f"{now.catalog.teams[slug].name} · {n}"
        for slug, n in sorted(counts["team"].items(), key=str)
        if slug is not None and slug in now.catalog.teams
    }
    with st.container(horizontal=True, gap="xsmall", key="narrow"):
        for label, options, attribute in (("State", statuses, "status"), ("Team", teams, "team")):
            current = getattr(state, attribute)
            st.selectbox(
                label, list(options), index=list(options).index(current) if current in options else 0,
                key=f"inbox:{attribute}", format_func=options.__getitem__, label_visibility="collapsed",
                on_change=_narrowed, args=(state, attribute),
            )  # fmt: skip


def _narrowed(state: InboxState, attribute: str) -> None:
    setattr(state, attribute, st.session_state[f"inbox:{attribute}"])
    state.shown = PAGE


def _queued(state: InboxState) -> None:
    state.queue = st.session_state["queue"] or OPEN
    state.status, state.team, state.shown = "", "", PAGE


def _searched(state: InboxState) -> None:
    state.words = st.session_state["words:inbox"] or ""
    state.shown = PAGE


def _row(now: Here, module: Module, item: dict[str, Any]) -> ListRow:
    folder = module.folder(item["folder"] or "") or module.default_folder
    status = next((s for s in folder.statuses if s.slug == item["status"]), None)
    who = item.get("name") or item.get("email") or "Unknown"
    return ListRow(
        id=item["id"],
        title=str(who),
        note=str(item.get("company") or ""),
        text=str(item.get("subject") or item.get("message") or ""),
        when=words.ago(item["created_at"], zone=now.zone),
        status=status.name if status else (item["status"] or ""),
        color=status.color if status else "gray",
    )


def _centre(state: InboxState) -> None:
    nav.follow()
    now = here()
    seen = read_selected(now, MODULE, state)
    clicks(lambda click: _clicked(state, click), key="clicks:inbox")
    if seen is None:
        _nobody(now, state)
        return
    with head("centre"), st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.html(_header(now, seen))
        with st.container(horizontal=True, gap="xsmall", width="content", wrap=False):
            _actions(now, seen)
    with body("centre"):
        if now.actor.role != "viewer":
            draw_edits(now, seen)
        _message(now, seen)
        record_fields.draw_sections(now, seen, state, without=("message",))
        st.html(profile.belongings_card(now, seen, profile.read_belongings(now, seen)))


def _nobody(now: Here, state: InboxState) -> None:
    actions = [Action("New inquiry", "add", forms.ask_new, (MODULE,))] if now.actor.role != "viewer" else []
    title, text = "No inquiry selected", "Choose one on the left."
    if state.empty:
        title = "Nothing is waiting" if state.queue == OPEN else f"{QUEUES[state.queue]}: no inquiry"
        text = (
            "What comes in by form, e-mail or API stands here within a second. A call you take down yourself."
        )
    nothing(title, text, actions=actions, key="nothing:inbox")


def _header(now: Here, seen: Head) -> html.Html:
    record = seen.record
    parts: list[html.Text] = [str(record.get("name") or record.get("email") or "Unknown")]
    for reference in now.catalog.references(MODULE)[:1]:
        link = record_words.reference_link(reference, record.get(reference.slug), seen.titles)
        if link:
            parts.append(link)
    return html.record_header(
        str(record.get("subject") or seen.title),
        subtitle=html.join(parts, between=" · "),
        badge=record_words.status_badge(seen.module, record["folder"], record["status"]),
    )


def _message(now: Here, seen: Head) -> None:
    text = seen.record.get("message")
    if text:
        number = next((seen.record.get(f.slug) for f in seen.module.fields if f.kind == "auto_number"), None)
        came = words.moment(seen.record["created_at"], zone=now.zone)
        body_ = html.Html('<div class="m-message">{}</div>').format(text)
        st.html(html.card("Message", body_, right=f"{number} · {came}" if number else came))


def _clicked(state: InboxState, click: Click) -> None:
    match click.verb, click.values:
        case "open", (module, target) if module == MODULE and record_id(target):
            _select(state, target)
        case _:
            workspace.clicked(MODULE, state, click)


def _actions(now: Here, seen: Head) -> None:
    if now.actor.role == "viewer":
        return
    record = seen.record
    if record["owner"] != now.actor.user:
        st.button("Take", key=f"take:{record['id']}", icon=":material/person_add:", type="primary",
                  on_click=_write, args=(now, seen, {"owner": now.actor.user}, "It is yours"))  # fmt: skip
    st.button(
        "Task", key=f"task:{record['id']}", icon=":material/add_task:", on_click=_make_task, args=(now, seen)
    )
    closed = [s for f in seen.module.folders for s in f.statuses if s.end]
    if closed and record["status"] not in {s.slug for s in closed}:
        st.button("Close", key=f"close:{record['id']}", icon=":material/check:",
                  on_click=_close, args=(now, seen, closed[0]))  # fmt: skip
        if st.session_state.get(_CLOSING) == record["id"]:
            _ask_before_closing(now, seen, closed[0])


def _missing_to_close(now: Here, seen: Head, end: Status) -> list[Field]:
    """The fields that a closed inquiry must have, and this one has not."""
    record = {**seen.record, "status": end.slug}
    states = read_states(now.lake, now.catalog, module=MODULE, record=record, actor=now.actor)
    return [f for f in seen.module.fields if f.slug in states.required and is_missing(record.get(f.slug))]


def _close(now: Here, seen: Head, end: Status) -> None:
    if _missing_to_close(now, seen, end):
        st.session_state[_CLOSING] = seen.record["id"]
        redraw("centre")
    _write(now, seen, {"status": end.slug}, end.name)


def _ask_before_closing(now: Here, seen: Head, end: Status) -> None:
    def forget() -> None:
        st.session_state.pop(_CLOSING, None)

    @st.dialog("Close the inquiry", on_dismiss=forget)
    def draw() -> None:
        context = field_context(now)
        values = {
            field.slug: edit_field(
                field, None, key=f"closing:{seen.record['id']}:{field.slug}", context=context
            )
            for field in _missing_to_close(now, seen, end)
        }
        if st.button("Close it", type="primary", key="closing:go", width="stretch"):
            given = {name: value for name, value in values.items() if not is_missing(value)}
            if record_fields.change(now, seen, {"status": end.slug, **given}, done=end.name):
                forget()
                st.rerun()

    draw()


def _write(now: Here, seen: Head, values: dict[str, Any], done: str) -> None:
    record_fields.change(now, seen, values, done=done)
    redraw("left", "centre", "right")


def _make_task(now: Here, seen: Head) -> None:
    record = seen.record
    title = f"Answer {record.get('subject') or record.get('name') or 'the inquiry'}"
    values: dict[str, Any] = {"title": title, "owner": now.actor.user, "team": record["team"]}
    for reference in now.catalog.references("tasks"):
        if MODULE in reference.targets:
            about = {"module": MODULE, "id": record["id"]}
            values[reference.slug] = about if reference.polymorphic else record["id"]
        elif reference.targets == ("customers",) and record.get("customer"):
            values[reference.slug] = record["customer"]
    given = {name: value for name, value in values.items() if value}
    feedback.run(
        lambda: records.create(now.lake, module="tasks", values=given, actor=now.actor, door="browser"),
        done="Task made",
    )
    redraw("centre")


def _right(state: InboxState) -> None:
    now = here()
    seen = read_selected(now, MODULE, state)
    if seen is not None:
        with body("right"):
            side.draw(now, seen)
