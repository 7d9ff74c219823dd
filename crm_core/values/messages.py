"""What is wrong with a value, in words; `{value}` is what came in, shortened."""

from crm_core.model import Reference
from crm_core.model.fields import (
    DecimalField,
    Field,
    IntegerField,
    LongTextField,
    MoneyField,
    MultiSelectField,
    SelectField,
    TextField,
)

_TYPES = {
    "integer": "is no whole number",
    "decimal": "is no number with at most 12 digits before the point and 6 behind it",
    "money": "is no amount such as 12.50 or 12.50 EUR, with at most 14 digits before the point and 4 behind it",
    "boolean": "is neither yes nor no",
    "date": "is no date such as 2026-11-22",
    "datetime": "is no date with a time such as 2026-11-22T14:30 or 2026-11-22T14:30:00Z",
    "email": "is no e-mail address",
    "phone": "is no phone number such as +49 30 1234567",
    "country": "is no country by code or name",
    "url": "is no web address such as https://company.example",
    "json": "is no JSON",
    "user": "is no active user by slug, e-mail address or name",
    "file": "is no list of ids of files",
    "address": "is no address with street, postal_code, city, region and country",
}
_SHOWN_OPTIONS = 12


def message(field: Field | Reference, code: str) -> str:
    """The sentence for a problem of a field."""
    name = f"“{field.slug}”"
    match code:
        case "required":
            return f"{name} is required"
        case "unique":
            return f"{name}: “{{value}}” is taken by another record"
        case "unique_in_set":
            return f"{name}: “{{value}}” is given to two records at once"
        case "nul_character":
            return f"{name} holds the character U+0000, which no text may hold; remove it"
        case "read_only":
            return f"{name} cannot be changed here"
        case "hidden":
            return f"{name} is not in use for this record, as another field says; leave it empty"
        case "currency":
            return f"{name}: “{{value}}” names no currency by its ISO 4217 code such as EUR"
        case "length":
            return f"{name} is longer than the {_longest(field)} characters allowed"
        case "pattern":
            return f"{name}: “{{value}}” does not have the form {getattr(field, 'pattern', '')}"
        case "range":
            return f"{name}: “{{value}}” is outside of what is allowed, {_range(field)}"
        case "scale":
            kept = 4 if isinstance(field, MoneyField) else 6
            return f"{name}: “{{value}}” has more than the {kept} digits behind the point that are kept; round it"
        case "option":
            return f"{name}: “{{value}}” is none of its options{_options(field)}"
        case "reference":
            return f"{name}: there is no record “{{value}}” in {_targets(field)} that you can link to"
        case "file":
            return f"{name}: “{{value}}” names a file that is not there"
        case "status":
            return f"{name}: “{{value}}” is no status of the record's folder"
    return f"{name}: “{{value}}” {_type_words(field)}"


def _type_words(field: Field | Reference) -> str:
    if isinstance(field, Reference):
        return f"is no id of a record in {_targets(field)}"
    return _TYPES.get(field.kind, "cannot be read")


def _targets(field: Field | Reference) -> str:
    return " or ".join(field.targets) if isinstance(field, Reference) else "there"


def _longest(field: Field | Reference) -> str:
    longest = field.max_length if isinstance(field, (TextField, LongTextField)) else 2000
    return f"{longest:,}"


def _range(field: Field | Reference) -> str:
    if not isinstance(field, (IntegerField, DecimalField, MoneyField)):
        return "which is limited"
    if field.minimum is not None and field.maximum is not None:
        return f"from {field.minimum} to {field.maximum}"
    return f"at least {field.minimum}" if field.minimum is not None else f"at most {field.maximum}"


def _options(field: Field | Reference) -> str:
    options = field.options if isinstance(field, (SelectField, MultiSelectField)) else ()
    if not options:
        return ""
    more = f" and {len(options) - _SHOWN_OPTIONS} more" if len(options) > _SHOWN_OPTIONS else ""
    return ": " + ", ".join(option.value for option in options[:_SHOWN_OPTIONS]) + more
