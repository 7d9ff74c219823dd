"""What must hold of definitions beyond their shapes: each rule looks at the whole and says what is wrong."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from crm_core.directory import Directory
from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog, Module, Reference, Relationship
from crm_core.model.base import LINK_COLUMNS
from crm_core.model.catalog import two_lists
from crm_core.model.condition import leaves
from crm_core.model.fields import Field, MultiSelectField, SelectField, TextField
from crm_core.values.defaults import default_problems
from lake import Lake
from lake.errors import StatementError

CONTACT_FIELDS = ("kind", "value", "standardised", "primary", "invalid")
"""What a module must have to hold the contact points of another."""


def rule_problems(lake: Lake, catalog: Catalog, *, changed: Collection[str]) -> Iterator[str]:
    """Every problem that `Catalog.check` does not see.

    Args:
        lake: its engine says whether a pattern is one, outside of any transaction, which a bad one would end.
        catalog: the definitions as they would be.
        changed: the modules that are new or different, whose defaults are read anew.
    """
    for module in catalog.modules.values():
        yield from _fields(module.slug, module.fields, lake)
        yield from _folders(module)
        yield from _shown(catalog, module)
        yield from _related(catalog, module)
        yield from _exclusive(catalog, module)
        yield from _calendar(catalog, module)
        yield from _contact_points(catalog, module)
    for rel in catalog.relationships:
        yield from _link(rel, lake)
    yield from _defaults(lake, catalog, changed)
    yield from _access_cycles(catalog)
    for template in catalog.templates.values():
        if template.module not in catalog.modules:
            yield f"the template {template.slug} is for the unknown module “{template.module}”"


def list_problems(before: Catalog, after: Catalog) -> Iterator[str]:
    """Lists of related records that would have the same name, unless they have it already."""
    for module in after.modules:
        links = after.to_many(module)
        known = Counter(link.slug for link in before.to_many(module))
        for slug in _twice(link.slug for link in links):
            same = [link for link in links if link.slug == slug]
            # What an old lake has is told where the name is used: everything else can still be saved.
            if known[slug] < len(same):
                yield two_lists(module, same)


def _fields(owner: str, fields: Sequence[Field], lake: Lake) -> Iterator[str]:
    for field in fields:
        if isinstance(field, (SelectField, MultiSelectField)):
            for value in _twice(option.value for option in field.options):
                yield f"{owner}: “{field.slug}” has the option “{value}” twice"
        if isinstance(field, TextField) and field.pattern:
            try:
                lake.read("SELECT regexp_full_match('', ?)", [field.pattern])
            except StatementError as error:
                yield f"{owner}: the pattern of “{field.slug}” is no regular expression (RE2): {error}"
        texts = {one.slug for one in fields if one.kind == "text" and one.slug != field.slug}
        for slug in getattr(field, "made_of", ()):
            if slug not in texts:
                yield f"{owner}: “{field.slug}” is made of “{slug}”, which is no other text field of it"
        low, high = getattr(field, "minimum", None), getattr(field, "maximum", None)
        if low is not None and high is not None and low > high:
            yield f"{owner}: “{field.slug}” must be at least {low} and at most {high}, which nothing is"


def _defaults(lake: Lake, catalog: Catalog, changed: Collection[str]) -> Iterator[str]:
    """Defaults are read as any value is; a user's slug counts whoever works here by then."""
    with lake.session() as s:
        for module in (catalog.modules[slug] for slug in changed if slug in catalog.modules):
            fields = [field for field in module.fields if field.kind != "user"]
            own = module.model_copy(update={"fields": tuple(fields)})
            yield from default_problems(s, catalog, own, Directory())


def _folders(module: Module) -> Iterator[str]:
    for slug in _twice(folder.slug for folder in module.folders):
        yield f"{module.slug} has the folder “{slug}” twice"
    for folder in module.folders:
        for status in _twice(status.slug for status in folder.statuses):
            yield f"{module.slug}: the folder {folder.slug} has the status “{status}” twice"


def _shown(catalog: Catalog, module: Module) -> Iterator[str]:
    for slug in _twice(section.slug for section in module.sections):
        yield f"{module.slug} has the section “{slug}” twice"
    if module.timeline is not None:
        names = [module.timeline.date, module.timeline.title, module.timeline.text]
        for name in filter(None, names):
            try:
                catalog.resolve(module.slug, name)
            except ConditionInvalid as error:
                yield f"{module.slug}: the timeline: {error.reason}"


def _related(catalog: Catalog, module: Module) -> Iterator[str]:
    """The conditions of dependencies that are asked of related records."""
    for related in filter(None, (dependency.related for dependency in module.dependencies)):
        try:
            path = catalog.resolve(module.slug, f"{related.over}.id")
            last = path.steps[-1]
            here = last.targets[0] if isinstance(last, Reference) else last.module
            for leaf in leaves(related.when):
                catalog.resolve(here, leaf.field)
        except ConditionInvalid as error:
            yield f"{module.slug}: a dependency: {error.reason}"


def _exclusive(catalog: Catalog, module: Module) -> Iterator[str]:
    """Rules of exclusive time need two dates or instants, and one value of what is taken."""
    columns = catalog.columns(module.slug)
    statuses = {status.slug for folder in module.folders for status in folder.statuses}
    for rule in module.exclusive:
        for slug in (rule.start, rule.end):
            if columns.get(slug) not in ("DATE", "TIMESTAMPTZ"):
                yield f"{module.slug}: exclusive times need a date or time, which “{slug}” is not"
        for slug in rule.per:
            if slug not in columns or columns[slug].endswith("[]"):
                yield f"{module.slug}: exclusive times are for a field with one value, which “{slug}” is not"
        for slug in sorted(set(rule.ignore) - statuses):
            yield f"{module.slug}: exclusive times ignore the unknown status “{slug}”"


def _calendar(catalog: Catalog, module: Module) -> Iterator[str]:
    """What stands in a calendar begins at an instant, and ends at one where it says when."""
    place, columns = module.calendar, catalog.columns(module.slug)
    if place is None:
        return
    for slug in filter(None, (place.starts, place.ends)):
        if columns.get(slug) != "TIMESTAMPTZ":
            yield f"{module.slug}: the calendar needs a field of the kind datetime, which “{slug}” is not"
    if place.ends == place.starts:
        yield f"{module.slug}: the calendar cannot begin and end by the same field, “{place.starts}”"
    if place.place and place.place not in columns:
        yield f"{module.slug}: the calendar names the unknown field “{place.place}” as the place"


def _contact_points(catalog: Catalog, module: Module) -> Iterator[str]:
    points = module.contact_points
    if points is None:
        return
    holder = catalog.modules.get(points.module)
    if holder is None:
        yield f"{module.slug} keeps its contact points in the unknown module “{points.module}”"
        return
    missing = [name for name in CONTACT_FIELDS if holder.field(name) is None]
    if missing:
        yield f"{holder.slug} holds contact points and lacks the fields {', '.join(missing)}"
    reference = catalog.reference(holder.slug, points.reference)
    if reference is None or module.slug not in reference.targets:
        yield f"{holder.slug} lacks the reference “{points.reference}” to {module.slug}, whose points it has"
    for name in (points.email, points.phone):
        if module.field(name) is None:
            yield f"{module.slug} has contact points and no field “{name}” for the primary one"


def _link(rel: Relationship, lake: Lake) -> Iterator[str]:
    yield from _fields(rel.key, rel.fields, lake)
    names = [field.slug for field in rel.fields]
    for name in _twice(names):
        yield f"the relationship {rel.key} has “{name}” twice"
    for name in sorted(set(names) & set(LINK_COLUMNS)):
        yield f"the relationship {rel.key} cannot have a field “{name}”, which its table needs itself"


def _access_cycles(catalog: Catalog) -> Iterator[str]:
    for module in catalog.modules.values():
        for way in _ways_back(catalog, (module.slug,)):
            yield f"{module.slug} takes its access over {' → '.join(way)}, which is a circle"
            break


def _ways_back(catalog: Catalog, way: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The ways over parents that lead from the first module of `way` back to it."""
    here = catalog.module(way[-1])
    named = (catalog.reference(here.slug, slug) for slug in here.parent if here.access == "parent")
    for target in {target for reference in named if reference for target in reference.targets}:
        if target == way[0]:
            yield (*way, target)
        elif target in catalog.modules and target not in way:
            yield from _ways_back(catalog, (*way, target))


def _twice(values: Iterable[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]
