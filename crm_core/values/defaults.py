"""Values of fields that a new record does not name, read by the same rules as values that somebody types."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from crm_core.directory import Directory
from crm_core.errors import ConditionInvalid, ValuesInvalid
from crm_core.model import Catalog, Module
from crm_core.model.fields import Field
from crm_core.operands import to_day, to_instant
from crm_core.values.lookups import Runner
from crm_core.values.normalise import normalise, read_problems
from crm_core.values.plan import writable
from crm_core.values.staging import flatten, stage

_RELATIVE = ("today", "now", "tomorrow", "yesterday")


def default_values(s: Runner, catalog: Catalog, module: Module, directory: Directory) -> dict[str, Any]:
    """Column → value of every default of the module, its first folder included.

    They are read once for each version of the definitions; `today`, `now` and spans from them (`today + 7d`) are
    worked out at each write, in the workspace's zone.

    Raises:
        ValuesInvalid: A default breaks the rules of its own field.
    """
    key = ("defaults", module.slug)
    fixed = catalog.memo.of(key, lambda: read_defaults(s, catalog, module, directory))
    return {**fixed, **_relative(catalog, module), "folder": module.default_folder.slug}


def read_defaults(s: Runner, catalog: Catalog, module: Module, directory: Directory) -> Mapping[str, Any]:
    """Column → value of the defaults that are always the same.

    Raises:
        ValuesInvalid: A default breaks the rules of its own field.
    """
    given = {f.slug: f.default for f in module.fields if f.default is not None and not _is_relative(f)}
    if not given:
        return {}
    flat = flatten(catalog, module.slug, [given])
    stage(s, flat, fields=writable(catalog, module.slug), meta={}, name="defaults_staged")
    typed = normalise(
        s, catalog, module=module.slug, directory=directory, staged="defaults_staged", typed="defaults_typed",
        problems="defaults_problems", few=True,
    )  # fmt: skip
    if flat.problems or typed.found:
        raise ValuesInvalid(f"{module.slug} (defaults)", [*flat.problems, *read_problems(s, typed, [given])])
    row = s.read("SELECT * FROM defaults_typed").row(0, named=True)
    return {name: row[name] for name in typed.columns if row[name] is not None}


def default_problems(s: Runner, catalog: Catalog, module: Module, directory: Directory) -> list[str]:
    """What is wrong with the defaults of a module, a sentence each."""
    told = []
    try:
        read_defaults(s, catalog, module, directory)
    except ValuesInvalid as error:
        told += [f"{module.slug}: a default: {problem.message}" for problem in error.problems]
    try:
        _relative(catalog, module)
    except ConditionInvalid as error:
        told.append(f"{module.slug}: a default: {error.reason}")
    return told


def _is_relative(field: Field) -> bool:
    words = str(field.default).strip().lower()
    return field.kind in ("date", "datetime") and words.startswith(_RELATIVE)


def _relative(catalog: Catalog, module: Module) -> dict[str, Any]:
    zone, now = ZoneInfo(catalog.workspace.time_zone), datetime.now(UTC)
    return {
        field.slug: (to_day if field.kind == "date" else to_instant)(field.default, now=now, zone=zone)
        for field in module.fields
        if field.default is not None and _is_relative(field)
    }
