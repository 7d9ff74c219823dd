"""Changed fields as people read them: labels for slugs, names for users and records, dates in the person's zone.

    told = tell_changes(here, module, entries)       # entry id -> (title, lines as HTML)

The lake remembers a value as the text of its column; here it becomes what the page would show of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_core.model import Catalog, Module, Reference
from crm_core.model.catalog import SYSTEM_FIELDS
from crm_core.query import titles
from crm_core.timeline import CHANGES, Entry
from pages._ui import html, words
from pages._ui.field_views import FieldContext, is_missing, show_field
from pages._ui.session import Here
from pages._ui.surroundings import field_context

MOST = 6
"""A change of more fields than these is cut short."""


def tell_changes(here: Here, module: Module, entries: Sequence[Entry]) -> dict[str, tuple[str, html.Html]]:
    """Entry id → title and lines, of those entries that stand for changed fields."""
    changed = [entry for entry in entries if entry.kind == CHANGES]
    if not changed:
        return {}
    context = field_context(here)
    named = titles_of_changes(here, module, changed)
    return {entry.id: _one(here.catalog, module, entry, context, named) for entry in changed}


def _one(
    catalog: Catalog, module: Module, entry: Entry, context: FieldContext, named: Mapping[str, str]
) -> tuple[str, html.Html]:
    fields = [field for field in entry.fields if not str(field["field"]).endswith("__module")]
    labels = list(dict.fromkeys(label_of(catalog, module, field["field"]) for field in fields))
    what = entry.title
    if labels:
        what = f"{', '.join(labels[:3])}{f' and {len(labels) - 3} more' if len(labels) > 3 else ''} changed"
    # Programs write under names of their own, which are in no directory.
    by = f" by {context.users.get(entry.owner, words.readable(entry.owner))}" if entry.owner else ""
    lines = [
        _line(catalog, module, field, context, named, named_above=len(fields) == 1) for field in fields[:MOST]
    ]
    return what + by, html.join(lines, between="<br>")


def _line(
    catalog: Catalog, module: Module, change: Mapping[str, Any], context: FieldContext, named: Mapping[str, str],
    *, named_above: bool,
) -> html.Html:  # fmt: skip
    name = str(change["field"])
    old, new = (show_value(catalog, module, name, change[side], context, named) for side in ("old", "new"))
    label = "" if named_above else f"{label_of(catalog, module, name)}: "
    return html.join([label, old, " → ", new])


def label_of(catalog: Catalog, module: Module, name: str) -> str:
    """What people call a column of a module: the label of its field, and of the part of it."""
    slug, _, part = name.partition("__")
    reference = catalog.reference(module.slug, slug)
    field = module.field(slug) or SYSTEM_FIELDS.get(slug)
    label = reference.label if reference else field.name if field else words.readable(slug)
    return f"{label} ({words.readable(part).lower()})" if part else label


def show_value(
    catalog: Catalog, module: Module, name: str, text: Any, context: FieldContext, named: Mapping[str, str]
) -> html.Html:  # fmt: skip
    """The text of a column as its field would be shown; a dash for none."""
    if is_missing(text) or text == "[]":
        return html.missing()
    given = str(text)
    if catalog.reference(module.slug, name) is not None:
        return html.html(named.get(given, "a record that is not to be seen"))
    system = _system_value(catalog, module, name, given, context)
    if system is not None:
        return html.html(system)
    field = module.field(name)
    if field is None or field.kind == "json":
        return html.html(given)
    value: Any = _listed(given) if field.kind in ("multi_select", "file") else given
    if field.kind == "file":
        return html.html(words.plural(len(value), "file"))
    if field.kind == "long_text":
        return html.html(given)
    return html.html(show_field(field, value, context).striptags())


def _system_value(
    catalog: Catalog, module: Module, name: str, given: str, context: FieldContext
) -> str | None:
    """A system column in words; None when the column is none."""
    match name:
        case "folder":
            own = module.folder(given)
            return own.name if own else words.readable(given)
        case "status":
            known = {status.slug: status.name for folder in module.folders for status in folder.statuses}
            return known.get(given, words.readable(given))
        case "team":
            return catalog.teams[given].name if given in catalog.teams else words.readable(given)
        case "owner":
            return context.users.get(given, words.readable(given))
        case "workers":
            return ", ".join(context.users.get(one, words.readable(one)) for one in _listed(given))
        case "tags":
            return ", ".join(_listed(given))
        case "deleted_at":
            return words.moment(given, zone=context.zone)
    return None


def _listed(given: str) -> list[str]:
    """The items of a list as the lake writes it: `[a, b]`."""
    inner = given.removeprefix("[").removesuffix("]")
    return [item.strip().strip("'") for item in inner.split(", ") if item.strip()]


def titles_of_changes(here: Here, module: Module, entries: Sequence[Entry]) -> dict[str, str]:
    """Id → title of the records that changed references led to or lead to."""
    wanted: dict[str, list[str]] = {}
    for entry in entries:
        modules = {
            str(f["field"]).removesuffix("__module"): f
            for f in entry.fields
            if f["field"].endswith("__module")
        }
        for field in entry.fields:
            reference = here.catalog.reference(module.slug, str(field["field"]))
            if reference is not None:
                for side in ("old", "new"):
                    for target in _targets(reference, modules.get(reference.slug), side):
                        wanted.setdefault(target, []).append(field[side])
    wanted = {target: [one for one in ids if one] for target, ids in wanted.items()}
    return titles(here.lake, here.catalog, wanted=wanted, actor=here.actor) if any(wanted.values()) else {}


def _targets(reference: Reference, kind: Mapping[str, Any] | None, side: str) -> Sequence[str]:
    """The modules in which the record of a reference may stand."""
    return (str(kind[side]),) if kind and kind[side] else reference.targets
