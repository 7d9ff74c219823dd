"""The widgets of a step's options, one a kind of option; what is chosen goes into the draft at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from crm_core import facets, yaml
from crm_core.templates import is_template
from crm_core.yaml import YamlInvalid
from pages._ui import feedback, html
from pages._ui.flow_actions import Option, StepForm, as_options
from pages._ui.flow_desk import Desk
from pages._ui.flow_draft import DraftStep
from pages._ui.flow_paths import ends_of, links_of
from pages._ui.flow_values import edit_values
from pages._ui.reference import pick_linked

PURPOSES = ("service", "marketing")
ASSIGNMENTS = {
    "": "Nobody in particular",
    "user": "A person",
    "round_robin": "A team, in turn",
    "least_open": "A team, whoever has least open",
    "owner": "The owner of the record",
}
CERTAIN = "A certain record"
"""What stands as the other end of a link until that record is searched for."""


@dataclass(frozen=True)
class Slot:
    """One option about to be drawn. `module` is what the step sees, `put` writes the value; None takes it out.

    `options` are those at the drawing, `read` gives them as they are when something is written.
    """

    desk: Desk
    key: str
    option: Option
    options: Mapping[str, Any]
    module: str
    read: Callable[[], Mapping[str, Any]]
    put: Callable[[str, Any], None]

    @property
    def value(self) -> Any:
        """What stands there."""
        return self.options.get(self.option.key)

    @property
    def common(self) -> dict[str, Any]:
        """What every widget takes."""
        return {"key": self.key, "help": html.plain(self.option.help) or None, "on_change": self.keep}

    def keep(self) -> None:
        """Write what stands in the widget."""
        self.put(self.option.key, st.session_state[self.key])


def edit_options(desk: Desk, step: DraftStep, form: StepForm) -> None:
    """Draw the options of an action; all of it as YAML where nobody has said what it takes."""
    if not form.options:
        _whole_as_yaml(desk, step)
        return
    options = as_options(form, step.options)

    def put(name: str, value: Any) -> None:
        put_option(step, form, name, value)

    def read() -> Mapping[str, Any]:
        return as_options(form, step.options)

    def draw(option: Option) -> None:
        key = desk.key(step.id, option.key or option.kind)
        slot = Slot(desk, key, option, options, desk.module_of(step.id), read, put)
        EDITORS[option.kind](slot)

    for option in form.options:
        if option.asked or options.get(option.key) not in (None, "", []):
            draw(option)
    hidden = [one for one in form.options if not one.asked and options.get(one.key) in (None, "", [])]
    if hidden and st.toggle("More", key=desk.key(step.id, "more")):
        for option in hidden:
            draw(option)


def put_option(step: DraftStep, form: StepForm, name: str, value: Any) -> None:
    """Write one option; without a name several at once, which replace all that have no name of their own.

    A step whose only option stands by itself (`change_status: won`) keeps that form.
    """
    options = as_options(form, step.options)
    named = {option.key for option in form.options if option.key}
    if name:
        options[name] = value
        if value is None:
            options.pop(name)
    else:
        options = {key: one for key, one in options.items() if key in named} | dict(value)
    alone = form.single and set(options) <= {form.single}
    step.options = options.get(form.single, "") if alone else options


def _whole_as_yaml(desk: Desk, step: DraftStep) -> None:
    key = desk.key(step.id, "yaml")

    def keep() -> None:
        written = feedback.run(lambda: yaml.load(st.session_state[key]))
        if written is not None:
            step.options = written

    st.text_area("Options, as YAML", value=yaml.dump(step.options), key=key, on_change=keep, height=140)


def _text(slot: Slot) -> None:
    if _is_of_a_template(slot):
        return
    st.text_input(slot.option.label, value=_shown(slot.value), live="400ms", **slot.common)


def _long_text(slot: Slot) -> None:
    if not _is_of_a_template(slot):
        st.text_area(slot.option.label, value=_shown(slot.value), height=150, **slot.common)


def _is_of_a_template(slot: Slot) -> bool:
    return slot.option.of == "template" and bool(slot.options.get("template"))


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _plain(slot: Slot) -> None:
    st.text_input(slot.option.label, value=_shown(slot.value), **slot.common)


def _template(slot: Slot) -> None:
    catalog = slot.desk.catalog
    known = {
        one.slug: one.name or one.slug for one in catalog.templates.values() if one.module == slot.module
    }
    if not known and not slot.value:
        return
    choices = ["", *known, *([slot.value] if slot.value and slot.value not in known else [])]
    texts = [name for name in ("subject", "body", "text") if name in _names_of(slot)]

    def chosen() -> None:
        found = catalog.templates.get(st.session_state[slot.key])
        before = catalog.templates.get(str(slot.value))
        slot.put("template", found.slug if found else None)
        for name in texts:
            # Whoever leaves a template goes on with its words.
            slot.put(
                name,
                None if found else (before.subject if name == "subject" else before.body) if before else "",
            )

    st.selectbox(
        slot.option.label, choices, index=choices.index(slot.value or ""), key=slot.key, on_change=chosen,
        format_func=lambda one: known.get(one, one) if one else "None: it is written here",
    )  # fmt: skip


def _names_of(slot: Slot) -> tuple[str, ...]:
    return ("text",) if "channel" in slot.options else ("subject", "body")


def _purpose(slot: Slot) -> None:
    known = [*PURPOSES, *([slot.value] if slot.value and slot.value not in PURPOSES else [])]
    st.selectbox(slot.option.label, known, index=known.index(slot.value or "service"), accept_new_options=True,
                 format_func=str.capitalize, **slot.common)  # fmt: skip


def _choice(slot: Slot) -> None:
    of: Mapping[str, str] = slot.option.of
    index = list(of).index(slot.value) if slot.value in of else None
    st.segmented_control(slot.option.label, list(of), default=list(of)[index or 0], required=True,
                         format_func=of.__getitem__, **slot.common)  # fmt: skip


def _toggle(slot: Slot) -> None:
    default = bool(slot.option.of)

    def keep() -> None:
        now = st.session_state[slot.key]
        slot.put(slot.option.key, None if now is default else now)

    now = default if slot.value is None else bool(slot.value)
    st.toggle(slot.option.label, value=now, key=slot.key, help=slot.option.help or None, on_change=keep)


def _one_of(slot: Slot, known: Mapping[str, str], *, none: str = "") -> None:
    """A select among known slugs; one that is not known any more stays until another is chosen."""
    values = [*([""] if none else []), *known]
    if slot.value and slot.value not in values:
        values.append(slot.value)

    def keep() -> None:
        slot.put(slot.option.key, st.session_state[slot.key] or None)

    st.selectbox(
        slot.option.label, values, index=values.index(slot.value or "") if (slot.value or "") in values else None,
        key=slot.key, on_change=keep, help=slot.option.help or None, placeholder="Choose …",
        format_func=lambda one: known.get(one, one) if one else none,
    )  # fmt: skip


def _some_of(slot: Slot, known: Mapping[str, str], *, new: bool = False) -> None:
    given = slot.value if isinstance(slot.value, list | tuple) else [slot.value] if slot.value else []
    values = [*known, *(one for one in given if one not in known)]
    st.multiselect(slot.option.label, values, default=list(given), accept_new_options=new, placeholder="Choose …",
                   format_func=lambda one: known.get(one, str(one)), **slot.common)  # fmt: skip


def _module(slot: Slot) -> None:
    known = {module.slug: module.one for module in slot.desk.catalog.ordered}

    def keep() -> None:
        module = slot.desk.catalog.module(st.session_state[slot.key])
        slot.put("module", module.slug)
        needed = [field.slug for field in module.fields if field.required and field.default is None]
        slot.put("values", dict.fromkeys(needed, ""))

    values = list(known)
    index = values.index(slot.value) if slot.value in values else None
    st.selectbox(
        slot.option.label, values, index=index, key=slot.key, on_change=keep, format_func=known.__getitem__
    )


def _status(slot: Slot) -> None:
    module = slot.desk.catalog.module(slot.module)
    wanted = slot.options.get("folder")
    folders = [one for one in module.folders if one.slug == wanted] or list(module.folders)
    known = {status.slug: status.name for folder in folders for status in folder.statuses}
    _one_of(slot, known, none="As it is" if "folder" in slot.options else "")


def _folder(slot: Slot) -> None:
    _one_of(slot, {folder.slug: folder.name for folder in slot.desk.catalog.module(slot.module).folders})


def _tags(slot: Slot) -> None:
    now = slot.desk.now
    known = facets.read_tags(now.lake, now.catalog, module=slot.module, actor=now.actor, limit=100)
    _some_of(slot, {tag: tag for tag in known}, new=True)


def _teams(slot: Slot) -> None:
    _some_of(slot, {team.slug: team.name for team in slot.desk.catalog.teams.values()})


def _users(slot: Slot) -> None:
    _some_of(slot, slot.desk.context.users)


def _words(slot: Slot) -> None:
    _some_of(slot, {}, new=True)


def _assign(slot: Slot) -> None:
    """Who gets it: a dictionary under the option, or (without a name) among the options themselves."""
    given = slot.value if slot.option.key else slot.options
    given = given if isinstance(given, Mapping) else {}
    way = _way_of(given)
    ways = [one for one in ASSIGNMENTS if one or slot.option.key]
    way = way if way in ways else ways[0]

    def put(chosen: str, who: str | None) -> None:
        value = _assigned(chosen, who, named=bool(slot.option.key))
        if slot.option.key:
            slot.put(slot.option.key, value)
        else:
            for name in ("user", "team", "by"):
                slot.put(name, (value or {}).get(name))

    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom"):
        st.selectbox(slot.option.label, ways, index=ways.index(way), format_func=ASSIGNMENTS.__getitem__, key=slot.key,
                     on_change=lambda: put(st.session_state[slot.key], None))  # fmt: skip
        who = (
            slot.desk.context.users
            if way == "user"
            else {t.slug: t.name for t in slot.desk.catalog.teams.values()}
        )
        if way in ("user", "round_robin", "least_open"):
            values, key = list(who), f"{slot.key}:who"
            now = given.get("user" if way == "user" else "team")
            st.selectbox("Who", values, index=values.index(now) if now in values else None, key=key,
                         format_func=lambda one: who.get(one, one), label_visibility="hidden", placeholder="Choose …",
                         on_change=lambda: put(way, st.session_state[key]))  # fmt: skip


def _way_of(given: Mapping[str, Any]) -> str:
    if "user" in given:
        return "user"
    if "team" in given:
        return str(given.get("by") or "round_robin")
    return "owner" if given.get("owner") or given.get("by") == "owner" else ""


def _assigned(way: str, who: str | None, *, named: bool) -> dict[str, Any] | None:
    match way:
        case "user":
            return {"user": who or ""}
        case "round_robin" | "least_open":
            return {"team": who or "", "by": way}
        case "owner":
            return {"owner": True} if named else {"by": "owner"}
    return None


def _relationship(slot: Slot) -> None:
    _one_of(slot, links_of(slot.desk.catalog, slot.module))


def _linked(slot: Slot) -> None:
    """What a record is linked to: itself, what it links to already, or a certain record, searched for by name."""
    catalog, link = slot.desk.catalog, str(slot.options.get("relationship") or "")
    ends = ends_of(catalog, slot.module, link)
    known = {"{{ record }}": "This record"} if slot.module in ends else {}
    for one in catalog.references(slot.module):
        if set(one.targets) & set(ends) and one.slug != link:
            known[f"{{{{ {one.slug} }}}}"] = one.label
    if slot.option.of == "optional":
        known = {"": "Whatever it links to", **known}
    value = "" if slot.value is None and "" in known else slot.value
    copied = isinstance(value, str) and (is_template(value) or value in known)
    way = value if copied else CERTAIN if slot.value is not None else None
    ways = [*known, *([way] if copied and way not in known else []), *([CERTAIN] if ends else [])]

    def choose() -> None:
        chosen = st.session_state[slot.key]
        slot.put(slot.option.key, {CERTAIN: CERTAIN, "": None}.get(chosen, chosen))

    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom"):
        st.selectbox(slot.option.label, ways, index=ways.index(way) if way in ways else None, key=slot.key,
                     on_change=choose, format_func=lambda one: known.get(one, one), placeholder="Choose …")  # fmt: skip
        if way == CERTAIN and ends:
            pick_linked(slot.desk.now, ends, slot.value, key=f"{slot.key}:{link}",
                        on_pick=lambda found: slot.put(slot.option.key, found))  # fmt: skip


def _yaml(slot: Slot) -> None:
    def keep() -> None:
        written = st.session_state[slot.key].strip()
        try:
            slot.put(slot.option.key, yaml.load(written) if written else None)
        except YamlInvalid as error:
            feedback.show(feedback.in_words(error), at="toast")

    text = "" if slot.value is None else yaml.dump(slot.value)
    st.text_area(
        slot.option.label, value=text, key=slot.key, on_change=keep, help=slot.option.help or None, height=110
    )


def _rest(slot: Slot) -> None:
    """All options that have no name of their own: values of fields of a module, or of the record itself."""
    form_keys = {"title", "assign"} if slot.option.of else set()

    def read() -> dict[str, Any]:
        return {name: one for name, one in slot.read().items() if name not in form_keys}

    target = slot.option.of or slot.module
    if target in slot.desk.catalog.modules:
        edit_values(slot.desk, read, module=slot.module, target=target, key=slot.key, without=form_keys,
                    put=lambda new: slot.put("", new), is_new=bool(slot.option.of))  # fmt: skip


def _fields(slot: Slot) -> None:
    target = slot.options.get(slot.option.of)
    if target in slot.desk.catalog.modules:
        # Another module has other fields: its widgets are others.
        key, name = f"{slot.key}:{target}", slot.option.key
        edit_values(slot.desk, lambda: dict(slot.read().get(name) or {}), module=slot.module, target=str(target),
                    key=key, put=lambda new: slot.put(name, new), is_new=True)  # fmt: skip


EDITORS: Mapping[str, Callable[[Slot], None]] = {
    "text": _text, "long_text": _long_text, "plain": _plain, "template": _template, "purpose": _purpose,
    "choice": _choice, "toggle": _toggle, "module": _module, "status": _status, "folder": _folder, "tags": _tags,
    "teams": _teams, "users": _users, "words": _words, "assign": _assign, "yaml": _yaml, "rest": _rest,
    "relationship": _relationship, "linked": _linked,
    "fields": _fields,
}  # fmt: skip
"""Kind of an option → its widget."""
