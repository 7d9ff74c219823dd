"""The steps of a flow that is being edited: cards that read like a sentence, with forms that open in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from crm_core.errors import CrmError
from crm_core.model import parse_condition
from flows.steps import CONTROLS
from flows.steps_reading import StepsInvalid, parse_steps
from pages._ui import html
from pages._ui.flow_actions import offered_steps, step_form
from pages._ui.flow_controls import arm_label, edit_control
from pages._ui.flow_desk import Desk
from pages._ui.flow_draft import (
    OPTIONAL,
    Block,
    DraftStep,
    block_places,
    duplicate,
    insert,
    move,
    new_step,
    remove,
    remove_block,
    step_document,
    walk,
)
from pages._ui.flow_options import edit_options
from pages._ui.flow_problems import STEPS
from pages._ui.flow_step_words import of_module, one_step, told_condition
from pages._ui.flow_texts import insert_fields, preview
from pages._ui.flows_told import Step


def edit_steps(desk: Desk) -> None:
    """Draw all steps, and what adds one more."""
    numbers = {step.id: at for at, (_, _, step) in enumerate(walk(desk.draft.root), start=1)}
    with st.container(gap="xsmall", key="flow_steps"):
        _block(desk, desk.draft.root, numbers)
        show_problems(desk.problems.of(STEPS))


def _block(desk: Desk, block: Block, numbers: dict[str, int]) -> None:
    for step in block.steps:
        _card(desk, block, step, numbers[step.id])
        for _, inner in block_places(step):
            _arm(desk, step, inner, numbers)
    _add(desk, block)


def _arm(desk: Desk, step: DraftStep, block: Block, numbers: dict[str, int]) -> None:
    """The steps within a step, further in, below what they depend on."""
    with st.container(gap="xsmall", key=f"flow_arm_{block.id}"):
        with st.container(
            horizontal=True, gap="small", vertical_alignment="center", key=f"flow_arm_head_{block.id}"
        ):
            st.html(
                html.Html('<div class="m-arm-label">{}</div>').format(_label(desk, step, block)),
                width="content",
            )
            if block.key in OPTIONAL:
                st.button("", icon=":material/close:", type="tertiary", key=desk.key(block.id, "remove"),
                          help="Remove this part and its steps", on_click=remove_block,
                          args=(desk.draft, block.id))  # fmt: skip
        _block(desk, block, numbers)
        show_problems(desk.problems.of(block.id))


def _label(desk: Desk, step: DraftStep, block: Block) -> str:
    if step.kind != "if" or block.key == "else":
        return arm_label(block)
    first = "If" if block.key == "then" else "Else, if"
    try:
        condition = parse_condition(block.when or {"all": []})
    except CrmError:
        return f"{first} …"
    if not block.when:
        return f"{first} …"
    return f"{first} {told_condition(desk.told(desk.module_of(step.id)), condition)}"


def _card(desk: Desk, block: Block, step: DraftStep, number: int) -> None:
    is_open = desk.state.open == step.id
    problems = desk.problems.of(step.id)
    kind = "open" if is_open else "wrong" if problems else "shut"
    with st.container(gap="small", key=f"flow_card_{kind}_{step.id}"):
        with st.container(horizontal=True, gap="small", wrap=False, vertical_alignment="center",
                          key=f"flow_row_{step.id}"):  # fmt: skip
            st.html(_told(desk, step, number))
            _buttons(desk, step, number, is_open=is_open)
        # A place of its own: what stands below would be drawn anew, without what is being typed, when it came or went.
        with st.container(key=f"flow_problems_{step.id}"):
            show_problems(problems)
        if is_open:
            _form(desk, step)


def _told(desk: Desk, step: DraftStep, number: int) -> html.Html:
    said = in_words(desk, step)
    details = html.join(
        [html.Html("{}: <b>{}</b>").format(label, value) for label, value in said.details], between=" · "
    )
    return html.Html('<div class="m-step">{}<div><div>{}</div><p>{}</p></div><small>{}</small></div>').format(
        html.icon(said.icon, color=said.color), said.title, details, number
    )


def in_words(desk: Desk, step: DraftStep) -> Step:
    """A step in words, also where it is not finished: then only its kind is told."""
    form = step_form(step.kind)
    alone = step_document(step)
    if step.kind in ("if", "for_each"):
        # What stands within it may be unfinished, and is told for itself.
        filler = [{"stop": ""}]
        alone = {**alone, **{key: filler for key in ("then", "do") if key in alone}}
        alone = {key: value for key, value in alone.items() if key not in ("else", "else_if")}
    alone.pop("on_timeout", None)
    told = desk.told()
    try:
        [read] = parse_steps([alone])
        said = one_step(of_module(told, desk.module_of(step.id)), read)
    except (StepsInvalid, CrmError, KeyError):
        return Step(form.icon, form.color, form.name)
    return Step("alt_route", "yellow", "Choose a way") if step.kind == "if" else said


def _buttons(desk: Desk, step: DraftStep, number: int, *, is_open: bool) -> None:
    def toggle() -> None:
        desk.state.open = "" if is_open else step.id

    def shift(by: int) -> None:
        move(desk.draft, step.id, by)

    def once_more() -> None:
        desk.state.open = duplicate(desk.draft, step.id) or ""

    with st.container(horizontal=True, gap=None, width="content", wrap=False, key=f"flow_buttons_{step.id}"):
        icon, text = ("check", "Done") if is_open else ("edit", "Edit")
        _icon_button(f"{text} step {number}", icon, desk.key(step.id, "edit"), toggle)
        for by, icon, text in ((-1, "arrow_upward", "up"), (1, "arrow_downward", "down")):
            _icon_button(f"Move step {number} {text}", icon, desk.key(step.id, text), shift, by)
        _icon_button(f"Duplicate step {number}", "content_copy", desk.key(step.id, "copy"), once_more)
        _icon_button(
            f"Remove step {number}", "delete", desk.key(step.id, "remove"), remove, desk.draft, step.id
        )


def _icon_button(text: str, icon: str, key: str, on_click: Callable[..., None], *args: object) -> None:
    """A button that shows its symbol only; its words are for those who hear the page, and in the tooltip."""
    st.button(
        text, icon=f":material/{icon}:", help=text, type="tertiary", key=key, on_click=on_click, args=args
    )


def _form(desk: Desk, step: DraftStep) -> None:
    form = step_form(step.kind)
    with st.container(gap="small", key="flow_form"):
        if step.kind in CONTROLS:
            edit_control(desk, step)
        else:
            edit_options(desk, step, form)
            insert_fields(desk, desk.module_of(step.id), key=desk.key(step.id))
            preview(desk, step)


def _add(desk: Desk, block: Block) -> None:
    """The menu of steps that can be added at the end of a block."""
    kinds = offered_steps()

    def chosen() -> None:
        kind = st.session_state[key]
        if kind in kinds:
            step = new_step(kind, step_form(kind).start(desk.catalog, desk.module))
            insert(desk.draft, block.id, step)
            desk.state.open = step.id

    key = desk.key("add", block.id)
    st.menu_button("Add a step", kinds, icon=":material/add:", type="tertiary", key=key, on_click=chosen,
                   format_func=lambda kind: step_form(kind).name)  # fmt: skip


def show_problems(sentences: Sequence[str]) -> None:
    """What is wrong with a part, below it."""
    if sentences:
        lines = html.join([html.Html("<div>{}</div>").format(_sentence(line)) for line in sentences])
        st.html(html.Html('<div class="m-wrong" role="alert">{}</div>').format(lines))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
