"""What the builder of reports offers: fields by what can be done with them, under the names that people read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog, ToMany
from crm_core.model.catalog import SYSTEM_FIELDS
from crm_core.reports.paths import Meant, grouped, numeric, single, taken_off, timely

Check = Callable[[Catalog, str, str], Meant]


def times(catalog: Catalog, module: str) -> dict[str, str]:
    """Path → name of the dates and times of a record, and of those that it points to."""
    return _fitting(catalog, module, timely)


def numbers(catalog: Catalog, module: str) -> dict[str, str]:
    """Path → name of the numbers and amounts of a record."""
    return _fitting(catalog, module, numeric, over=False)


def groups(catalog: Catalog, module: str) -> dict[str, str]:
    """Path → name of what records can be told apart by."""
    return _fitting(catalog, module, grouped)


def takings(catalog: Catalog, module: str) -> dict[str, str]:
    """Path → name of what can be taken off an amount: of the record, or of its lists of related records."""
    found = _fitting(catalog, module, taken_off, over=False)
    for link in catalog.to_many(module):
        for field in catalog.module(link.module).fields:
            path = f"{link.slug}.{field.slug}"
            if fits(catalog, module, path, taken_off):
                found[path] = f"{link.label} › {field.name}"
    return found


def is_time(catalog: Catalog, module: str, path: str) -> bool:
    """Whether a path leads to a date or time, which has buckets."""
    return fits(catalog, module, path, timely)


def over_list(catalog: Catalog, module: str, path: str) -> bool:
    """Whether a path leads to related records."""
    return any(isinstance(step, ToMany) for step in catalog.resolve(module, path).steps)


def fits(catalog: Catalog, module: str, path: str, check: Check) -> bool:
    """Whether a path can be used as something."""
    try:
        check(catalog, module, path)
    except ConditionInvalid:
        return False
    return True


def _fitting(catalog: Catalog, module: str, check: Check, *, over: bool = True) -> dict[str, str]:
    paths = _paths(catalog, module, over)
    return {path: single(catalog, module, path).name for path in paths if fits(catalog, module, path, check)}


def _paths(catalog: Catalog, module: str, over: bool) -> Sequence[str]:
    system = [slug for slug in SYSTEM_FIELDS if slug != "id"]
    references = [one for one in catalog.references(module) if not one.polymorphic]
    own = [field.slug for field in catalog.module(module).fields] + [one.slug for one in references] + system
    if not over:
        return own
    further = [
        f"{one.slug}.{field.slug}" for one in references for field in catalog.module(one.targets[0]).fields
    ]
    return [*own, *further]
