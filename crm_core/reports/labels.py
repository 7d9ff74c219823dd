"""What people read of the groups of a report, their colours, and the order in which they stand by nature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache

from crm_core import people, query
from crm_core.access import Actor
from crm_core.model import Catalog, Option, Reference
from crm_core.model.catalog import SYSTEM_FIELDS
from crm_core.model.fields import CountryField, MultiSelectField, SelectField, UserField
from crm_core.model.reports import Group
from crm_core.reports.paths import Meant, bucket_of, grouped
from crm_core.reports.periods import AGES, bucket_name
from lake import Lake


@dataclass(frozen=True)
class Told:
    """What people read of a value, its colour (of the palette's names, empty without one), its place by nature."""

    label: str
    color: str = ""
    place: int | None = None


def tell_groups(
    lake: Lake, catalog: Catalog, *, module: str, group: Group, values: Sequence[str], actor: Actor
) -> Mapping[str, Told]:
    """Value → what people read of it, for the values of one group; titles of records only where the actor sees them."""
    meant = grouped(catalog, module, group.field)
    field, bucket = meant.path.field, bucket_of(group, meant)
    if bucket == "age":
        return {
            age: Told(name, _AGE_COLORS[age], place) for place, (age, (name, *_)) in enumerate(AGES.items())
        }
    if bucket:
        days = {value: date.fromisoformat(value) for value in values}
        return {value: Told(bucket_name(day, bucket), "", day.toordinal()) for value, day in days.items()}
    if isinstance(field, Reference):
        named = query.titles(lake, catalog, wanted=dict.fromkeys(field.targets, values), actor=actor)
        return {value: Told(named.get(value, "Not yours to see")) for value in values}
    if isinstance(field, UserField) or field.slug == "workers":
        users = people.read_directory(lake).users
        return {value: Told(users[value].name if value in users else value) for value in values}
    if isinstance(field, CountryField):
        return {value: Told(_countries().get(value, value)) for value in values}
    if meant.path.column_type == "BOOLEAN":
        return {"true": Told("Yes", "green", 0), "false": Told("No", "gray", 1)}
    if field.slug == "source" and meant.path.field is SYSTEM_FIELDS["source"]:
        return {value: Told(value.replace("_", " ").capitalize()) for value in values}
    known = _choices(catalog, meant)
    return {value: known.get(value, Told(value)) for value in values}


def _choices(catalog: Catalog, meant: Meant) -> Mapping[str, Told]:
    """The values that definitions list: statuses, folders, teams, options."""
    module, field = catalog.module(meant.path.module), meant.path.field
    if field.slug == "status":
        statuses = {one.slug: one for folder in module.folders for one in folder.statuses}
        return {slug: Told(one.name, one.color, place) for place, (slug, one) in enumerate(statuses.items())}
    if field.slug == "folder":
        return {one.slug: Told(one.name, "", place) for place, one in enumerate(module.folders)}
    if field.slug == "team":
        return {one.slug: Told(one.name) for one in catalog.teams.values()}
    if isinstance(field, (SelectField, MultiSelectField)):
        # Only options with colours have an order that means something; others are better read by their size.
        ordered = isinstance(field, SelectField) and all(option.color for option in _options(field))
        return {
            option.value: Told(option.text, option.color, place if ordered else None)
            for place, option in enumerate(_options(field))
        }
    return {}


def _options(field: SelectField | MultiSelectField) -> tuple[Option, ...]:
    return tuple(field.options or ())


@cache
def _countries() -> Mapping[str, str]:
    import pycountry

    return {one.alpha_2: getattr(one, "common_name", one.name) for one in pycountry.countries}


_AGE_COLORS = {"0": "green", "1": "yellow", "31": "orange", "61": "red", "91": "brown"}
