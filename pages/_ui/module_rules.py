"""The rules of a module in words: what values ask of other values, and which times exclude each other."""

from __future__ import annotations

from typing import Any

import streamlit as st

from crm_core.model import Catalog, Dependency, Exclusive, Module, Reference
from crm_core.model.condition import to_document
from pages._ui import html
from pages._ui.conditions import condition_choices, describe

_EFFECTS = {
    "visible": "Shown",
    "required": "Required",
    "read_only": "Fixed",
    "options": "Only some options",
    "refuse": "Refused",
}


def draw_rules(catalog: Catalog, module: Module) -> None:
    """Draw the dependencies and the exclusive times of a module."""
    rows = [_dependency(catalog, module, one) for one in module.dependencies]
    rows += [_exclusive(catalog, module, one) for one in module.exclusive]
    st.html(html.table_card("Rules", ["While", "Fields", "What then"], rows, count=str(len(rows)),
                            empty="No rules yet. A pack or the API brings them."))  # fmt: skip


def _dependency(catalog: Catalog, module: Module, one: Dependency) -> html.Row:
    told = _words(catalog, module.slug, one.when)
    if one.related is not None:
        there = catalog.resolve(module.slug, f"{one.related.over}.id").steps[-1]
        target = there.targets[0] if isinstance(there, Reference) else there.module
        told += f", and one of its {catalog.module(target).name.lower()} has: "
        told += _words(catalog, target, one.related.when)
    then = _EFFECTS[one.effect] + (f": {one.words}" if one.effect == "refuse" else "")
    if one.effect == "options":
        then += ": " + ", ".join(option.text for option in one.options)
    return html.Row([told, _names(catalog, module, one.fields), then])


def _exclusive(catalog: Catalog, module: Module, one: Exclusive) -> html.Row:
    same = _names(catalog, module, one.per)
    then = "Refused" if one.effect == "refuse" else "Warned of"
    return html.Row(
        [f"Times overlap for the same {same.lower()}", _names(catalog, module, (one.start, one.end)), then]
    )


def _words(catalog: Catalog, module: str, condition: Any) -> str:
    return describe(to_document(condition), condition_choices(catalog, module, lists=True))


def _names(catalog: Catalog, module: Module, slugs: tuple[str, ...]) -> str:
    known = {field.slug: field.name for field in module.fields}
    known |= {reference.slug: reference.label for reference in catalog.references(module.slug)}
    return ", ".join(known.get(slug, slug.replace("_", " ").capitalize()) for slug in slugs)
