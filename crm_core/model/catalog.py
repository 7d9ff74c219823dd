"""All definitions of a workspace together: who points to whom, and whether it all fits."""

import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

from crm_core.errors import ConditionInvalid, DefinitionInvalid, UnknownModule
from crm_core.model.base import SYSTEM_COLUMNS
from crm_core.model.condition import leaves
from crm_core.model.documents import (
    CustomerEvent,
    Document,
    SavedFilter,
    Stored,
    Team,
    Template,
    WorkspaceSettings,
)
from crm_core.model.fields import (
    ADDRESS_PARTS,
    AddressField,
    DatetimeField,
    Field,
    MoneyField,
    MultiSelectField,
    SelectField,
    TextField,
    UserField,
)
from crm_core.model.modules import Module
from crm_core.model.relationships import Relationship
from crm_core.model.reports import Dashboard, Report

T = TypeVar("T")


@dataclass(frozen=True)
class Reference:
    """A column of `module` that holds the id of a record of one of `targets` (several: `<slug>__module` too)."""

    module: str
    slug: str
    targets: tuple[str, ...]
    relationship: Relationship
    label: str
    required: bool = False
    unique: bool = False

    @property
    def polymorphic(self) -> bool:
        """Whether it may point to one of several modules, named in a second column."""
        return len(self.targets) > 1

    @property
    def module_column(self) -> str:
        """The column that names the target's module, when there are several."""
        return f"{self.slug}__module"

    @property
    def columns(self) -> dict[str, str]:
        """Column name → DuckDB type."""
        return {self.slug: "UUID"} | ({self.module_column: "VARCHAR"} if self.polymorphic else {})


@dataclass(frozen=True)
class ToMany:
    """Records of `module` that belong to a record of `owner`: by its reference column, or over a link table."""

    owner: str
    slug: str
    module: str
    label: str
    relationship: Relationship
    reference: Reference | None = None
    link_table: str | None = None
    outgoing: bool = True
    """For a link table: whether `owner` is its `from` side."""


@dataclass(frozen=True)
class Path:
    """What `customer.country` means: the steps to take and the field (or system column) at the end.

    `total` is said by `.sum` behind a number or an amount of a list of related records: all of theirs together.
    """

    text: str
    module: str
    steps: tuple[Reference | ToMany, ...]
    field: Field | Reference
    column: str
    column_type: str
    total: bool = False


TOTAL = "sum"
"""The last part of a path that adds up what a list of related records has."""

SYSTEM_FIELDS: dict[str, Field] = {
    "id": TextField.model_construct(slug="id", label="Id"),
    "owner": UserField.model_construct(slug="owner", label="Owner"),
    "workers": MultiSelectField.model_construct(slug="workers", label="Workers"),
    "team": SelectField.model_construct(slug="team", label="Team"),
    "folder": SelectField.model_construct(slug="folder", label="Folder"),
    "status": SelectField.model_construct(slug="status", label="Status"),
    "tags": MultiSelectField.model_construct(slug="tags", label="Tags"),
    "source": TextField.model_construct(slug="source", label="Source"),
    "created_at": DatetimeField.model_construct(slug="created_at", label="Created"),
    "updated_at": DatetimeField.model_construct(slug="updated_at", label="Updated"),
}
"""The system columns that people filter, sort and read, as fields."""


class Memo:
    """A bounded memory of compiled statements; the oldest goes first."""

    def __init__(self, size: int = 1000) -> None:
        self._size = size
        self._kept: dict[Hashable, Any] = {}
        self._guard = threading.Lock()

    def of(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under the key; it is made when it is not there yet."""
        kept = self._kept.get(key)
        if kept is None:
            kept = make()
            with self._guard:
                while len(self._kept) >= self._size:
                    self._kept.pop(next(iter(self._kept)))
                self._kept[key] = kept
        return cast(T, kept)


@dataclass(frozen=True)
class Catalog:
    """Every definition, with the lookups that all parts need. `version` changes whenever a definition does."""

    version: int = 0
    workspace: WorkspaceSettings = field(default_factory=WorkspaceSettings)
    modules: Mapping[str, Module] = field(default_factory=dict)
    relationships: tuple[Relationship, ...] = ()
    templates: Mapping[str, Template] = field(default_factory=dict)
    saved_filters: Mapping[str, SavedFilter] = field(default_factory=dict)
    reports: Mapping[str, Report] = field(default_factory=dict)
    dashboards: Mapping[str, Dashboard] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    events: Mapping[str, CustomerEvent] = field(default_factory=dict)
    flows: Mapping[str, Document] = field(default_factory=dict)
    """Slug → document of the active flows."""
    stored: Mapping[tuple[str, str], Stored] = field(default_factory=dict)
    """(kind, slug) → the newest version of every definition, drafts and retired ones too."""
    live: Mapping[str, Stored] = field(default_factory=dict)
    """Slug → the newest version of a flow that is no draft: active, paused or retired."""
    rights: "Catalog | None" = None
    """Of definitions of the past those of today, by which is decided as well who sees what."""

    @cached_property
    def memo(self) -> "Memo":
        """Room for what is compiled from these definitions, as long as they are the ones in use."""
        return Memo()

    def module(self, slug: str) -> Module:
        """The module of that slug.

        Raises:
            UnknownModule: When there is none.
        """
        found = self.modules.get(slug)
        if found is None:
            raise UnknownModule(slug, sorted(self.modules))
        return found

    @cached_property
    def ordered(self) -> tuple[Module, ...]:
        """The modules in the order of navigation."""
        return tuple(sorted(self.modules.values(), key=lambda module: (module.order, module.slug)))

    @cached_property
    def _references(self) -> dict[str, tuple[Reference, ...]]:
        found: dict[str, list[Reference]] = {slug: [] for slug in self.modules}
        for rel in self.relationships:
            reference = _reference_of(rel)
            if reference is not None and reference.module in found:
                found[reference.module].append(reference)
        return {slug: tuple(references) for slug, references in found.items()}

    def references(self, module: str) -> tuple[Reference, ...]:
        """The reference columns that stand on the module's own table."""
        return self._references.get(module, ())

    def reference(self, module: str, slug: str) -> Reference | None:
        """The reference column of that slug, or None."""
        return next((reference for reference in self.references(module) if reference.slug == slug), None)

    def columns(self, module: str) -> dict[str, str]:
        """Column name → DuckDB type of the module's table: system, fields, references."""
        columns = dict(self.module(module).columns)
        for reference in self.references(module):
            columns |= reference.columns
        return columns

    @cached_property
    def _to_many(self) -> dict[str, tuple[ToMany, ...]]:
        found: dict[str, list[ToMany]] = {slug: [] for slug in self.modules}
        for rel in self.relationships:
            for link in _to_many_of(rel, self.modules):
                if link.owner in found:
                    found[link.owner].append(link)
        return {slug: tuple(links) for slug, links in found.items()}

    def to_many(self, module: str) -> tuple[ToMany, ...]:
        """The lists of related records that a record of the module has."""
        return self._to_many.get(module, ())

    def list_named(self, module: str, slug: str) -> ToMany | None:
        """The list of related records of that name, or None.

        Raises:
            ConditionInvalid: When several relationships give the module a list of that name.
        """
        found = [link for link in self.to_many(module) if link.slug == slug]
        if len(found) > 1:
            raise ConditionInvalid(slug, two_lists(module, found))
        return found[0] if found else None

    @property
    def link_relationships(self) -> tuple[Relationship, ...]:
        """The many-to-many relationships, each of which has a link table."""
        return tuple(rel for rel in self.relationships if rel.kind == "many_to_many")

    def resolve(self, module: str, text: str) -> Path:
        """Find what a dotted path means, beginning at a module.

        Raises:
            ConditionInvalid: When a part of it is unknown; the message lists what there is.
        """
        here, parts = module, text.split(".")
        steps: list[Reference | ToMany] = []
        while True:
            part = parts.pop(0)
            own = self.module(here)
            found = own.field(part) or SYSTEM_FIELDS.get(part)
            if found is not None:
                total = parts[-1:] == [TOTAL] and any(isinstance(one, ToMany) for one in steps)
                column = _column_of(found, parts[:-1] if total else parts, text)
                kind = self.columns(here)[column]
                if total and not kind.startswith(("BIGINT", "DECIMAL")):
                    raise ConditionInvalid(text, f"“{text}”: only numbers and amounts can be added up")
                return Path(text, here, tuple(steps), found, column, kind, total)
            step = self.reference(here, part) or self.list_named(here, part)
            if step is None:
                raise ConditionInvalid(
                    text, f"“{text}” names “{part}”, which {here} does not have: {self._has(here)}"
                )
            if isinstance(step, Reference) and not parts:
                return Path(text, here, tuple(steps), step, step.slug, "UUID")
            steps.append(step)
            here = step.targets[0] if isinstance(step, Reference) else step.module
            parts = parts or ["id"]

    def _has(self, module: str) -> str:
        names = [f.slug for f in self.module(module).fields] + [r.slug for r in self.references(module)]
        names += [link.slug for link in self.to_many(module)]
        return "it has " + ", ".join(sorted(names) + list(SYSTEM_FIELDS))

    def check(self, *, views: Collection[str] | None = None) -> None:
        """Verify that all definitions fit together.

        Args:
            views: which saved filters are judged, all of them when not given.

        Raises:
            DefinitionInvalid: With every contradiction found.
        """
        problems = [problem for module in self.modules.values() for problem in self._module_problems(module)]
        problems += [problem for rel in self.relationships for problem in self._relationship_problems(rel)]
        problems += _cycle_problems(self.modules)
        for name, saved in self.saved_filters.items():
            if views is not None and name not in views:
                continue
            problems += self._condition_problems(f"the view {saved.name or name}", saved.module, saved.when)
        if problems:
            raise DefinitionInvalid("The definitions", problems)

    def _module_problems(self, module: Module) -> Iterable[str]:
        names = [f.slug for f in module.fields] + [r.slug for r in self.references(module.slug)]
        for twice in sorted({name for name in names if names.count(name) > 1}):
            yield f"{module.slug} has “{twice}” twice"
        known = set(names) | set(SYSTEM_COLUMNS) | {link.slug for link in self.to_many(module.slug)}
        for section in module.sections:
            for name in section.fields:
                if name not in known:
                    yield f"{module.slug}: the section {section.slug} names the unknown field “{name}”"
        for name in (module.title, *([module.subtitle] if module.subtitle else []), *module.sort):
            if name not in known:
                yield f"{module.slug} shows or sorts by the unknown field “{name}”"
        for dependency in module.dependencies:
            for name in dependency.fields:
                if name not in known:
                    yield f"{module.slug}: a dependency names the unknown field “{name}”"
            yield from self._condition_problems(f"{module.slug}: a dependency", module.slug, dependency.when)
        if module.access == "parent" and not module.parent:
            yield f"{module.slug} takes its access from a parent and names no reference as its `parent`"
        for parent in module.parent:
            if not self.reference(module.slug, parent):
                yield f"{module.slug} takes its access from the reference “{parent}”, which it does not have"
        for folder in module.folders:
            for team in folder.teams:
                if team not in self.teams:
                    yield f"{module.slug}: the folder {folder.slug} names the unknown team “{team}”"

    def _relationship_problems(self, rel: Relationship) -> Iterable[str]:
        for target in (rel.module, *rel.to):
            if target not in self.modules:
                yield f"the relationship {rel.key} names the unknown module “{target}”"

    def _condition_problems(self, what: str, module: str, condition: object) -> Iterable[str]:
        for leaf in leaves(condition):  # type: ignore[arg-type]
            try:
                self.resolve(module, leaf.field)
            except (ConditionInvalid, UnknownModule) as error:
                yield f"{what}: {error}"


def two_lists(module: str, links: Sequence[ToMany]) -> str:
    """What is wrong with lists of a module that have the same name."""
    keys = " and ".join(sorted(link.relationship.key for link in links))
    return f"{module} would have two lists “{links[0].slug}”, of {keys}: give one of them another name (`inverse`)"


def _column_of(found: Field, rest: list[str], text: str) -> str:
    columns = list(found.columns)
    if not rest:
        return f"{found.slug}__city" if isinstance(found, AddressField) else columns[0]
    if isinstance(found, MoneyField) and rest in (["amount"], ["currency"]):
        return columns[rest == ["currency"]]
    if isinstance(found, AddressField) and len(rest) == 1 and rest[0] in ADDRESS_PARTS:
        return f"{found.slug}__{rest[0]}"
    raise ConditionInvalid(text, f"“{text}” asks for “{'.'.join(rest)}” of the {found.kind} “{found.slug}”")


def _reference_of(rel: Relationship) -> Reference | None:
    match rel.kind:
        case "many_to_one" | "one_to_one":
            return Reference(
                rel.module, rel.slug, rel.to, rel, rel.name, rel.required, rel.kind == "one_to_one"
            )
        case "one_to_many":
            label = rel.inverse_label or str(rel.inverse).replace("_", " ").capitalize()
            return Reference(rel.to[0], str(rel.inverse), (rel.module,), rel, label, rel.required)
    return None


def _to_many_of(rel: Relationship, modules: Mapping[str, Module]) -> Iterable[ToMany]:
    if rel.kind == "many_to_many":
        table = rel.link_table
        yield ToMany(rel.module, rel.slug, rel.to[0], rel.name, rel, link_table=table)
        if rel.inverse or rel.to[0] != rel.module:
            slug = rel.inverse or rel.module
            label = rel.inverse_label or modules[rel.module].name if rel.module in modules else slug
            yield ToMany(rel.to[0], slug, rel.module, label, rel, link_table=table, outgoing=False)
        return
    reference = _reference_of(rel)
    if reference is None:
        return
    for target in reference.targets:
        if rel.kind == "one_to_many":
            slug, label = rel.slug, rel.name
        else:
            slug = rel.inverse or reference.module
            label = rel.inverse_label or (
                modules[reference.module].name if reference.module in modules else slug
            )
        yield ToMany(target, slug, reference.module, label, rel, reference=reference)


def _cycle_problems(modules: Mapping[str, Module]) -> Iterable[str]:
    for module in modules.values():
        parents = {folder.slug: folder.parent for folder in module.folders}
        for slug in parents:
            seen, here = {slug}, parents.get(slug)
            while here is not None:
                if here in seen or here not in parents:
                    why = "lies within itself" if here in seen else f"has the unknown parent “{here}”"
                    yield f"{module.slug}: the folder {slug} {why}"
                    break
                seen.add(here)
                here = parents[here]
