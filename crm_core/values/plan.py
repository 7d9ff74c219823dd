"""Which steps a staged table needs: those of every field that it has a column of."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp

from crm_core.model import Catalog, Option, Reference
from crm_core.model.base import SYSTEM_COLUMNS
from crm_core.model.catalog import SYSTEM_FIELDS
from crm_core.model.fields import Field, MultiSelectField, SelectField
from crm_core.trees import column
from crm_core.values import composites, scalars, texts
from crm_core.values.steps import Context, Steps

_READERS: dict[str, Callable[[Context, Any, Steps], None]] = {
    "text": texts.text,
    "long_text": texts.text,
    "auto_number": texts.text,
    "email": texts.email,
    "phone": texts.phone,
    "url": texts.url,
    "select": texts.select,
    "country": texts.country,
    "user": texts.user,
    "integer": scalars.integer,
    "decimal": scalars.decimal,
    "money": scalars.money,
    "boolean": scalars.boolean,
    "date": scalars.date,
    "datetime": scalars.datetime,
    "multi_select": composites.multi_select,
    "file": composites.file,
    "address": composites.address,
    "json": composites.json,
}
"""Kind → what reads its values; every kind of field stands here."""

_SYSTEM = ("owner", "workers", "team", "folder", "status", "tags", "source", "created_at")
"""The system columns that a value can be given for."""


def system_field(catalog: Catalog, module: str, slug: str) -> Field | None:
    """A system column as a field with its options, or None when no value can be given for it."""
    if slug not in _SYSTEM:
        return None
    if slug == "team":
        teams = [Option(value=team.slug, label=team.name) for team in catalog.teams.values()]
        return SelectField.model_construct(slug="team", label="Team", options=tuple(teams or [_NONE]))
    if slug == "folder":
        folders = catalog.module(module).folders
        named = tuple(Option(value=folder.slug, label=folder.name) for folder in folders)
        return SelectField.model_construct(slug="folder", label="Folder", options=named)
    return SYSTEM_FIELDS[slug]


_NONE = Option(value="-")
"""What stands where there is no option, since no options at all mean that any text will do."""


def writable(catalog: Catalog, module: str) -> dict[str, Field | Reference]:
    """Slug → everything of a module that a value can be given for: fields, references, system columns."""
    own = catalog.module(module)
    found: dict[str, Field | Reference] = {field.slug: field for field in own.fields}
    found |= {reference.slug: reference for reference in catalog.references(module)}
    for slug in _SYSTEM:
        system = system_field(catalog, module, slug)
        if system is not None:
            found[slug] = system
    return found


def given_fields(
    fields: Mapping[str, Field | Reference], staged: Mapping[str, str]
) -> dict[str, Field | Reference]:
    """Those of the fields that the staged table has a column of, in their order."""
    return {
        slug: field
        for slug, field in fields.items()
        if slug in staged
        or (not isinstance(field, Reference) and any(name in staged for name in field.columns))
    }


def steps_of(ctx: Context, field: Field | Reference) -> Steps:
    """The steps for one field."""
    columns = dict(field.columns)
    if field.slug in SYSTEM_COLUMNS:
        columns = {field.slug: SYSTEM_COLUMNS[field.slug]}
    steps = Steps(field, columns, received=_received(ctx, field))
    if isinstance(field, Reference):
        composites.reference(ctx, field, steps)
    elif isinstance(field, MultiSelectField) and field.slug == "workers":
        composites.users(ctx, field, steps)
    else:
        _READERS[field.kind](ctx, field, steps)
    _look_up(steps)
    return steps


def _look_up(steps: Steps) -> None:
    """A value that a library standardises: as it was looked up, or by the short way; then the rest is asked later."""
    for name, lookup in steps.lookups.items():
        steps.parse[name] = lookup.shortcut or column("value", f"{name}__known")


def _received(ctx: Context, field: Field | Reference) -> exp.Expr:
    names = [name for name in (field.slug, *field.columns) if name in ctx.staged]
    parts = [exp.cast(column(name), "VARCHAR") for name in dict.fromkeys(names)]
    if len(parts) == 1:
        return parts[0]
    return exp.Anonymous(this="concat_ws", expressions=[exp.Literal.string(" "), *parts])
