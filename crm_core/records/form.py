"""What the rules say of a form on the screen: it is a relation of one row, judged like any other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.conditions import Scope
from crm_core.model import Option
from crm_core.params import Params
from crm_core.records.insert import prepare_insert
from crm_core.records.writer import Writer
from crm_core.relations import Relations
from crm_core.trees import name, text
from crm_core.values.normalise import normalise
from crm_core.values.plan import writable
from crm_core.values.rules import ROW, row_rules
from crm_core.values.staging import flatten, stage
from lake import Lake


@dataclass(frozen=True)
class FormRules:
    """Which fields a form hides, demands and locks, and to which options it limits a field, as it is filled now."""

    hidden: frozenset[str]
    required: frozenset[str]
    read_only: frozenset[str]
    options: Mapping[str, tuple[Option, ...]]


def read_form_rules(lake: Lake, *, module: str, values: Mapping[str, Any], actor: Actor) -> FormRules:
    """Ask the rules of a module about the values of an unsaved form, or of a record that was read.

    Values that cannot be read count as missing; unknown ones are left out.

    Raises:
        UnknownModule: There is no such module.
    """
    catalog = definitions.read_catalog(lake)
    own = catalog.module(module)
    static = FormRules(
        frozenset(),
        frozenset(slug for slug, one in writable(catalog, module).items() if one.required),
        frozenset(field.slug for field in own.fields if field.read_only),
        {},
    )
    if not own.dependencies:
        return static
    writer = Writer(catalog, people.read_directory(lake), actor, "form", trusted=True)
    with lake.session() as s:
        flat = flatten(catalog, module, [values])
        stage(s, flat, fields=writable(catalog, module), meta={}, name="form_staged")
        typed = normalise(
            s, catalog, module=module, directory=writer.directory, staged="form_staged", typed="form_typed",
            problems="form_problems",
        )  # fmt: skip
        prepare_insert(s, writer, module=module, typed=typed, staged="form_staged", ready="form_ready")
        params = Params("d")
        rules = row_rules(catalog, own, Scope(module, ROW, Relations(catalog, actor, params)))
        asked: dict[str, exp.Expr] = {f"hidden {slug}": tree for slug, tree in rules.hidden.items()}
        asked |= {f"required {slug}": tree for slug, tree in rules.required.items()}
        asked |= {f"read_only {slug}": tree for slug, tree in rules.frozen.items()}
        limits = [(slug, place) for slug, ways in rules.limits.items() for place in range(len(ways))]
        asked |= {f"limit{place} {slug}": rules.limits[slug][place][0] for slug, place in limits}
        select = exp.select(*[tree.as_(key, quoted=True) for key, tree in asked.items()]).from_(
            exp.Table(this=name("form_ready"), alias=exp.TableAlias(this=name(ROW)))
        )
        used = {place.this for place in select.find_all(exp.Placeholder)}
        held = s.read(text(select), {k: v for k, v in params.values.items() if k in used} or None).row(
            0, named=True
        )
    return _rules(own.field, rules.limits, {key for key, value in held.items() if value})


def _rules(field_of: Any, limits: Any, held: set[str]) -> FormRules:
    def of(kind: str) -> frozenset[str]:
        return frozenset(key.partition(" ")[2] for key in held if key.startswith(f"{kind} "))

    options: dict[str, tuple[Option, ...]] = {}
    for slug, ways in limits.items():
        allowed = [set(values) for place, (_, values) in enumerate(ways) if f"limit{place} {slug}" in held]
        if allowed:
            left = set.intersection(*allowed)
            known = getattr(field_of(slug), "options", ())
            options[slug] = tuple(option for option in known if option.value in left)
    hidden = of("hidden")
    return FormRules(hidden, of("required") - hidden, of("read_only"), options)
