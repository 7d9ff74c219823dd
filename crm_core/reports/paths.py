"""What the fields of a report mean by the definitions: which kind of value, and in words why they cannot be used."""

from dataclasses import dataclass

from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog, Path, Reference, ToMany
from crm_core.model.fields import MoneyField
from crm_core.model.reports import Bucket, Group

_NO_GROUP = ("json", "long_text", "file")


@dataclass(frozen=True)
class Meant:
    """A path with what a report needs to know of it."""

    path: Path

    @property
    def timely(self) -> bool:
        """Whether it is a date or an instant."""
        return self.path.column_type in ("DATE", "TIMESTAMPTZ")

    @property
    def numeric(self) -> bool:
        """Whether it can be added up."""
        return self.path.column_type.startswith(("BIGINT", "DECIMAL"))

    @property
    def money(self) -> bool:
        """Whether it is an amount with a currency."""
        return isinstance(self.path.field, MoneyField) and self.numeric

    @property
    def listed(self) -> bool:
        """Whether a record has several values of it."""
        return self.path.column_type.endswith("[]")

    @property
    def currency(self) -> str:
        """The path of the currency of an amount."""
        return f"{self.path.text.removesuffix('.amount')}.currency"

    @property
    def name(self) -> str:
        """What people read: the field with what it is reached over."""
        own = self.path.field.label if isinstance(self.path.field, Reference) else self.path.field.name
        steps = [step.label for step in self.path.steps]
        return " › ".join([*steps, own])


def single(catalog: Catalog, module: str, text: str) -> Meant:
    """A path that leads to one value of a record.

    Raises:
        ConditionInvalid: It is unknown, or leads over a list of related records.
    """
    path = catalog.resolve(module, text)
    if any(isinstance(step, ToMany) for step in path.steps):
        raise ConditionInvalid(text, f"“{text}” leads over a list of related records; one value is needed")
    return Meant(path)


def grouped(catalog: Catalog, module: str, text: str) -> Meant:
    """A path by which records are told apart.

    Raises:
        ConditionInvalid: It is unknown, or of a kind that has as many values as there are records.
    """
    meant = single(catalog, module, text)
    field = meant.path.field
    if not isinstance(field, Reference) and field.kind in _NO_GROUP:
        raise ConditionInvalid(text, f"records cannot be grouped by “{text}”, which is {field.kind}")
    return meant


def timely(catalog: Catalog, module: str, text: str) -> Meant:
    """A path to a date or an instant.

    Raises:
        ConditionInvalid: It is neither, or unknown.
    """
    meant = single(catalog, module, text)
    if not meant.timely:
        raise ConditionInvalid(text, f"“{text}” is no date or time")
    return meant


def numeric(catalog: Catalog, module: str, text: str) -> Meant:
    """A path to a number or an amount.

    Raises:
        ConditionInvalid: It is neither, or unknown.
    """
    meant = single(catalog, module, text)
    if not meant.numeric:
        raise ConditionInvalid(text, f"“{text}” is no number and no amount, so nothing can be computed of it")
    return meant


def taken_off(catalog: Catalog, module: str, text: str) -> Meant:
    """A path to what is taken off an amount: of the record, or of records that one list of it has.

    Raises:
        ConditionInvalid: It is no number, or leads further.
    """
    meant = Meant(catalog.resolve(module, text))
    if not meant.numeric or meant.path.total:
        raise ConditionInvalid(text, f"“{text}” is no number and no amount, so it cannot be taken off")
    over_list = any(isinstance(step, ToMany) for step in meant.path.steps)
    if over_list and len(meant.path.steps) > 1:
        raise ConditionInvalid(
            text, f"“{text}” leads over more than one link; what is taken off belongs to the record"
        )
    return meant


def bucket_of(group: Group, meant: Meant) -> Bucket:
    """The bucket of a group: dates without one are told apart by day."""
    return group.bucket or ("day" if meant.timely else "")
