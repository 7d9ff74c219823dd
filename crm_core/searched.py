"""What of a module a search looks into."""

from crm_core.model import Catalog, ContactPoints
from crm_core.model.fields import EmailField, LongTextField, PhoneField, TextField


def searched_columns(catalog: Catalog, module: str) -> tuple[str, ...]:
    """The columns that search looks into: the title, what is marked searchable, e-mail, phone and reference."""
    own = catalog.module(module)
    names = [catalog.resolve(module, own.title).column]
    for field in own.fields:
        if (
            (field.searchable and isinstance(field, (TextField, LongTextField, EmailField, PhoneField)))
            or isinstance(field, (EmailField, PhoneField))
            or field.kind == "auto_number"
        ):
            names.append(field.slug)
    return tuple(dict.fromkeys(name for name in names if name != "id"))


def search_texts(catalog: Catalog, module: str) -> tuple[str, ...]:
    """The columns whose texts a search compares: those that it looks into, and the tags."""
    return (*searched_columns(catalog, module), "tags")


def open_points(catalog: Catalog, module: str) -> ContactPoints | None:
    """The contact points of a module when whoever sees a record sees its contact points; else None."""
    points = catalog.module(module).contact_points
    if points is None or points.module not in catalog.modules:
        return None
    own = catalog.module(points.module)
    return points if own.access == "parent" and own.parent == (points.reference,) else None


def forgives(catalog: Catalog, module: str) -> bool:
    """Whether a search of the module finds what is written a little differently as well."""
    return catalog.module(module).profile
