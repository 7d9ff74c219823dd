"""The ground every definition stands on: frozen, strict about unknown keys, with slugs that never change."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

SYSTEM_COLUMNS: dict[str, str] = {
    "id": "UUID",
    "owner": "VARCHAR",
    "workers": "VARCHAR[]",
    "team": "VARCHAR",
    "folder": "VARCHAR",
    "status": "VARCHAR",
    "tags": "VARCHAR[]",
    "source": "VARCHAR",
    "created_at": "TIMESTAMPTZ",
    "updated_at": "TIMESTAMPTZ",
    "deleted_at": "TIMESTAMPTZ",
    "change_id": "UUID",
    "version": "BIGINT",
}
"""Column name → DuckDB type of what every record carries; `version` is the snapshot of its last change."""

LINK_COLUMNS: dict[str, str] = {
    "id": "UUID",
    "from_id": "UUID",
    "to_id": "UUID",
    "created_at": "TIMESTAMPTZ",
    "updated_at": "TIMESTAMPTZ",
    "deleted_at": "TIMESTAMPTZ",
    "change_id": "UUID",
    "version": "BIGINT",
}
"""Column name → DuckDB type of what every row of a many-to-many link carries."""


def _no_double_underscore(slug: str) -> str:
    if "__" in slug:
        raise ValueError(f"the slug “{slug}” holds “__”, which separates parts of a name; use a single “_”")
    return slug


def _not_a_system_column(slug: str) -> str:
    if slug in SYSTEM_COLUMNS:
        names = ", ".join(SYSTEM_COLUMNS)
        raise ValueError(f"the slug “{slug}” is taken by a system column; choose one that is none of {names}")
    return slug


Slug = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$"), AfterValidator(_no_double_underscore)
]
"""A name in the lake: lower case, digits and single underscores, at most 48 long. It never changes."""

ColumnSlug = Annotated[Slug, AfterValidator(_not_a_system_column)]
"""A slug that becomes a column of a record, so it may not be one of the system columns."""

DashedSlug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
"""A name of something that is no table or column: a flow, a template, a folder, a status."""


class Definition(BaseModel):
    """A frozen description that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Offered(Definition):
    """What somebody keeps under a name: for himself (`me`), a team, or everybody.

    Whoever made it owns it; `team` is the one it is shared with, and one that is `locked` administrators alone change.
    """

    slug: DashedSlug
    name: str = ""
    shared_with: Literal["everyone", "team", "me"] = "everyone"
    owner: str = ""
    team: str = ""
    locked: bool = False

    @property
    def title(self) -> str:
        """What people read: the name, or the slug made readable."""
        return self.name or self.slug.replace("-", " ").replace("_", " ").capitalize()
