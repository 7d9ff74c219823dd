"""Saved views that name what a module no more has: shown without it, and told."""

from collections.abc import Iterator
from dataclasses import dataclass

from crm_core.errors import ConditionInvalid, UnknownModule
from crm_core.model import All, AnyOf, Catalog, Condition, SavedFilter
from crm_core.model.condition import Leaf, Not, leaves


@dataclass(frozen=True)
class Mended:
    """A view as it can be shown: `view` without what is gone, and the fields that it named and `lost`."""

    view: SavedFilter
    lost: tuple[str, ...] = ()


def mended(catalog: Catalog, view: SavedFilter) -> Mended:
    """A view without the comparisons, columns and sort keys of fields that there are no more.

    A group of comparisons that are all gone is gone as well: it narrows nothing.
    """
    lost = lost_fields(catalog, view)
    if not lost:
        return Mended(view)
    kept = {
        "when": _without(view.when, lost) or All(),
        "columns": tuple(name for name in view.columns if name not in lost),
        "sort": tuple(key for key in view.sort if key.lstrip("+-") not in lost),
    }
    return Mended(view.model_copy(update=kept), lost)


def lost_fields(catalog: Catalog, view: SavedFilter) -> tuple[str, ...]:
    """What a view names and its module does not have, in the order in which it is named."""
    named = [leaf.field for leaf in leaves(view.when)]
    named += [*view.columns, *(key.strip().lstrip("+-") for keys in view.sort for key in keys.split(","))]
    return tuple(name for name in dict.fromkeys(named) if name and not _known(catalog, view.module, name))


def lost_views(before: Catalog, after: Catalog) -> Iterator[str]:
    """A line for each view that loses something when `after` takes the place of `before`."""
    for view in after.saved_filters.values():
        was = lost_fields(before, view)
        names = [name for name in lost_fields(after, view) if name not in was]
        if names and view.module in after.modules:
            which = (
                f"a view of {view.owner} alone"
                if view.shared_with == "me"
                else f"the view {view.name or view.slug}"
            )
            yield f"{which} is shown without {', '.join(f'“{name}”' for name in names)}"


def _known(catalog: Catalog, module: str, name: str) -> bool:
    try:
        catalog.resolve(module, name)
    except (ConditionInvalid, UnknownModule):
        return False
    return True


def _without(condition: Condition, lost: tuple[str, ...]) -> Condition | None:
    match condition:
        case Leaf():
            return None if condition.field in lost else condition
        case Not(not_=part):
            kept = _without(part, lost)
            return Not(**{"not": kept}) if kept is not None else None
        case All(all=parts):
            left = tuple(one for part in parts if (one := _without(part, lost)) is not None)
            return All(all=left) if left or not parts else None
        case AnyOf(any=parts):
            left = tuple(one for part in parts if (one := _without(part, lost)) is not None)
            return AnyOf(any=left) if left or not parts else None
