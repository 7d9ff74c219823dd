"""Changing many records at once: choose which and what, see what would become of them, do it, take it back.

st.button("Change", on_click=bulk.ask, args=("customers",))
if bulk.asked() == "customers":
    bulk.change_records(now, module, matching=condition, total=found.total, ticked=ids, on_done=keep)
bulk.draw_done(now, module, done, on_change=keep)      # "5,000 customers changed: Tags" and one press that undoes it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import streamlit as st

from crm_core import facets
from crm_core.bulk import BulkAction, BulkPreview, preview_bulk, run_bulk, those
from crm_core.followed import read_followed
from crm_core.model import All, Condition, Field, Module, Option
from crm_core.records import Changed, Members
from crm_core.taking_back import UndoResult
from crm_core.undo import undo_change
from crm_core.values.plan import system_field
from pages._ui import feedback, html, words
from pages._ui.field_views import FieldContext
from pages._ui.fields import edit_field
from pages._ui.reference import edit_reference
from pages._ui.session import Here
from pages._ui.surroundings import field_context
from pages._ui.table_cells import cell_text, column_names, referenced_titles

_ASKED = "bulk:asked"
_SYSTEM = ("owner", "team", "folder", "status")
_LISTS = ("tags", "workers")
_NEVER = ("file", "auto_number")
_TAGS, _LONGEST_TAG = 200, 100
DELETE = "delete"


@dataclass(frozen=True)
class Done:
    """A bulk action that was done, and can be taken back.

    Attributes:
        said: what to say of its undo once that was done.
        asked: what would stay though it is undone, told before.
    """

    module: str
    change_id: str
    words: str
    said: str = ""
    asked: str = ""


@dataclass(frozen=True)
class _Scope:
    """Which records are meant: by a condition, and how a key of the session tells them from others."""

    condition: Condition
    key: str


def ask(module: str) -> None:
    """Open the dialog for a module with the next run."""
    for key in [key for key in st.session_state if str(key).startswith(f"bulk:{module}:")]:
        del st.session_state[key]
    st.session_state[_ASKED] = module


def asked() -> str | None:
    """The module whose dialog is open."""
    value = st.session_state.get(_ASKED)
    return str(value) if value else None


def _close() -> None:
    st.session_state.pop(_ASKED, None)


def change_records(
    now: Here,
    module: Module,
    *,
    matching: Condition | None,
    total: int,
    ticked: tuple[str, ...],
    on_done: Callable[[Done], None],
) -> None:
    """The dialog of a bulk action.

    Args:
        matching: What the table is narrowed to; None for nothing.
        total: How many records match.
        ticked: The records that were ticked, if any: they are meant at first.
        on_done: Called when it was done, before the page runs again.
    """

    @st.dialog(f"Change {module.name.lower()}", width="large", on_dismiss=_close)
    def draw() -> None:
        scope = _choose_scope(module, matching, total, ticked)
        # Beside what is chosen, and not below it: there a list of choices would lie over the button.
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            with st.container():
                verb, action = _choose_action(now, module)
            pressed = st.button(
                "Preview",
                key=f"bulk:{module.slug}:preview",
                icon=":material/visibility:",
                disabled=action is None,
            )
        if action is None:
            return
        kept, mark = f"bulk:{module.slug}:seen", f"{scope.key} {verb} {action!r}"
        if pressed:
            seen = feedback.run(lambda: _preview(now, module, scope, action), at="here")
            st.session_state[kept] = (mark, seen)
        marked, seen = st.session_state.get(kept) or ("", None)
        if seen is None or marked != mark:
            return  # what is shown is always what would be done
        _show(now, module, action, seen)
        if seen.changing and _confirm(module, action, seen):
            done = feedback.run(lambda: _run(now, module, scope, action))
            if done is not None:
                _close()
                on_done(Done(module.slug, done.change_id, _done_words(module, verb, action, done)))
                st.rerun()

    draw()


def _choose_scope(module: Module, matching: Condition | None, total: int, ticked: tuple[str, ...]) -> _Scope:
    everything = (
        f"All {words.number(total)} that match" if matching is not None else f"All {words.number(total)}"
    )
    names = {"ticked": f"The {words.number(len(ticked))} ticked", "all": everything}
    if not ticked:
        st.html(html.Html('<span class="m-sub">{}</span>').format(f"{everything}."))
        condition = matching or All()
        return _Scope(condition, f"all {condition!r}")
    chosen = st.radio(
        "Which", list(names), format_func=names.__getitem__, key=f"bulk:{module.slug}:scope", horizontal=True
    )
    condition = those(ticked) if chosen == "ticked" else matching or All()
    return _Scope(condition, f"{chosen} {condition!r}")


def _choose_action(now: Here, module: Module) -> tuple[str, BulkAction | None]:
    """What is to be done, as it is called and as the core takes it; None while something is missing."""
    offered = _actions(now, module)
    verb = st.selectbox(
        "What", list(offered), format_func=offered.__getitem__, key=f"bulk:{module.slug}:what", index=None,
        placeholder="Choose what to change …",
    )  # fmt: skip
    if verb is None:
        return "", None
    if verb == DELETE:
        return offered[verb], BulkAction(delete=True)
    how, slug = verb.split(":", 1)
    value = _value(now, module, slug, key=f"bulk:{module.slug}:{verb}")
    if how != "set":
        members = {slug: cast(Members, how)}
        return offered[verb], BulkAction({slug: value}, members) if value else None
    if value is None:
        st.caption("Left empty, the field is cleared.")
    return offered[verb], BulkAction({slug: value})


def _actions(now: Here, module: Module) -> dict[str, str]:
    """`set:owner`, `add:tags`, `remove:tags`, `delete` → what people read."""
    names = column_names(now.catalog, module) | {"workers": "Workers"}
    fields = [f for f in module.fields if not f.read_only and not f.unique and f.kind not in _NEVER]
    references = [one.slug for one in now.catalog.references(module.slug) if not one.unique]
    stands = [
        slug
        for slug in _SYSTEM
        if (slug != "status" or _statuses(module)) and (slug != "folder" or len(module.folders) > 1)
    ]
    lists = [*_LISTS, *(f.slug for f in fields if f.kind == "multi_select")]
    found = {f"set:{slug}": f"Set {names[slug]}" for slug in stands}
    for slug in lists:
        found[f"add:{slug}"] = f"Add to {names[slug]}"
        found[f"remove:{slug}"] = f"Take from {names[slug]}"
    found |= {f"set:{slug}": f"Set {names[slug]}" for slug in [*(f.slug for f in fields), *references]}
    return found | {DELETE: "Delete"}


def _value(now: Here, module: Module, slug: str, *, key: str) -> Any:
    reference = now.catalog.reference(module.slug, slug)
    if reference is not None:
        return edit_reference(now, replace(reference, required=False), None, titles={}, key=key)
    field = module.field(slug) or system_field(now.catalog, module.slug, slug)
    assert field is not None
    context = _context(now, module)
    if slug == "tags":
        context = replace(context, options={**context.options, slug: _tags(now, module)})
    return edit_field(field, None, key=key, context=context, required=False)


def _context(now: Here, module: Module) -> FieldContext:
    context = field_context(now)
    users = tuple(Option(value=slug, label=name) for slug, name in context.users.items())
    return replace(context, options={"status": _statuses(module), "workers": users})


def _tags(now: Here, module: Module) -> tuple[Option, ...]:
    """The tags that are used most; others are written."""
    known = facets.read_tags(now.lake, now.catalog, module=module.slug, actor=now.actor, limit=_TAGS)
    return tuple(Option(value=tag) for tag in sorted(known) if len(tag) <= _LONGEST_TAG)


def _statuses(module: Module) -> tuple[Option, ...]:
    every = [status for folder in module.folders for status in folder.statuses]
    return tuple({s.slug: Option(value=s.slug, label=s.name, color=s.color) for s in every}.values())


def _preview(now: Here, module: Module, scope: _Scope, action: BulkAction) -> BulkPreview:
    return preview_bulk(
        now.lake, now.catalog, module=module.slug, condition=scope.condition, action=action, actor=now.actor
    )


def _run(now: Here, module: Module, scope: _Scope, action: BulkAction) -> Changed:
    return run_bulk(
        now.lake,
        module=module.slug,
        condition=scope.condition,
        action=action,
        actor=now.actor,
        door="browser",
    )


def _show(now: Here, module: Module, action: BulkAction, seen: BulkPreview) -> None:
    """How many change, and some of them: what they are, and what they would be."""
    nothing = "Nothing would change."
    what = "would be deleted" if action.delete else "would change"
    said = f"{words.plural(seen.changing, module.one.lower(), module.name.lower())} {what}."
    also = f" {words.number(seen.unchanged)} are so already." if seen.unchanged else ""
    st.html(html.note((said if seen.changing else nothing) + also, color="red" if action.delete else "blue"))
    columns = list(action.values)
    sides = [side for sample in seen.samples for side in (sample.before, sample.after)]
    named = referenced_titles(now, module, columns, sides)
    context = field_context(now)

    def text(name: str, record: Mapping[str, Any]) -> str:
        found: Field | None = system_field(now.catalog, module.slug, name)
        if found is not None and name == "workers":
            return ", ".join(context.users.get(one, one) for one in record.get(name) or ())
        return cell_text(now, module, name, record, named, context)

    rows: list[html.Row] = []
    for sample in seen.samples:
        title = seen.titles.get(sample.id, "")
        if action.delete:
            rows.append(html.Row([title]))
        for name in columns:
            sides_told = [text(name, side) or "–" for side in (sample.before, sample.after)]
            rows.append(html.Row([title, *sides_told]))
    if rows:
        heads = [module.one] if action.delete else [module.one, "Now", "Then"]
        st.html(html.table(heads, rows))


def _confirm(module: Module, action: BulkAction, seen: BulkPreview) -> bool:
    noun = words.plural(seen.changing, module.one.lower(), module.name.lower())
    label = f"{'Delete' if action.delete else 'Change'} {noun}"
    return st.button(label, type="primary", key=f"bulk:{module.slug}:do", width="stretch")


def _done_words(module: Module, verb: str, action: BulkAction, done: Changed) -> str:
    noun = words.plural(done.count, module.one.lower(), module.name.lower())
    return f"{noun} deleted" if action.delete else f"{noun} changed: {verb.lower()}"


def draw_done(now: Here, module: Module, done: Done, *, on_change: Callable[[Done | None], None]) -> None:
    """Say what was done, with one press that undoes it.

    Args:
        on_change: Called with what stands there now: the same as undone, or None when the person has read it.
    """

    def undo() -> None:
        stays = "" if done.asked else _stays(now, done.change_id)
        if stays:
            on_change(replace(done, asked=stays))
            return
        result = feedback.run(
            lambda: undo_change(now.lake, done.change_id, actor=now.actor, module=module.slug)
        )
        if result is not None:
            on_change(replace(done, said=undone_words(module, result)))

    told = done.said or done.asked or done.words
    with st.container(horizontal=True, vertical_alignment="center", key="bulk_done"):
        st.html(
            html.note(told, color="blue" if done.said else "orange" if done.asked else "green"),
            width="stretch",
        )
        if not done.said:
            st.button(
                "Undo all the same" if done.asked else "Undo", icon=":material/undo:", on_click=undo,
                key=f"bulk_undo:{module.slug}",
            )  # fmt: skip
        st.button(
            "Close", icon=":material/close:", type="tertiary", key=f"bulk_close:{module.slug}",
            on_click=on_change, args=(None,),
        )  # fmt: skip


def _stays(now: Here, change_id: str) -> str:
    """What flows did because of a change, which its undo leaves, in a sentence; nothing when they did nothing."""
    followed = read_followed(now.lake, now.catalog, change_id, actor=now.actor)
    modules = [(now.catalog.module(slug), count) for slug, count in followed.items()]
    counted = [words.plural(count, module.one.lower(), module.name.lower()) for module, count in modules]
    return (
        f"Flows went on from this: {', '.join(counted)}. What they did stays when it is undone."
        if counted
        else ""
    )


def undone_words(module: Module, result: UndoResult) -> str:
    """What an undo did, in a sentence or two."""
    count = result.restored + result.deleted
    noun = words.plural(count, module.one.lower(), module.name.lower())
    parts = [f"Undone: {noun} {'is' if count == 1 else 'are'} as before."]
    if result.conflicts:
        cells = words.plural(len(result.conflicts), "value that was", "values that were")
        parts.append(f"{cells} edited since stayed.")
    if result.hidden:
        parts.append(f"{words.plural(result.hidden, 'record')} handed on and worked on since stayed.")
    return " ".join(parts)
