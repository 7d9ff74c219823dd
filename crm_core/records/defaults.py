"""Values of fields that a new record does not name."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from crm_core.errors import ValuesInvalid
from crm_core.model import Module
from crm_core.operands import to_day, to_instant
from crm_core.records.staging import flatten, stage
from crm_core.records.writer import Writer
from crm_core.values.formats import Reading
from crm_core.values.lookups import Runner
from crm_core.values.normalise import normalise
from crm_core.values.plan import writable

_RELATIVE = ("today", "now", "tomorrow", "yesterday")


def default_values(s: Runner, writer: Writer, module: Module) -> dict[str, Any]:
    """Column → value of every default of the module, its first folder included.

    Defaults are read by the same rules as values are, once for each version of the definitions; `today`, `now` and
    spans from them (`today + 7d`) are worked out at each write, in the workspace's zone.

    Raises:
        ValuesInvalid: A default breaks the rules of its own field.
    """
    fixed = writer.catalog.memo.of(("defaults", module.slug), lambda: _fixed(s, writer, module))
    return {**fixed, **_relative(writer, module), "folder": module.default_folder.slug}


def _fixed(s: Runner, writer: Writer, module: Module) -> Mapping[str, Any]:
    given = {f.slug: f.default for f in module.fields if f.default is not None and not _is_relative(f)}
    if not given:
        return {}
    flat = flatten(writer.catalog, module.slug, [given])
    stage(s, flat, fields=writable(writer.catalog, module.slug), meta={}, name="defaults_staged")
    typed = normalise(
        s, writer.catalog, module=module.slug, directory=writer.directory, staged="defaults_staged",
        typed="defaults_typed", problems="defaults_problems", reading=Reading.of(writer.catalog),
    )  # fmt: skip
    if flat.problems or typed.found:
        from crm_core.records.insert import read_problems

        raise ValuesInvalid(f"{module.slug} (defaults)", [*flat.problems, *read_problems(s, typed, [given])])
    row = s.read("SELECT * FROM defaults_typed").row(0, named=True)
    return {name: row[name] for name in typed.columns if row[name] is not None}


def _is_relative(field: Any) -> bool:
    words = str(field.default).strip().lower()
    return field.kind in ("date", "datetime") and words.startswith(_RELATIVE)


def _relative(writer: Writer, module: Module) -> dict[str, Any]:
    zone, now = ZoneInfo(writer.catalog.workspace.time_zone), datetime.now(UTC)
    return {
        field.slug: (to_day if field.kind == "date" else to_instant)(field.default, now=now, zone=zone)
        for field in module.fields
        if field.default is not None and _is_relative(field)
    }
