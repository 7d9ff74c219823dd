"""Texts with fields in them: the list of fields to insert, and what the texts come to on a real record."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from flows.previews import preview_texts
from pages._ui import feedback, html
from pages._ui.components import source
from pages._ui.flow_actions import as_options, step_form
from pages._ui.flow_desk import Desk
from pages._ui.flow_draft import DraftStep
from pages._ui.flow_paths import paths_of

_INSERT = st.components.v2.component(
    "merganser_flow_insert",
    html="<span hidden></span>",
    js=source("flow_insert.js"),
)
_TEMPLATED = ("text", "long_text")


def listen() -> None:
    """Lets the browser insert fields where one types, and commit what is typed; once in the editor."""
    _INSERT(key="clicks:flow_insert")


def insert_fields(desk: Desk, module: str, *, key: str) -> None:
    """A button that opens the list of fields; a click on one puts it into the text."""
    with st.popover("Insert a field", icon=":material/data_object:", key=f"{key}:fields", type="tertiary"):
        asked = st.text_input(
            "Field", key=f"{key}:words", type="search", live="100ms", label_visibility="collapsed",
            placeholder="Find a field …",
        )  # fmt: skip
        wanted = (asked or "").lower().split()
        groups = []
        for group, paths in paths_of(desk.catalog, module):
            shown = [
                (path, label) for path, label in paths
                if all(word in f"{group} {label} {path}".lower() for word in wanted)
            ]  # fmt: skip
            if shown:
                groups.append(_group(group, shown))
        nothing = html.Html('<div class="m-sub">No field is called like that.</div>')
        st.html(html.Html('<div class="m-fields">{}</div>').format(html.join(groups) or nothing))


def _group(name: str, paths: list[tuple[str, str]]) -> html.Html:
    one = html.Html('<span data-insert="{}" tabindex="0" role="button" title="{}">{}</span>')
    return html.Html("<b>{}</b><p>{}</p>").format(
        name, html.join(one.format(path, path, label) for path, label in paths)
    )


def texts_of(desk: Desk, step: DraftStep) -> dict[str, str]:
    """Label → every text of a step in which fields may stand, also those of its template."""
    form, texts = step_form(step.kind), dict[str, str]()
    options = as_options(form, step.options)
    template = desk.catalog.templates.get(str(options.get("template")))
    for option in form.options:
        value = options.get(option.key)
        if (
            option.kind in _TEMPLATED
            and isinstance(value, str)
            and not (template and option.of == "template")
        ):
            texts[option.label] = value
    if template is not None:
        texts |= {"Subject": template.subject} if template.subject else {}
        texts["Text"] = template.body
    for name, value in _values_of(step, options).items():
        if isinstance(value, str) and "{{" in value:
            texts[desk.told().label(name, "")] = value
    return {label: text for label, text in texts.items() if text.strip()}


def _values_of(step: DraftStep, options: Mapping[str, object]) -> Mapping[str, object]:
    named = {option.key for option in step_form(step.kind).options}
    inner = options.get("values")
    return inner if isinstance(inner, Mapping) else {k: v for k, v in options.items() if k not in named}


def preview(desk: Desk, step: DraftStep) -> None:
    """What the texts of a step come to on the record that is tried."""
    texts, module = texts_of(desk, step), desk.module_of(step.id)
    sample = desk.sample_of(step.id) if texts else ""
    if not sample:
        if texts and desk.sample:
            none = "The record above has none of these: choose another one to see the texts filled in."
            st.html(html.Html('<div class="m-sub">{}</div>').format(none))
        return
    filled = feedback.run(
        lambda: preview_texts(
            desk.now.lake, desk.catalog, module=module, record_id=sample, texts=texts, actor=desk.now.actor
        ),
        at="here",
    )  # fmt: skip
    if filled:
        rows = [
            html.Html('<dt>{}</dt><dd class="m-lines">{}</dd>').format(
                label, text.strip() or html.missing("empty")
            )
            for label, text in filled.items()
        ]
        on = (
            "On this record"
            if module == desk.draft.module
            else f"On one of its {desk.catalog.module(module).name}"
        )
        st.html(html.Html('<div class="m-preview"><b>{}</b><dl>{}</dl></div>').format(on, html.join(rows)))
