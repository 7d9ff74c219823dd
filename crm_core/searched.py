"""Which columns of a module a search looks into."""

from crm_core.model import Catalog
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
