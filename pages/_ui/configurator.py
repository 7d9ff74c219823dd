"""The module configurator: choose or make a module, shape its fields, sections and links, see the model drawn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from crm_core import shaping
from crm_core.definition_documents import plain
from crm_core.model import Module
from pages._ui import feedback, html, module_places, module_saving, words
from pages._ui.components import Click, ListRow, clicks, record_list
from pages._ui.layout import body, head, redraw, show_panel, three_panels
from pages._ui.module_rules import draw_rules
from pages._ui.nothing import Action, nothing
from pages._ui.session import Here, here
from pages._ui.state import page_state, set_url, slug_in_url

FIELDS, SECTIONS, LINKS, FOLDERS = "Fields", "Sections", "Relationships", "Folders"
RULES, MODEL = "Rules", "Model"
LINK_KINDS = {
    "many_to_one": "Many to one: each {one} has one {other}",
    "one_to_many": "One to many: each {one} has many {others}",
    "one_to_one": "One to one",
    "many_to_many": "Many to many",
}


_ASKED = "modules:asked"


@dataclass
class ConfiguratorState:
    """Which module is shaped, and which of its parts is seen."""

    module: str = ""
    tab: str = FIELDS
    field: str = ""
    link: str = ""
    """The relationship that is changed."""


def draw() -> None:
    """Draw the page."""
    now = here()
    if now.actor.role != "admin":
        st.html(
            html.empty_state("Only administrators shape modules", "Ask one of them to change what you miss.")
        )
        return
    state = page_state(ConfiguratorState, page="modules")
    known = [module.slug for module in now.catalog.ordered]
    state.module = slug_in_url("module", among=known) or state.module
    if state.module not in known:
        state.module = known[0] if known else ""
    three_panels(
        left=lambda: _left(state), centre=lambda: _centre(state), labels=("Modules", "Module", ""),
    )  # fmt: skip


def _left(state: ConfiguratorState) -> None:
    now = here()
    with (
        head("left"),
        st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="left_title"
        ),
    ):
        st.html(html.title("Modules", count=str(len(now.catalog.modules)), small=True), width="content")
        if st.button("New module", icon=":material/add:", type="tertiary", key="new_module"):
            _new_module(state)
    rows = [
        ListRow(
            id=module.slug,
            title=module.name,
            text=_summary(now, module),
            icon=module.icon,
        )
        for module in now.catalog.ordered
    ]
    record_list(
        rows, key="list:modules", selected=state.module, on_select=lambda slug: _select(state, slug), label="Modules",
        height="calc(100dvh - 70px)", none="No module yet.",
    )  # fmt: skip


def _summary(now: Here, module: Module) -> str:
    links = len(now.catalog.references(module.slug))
    return f"{words.plural(len(module.fields), 'field')} · {words.plural(links, 'link')}"


def _select(state: ConfiguratorState, slug: str) -> None:
    state.module, state.field = slug, ""
    set_url(module=slug)
    show_panel("centre")
    redraw("centre")


def _ask_new() -> None:
    st.session_state[_ASKED] = True


@st.dialog("New module")
def _new_module(state: ConfiguratorState) -> None:
    now = here()
    label = st.text_input("Name of many", placeholder="Vehicles", key="module:label")
    singular = st.text_input("Name of one", placeholder="Vehicle", key="module:singular")
    icon = st.text_input("Icon", value="table_rows", help="The name of a Material symbol", key="module:icon")
    create = st.button("Create module", type="primary", width="stretch", key="module:create")
    if create and feedback.given(label, "Give the module a name first."):
        document = shaping.new_module(
            now.catalog, label=label.strip(), singular=singular.strip(), icon=icon.strip()
        )
        if module_saving.save(now, [("module", document)], f"{label} is ready"):
            state.module, state.tab = document["slug"], FIELDS
            set_url(module=document["slug"])
            st.rerun()


def _centre(state: ConfiguratorState) -> None:
    now = here()
    if not state.module:
        nothing("No module yet", "A module is a kind of record: vehicles, contracts.", icon_name="deployed_code",
                actions=[Action("New module", "add", _ask_new)])  # fmt: skip
        if st.session_state.pop(_ASKED, False):
            _new_module(state)
        return
    module = now.catalog.module(state.module)
    clicks(lambda click: _clicked(state, click), key="clicks:modules")

    def chosen() -> None:
        state.tab = st.session_state["modules:tab"]
        redraw("centre")

    with head("centre"):
        st.html(
            html.record_header(
                module.name,
                subtitle=html.Html("One is called {} · table <code>{}</code>").format(
                    module.one, module.slug
                ),
                icon_name=module.icon,
            )
        )
        st.segmented_control(
            "Part", list(_PARTS), default=state.tab, required=True, key="modules:tab",
            on_change=chosen, label_visibility="collapsed",
        )  # fmt: skip
    with body("centre"):
        module_saving.draw_undo(now)
        _PARTS[state.tab](now, module, state)


def _clicked(state: ConfiguratorState, click: Click) -> None:
    if click.verb == "field" and click.values:
        state.field = click.values[0]
    elif click.verb == "module" and click.values:
        state.module, state.field = click.values[0], ""
    elif click.verb == "link" and click.values:
        state.link = click.values[0]
    redraw("centre")


def _fields(now: Here, module: Module, state: ConfiguratorState) -> None:
    names = shaping.kinds()
    rows = [
        html.Row(
            [
                field.name,
                html.Html("<code>{}</code>").format(field.slug),
                names[field.kind],
                html.chips([html.badge(word) for word in _marks(field)]),
            ],
            click=html.click("field", field.slug),
        )
        for field in module.fields
    ]
    edited = module.field(state.field) if state.field else None
    if edited is not None:
        # Where one looks after the click: a long list would hide it below.
        _field_form(now, module, state, edited)
    st.html(html.table_card("Fields", ["Label", "Name", "Kind", "Rules"], rows, count=str(len(rows)),
                            empty="No fields yet. Add the first one below."))  # fmt: skip
    if edited is None:
        _field_form(now, module, state, None)


def _marks(field: Any) -> list[str]:
    return [word for word in ("required", "unique", "searchable") if getattr(field, word)]


def _field_form(now: Here, module: Module, state: ConfiguratorState, edited: Any) -> None:
    """One form for a new field and for one that is there; the kind of the latter stays."""
    names = shaping.kinds()
    key = f"field:{module.slug}:{edited.slug if edited else len(module.fields)}"
    with st.container(border=True, key="field_form"):
        st.html(html.title(f"Change {edited.name}" if edited else "Add a field", small=True))
        first, second, third = st.columns([1.4, 1, 1])
        label = first.text_input("Label", value=edited.name if edited else "", key=f"{key}:label")
        kind = second.selectbox(
            "Kind", list(names), format_func=names.__getitem__, key=f"{key}:kind", disabled=edited is not None,
            index=list(names).index(edited.kind) if edited else 0,
        )  # fmt: skip
        sections = {"": "No section"} | {s.slug: s.name for s in module.sections}
        section = third.selectbox("Section", list(sections), format_func=sections.__getitem__, key=f"{key}:section",
                                  index=min(1, len(sections) - 1))  # fmt: skip
        document = plain(edited) | {"kind": edited.kind, "slug": edited.slug} if edited else {"kind": kind}
        document |= {"label": label, **_rules(kind, edited, key)}
        with st.container(horizontal=True):
            save = st.button("Save field" if edited else "Add field", type="primary", key=f"{key}:save")
            if save and feedback.given(label, "Give the field a label first."):
                changed = shaping.with_field(
                    now.catalog, module, document, section=None if edited else section or None
                )
                if module_saving.save(now, [("module", changed)], f"{label} is saved"):
                    state.field = ""
                    st.rerun()
            remove = edited and st.button("Remove", key=f"{key}:remove", help="Its values stay in the lake")
            if remove and module_saving.save(
                now, [("module", shaping.without_field(module, edited.slug))], f"{edited.name} is removed"
            ):
                state.field = ""
                st.rerun()
            if edited and st.button("Cancel", key=f"{key}:cancel", type="tertiary"):
                state.field = ""
                st.rerun(scope="fragment")


def _rules(kind: str, edited: Any, key: str) -> dict[str, Any]:
    """What else a kind can say about itself."""
    given: dict[str, Any] = {}
    if kind in ("select", "multi_select"):
        before = "\n".join(option.value for option in getattr(edited, "options", ()))
        text = st.text_area("Choices, one a line", value=before, key=f"{key}:options", height=110)
        known = {option.value: plain(option) for option in getattr(edited, "options", ())}
        given["options"] = [
            known.get(line, {"value": line}) for line in map(str.strip, text.splitlines()) if line
        ]
    if kind == "auto_number":
        given["prefix"] = st.text_input("Prefix", value=getattr(edited, "prefix", ""), key=f"{key}:prefix")
        return given
    with st.container(horizontal=True):
        given["required"] = st.toggle(
            "Required", value=getattr(edited, "required", False), key=f"{key}:required"
        )
        if kind in ("text", "email", "phone", "integer", "url"):
            given["unique"] = st.toggle("Unique", value=getattr(edited, "unique", False), key=f"{key}:unique")
        if kind in ("text", "long_text"):
            given["searchable"] = st.toggle(
                "Found by search", value=getattr(edited, "searchable", False), key=f"{key}:searchable"
            )
    return {name: value for name, value in given.items() if value or edited}


def _sections(now: Here, module: Module, state: ConfiguratorState) -> None:
    names = {f.slug: f.name for f in module.fields} | {
        r.slug: r.label for r in now.catalog.references(module.slug)
    }
    for section in module.sections:
        with st.container(border=True, key=f"section_{section.slug}"):
            st.html(html.title(section.name, count=str(len(section.fields)), small=True))
            picked = st.multiselect(
                "Fields in order", list(names), default=[n for n in section.fields if n in names],
                key=f"section:{now.catalog.version}:{module.slug}:{section.slug}",
                format_func=names.__getitem__, label_visibility="collapsed",
            )  # fmt: skip
            if tuple(picked) != section.fields:
                changed = [
                    plain(own) | {"fields": picked}
                    if own.slug == section.slug
                    else plain(own) | {"fields": [n for n in own.fields if n not in picked]}
                    for own in module.sections
                ]
                if module_saving.save(
                    now, [("module", shaping.with_sections(module, changed))], f"{section.name} is saved"
                ):
                    st.rerun()
    with st.container(border=True, key="section_form", horizontal=True, vertical_alignment="bottom"):
        key = f"section:{module.slug}:new:{len(module.sections)}"
        label = st.text_input("New section", key=key, placeholder="Insurance")
        add = st.button("Add section", key="section:add")
        if add and feedback.given(label, "Give the section a name first."):
            module_saving.save(now, [("module", shaping.with_section(module, label))], f"{label} is added")
            st.rerun()


def _links(now: Here, module: Module, state: ConfiguratorState) -> None:
    rows = []
    for rel in now.catalog.relationships:
        if module.slug in (rel.module, *rel.to):
            targets = ", ".join(now.catalog.module(target).name for target in rel.to)
            kind = rel.kind.replace("_", " ")
            own = now.catalog.module(rel.module).name
            inward = rel.to == (rel.module,)
            kind = f"{kind}, a tree" if rel.tree is not None else kind
            click = html.click("link", rel.key) if inward else html.click("module", rel.to[0])
            rows.append(html.Row([rel.name, own, kind, targets], click=click))
            if inward and rel.key == state.link:
                module_places.draw_tree(now, rel, partial(setattr, state, "link", ""))
    st.html(html.table_card("Relationships", ["Name", "From", "Kind", "To"], rows, count=str(len(rows)),
                            empty="No links to other modules yet."))  # fmt: skip
    with st.container(border=True, key="link_form"):
        st.html(html.title("Add a relationship", small=True))
        others = {m.slug: m.name for m in now.catalog.ordered}
        first, second = st.columns(2)
        to = first.selectbox("To", list(others), format_func=others.__getitem__, key=f"link:{module.slug}:to")
        other = now.catalog.module(to)
        say = {
            kind: text.format(one=module.one.lower(), other=other.one.lower(), others=other.name.lower())
            for kind, text in LINK_KINDS.items()
        }
        kind = second.selectbox(
            "Kind", list(say), format_func=say.__getitem__, key=f"link:{module.slug}:kind"
        )
        label = first.text_input(
            "Called here", placeholder=other.one, key=f"link:{module.slug}:{len(rows)}:label"
        )
        inverse = second.text_input(
            "Called there", placeholder=module.name, key=f"link:{module.slug}:{len(rows)}:inverse"
        )
        if st.button("Add relationship", type="primary", key="link:add"):
            document = shaping.new_relationship(
                now.catalog, module=module.slug, kind=kind, to=to, label=label, inverse_label=inverse
            )
            if module_saving.save(now, [("relationship", document)], "The relationship is there"):
                st.rerun()


def _folders(now: Here, module: Module, state: ConfiguratorState) -> None:
    rows = [
        html.Row(
            [
                folder.name,
                html.chips([html.badge(s.name, color=s.color, dot=True) for s in folder.statuses]),
                ", ".join(now.catalog.teams[t].name for t in folder.teams) or "Everybody",
            ]
        )
        for folder in module.folders
    ]
    st.html(html.table_card("Folders", ["Folder", "Statuses", "Seen by"], rows, count=str(len(rows))))


def _rules_of(now: Here, module: Module, state: ConfiguratorState) -> None:
    draw_rules(now.catalog, module)
    module_places.draw_calendar(now, module)


def _model(now: Here, module: Module, state: ConfiguratorState) -> None:
    whole = st.toggle("The whole model", key="model:whole")
    st.mermaid_chart(shaping.model_diagram(now.catalog, () if whole else (module.slug,)))
    if whole:
        left_out = sum(len(rel.to) > shaping.ANYTHING for rel in now.catalog.relationships)
        st.html(
            html.note(f"{words.plural(left_out, 'link')} to nearly any module are not drawn.", color="gray")
        )


_PARTS = {
    FIELDS: _fields,
    SECTIONS: _sections,
    LINKS: _links,
    FOLDERS: _folders,
    RULES: _rules_of,
    MODEL: _model,
}
