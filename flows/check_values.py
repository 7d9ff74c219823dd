"""Whether the values of an action can be set, said in sentences when a flow is saved."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pycountry

from crm_core.access import Actor
from crm_core.conditions import Scope
from crm_core.errors import ConditionInvalid, TemplateInvalid, UnknownModule
from crm_core.model import Module
from crm_core.model.fields import (
    CountryField,
    EmailField,
    MultiSelectField,
    SelectField,
    TextField,
    UserField,
)
from crm_core.relations import Relations
from crm_core.templates import check_template, is_template, single_path
from crm_core.trees import column
from flows.checks import Checks
from flows.targets import RECORD, Target, find_target
from flows.values import Source, compile_value, literals_of

_LIST_CHANGES = ("add", "remove")


def check_values(checks: Checks, module: str, values: Mapping[str, Any]) -> list[str]:
    """What is wrong with values by field for a record of `module`; all of it, none when they can be set."""
    return [
        problem
        for slug, given in values.items()
        for problem in _check_one(checks, module, slug, given, values)
    ]


def check_new_record(
    checks: Checks, module: str, values: Mapping[str, Any], given: Collection[str] = ()
) -> list[str]:
    """As `check_values`, and that what a new record must have is there; `given` is set by the action itself."""
    problems = check_values(checks, module, values)
    has = set(values) | set(given)
    for field in checks.catalog.module(module).fields:
        if field.required and field.default is None and field.kind != "auto_number" and field.slug not in has:
            problems.append(f"{module} needs “{field.slug}”, which is not set")
    for reference in checks.catalog.references(module):
        if reference.required and reference.slug not in has:
            problems.append(f"{module} needs the link “{reference.slug}”, which is not set")
    for slug, value in values.items():
        if isinstance(value, Mapping) and set(value) & set(_LIST_CHANGES):
            problems.append(
                f"“{slug}” of a new record takes a list; add and remove are for records that are there"
            )
    return problems


def check_trigger_value(checks: Checks, slug: str, value: Any) -> list[str]:
    """What is wrong with a plain value that a trigger waits for."""
    try:
        target = find_target(checks.catalog, checks.module, slug)
    except (ConditionInvalid, UnknownModule):
        return []
    return [f"the trigger: {problem}" for problem in _literal_problems(checks, target, value, {})]


def check_text(checks: Checks, label: str, source: str) -> list[str]:
    """What is wrong with a text in which fields may stand."""
    return [f"{label}: {problem}" for problem in check_template(checks.catalog, checks.module, source)]


def check_target(checks: Checks, target: Target, given: Any) -> list[str]:
    """What is wrong with a value for something that is no field of a module: an end or a field of a link."""
    broken = list(_template_problems(checks, target.slug, given))
    if broken:
        return broken
    return [*_compile_problems(checks, target, given), *_literal_problems(checks, target, given, {})]


def _check_one(
    checks: Checks, module: str, slug: str, given: Any, values: Mapping[str, Any]
) -> Iterator[str]:
    try:
        target = find_target(checks.catalog, module, slug)
    except (ConditionInvalid, UnknownModule) as error:
        yield error.reason if isinstance(error, ConditionInvalid) else str(error)
        return
    broken = list(_template_problems(checks, slug, given))
    yield from broken
    if not broken:
        yield from _compile_problems(checks, target, given)
        yield from _literal_problems(checks, target, given, values)


def _template_problems(checks: Checks, slug: str, given: Any) -> Iterator[str]:
    """Templates anywhere within the value."""
    if isinstance(given, Mapping):
        for part in given.values():
            yield from _template_problems(checks, slug, part)
    elif isinstance(given, (list, tuple)):
        for part in given:
            yield from _template_problems(checks, slug, part)
    elif is_template(given):
        try:
            whole_record = single_path(given) == RECORD
        except TemplateInvalid as error:
            yield f"{slug}: {error.reason}"
            return
        if not whole_record:
            yield from check_text(checks, slug, given)


def _compile_problems(checks: Checks, target: Target, given: Any) -> Iterator[str]:
    if given is None and target.field is not None and target.field.required:
        yield f"“{target.slug}” is required and cannot be cleared"
    try:
        scope = Scope(checks.module, "f", Relations(checks.catalog, Actor.system()))
        compile_value(Source(scope, column("occurred_at", "f")), target, given)
    except (ConditionInvalid, TemplateInvalid) as error:
        yield error.reason


def _literal_problems(checks: Checks, target: Target, given: Any, values: Mapping[str, Any]) -> Iterator[str]:
    allowed, what = _allowed(checks, target, values)
    for literal in literals_of(given):
        if allowed is not None and str(literal) not in allowed:
            known = ", ".join(sorted(allowed)) or "nothing"
            yield f"“{target.slug}” of {target.module} cannot be {literal!r}: {what} {known}"
        elif isinstance(target.field, EmailField) and not re.fullmatch(r"[^@\s]+@[^@\s]+", str(literal)):
            yield f"“{target.slug}” is an e-mail address, which {literal!r} is not"
        elif isinstance(target.field, CountryField) and pycountry.countries.get(alpha_2=str(literal)) is None:
            yield f"“{target.slug}” is a country such as DE, which {literal!r} is not"
        elif isinstance(target.field, TextField) and len(str(literal)) > target.field.max_length:
            yield f"“{target.slug}” has at most {target.field.max_length} characters"


def _allowed(checks: Checks, target: Target, values: Mapping[str, Any]) -> tuple[Collection[str] | None, str]:
    """The plain values that a field can have, None when any will do, and how to speak of them."""
    # A link has fields of its own and is no module.
    module = checks.catalog.modules.get(target.module)
    if module is not None and target.slug == "status":
        return _statuses(module, values.get("folder")), "its statuses are"
    if module is not None and target.slug == "folder":
        return {folder.slug for folder in module.folders}, "its folders are"
    if module is not None and target.slug == "team":
        return set(checks.catalog.teams), "the teams are"
    people = module is not None and target.slug in ("owner", "workers")
    if people or isinstance(target.field, UserField):
        return checks.users, "the users are"
    if isinstance(target.field, (SelectField, MultiSelectField)) and target.field.options:
        return {option.value for option in target.field.options}, "its options are"
    return None, ""


def _statuses(module: Module, folder: Any) -> set[str]:
    folders = [f for f in module.folders if f.slug == folder] or list(module.folders)
    return {status.slug for one in folders for status in one.statuses}
