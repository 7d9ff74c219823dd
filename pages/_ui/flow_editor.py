"""The editor of a flow: what it is called, when it looks, whether it acts, and what it does, all without YAML."""

from __future__ import annotations

import streamlit as st

from flows.model import to_flow_document
from flows.store import FlowInfo
from pages._ui import html
from pages._ui.flow_condition import edit_rules, show_matches, tidy
from pages._ui.flow_desk import Desk, open_desk
from pages._ui.flow_draft import FlowDraft, draft_document, open_draft
from pages._ui.flow_problems import HEAD, TRIGGER, WHEN
from pages._ui.flow_sample import choose_sample
from pages._ui.flow_save import save_draft
from pages._ui.flow_steps import edit_steps, show_problems
from pages._ui.flow_texts import listen
from pages._ui.flow_trigger import edit_trigger
from pages._ui.flows_state import FlowsState
from pages._ui.flows_words import FlowWords
from pages._ui.layout import redraw
from pages._ui.session import Here


def begin(state: FlowsState, flow: FlowInfo) -> None:
    """Open a flow in the editor: as it was saved last."""
    state.draft, state.open = open_draft(to_flow_document(flow.definition), tidy=tidy), ""


def draw(now: Here, state: FlowsState, draft: FlowDraft) -> None:
    """Draw the editor."""
    if draft.module not in now.catalog.modules:
        st.html(html.note(f"There is no module {draft.module} any more: mend the flow as YAML.", color="red"))
        return
    listen()
    with st.container(key="flow_editor", gap="medium"):
        desk = open_desk(now, state, draft)
        bar, said = st.container(key="flow_bar"), st.container(key="flow_said")
        _about(desk)
        with _section("flow_when", "When", "bolt"):
            edit_trigger(desk)
            show_problems(desk.problems.of(TRIGGER))
        with _section("flow_if", "If", "filter_alt"):
            _condition(desk)
        with _section("flow_then", "Then", "format_list_numbered"):
            edit_steps(desk)
        _limit(desk)
        # Last, since the condition is known only once it is drawn.
        desk = open_desk(now, state, draft)
        with bar:
            _bar(desk)
        with said:
            _said(desk)


def _section(key: str, title: str, icon: str) -> st.delta_generator.DeltaGenerator:
    box = st.container(key=key, gap="small")
    box.html(html.Html('<div class="m-part">{}<b>{}</b></div>').format(html.icon(icon), title))
    return box


def _bar(desk: Desk) -> None:
    """Whether it can be saved, and the record that previews are made with: what stays in sight."""
    state, draft, problems = desk.state, desk.draft, desk.problems
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="flow_actions"):
        save, leave = ("Save draft", "Discard") if draft.changed else ("Saved", "Done")
        st.button(
            save, type="primary" if draft.changed else "secondary", icon=":material/check:", key="flow:save",
            shortcut="Ctrl+S", on_click=_save, args=(desk.now, state, draft),
        )  # fmt: skip
        st.button(leave, key="flow:leave", on_click=_leave, args=(state,))
        if desk.sample:
            choose_sample(desk.now, state, module=draft.module, sample=desk.sample, said="Shown with",
                          key=desk.key("sample"))  # fmt: skip
        if problems.count:
            noun = "thing is" if problems.count == 1 else "things are"
            st.html(html.badge(f"{problems.count} {noun} missing or wrong", color="red"), width="content")
        elif draft.changed:
            st.html(html.badge("Not saved yet", color="orange"), width="content")


def _said(desk: Desk) -> None:
    """The whole flow in a sentence, or what is wrong with it as a whole."""
    problems = desk.problems
    if problems.flow is not None and not problems.count:
        st.html(html.note(FlowWords(desk.catalog, desk.context, problems.flow).sentence, color="violet"))
    show_problems(problems.of(HEAD))


def _save(now: Here, state: FlowsState, draft: FlowDraft) -> None:
    applied = save_draft(now, draft_document(draft))
    if applied is not None:
        state.warnings = applied.warnings
        draft.began = draft_document(draft)
    redraw("left", "centre")


def _leave(state: FlowsState) -> None:
    state.draft, state.open = None, ""
    redraw("centre")


def _about(desk: Desk) -> None:
    head = desk.draft.head
    with st.container(horizontal=True, gap="small", key="flow_about"):
        for name, label, hint in (
            ("name", "Name", "Greet a new customer"),
            ("description", "Description", "What it is for, for whoever finds it later"),
        ):
            _text(desk, name, label, str(head.get(name, "")), hint)


def _text(desk: Desk, name: str, label: str, value: str, hint: str) -> None:
    key = desk.key("head", name)

    def keep() -> None:
        desk.draft.head[name] = (st.session_state[key] or "").strip()

    st.text_input(label, value=value, key=key, placeholder=hint, live="500ms", on_change=keep)


def _condition(desk: Desk) -> None:
    head = desk.draft.head
    head["when"] = edit_rules(desk, head.get("when") or {}, module=desk.draft.module, key="when")
    if not head["when"]:
        head.pop("when")
    show_problems(desk.problems.of(WHEN))
    show_matches(desk, head.get("when") or {})


def _limit(desk: Desk) -> None:
    head, key = desk.draft.head, desk.key("limit")

    def keep() -> None:
        head["limit"] = st.session_state[key]

    help_ = "More records than so many at once wait until a person has looked. 0: never. Empty: as the workspace says."
    st.number_input("Hold and ask when it is for more records at once than", min_value=0, max_value=10_000_000,
                    value=head.get("limit"), step=100, key=key, on_change=keep, help=help_, placeholder="As usual",
                    width=360)  # fmt: skip
