"""The columns of a table and the texts of its cells."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from crm_core.model import Catalog, Module
from crm_core.query import titles
from pages._ui import words
from pages._ui.field_views import FieldContext
from pages._ui.fields import text_of
from pages._ui.grid import Column
from pages._ui.session import Here

MOST_COLUMNS = 9


def default_columns(catalog: Catalog, module: Module) -> tuple[str, ...]:
    """The columns that a table begins with: the title, what is short, and where the record stands."""
    short = [f.slug for f in module.fields if f.kind not in ("long_text", "json", "file", "address")]
    first = [name for name in (module.title, module.subtitle) if name and name != "id"]
    rest = [name for name in short if name not in first]
    refs = [reference.slug for reference in catalog.references(module.slug)[:2]]
    chosen = [*first, *refs, *rest][: MOST_COLUMNS - 3]
    stands = ["status"] if any(folder.statuses for folder in module.folders) else []
    return (*dict.fromkeys(chosen), *stands, "owner", "updated_at")


def column_names(catalog: Catalog, module: Module) -> dict[str, str]:
    """Column → what people read above it, of every column that a table can have."""
    names = {f.slug: f.name for f in module.fields}
    names |= {reference.slug: reference.label for reference in catalog.references(module.slug)}
    return names | {
        "folder": "Folder", "status": "Status", "owner": "Owner", "team": "Team", "tags": "Tags", "source": "Source",
        "created_at": "Created", "updated_at": "Updated",
    }  # fmt: skip


def drawn_columns(catalog: Catalog, module: Module, columns: Collection[str]) -> list[Column]:
    """How the grid shows each column."""
    names = column_names(catalog, module)
    return [
        Column(
            name, names.get(name, name), numeric=_is_number(module, name), colors=_colors(module, name),
            width=_width(catalog, module, name), share=_share(catalog, module, name),
        )
        for name in columns
    ]  # fmt: skip


def referenced_titles(
    now: Here, module: Module, columns: Collection[str], items: Iterable[Mapping[str, Any]]
) -> dict[str, str]:
    """Id → title of what the records point to in these columns."""
    wanted: dict[str, list[str]] = {}
    for reference in now.catalog.references(module.slug):
        if reference.slug in columns:
            for item in items:
                value = item.get(reference.slug)
                if value:
                    target = (
                        value if isinstance(value, dict) else {"module": reference.targets[0], "id": value}
                    )
                    wanted.setdefault(target["module"], []).append(target["id"])
    return titles(now.lake, now.catalog, wanted=wanted, actor=now.actor)


def _share(catalog: Catalog, module: Module, name: str) -> float:
    own = module.field(name)
    if catalog.reference(module.slug, name) is not None:
        return 1.3
    if own is None or own.kind not in ("text", "long_text"):
        return 1.0
    return 2.0 if name == module.title else 1.4 if name == module.subtitle else 1.0


def _width(catalog: Catalog, module: Module, name: str) -> int:
    """The least width in pixels that shows most values whole: a moment is longer than a badge."""
    own = module.field(name)
    badges = _colors(module, name)
    if badges:
        return max(110, min(190, 42 + 7 * max(map(len, badges))))
    if catalog.reference(module.slug, name) is not None:
        return 116
    if name in ("created_at", "updated_at"):
        return 130
    if own and own.kind == "datetime":
        return 150
    if own and own.kind in ("money", "date"):
        return 112
    if own and own.kind in ("integer", "decimal"):
        return 92
    return 176 if name == module.title and own and own.kind in ("text", "long_text") else 104


def _colors(module: Module, name: str) -> dict[str, str]:
    """Text → colour for the columns that show as badges: the status and choices."""
    if name == "status":
        return {status.name: status.color for folder in module.folders for status in folder.statuses}
    own = module.field(name)
    return {option.text: option.color or "gray" for option in getattr(own, "options", ())}


def _is_number(module: Module, name: str) -> bool:
    found = module.field(name)
    return found is not None and found.kind in ("integer", "decimal", "money")


def cell_text(
    now: Here,
    module: Module,
    name: str,
    item: Mapping[str, Any],
    named: Mapping[str, str],
    context: FieldContext,
) -> str:
    """What stands in a cell; `named` has the titles of what records point to."""
    value = item.get(name)
    own = module.field(name)
    if own is not None:
        return text_of(own, value, context)
    if name in ("created_at", "updated_at"):
        return words.brief(value, zone=now.zone) if value else ""
    if name == "status":
        folder = module.folder(item.get("folder") or "") or module.default_folder
        return next((s.name for s in folder.statuses if s.slug == value), value or "")
    if name == "owner":
        return str(context.users.get(str(value), value or ""))
    if isinstance(value, dict):
        return named.get(str(value["id"]), "")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if now.catalog.reference(module.slug, name) is not None:
        return named.get(str(value), "")  # what one may not see has no title
    return words.readable(str(value)) if value else ""
