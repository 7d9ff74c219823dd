"""What an action can set on a record of a module, found by its name."""

from dataclasses import dataclass, field

from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog, Field, Reference
from crm_core.model.base import SYSTEM_COLUMNS
from crm_core.model.catalog import SYSTEM_FIELDS
from crm_core.model.fields import AutoNumberField

RECORD = "record"
"""`{{ record }}`: the record that set the flow off, for a reference to it."""

SETTABLE = ("owner", "workers", "team", "folder", "status", "tags", "source")
"""The system columns that an action may set; the others belong to the machinery."""

_WANTS = {
    "BIGINT": "a whole number",
    "BOOLEAN": "true or false",
    "DATE": "a date",
    "TIMESTAMPTZ": "a date and time",
}


@dataclass(frozen=True)
class Target:
    """A field, reference or system column of a module, with the columns that carry it."""

    module: str
    slug: str
    columns: dict[str, str] = field(default_factory=dict)
    field: Field | None = None
    reference: Reference | None = None

    @property
    def column(self) -> str:
        """The column that carries the value, or the first that does."""
        return next(iter(self.columns))

    @property
    def column_type(self) -> str:
        """Its DuckDB type."""
        return self.columns[self.column]

    @property
    def is_list(self) -> bool:
        """Whether it holds several values."""
        return self.column_type.endswith("[]")

    @property
    def wants(self) -> str:
        """What it takes, in words."""
        return _WANTS.get(
            self.column_type, "a number" if self.column_type.startswith("DECIMAL") else "another kind"
        )


def find_target(catalog: Catalog, module: str, slug: str) -> Target:
    """What `slug` is on a record of the module.

    Raises:
        ConditionInvalid: When there is no such field, or nothing may set it.
    """
    own = catalog.module(module).field(slug)
    if isinstance(own, AutoNumberField):
        raise ConditionInvalid(slug, f"“{slug}” of {module} counts by itself and cannot be set")
    if own is not None:
        return Target(module, slug, dict(own.columns), field=own)
    reference = catalog.reference(module, slug)
    if reference is not None:
        return Target(module, slug, dict(reference.columns), reference=reference)
    if slug in SETTABLE:
        return Target(module, slug, {slug: SYSTEM_COLUMNS[slug]}, field=SYSTEM_FIELDS[slug])
    if slug in SYSTEM_COLUMNS:
        raise ConditionInvalid(slug, f"“{slug}” belongs to the record itself and cannot be set")
    names = [f.slug for f in catalog.module(module).fields] + [r.slug for r in catalog.references(module)]
    has = ", ".join([*sorted(names), *SETTABLE])
    raise ConditionInvalid(slug, f"{module} has no field “{slug}”: it has {has}")
