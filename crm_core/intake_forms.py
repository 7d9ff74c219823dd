"""What strangers may hand in, and what it becomes: values of an inquiry, with nothing of it lost."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from crm_core.errors import Problem, ValuesInvalid
from crm_core.model import Catalog, Module
from crm_core.model.fields import MultiSelectField, SelectField

Form = Literal["contact", "inquiry"]
MODULES = ("inquiries", "tickets")
"""The modules that take what comes in, the first that a workspace has."""

Line = Annotated[str, Field(min_length=1, max_length=500)]
Text = Annotated[str, Field(max_length=100_000)]
Amount = Annotated[int | float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Purpose = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class _Given(BaseModel):
    """Properties that are unknown are kept."""

    model_config = ConfigDict(extra="allow", frozen=True, str_strip_whitespace=True)


class Item(_Given):
    """One kind of goods: lengths in cm, weight in kg."""

    description: Line
    quantity: Amount
    unit: Annotated[str, Field(max_length=50)] | None = None
    weight_kg: Amount | None = None
    length_cm: Amount | None = None
    width_cm: Amount | None = None
    height_cm: Amount | None = None


class _Sender(_Given):
    name: Line
    email: Annotated[str, Field(max_length=320)] | None = None
    phone: Annotated[str, Field(max_length=50)] | None = None
    company: Annotated[str, Field(max_length=500)] | None = None
    consent: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]], Field(max_length=20)
    ] = []

    @model_validator(mode="after")
    def _can_be_answered(self) -> "_Sender":
        if not self.email and not self.phone:
            raise ValueError("email or phone is needed, so that somebody can answer")
        return self


class Contact(_Sender):
    """A general question."""

    subject: Line
    message: Annotated[str, Field(min_length=1, max_length=100_000)]


class Inquiry(_Sender):
    """A request for a service. Units are metric; `ready_date` is when the goods can be picked up."""

    service: Line
    origin: Line
    destination: Line
    items: Annotated[list[Item], Field(min_length=1, max_length=200)]
    ready_date: date | None = None
    subject: Annotated[str, Field(max_length=500)] | None = None
    message: Text | None = None
    notes: Text | None = None


FORMS: Mapping[Form, type[Contact] | type[Inquiry]] = {"contact": Contact, "inquiry": Inquiry}


def read_form(form: Form, body: Mapping[str, Any]) -> Contact | Inquiry:
    """Read what came in.

    Raises:
        ValuesInvalid: With everything that is missing or cannot be used.
    """
    try:
        return FORMS[form].model_validate(body)
    except ValidationError as error:
        raise ValuesInvalid(form, [_problem(found) for found in error.errors()]) from error


def _problem(found: Mapping[str, Any]) -> Problem:
    place = ".".join(str(part) for part in found["loc"])
    received = found["input"] if isinstance(found["input"], (str, int, float, bool)) else None
    code = "required" if found["type"] == "missing" else str(found["type"])
    return Problem(place or "email", code, str(found["msg"]).removeprefix("Value error, "), received)


def intake_module(catalog: Catalog) -> Module | None:
    """The module that takes what comes in, or None in a workspace without one."""
    return next((catalog.modules[slug] for slug in MODULES if slug in catalog.modules), None)


def values_of(given: Contact | Inquiry, module: Module, *, form: Form) -> dict[str, Any]:
    """The values of the record, so far as the module has fields for them; the rest goes to `extra`."""
    properties = given.model_dump(mode="json", exclude_none=True, exclude=set(given.model_extra or ()))
    extra = dict(given.model_extra or {})
    service = _service(properties.pop("service", "general"), module)
    if service is not None:
        properties["service"] = service
    if isinstance(given, Inquiry):
        if service in (None, "general"):
            extra["service"] = given.service
        properties["subject"] = (
            given.subject or f"{given.service}: {given.origin} → {given.destination}"[:500]
        )
    agreed = properties.pop("consent", [])
    known = [purpose for purpose in agreed if purpose in _options(module, "consent")]
    properties |= {"consent": known or None, "channel": "api"}
    if len(known) < len(agreed):
        extra["consent"] = agreed
    values = {name: value for name, value in properties.items() if module.field(name) is not None}
    extra |= {name: value for name, value in properties.items() if name not in values and name != "channel"}
    if extra and module.field("extra") is not None:
        values["extra"] = extra
    return values | {"source": f"public:submit-{form}"}


def _service(asked: str, module: Module) -> str | None:
    """The option that is meant: by value, by label, or by a beginning of one only; else the general one."""
    field = module.field("service")
    if not isinstance(field, SelectField):
        return None
    names = {_folded(name): option.value for option in field.options for name in (option.text, option.value)}
    wanted = _folded(asked)
    if wanted in names:
        return names[wanted]
    begun = {value for name, value in names.items() if wanted and name.startswith(wanted)}
    if len(begun) == 1:
        return begun.pop()
    return "general" if "general" in names.values() else None


def _options(module: Module, slug: str) -> set[str]:
    field = module.field(slug)
    return {option.value for option in field.options} if isinstance(field, MultiSelectField) else set()


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()
