"""Field kinds: what a column of a module can be, as a discriminated union on `kind`."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field as PydanticField
from pydantic import model_validator

from crm_core.model.base import ColumnSlug, Definition

ADDRESS_PARTS = ("street", "postal_code", "city", "region", "country")


class Option(Definition):
    """One choice of a select: the stored value, what people read, and its colour."""

    value: str = PydanticField(min_length=1, max_length=100)
    label: str = ""
    color: str = ""

    @model_validator(mode="before")
    @classmethod
    def _a_bare_word_is_an_option(cls, data: Any) -> Any:
        return {"value": data} if isinstance(data, str) else data

    @property
    def text(self) -> str:
        """What people read: the label, or the value made readable."""
        words = self.value.replace("_", " ")
        # What is written in capitals means them: `FOB` must not become `Fob`.
        return self.label or words[:1].upper() + words[1:]


class _Field(Definition):
    """What every kind shares.

    `synonyms` are other headers under which files bring this field; `searchable` puts its text into search.
    """

    slug: ColumnSlug
    label: str = ""
    help: str = ""
    required: bool = False
    unique: bool = False
    read_only: bool = False
    searchable: bool = False
    default: Any = None
    synonyms: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What people read: the label, or the slug made readable."""
        return self.label or self.slug.replace("_", " ").capitalize()

    @property
    def columns(self) -> dict[str, str]:
        """Column name → DuckDB type, in order; the first carries the value when there is one."""
        return {self.slug: "VARCHAR"}


class TextField(_Field):
    kind: Literal["text"] = "text"
    max_length: int = PydanticField(default=500, ge=1, le=100_000)
    pattern: str = ""
    """A regular expression (RE2) that the whole value must match."""
    made_of: tuple[str, ...] = ()
    """Fields whose texts make up this one in files that do not bring it: a name of first and last name."""


class LongTextField(_Field):
    kind: Literal["long_text"] = "long_text"
    max_length: int = PydanticField(default=100_000, ge=1, le=1_000_000)


class IntegerField(_Field):
    kind: Literal["integer"] = "integer"
    minimum: int | None = None
    maximum: int | None = None

    @property
    def columns(self) -> dict[str, str]:
        return {self.slug: "BIGINT"}


class DecimalField(_Field):
    kind: Literal["decimal"] = "decimal"
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    @property
    def columns(self) -> dict[str, str]:
        return {self.slug: "DECIMAL(18,6)"}


class MoneyField(_Field):
    """An amount and its ISO 4217 code; without one a value takes `currency`, else the workspace's."""

    kind: Literal["money"] = "money"
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    currency: str = ""

    @property
    def columns(self) -> dict[str, str]:
        return {self.slug: "DECIMAL(18,4)", f"{self.slug}__currency": "VARCHAR"}


class BooleanField(_Field):
    kind: Literal["boolean"] = "boolean"

    @property
    def columns(self) -> dict[str, str]:
        return {self.slug: "BOOLEAN"}


class DateField(_Field):
    kind: Literal["date"] = "date"

    @property
    def columns(self) -> dict[str, str]:
        return {self.slug: "DATE"}


class DatetimeField(_Field):
    """An instant, stored in UTC."""

    kind: Literal["datetime"] = "datetime"

    @property
    def columns(self) -> dict[str, str]:
        return {self.slug: "TIMESTAMPTZ"}


class EmailField(_Field):
    kind: Literal["email"] = "email"


class PhoneField(_Field):
    """Stored as E.164; a number without a country code is read in `region`, else the workspace's country."""

    kind: Literal["phone"] = "phone"
    region: str = ""


class UrlField(_Field):
    kind: Literal["url"] = "url"


class SelectField(_Field):
    kind: Literal["select"] = "select"
    options: tuple[Option, ...] = ()


class MultiSelectField(_Field):
    kind: Literal["multi_select"] = "multi_select"
    options: tuple[Option, ...] = ()

    @property
    def columns(self) -> dict[str, str]:
        return {self.slug: "VARCHAR[]"}


class AddressField(_Field):
    """Street, postal code, city, region and country, each a column of its own so that all can be filtered."""

    kind: Literal["address"] = "address"

    @property
    def columns(self) -> dict[str, str]:
        return {f"{self.slug}__{part}": "VARCHAR" for part in ADDRESS_PARTS}


class CountryField(_Field):
    """An ISO 3166-1 alpha-2 code."""

    kind: Literal["country"] = "country"


class UserField(_Field):
    """The slug of a user of `access.users`."""

    kind: Literal["user"] = "user"


class FileField(_Field):
    """A list of ids of the `files` module."""

    kind: Literal["file"] = "file"

    @property
    def columns(self) -> dict[str, str]:
        return {self.slug: "VARCHAR[]"}


class JsonField(_Field):
    kind: Literal["json"] = "json"

    @property
    def columns(self) -> dict[str, str]:
        return {self.slug: "JSON"}


class AutoNumberField(_Field):
    """A prefix and a number that counts up from `start`, given under the writer's lock and never twice."""

    kind: Literal["auto_number"] = "auto_number"
    prefix: str = PydanticField(default="", max_length=20)
    digits: int = PydanticField(default=5, ge=1, le=18)
    start: int = PydanticField(default=1, ge=0)
    read_only: Literal[True] = True


Field = Annotated[
    TextField
    | LongTextField
    | IntegerField
    | DecimalField
    | MoneyField
    | BooleanField
    | DateField
    | DatetimeField
    | EmailField
    | PhoneField
    | UrlField
    | SelectField
    | MultiSelectField
    | AddressField
    | CountryField
    | UserField
    | FileField
    | JsonField
    | AutoNumberField,
    PydanticField(discriminator="kind"),
]

FIELD_KINDS: dict[str, type[_Field]] = {
    kind.model_fields["kind"].default: kind
    for kind in (
        TextField,
        LongTextField,
        IntegerField,
        DecimalField,
        MoneyField,
        BooleanField,
        DateField,
        DatetimeField,
        EmailField,
        PhoneField,
        UrlField,
        SelectField,
        MultiSelectField,
        AddressField,
        CountryField,
        UserField,
        FileField,
        JsonField,
        AutoNumberField,
    )
}
"""Kind → its model, in the order a person is offered them."""
