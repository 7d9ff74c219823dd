"""Values of fields as people read them: one view per kind, each a pure function to HTML.

show_field(field, record[field.slug], context)      # -> Html, "–" for a missing value
text_of(field, value, context)                      # -> str, for lists, grids and titles
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_core.model import Field, Option
from crm_core.model.fields import ADDRESS_PARTS
from pages._ui import html, words
from pages._ui.html import Html


@dataclass(frozen=True)
class FieldContext:
    """What fields need to know of their surroundings.

    Attributes:
        users: Slug → name of the users that can be chosen.
        files: Id → name of the files that are shown.
        zone: The IANA time zone in which instants are shown and typed.
        currency: The code that a new amount takes.
        options: Field slug → its options, where they differ from the definition's (a status, a dependency).
        upload: Stores what was sent into a box for files and returns their ids; None where files cannot be added.
        most_bytes: The largest file that can be added.
    """

    users: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    zone: str = "UTC"
    currency: str = "EUR"
    options: Mapping[str, tuple[Option, ...]] = field(default_factory=dict)
    upload: Callable[[str], list[str]] | None = None
    most_bytes: int = 0


NOWHERE = FieldContext()


def show_field(field: Field, value: Any, context: FieldContext = NOWHERE) -> Html:
    """A value as HTML; a dash when it is missing."""
    if is_missing(value):
        return html.missing()
    return VIEWS[field.kind](field, value, context)


def show_columns(field: Field, columns: Mapping[str, Any], context: FieldContext = NOWHERE) -> Html:
    """The value of a field out of a row of its module's table: money and addresses from their columns."""
    return show_field(field, from_columns(field, columns), context)


def from_columns(field: Field, columns: Mapping[str, Any]) -> Any:
    """The value of a field in the shape of a record, out of a row of its module's table."""
    if field.kind == "money":
        amount = columns.get(field.slug)
        return (
            None if amount is None else {"amount": amount, "currency": columns.get(f"{field.slug}__currency")}
        )
    if field.kind == "address":
        return {part: columns.get(f"{field.slug}__{part}") for part in ADDRESS_PARTS}
    return columns.get(field.slug)


def text_of(field: Field, value: Any, context: FieldContext = NOWHERE) -> str:
    """A value as plain text; nothing when it is missing."""
    return "" if is_missing(value) else str(show_field(field, value, context).striptags())


def is_missing(value: Any) -> bool:
    """Whether a value is not there: None, an empty text or list, an address or amount without any part."""
    if isinstance(value, Mapping):
        return all(part in (None, "") for part in value.values())
    return value is None or value == "" or value == [] or value == ()


def options_of(field: Any, context: FieldContext) -> tuple[Option, ...]:
    """The options of a select, as far as they can be chosen here."""
    return context.options.get(field.slug, getattr(field, "options", ()) or ())


def option_badge(field: Any, value: str, context: FieldContext) -> Html:
    """One option as a badge in its colour; a value that is no option any more stands as it is."""
    found = next((option for option in options_of(field, context) if option.value == value), None)
    return html.badge(found.text, color=found.color or "gray") if found else html.badge(str(value))


SHORT = 60
"""A long text of more letters takes the whole width of its card."""


def _text(_: Field, value: Any, __: FieldContext) -> Html:
    return html.html(str(value))


def _long_text(_: Field, value: Any, __: FieldContext) -> Html:
    return Html('<span class="{}">{}</span>').format(
        "m-long" if len(str(value)) > SHORT else "m-lines", str(value)
    )


def _number(_: Field, value: Any, __: FieldContext) -> Html:
    return html.html(words.number(value))


def _money(_: Field, value: Any, __: FieldContext) -> Html:
    if isinstance(value, Mapping):
        return html.html(words.money(value.get("amount"), value.get("currency")))
    return html.html(words.money(value, None))


def _boolean(_: Field, value: Any, __: FieldContext) -> Html:
    yes = value is True or str(value).lower() in ("true", "yes", "1")
    return html.html("Yes" if yes else "No")


def _date(_: Field, value: Any, __: FieldContext) -> Html:
    return html.html(words.day(value))


def _datetime(_: Field, value: Any, context: FieldContext) -> Html:
    return html.html(words.moment(value, zone=context.zone))


def _email(_: Field, value: Any, __: FieldContext) -> Html:
    return html.link(str(value), href=f"mailto:{value}")


def _phone(_: Field, value: Any, __: FieldContext) -> Html:
    return html.link(words.phone(str(value)), href=f"tel:{value}")


def _url(_: Field, value: Any, __: FieldContext) -> Html:
    address = str(value)
    shown = address.removeprefix("https://").removeprefix("http://").removesuffix("/")
    return html.link(shown, href=address if "://" in address else f"https://{address}")


def _select(field: Field, value: Any, context: FieldContext) -> Html:
    return option_badge(field, str(value), context)


def _multi_select(field: Field, value: Any, context: FieldContext) -> Html:
    return html.chips(option_badge(field, str(one), context) for one in value)


def _address(_: Field, value: Any, __: FieldContext) -> Html:
    if not isinstance(value, Mapping):
        return html.html(str(value))
    street, postal_code, city, region, country = (value.get(part) or "" for part in ADDRESS_PARTS)
    place = " ".join(part for part in (str(postal_code), str(city)) if part)
    lines = [str(street), place, str(region), words.country(country) if country else ""]
    return html.join([line for line in lines if line], between=", ")


def _country(_: Field, value: Any, __: FieldContext) -> Html:
    return html.html(words.country(value))


def _user(_: Field, value: Any, context: FieldContext) -> Html:
    return html.html(context.users.get(str(value), str(value)))


def _file(_: Field, value: Any, context: FieldContext) -> Html:
    ids = value if isinstance(value, list | tuple) else [value]
    return html.chips(html.badge(context.files.get(str(one), "File")) for one in ids)


def _json(_: Field, value: Any, __: FieldContext) -> Html:
    things = _parsed(value)
    if isinstance(things, list) and things and all(_is_flat(thing) for thing in things):
        return Html('<ul class="m-items">{}</ul>').format(html.join(_thing(thing) for thing in things))
    shown = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return Html('<pre class="m-json">{}</pre>').format(shown)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _is_flat(thing: Any) -> bool:
    return isinstance(thing, Mapping) and all(
        part is None or isinstance(part, str | int | float) for part in thing.values()
    )


def _thing(thing: Mapping[str, Any]) -> Html:
    """One of a list of things: its first word, and below what else is known of it."""
    given = [(name, part) for name, part in thing.items() if part not in (None, "")]
    if not given:
        return Html("<li>{}</li>").format(html.missing())
    first, *rest = given
    told = html.join(
        (Html("{} {}").format(words.readable(str(name)).lower(), part) for name, part in rest), between=" · "
    )
    return Html("<li>{}<br><span>{}</span></li>").format(str(first[1]), told)


VIEWS: dict[str, Callable[[Field, Any, FieldContext], Html]] = {
    "text": _text,
    "long_text": _long_text,
    "integer": _number,
    "decimal": _number,
    "money": _money,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "email": _email,
    "phone": _phone,
    "url": _url,
    "select": _select,
    "multi_select": _multi_select,
    "address": _address,
    "country": _country,
    "user": _user,
    "file": _file,
    "json": _json,
    "auto_number": _text,
}
"""Field kind → how a value of it is shown."""
