"""The tables that definitions make: their columns, and the steps from the tables there are to those wanted.

Nothing is ever dropped: a removed field keeps its column, and a converted one keeps the old values beside it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from crm_core.model import Catalog, Module, Reference, Relationship
from crm_core.model.base import LINK_COLUMNS
from crm_core.model.fields import Field
from crm_core.snapshot_cache import Reader
from lake import ident, table

SOURCE_COLUMNS: dict[str, str] = {
    "source": "VARCHAR",
    "source_key": "VARCHAR",
    "record_id": "UUID",
    "load_id": "UUID",
    "file": "VARCHAR",
    "line": "BIGINT",
    "change_id": "UUID",
    "extra": "JSON",
}
"""Column name → DuckDB type of what every `<module>__source` carries beside the fields as given."""

VIEWS: dict[str, str] = {
    "db_ai-loop_CRM_Inquiries": "inquiries",
    "db_ai-loop_V3_business": "business",
    "db_ai-loop_V3_Tasks": "tasks",
}
"""View in schema `main` → the module whose live rows it shows."""

_ALIASES = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
_WIDENS: dict[tuple[str, str], str] = {
    ("BIGINT", "DECIMAL(18,6)"): "try_cast({old} AS DECIMAL(18,6))",
    ("BIGINT", "VARCHAR"): "CAST({old} AS VARCHAR)",
    ("DECIMAL(18,6)", "VARCHAR"): "CAST({old} AS VARCHAR)",
    ("BOOLEAN", "VARCHAR"): "CAST({old} AS VARCHAR)",
    ("DATE", "VARCHAR"): "CAST({old} AS VARCHAR)",
    ("TIMESTAMPTZ", "VARCHAR"): "strftime({old}, '%Y-%m-%dT%H:%M:%SZ')",
    ("DATE", "TIMESTAMPTZ"): "timezone($zone, CAST({old} AS TIMESTAMP))",
}
"""(type, wider type) → how a value is converted; in every other pair something could be lost."""


@dataclass(frozen=True)
class Step:
    """One statement of a migration, the values it binds, and what it does in words (some go unsaid)."""

    sql: str
    params: Mapping[str, object] | None = None
    words: str = ""


@dataclass(frozen=True)
class Migration:
    """The statements to run, in order, and why it cannot be done, when it cannot."""

    steps: tuple[Step, ...]
    problems: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """What would happen to the tables, a line each."""
        return tuple(step.words for step in self.steps if step.words)


def wanted_tables(catalog: Catalog) -> dict[str, dict[str, str]]:
    """Table → column → DuckDB type of everything that the definitions call for, in schema `crm`."""
    wanted: dict[str, dict[str, str]] = {}
    for module in catalog.modules.values():
        wanted[module.slug] = catalog.columns(module.slug)
        own = dict.fromkeys(source_columns(catalog, module).values(), "VARCHAR")
        wanted[module.source_table] = SOURCE_COLUMNS | own
    for rel in catalog.link_relationships:
        wanted[rel.link_table] = link_columns(rel)
    return wanted


def source_columns(catalog: Catalog, module: Module) -> dict[str, str]:
    """Slug of a field or reference → the column of `<module>__source` that holds it as given.

    They are the same but for a slug that the table needs itself, such as `file`.
    """
    slugs = [field.slug for field in module.fields] + [one.slug for one in catalog.references(module.slug)]
    return {slug: f"{slug}__given" if slug in SOURCE_COLUMNS else slug for slug in slugs}


def link_columns(rel: Relationship) -> dict[str, str]:
    """Column → DuckDB type of a many-to-many's link table."""
    own = {name: kind for field in rel.fields for name, kind in field.columns.items()}
    return LINK_COLUMNS | own


def existing_tables(reader: Reader) -> dict[str, dict[str, str]]:
    """Table → column → DuckDB type of what is in schema `crm`."""
    rows = reader.read(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = 'lake' AND schema_name = 'crm' ORDER BY table_name, column_index"
    )
    found: dict[str, dict[str, str]] = {}
    for name, column, kind in rows.iter_rows():
        found.setdefault(name, {})[column] = _ALIASES.get(kind, kind)
    return found


def plan_migration(
    before: Catalog, after: Catalog, *, have: Mapping[str, Mapping[str, str]], snapshot: int
) -> Migration:
    """What leads from the tables there are to those that the new definitions call for; runs nothing.

    Args:
        before, after: the definitions as they are and as they shall be.
        have: the tables there are, from `existing_tables`.
        snapshot: a number for the names under which replaced columns are kept.
    """
    steps: list[Step] = []
    problems = list(_lost_values(before, after))
    for name, columns in wanted_tables(after).items():
        if name not in have:
            steps.append(_create(name, columns))
            continue
        for column, kind in columns.items():
            present = have[name].get(column)
            if present is None:
                sql = f"ALTER TABLE {table('crm', name)} ADD COLUMN {ident(column)} {kind}"
                words = "" if name.endswith("__source") else f"add the column {column} to {name}"
                steps.append(Step(sql, words=words))
            elif present != kind:
                conversion = _WIDENS.get((present, kind))
                if conversion is None:
                    problems.append(_cannot_widen(name, column, present, kind))
                else:
                    steps += _convert(after, name, column, kind, conversion, snapshot)
    steps += _fill_target_modules(before, after)
    steps += _sorting(before, after, have)
    steps += _views(after, have)
    return Migration(tuple(steps), tuple(problems))


def _create(name: str, columns: Mapping[str, str]) -> Step:
    parts = ", ".join(f"{ident(column)} {kind}" for column, kind in columns.items())
    words = "" if name.endswith("__source") else f"create the table {name}"
    return Step(f"CREATE TABLE {table('crm', name)} ({parts})", words=words)


def _cannot_widen(name: str, column: str, present: str, kind: str) -> str:
    return (
        f"{name}: “{column}” holds values of type {present} that {kind} cannot take without loss; "
        "add a field with another slug and copy what fits"
    )


def _convert(
    catalog: Catalog, name: str, column: str, kind: str, conversion: str, snapshot: int
) -> Iterator[Step]:
    kept = f"{column}__was_{snapshot}"
    place, new, old = table("crm", name), ident(column), ident(kept)
    yield Step(f"ALTER TABLE {place} RENAME COLUMN {new} TO {old}")
    yield Step(f"ALTER TABLE {place} ADD COLUMN {new} {kind}", words=f"widen {column} of {name} to {kind}")
    zone = {"zone": catalog.workspace.time_zone} if "$zone" in conversion else None
    yield Step(f"UPDATE {place} SET {new} = {conversion.format(old=old)} WHERE {old} IS NOT NULL", zone)


def _lost_values(before: Catalog, after: Catalog) -> Iterator[str]:
    """Slugs that would mean other columns than before, so that values would drop out of sight."""
    for slug in before.modules.keys() & after.modules.keys():
        old, new = _shapes(before, slug), _shapes(after, slug)
        for name in old.keys() & new.keys():
            was, becomes = old[name], new[name]
            if not set(was) <= set(becomes):
                yield (
                    f"{slug}: “{name}” keeps its values in {', '.join(was)} and would look for them in "
                    f"{', '.join(becomes)}; add a field with another slug and copy what fits"
                )


def _shapes(catalog: Catalog, slug: str) -> dict[str, tuple[str, ...]]:
    own: list[Field | Reference] = [*catalog.module(slug).fields, *catalog.references(slug)]
    return {one.slug: tuple(one.columns) for one in own}


def _fill_target_modules(before: Catalog, after: Catalog) -> Iterator[Step]:
    """A reference that now may point to several modules names the one it has pointed to so far."""
    for slug in before.modules.keys() & after.modules.keys():
        for reference in after.references(slug):
            old = before.reference(slug, reference.slug)
            if reference.polymorphic and old is not None and not old.polymorphic:
                yield Step(
                    f"UPDATE {table('crm', slug)} SET {ident(reference.module_column)} = $target "
                    f"WHERE {ident(reference.slug)} IS NOT NULL",
                    {"target": old.targets[0]},
                )


def _sorting(before: Catalog, after: Catalog, have: Mapping[str, object]) -> Iterator[Step]:
    for module in after.modules.values():
        old = before.modules.get(module.slug)
        was = old.sort if old is not None and module.slug in have else ()
        if module.sort == was:
            continue
        columns = ", ".join(ident(after.resolve(module.slug, name).column) for name in module.sort)
        order = f"SET SORTED BY ({columns})" if columns else "RESET SORTED BY"
        yield Step(f"ALTER TABLE {table('crm', module.slug)} {order}")


def _views(after: Catalog, have: Mapping[str, Mapping[str, str]]) -> Iterator[Step]:
    """The deliverable's names, with every column that the module has now."""
    for view, slug in VIEWS.items():
        if slug in after.modules:
            # Without the catalog's name, so that it holds under whatever name a reader attaches the lake.
            columns = ", ".join(ident(column) for column in after.columns(slug))
            source = ident("crm", slug)
            yield Step(
                f"CREATE OR REPLACE VIEW {table('main', view)} AS "
                f"SELECT {columns} FROM {source} WHERE deleted_at IS NULL"
            )
