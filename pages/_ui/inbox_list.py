"""The left of the inbox: its queues, and what stands in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from crm_core import facets, listing
from crm_core.bulk import those
from crm_core.model import AnyOf, Leaf, Module
from crm_core.model.condition import Condition
from crm_core.query import Page, read_page
from crm_core.search import search_module
from pages._ui import bulk, forms, html, inbox_narrow, words
from pages._ui.components import ListRow, ListWindow, record_list
from pages._ui.inbox_narrow import Narrowed
from pages._ui.layout import head, redraw, show_panel
from pages._ui.pulse import pulse
from pages._ui.session import Here, here
from pages._ui.state import set_url
from pages._ui.workspace_state import PAGE

OPEN, MINE, UNASSIGNED, SNOOZED, CLOSED, ALL = "open", "mine", "unassigned", "snoozed", "closed", "all"
QUEUES = {
    OPEN: "Open", MINE: "Mine", UNASSIGNED: "Unassigned", SNOOZED: "Snoozed", CLOSED: "Closed", ALL: "All"
}  # fmt: skip
SNOOZE = "snoozed_until"
MOST_FOUND = 10_000
"""So many of those that words find are changed together."""


@dataclass
class InboxState(Narrowed):
    """What the inbox remembers: the queue, and what of it is looked at."""

    queue: str = OPEN
    done: bulk.Done | None = None
    """What was done to many of them last, and can be taken back."""

    @property
    def question(self) -> tuple[str, ...]:
        """What the list is a list of."""
        return (self.queue, " ".join(self.words.split()), self.status, self.team, self.channel)


def draw(state: InboxState, slug: str) -> None:
    """Draw the queues and the list of the chosen one."""
    now = here()
    seen = now.lake.known_snapshot()  # before the reads: what comes in between is drawn again
    module = now.catalog.module(slug)
    found = read_list(now, module, state)
    if found.total and not found.items:
        state.window = 0  # there are fewer by now
        found = read_list(now, module, state)
    with head("left"):
        _list_head(now, module, state, found.total)
        if state.done is not None:
            bulk.draw_done(now, module, state.done, on_change=lambda done: _done(state, done))
    state.empty = not found.total and not state.words
    if state.selected is None and found.items:
        state.selected = found.items[0]["id"]
    record_list(
        [_row(now, module, item) for item in found.items],
        key="list:inbox",
        selected=state.selected,
        on_select=lambda chosen: select(state, chosen),
        window=ListWindow(
            start=state.window * PAGE, total=found.total, question="\n".join(state.question), moment=str(seen)
        ),
        on_window=lambda place: _go(state, place),
        search="words:inbox",
        height="calc(100dvh - 178px)",
        label=module.name,
        none=_nothing(state),
    )
    pulse(seen, on_move=lambda: redraw("left", "centre", "right"), key="pulse:inbox")


def _nothing(state: InboxState) -> str:
    if state.words:
        return "Nothing found. Try fewer letters."
    return "Nothing waits. Well done." if state.queue == OPEN else "Nothing here."


def ends(module: Module) -> list[str]:
    """The statuses in which an inquiry counts as closed."""
    return sorted({end for folder in module.folders for end in folder.end_statuses})


def queue_condition(now: Here, module: Module, queue: str) -> Condition | None:
    """What stands in a queue."""
    closed = ends(module)
    open_ = listing.both(Leaf(field="status", op="not_in", value=closed) if closed else None, _awake(module))
    match queue:
        case "mine":
            return listing.both(open_, listing.mine(now.actor))
        case "unassigned":
            return listing.both(open_, Leaf(field="owner", op="is_empty"))
        case "snoozed":
            return _asleep(module)
        case "closed":
            return Leaf(field="status", op="in", value=closed)
        case "open":
            return open_
    return None


def queues_of(module: Module) -> dict[str, str]:
    """The queues that there are, with their names: what cannot be put off has none for that."""
    return {slug: name for slug, name in QUEUES.items() if slug != SNOOZED or module.field(SNOOZE)}


def _awake(module: Module) -> Condition | None:
    """What was not put off, or whose time has come."""
    if module.field(SNOOZE) is None:
        return None
    return AnyOf(any=(Leaf(field=SNOOZE, op="is_empty"), Leaf(field=SNOOZE, op="le", value=_minute())))


def _asleep(module: Module) -> Condition | None:
    """What was put off and is still open."""
    closed = ends(module)
    open_ = Leaf(field="status", op="not_in", value=closed) if closed else None
    return listing.both(open_, Leaf(field=SNOOZE, op="gt", value=_minute()))


def _minute() -> str:
    """The present minute: within one, the same is asked for."""
    return datetime.now(UTC).replace(second=0, microsecond=0).isoformat()


def queue_counts(now: Here, module: Module) -> dict[str, str]:
    """How many inquiries wait in each queue that can run dry, as it stands beside the queue's name."""

    def read(queue: str) -> dict[str, dict[str | None, int]]:
        condition = queue_condition(now, module, queue)
        return facets.read_facets(
            now.lake, now.catalog, module=module.slug, by=["owner"], actor=now.actor, condition=condition
        )

    waiting = read(OPEN)
    found = {
        OPEN: waiting[""].get(None, 0), MINE: read(MINE)[""].get(None, 0), UNASSIGNED: waiting["owner"].get(None, 0)
    }  # fmt: skip
    return {queue: words.compact(count) for queue, count in found.items() if count}


def _condition(now: Here, module: Module, state: InboxState) -> Condition | None:
    status = Leaf(field="status", op="eq", value=state.status) if state.status else None
    team = Leaf(field="team", op="eq", value=state.team) if state.team else None
    channel = Leaf(field="channel", op="eq", value=state.channel) if state.channel else None
    return listing.both(queue_condition(now, module, state.queue), status, team, channel)


def matching(now: Here, module: Module, state: InboxState) -> Condition | None:
    """Whatever the list would show to its end: what stands in the queue, narrowed by what is looked for."""
    condition = _condition(now, module, state)
    if not state.words.strip():
        return condition
    hits = search_module(
        now.lake, now.catalog, module=module.slug, actor=now.actor, words=state.words, condition=condition,
        limit=MOST_FOUND,
    )  # fmt: skip
    return those([hit.id for hit in hits.items])


def read_list(now: Here, module: Module, state: InboxState) -> Page:
    """The window of the chosen queue that is looked at, narrowed by what is looked for, the newest first."""
    condition = _condition(now, module, state)
    if state.words.strip():
        hits = search_module(
            now.lake, now.catalog, module=module.slug, actor=now.actor, words=state.words, condition=condition,
            sort="-created_at", limit=PAGE, offset=state.window * PAGE,
        )  # fmt: skip
        ids = [hit.id for hit in hits.items]
        condition = Leaf(field="id", op="in", value=ids)
        found = read_page(
            now.lake, now.catalog, module=module.slug, actor=now.actor, condition=condition, sort="-created_at",
            limit=max(1, len(ids)),
        )  # fmt: skip
        return Page(found.items, hits.total, None, found.snapshot)
    return read_page(
        now.lake, now.catalog, module=module.slug, actor=now.actor, condition=condition, sort="-created_at",
        limit=PAGE, offset=state.window * PAGE,
    )  # fmt: skip


def select(state: InboxState, chosen: str) -> None:
    """Show another one, and put it into the address."""
    state.select(chosen)
    set_url(id=chosen)
    show_panel("centre")
    redraw("centre", "right")


def _go(state: InboxState, place: int) -> None:
    state.window = place // PAGE


def _list_head(now: Here, module: Module, state: InboxState, total: int) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="left_title"
    ):
        st.html(html.title("Inbox", count=words.number(total), small=True), width="content")
        with st.container(horizontal=True, gap=None, width="content"):
            inbox_narrow.draw(now, module, state, within=queue_condition(now, module, state.queue))
            if now.actor.role != "viewer":
                if total:
                    st.button(
                        "", icon=":material/edit_note:", type="tertiary", key="bulk:inbox", on_click=bulk.ask,
                        args=(module.slug,), help="Assign, close, put off or tag all that this queue shows",
                    )  # fmt: skip
                st.button(
                    "", icon=":material/add:", type="tertiary", shortcut="N", key="new:inbox",
                    help=f"New {module.one.lower()}", on_click=forms.ask_new, args=(module.slug,),
                )  # fmt: skip
    st.text_input(
        "Search", key="words:inbox", type="search", live="100ms", value=state.words, label_visibility="collapsed",
        placeholder="Search subject, name, e-mail, reference…", on_change=_searched, args=(state,),
    )  # fmt: skip
    counts, queues = queue_counts(now, module), queues_of(module)
    with st.container(key="folders"):
        st.pills(
            "Queue", list(queues), default=state.queue if state.queue in queues else OPEN, required=True, key="queue",
            format_func=lambda queue: f"{queues[queue]} {counts[queue]}" if counts.get(queue) else queues[queue],
            label_visibility="collapsed", on_change=_queued, args=(state,),
        )  # fmt: skip
    inbox_narrow.draw_chosen(now, module, state)
    if forms.asked_new() == module.slug:
        forms.new_record(now, module, on_created=lambda created: _created(state, created))
    elif bulk.asked() == module.slug and now.actor.role != "viewer":
        bulk.change_records(
            now, module, matching=matching(now, module, state), total=total, ticked=(),
            on_done=lambda done: _done(state, done),
        )  # fmt: skip


def _done(state: InboxState, done: bulk.Done | None) -> None:
    """Keep what is told of the last bulk action."""
    state.done = done


def _created(state: InboxState, created: str) -> None:
    state.select(created)
    state.queue, state.words, state.status, state.team, state.channel = OPEN, "", "", "", ""
    set_url(id=created)


def _queued(state: InboxState) -> None:
    state.queue = st.session_state["queue"] or OPEN
    state.status, state.team, state.channel, state.window = "", "", "", 0


def _searched(state: InboxState) -> None:
    state.words = st.session_state["words:inbox"] or ""
    state.window = 0


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
