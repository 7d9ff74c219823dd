"""Modules: the tables of the workspace as an administrator describes them."""

from typing import Any, Literal

from pydantic import Field as PydanticField
from pydantic import field_validator

from crm_core.model.base import SYSTEM_COLUMNS, ColumnSlug, DashedSlug, Definition, Slug
from crm_core.model.condition import Condition, leaves
from crm_core.model.fields import Field, Option


class Status(Definition):
    """A stage of a folder. The first `start` one is given to new records; `end` ones count as closed."""

    slug: DashedSlug
    label: str = ""
    color: str = "gray"
    start: bool = False
    end: bool = False

    @property
    def name(self) -> str:
        """What people read: the label, or the slug made readable."""
        return self.label or self.slug.replace("_", " ").replace("-", " ").capitalize()


class Folder(Definition):
    """A place for records of one module, with its own statuses, visible fields and teams.

    No teams means every agent sees its records; no `fields` means every field is visible.
    """

    slug: DashedSlug
    label: str = ""
    parent: DashedSlug | None = None
    statuses: tuple[Status, ...] = ()
    fields: tuple[str, ...] = ()
    teams: tuple[DashedSlug, ...] = ()

    @property
    def name(self) -> str:
        """What people read: the label, or the slug made readable."""
        return self.label or self.slug.replace("_", " ").replace("-", " ").capitalize()

    @property
    def start_status(self) -> str | None:
        """The status of a new record: the one marked `start`, else the first, else none."""
        marked = [status.slug for status in self.statuses if status.start]
        return next(iter(marked or [status.slug for status in self.statuses]), None)

    @property
    def end_statuses(self) -> tuple[str, ...]:
        """The statuses that count as closed."""
        return tuple(status.slug for status in self.statuses if status.end)


class Section(Definition):
    """A titled group of fields and references on the record page."""

    slug: DashedSlug
    label: str = ""
    fields: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What people read: the label, or the slug made readable."""
        return self.label or self.slug.replace("_", " ").replace("-", " ").capitalize()


class Related(Definition):
    """True of a record when one of its related records meets `when`: those that the path `over` leads to.

    All of `when` is asked of one and the same related record, by its own fields.
    """

    over: str = PydanticField(min_length=1, max_length=200)
    when: Condition


class Dependency(Definition):
    """While `when` (and `related`) holds, `fields` are visible, required, read-only, or limited to `options`.

    `refuse` keeps a record from coming into that state by a change of one of `fields`, and says why: `message`.
    """

    when: Condition
    related: Related | None = None
    fields: tuple[str, ...] = PydanticField(min_length=1)
    effect: Literal["visible", "required", "read_only", "options", "refuse"]
    options: tuple[Option, ...] = ()
    message: str = PydanticField(default="", max_length=300)

    @property
    def asked(self) -> frozenset[str]:
        """The fields and references of the record that its condition asks about."""
        return frozenset(leaf.field.split(".")[0] for leaf in leaves(self.when))

    @property
    def words(self) -> str:
        """What is said when it refuses."""
        return self.message or "This is not allowed while another rule of the module holds."


class Exclusive(Definition):
    """Records that have the same values of `per` must not take the same time, or ought not to (`warn`).

    A record takes the time from `start` up to, but not including, `end`; one without an end takes all that follows
    (`endless`), or only its beginning (`moment`). Those whose status stands under `ignore` take none.
    """

    start: ColumnSlug
    end: ColumnSlug
    per: tuple[str, ...] = PydanticField(min_length=1)
    effect: Literal["refuse", "warn"] = "refuse"
    missing_end: Literal["endless", "moment"] = "endless"
    ignore: tuple[DashedSlug, ...] = ()


class PanelChoice(Definition):
    """How a section of the profile is offered: its label, in which folders, to which roles, or not at all."""

    section: DashedSlug
    label: str = ""
    folders: tuple[DashedSlug, ...] = ()
    roles: tuple[Literal["admin", "agent", "viewer"], ...] = ()
    hidden: bool = False


class Timeline(Definition):
    """How records of this module stand in a timeline: which date, which title, which icon."""

    date: str = "created_at"
    title: str = ""
    text: str = ""
    icon: str = "circle"
    color: str = "gray"


class CalendarPlace(Definition):
    """How records of this module stand in calendars: when they begin and end, where, or that they take a whole day.

    Without `ends` they only begin. None ends before it begins, whichever way it is written.
    """

    starts: ColumnSlug
    ends: str = ""
    place: str = ""
    all_day: bool = False


class ContactPoints(Definition):
    """Where the e-mail addresses and phone numbers of a profile module live.

    `module` holds one row each; `reference` points back; the primary ones stand in the fields `email` and
    `phone` of the profile.
    """

    module: Slug
    reference: ColumnSlug
    email: ColumnSlug = "email"
    phone: ColumnSlug = "phone"


class Module(Definition):
    """A kind of record: its fields, sections, dependencies, folders and how it shows itself.

    `title` and `subtitle` name the fields that stand for a record in lists. `access: parent` lets a record be
    seen by whoever sees the record that its reference `parent` points to; of several such references each
    that is set must lead to a visible record. With none of them set its own folder, team and workers decide.
    """

    slug: Slug
    label: str = ""
    singular: str = ""
    icon: str = "table_rows"
    title: str = "id"
    subtitle: str = ""
    profile: bool = False
    access: Literal["own", "parent"] = "own"
    parent: tuple[ColumnSlug, ...] = ()
    fields: tuple[Field, ...] = ()
    sections: tuple[Section, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    panels: tuple[PanelChoice, ...] = ()
    """The order of the profile's sections and what differs from how they are offered by themselves."""
    exclusive: tuple[Exclusive, ...] = ()
    folders: tuple[Folder, ...] = (Folder(slug="all", label="All"),)
    timeline: Timeline | None = None
    calendar: CalendarPlace | None = None
    contact_points: ContactPoints | None = None
    sort: tuple[str, ...] = ()
    """Columns by which the table's files are sorted, so that reads of one key touch few of them."""
    order: int = 100
    hidden: bool = False

    @field_validator("slug")
    @classmethod
    def _slug_is_free(cls, slug: str) -> str:
        if slug.startswith("db_"):
            raise ValueError(f"the slug “{slug}” begins with “db_”, which the deliverable's views use")
        return slug

    @field_validator("parent", mode="before")
    @classmethod
    def _one_parent_may_stand_bare(cls, parent: Any) -> Any:
        return () if parent is None else (parent,) if isinstance(parent, str) else parent

    @field_validator("folders")
    @classmethod
    def _one_folder_at_least(cls, folders: tuple[Folder, ...]) -> tuple[Folder, ...]:
        return folders or (Folder(slug="all", label="All"),)

    @property
    def name(self) -> str:
        """What people read for many records: the label, or the slug made readable."""
        return self.label or self.slug.replace("_", " ").capitalize()

    @property
    def one(self) -> str:
        """What people read for one record."""
        return self.singular or self.name.removesuffix("s")

    @property
    def source_table(self) -> str:
        """The table with the rows as each source gave them, in schema `crm`."""
        return f"{self.slug}__source"

    @property
    def default_folder(self) -> Folder:
        """Where a record goes that names no folder."""
        return self.folders[0]

    def field(self, slug: str) -> Field | None:
        """The field of that slug, or None."""
        return next((field for field in self.fields if field.slug == slug), None)

    def folder(self, slug: str) -> Folder | None:
        """The folder of that slug, or None."""
        return next((folder for folder in self.folders if folder.slug == slug), None)

    @property
    def columns(self) -> dict[str, str]:
        """Column name → DuckDB type of system columns and fields; reference columns come from the catalog."""
        own = {name: kind for field in self.fields for name, kind in field.columns.items()}
        return SYSTEM_COLUMNS | own
