"""Shaping modules step by step, as the configurator does: each verb gives the new document of a definition."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from crm_core.definition_documents import plain
from crm_core.model import Catalog, Module, Relationship
from crm_core.model.documents import Document

_TITLE = {"slug": "name", "kind": "text", "label": "Name", "required": True, "searchable": True}


def slug_from(label: str, taken: Sequence[str] = ()) -> str:
    """A slug for a label (`Größe in m²` → `grosse_in_m2`), made unique among those taken by a number."""
    plain_letters = unicodedata.normalize("NFKD", label.replace("ß", "ss")).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9]+", "_", plain_letters.lower()).strip("_")[:40].strip("_")
    stem = stem if stem[:1].isalpha() else f"f_{stem}".rstrip("_")
    slug, number = stem, 2
    while slug in taken:
        slug, number = f"{stem}_{number}", number + 1
    return slug


def new_module(catalog: Catalog, *, label: str, singular: str = "", icon: str = "table_rows") -> Document:
    """A module with a name field and one section, ready to be saved."""
    slug = slug_from(label, tuple(catalog.modules))
    order = max((module.order for module in catalog.modules.values()), default=0) + 10
    return {
        "slug": slug, "label": label, "singular": singular, "icon": icon, "title": "name", "order": order,
        "fields": [dict(_TITLE)], "sections": [{"slug": "details", "label": "Details", "fields": ["name"]}],
    }  # fmt: skip


def with_field(catalog: Catalog, module: Module, field: Document, *, section: str | None = None) -> Document:
    """The module with one more field, in a section when one is named; a field of that slug is replaced."""
    document = plain(module)
    fields = list(document.get("fields", []))
    given = {key: value for key, value in field.items() if value not in (None, "", [], ())}
    names = [own["slug"] for own in fields] + [
        reference.slug for reference in catalog.references(module.slug)
    ]
    given.setdefault("slug", slug_from(str(field.get("label", "field")), names))
    place = next((i for i, own in enumerate(fields) if own["slug"] == given["slug"]), len(fields))
    fields[place : place + 1] = [given]
    document["fields"] = fields
    if section:
        document["sections"] = [
            {**own, "fields": [*own.get("fields", []), given["slug"]]}
            if own["slug"] == section and given["slug"] not in own.get("fields", [])
            else own
            for own in document.get("sections", [])
        ]
    return document


def without_field(module: Module, slug: str) -> Document:
    """The module without a field; its column and values stay in the lake and come back with it."""
    document = plain(module)
    document["fields"] = [own for own in document.get("fields", []) if own["slug"] != slug]
    document["sections"] = [
        {**own, "fields": [name for name in own.get("fields", []) if name != slug]}
        for own in document.get("sections", [])
    ]
    return document


def with_sections(module: Module, sections: Sequence[Document]) -> Document:
    """The module with these sections."""
    return {**plain(module), "sections": list(sections)}


def with_section(module: Module, label: str) -> Document:
    """The module with one more, empty section."""
    document = plain(module)
    sections = list(document.get("sections", []))
    slug = slug_from(label, [own["slug"] for own in sections])
    document["sections"] = [*sections, {"slug": slug, "label": label, "fields": []}]
    return document


def new_relationship(
    catalog: Catalog, *, module: str, kind: str, to: str, label: str, inverse_label: str = ""
) -> Document:
    """A relationship of a module, named by its label; the other side sees it under `inverse_label`."""
    here = catalog.module(module)
    there = catalog.module(to)
    taken = [f.slug for f in here.fields] + [r.slug for r in catalog.references(module)]
    taken += [link.slug for link in catalog.to_many(module)]
    backward = [f.slug for f in there.fields] + [r.slug for r in catalog.references(to)]
    backward += [link.slug for link in catalog.to_many(to)]
    shown = inverse_label or (here.one if kind == "one_to_many" else here.name)
    return {
        "module": module, "slug": slug_from(label or there.one, taken), "kind": kind, "to": [to],
        "label": label or there.one, "inverse": slug_from(shown, backward), "inverse_label": shown,
    }  # fmt: skip


def in_calendar(module: Module, place: Document | None) -> Document:
    """The module with another place in calendars (`starts`, `ends`, `place`, `all_day`), or with none."""
    return _with(module, "calendar", place)


def as_tree(relationship: Relationship, tree: Document | None) -> Document:
    """The relationship as a tree (`by`, `below`, `above`), or as none."""
    return _with(relationship, "tree", tree)


def _with(model: Module | Relationship, key: str, value: Document | None) -> Document:
    document = {name: given for name, given in plain(model).items() if name != key}
    if value is not None:
        document[key] = {name: given for name, given in value.items() if given not in (None, "", [], False)}
    return document


ANYTHING = 3
"""A link to more modules than this leads to nearly anything."""
_EDGES = {"many_to_one": "}o--||", "one_to_one": "||--||", "one_to_many": "||--o{", "many_to_many": "}o--o{"}


def model_diagram(catalog: Catalog, modules: Sequence[str] = ()) -> str:
    """The modules and relationships as a Mermaid entity diagram; all of them, or the named with their neighbours.

    Fields stand in the named modules only, and between two modules there is one line, so that it stays readable.
    Of all modules those links are left out that may lead to nearly anything: they would cross every other.
    Names are those that people read, without the letters that mean something to Mermaid.
    """
    wanted = set(modules)
    lines_between: dict[tuple[str, str, str], list[str]] = {}
    for rel in catalog.relationships:
        for target in rel.to:
            if (wanted & {rel.module, target}) if wanted else len(rel.to) <= ANYTHING:
                label = _drawn(rel.name) or rel.slug
                lines_between.setdefault((rel.module, _EDGES[rel.kind], target), []).append(label)
    shown = wanted | {end for here, _, there in lines_between for end in (here, there)}
    # Many neighbours beside each other would shrink to nothing in the width of a page; below each other they do not.
    lines = ["erDiagram", *(["  direction LR"] if wanted else [])]
    for slug in sorted(shown if wanted else catalog.modules):
        module = catalog.module(slug)
        fields = module.fields[:8] if slug in wanted else ()
        lines.append(f'  {slug}["{_drawn(module.name) or slug}"] {{')
        lines += [*[f"    {field.kind} {field.slug}" for field in fields], "  }"]
    for (here, edge, there), labels in lines_between.items():
        lines.append(f'  {here} {edge} {there} : "{", ".join(dict.fromkeys(labels))}"')
    return "\n".join(lines)


def _drawn(name: str) -> str:
    """A name as it can stand between quotes in a diagram."""
    return " ".join(re.sub(r"[^\w\s-]", "", name).split())


def kinds() -> dict[str, str]:
    """Field kind → its name for people, in the order in which they are offered."""
    named: dict[str, Any] = {
        "text": "Text", "long_text": "Long text", "integer": "Whole number", "decimal": "Decimal number",
        "money": "Money", "boolean": "Yes or no", "date": "Date", "datetime": "Date and time", "email": "E-mail",
        "phone": "Phone", "url": "Link", "select": "Choice", "multi_select": "Several choices", "address": "Address",
        "country": "Country", "user": "User", "file": "Files", "json": "JSON", "auto_number": "Automatic number",
    }  # fmt: skip
    return named
