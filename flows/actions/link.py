"""Link the record to another one."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import Field
from sqlglot import exp

from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog, Reference, ToMany
from crm_core.model import Field as ModelField
from crm_core.model.base import Slug
from crm_core.trees import column, function
from flows.actions.base import Action, Plan, Side, StepContext, Update, Writes
from flows.check_values import check_target, check_values
from flows.checks import Checks
from flows.links import KIND, find_relationship, known_relationships
from flows.targets import Target
from flows.values import Columns, Source, compile_value


class Link(Action):
    """`link: {relationship: related, to: "{{ customer }}", values: {type: branch}}`.

    `to` is what the record links to, `"{{ record }}"`, or an id. A reference then points there; a many-to-many has one
    link more, with its own `values`.
    """

    key: ClassVar[str] = "link"
    relationship: Slug
    to: Any = Field(default=None)
    values: Mapping[str, Any] = Field(default_factory=dict)
    stays: ClassVar[bool] = True

    @classmethod
    def read(cls, options: Any) -> Self:
        if not isinstance(options, Mapping):
            raise ValueError(
                f'{cls.key} takes {{relationship: …, to: "{{{{ customer }}}}"}}; this is {options!r}'
            )
        made = cls.model_validate(dict(options))
        if made.stays and made.to is None:
            raise ValueError("link needs to: what the record is linked to")
        if not made.stays and made.values:
            raise ValueError("unlink takes no values: the link goes as a whole")
        return made

    def options(self) -> Any:
        return self.model_dump(mode="json", exclude_defaults=True)

    def problems(self, checks: Checks) -> list[str]:
        try:
            found = find_relationship(checks.catalog, checks.module, self.relationship)
        except ConditionInvalid as error:
            return [error.reason]
        if found is None:
            known = ", ".join(known_relationships(checks.catalog, checks.module)) or "none"
            return [f"{checks.module} has no relationship “{self.relationship}” to link; it has {known}"]
        if isinstance(found, Reference):
            if self.values:
                return [f"“{self.relationship}” points to one record, and such a link has no values"]
            return check_values(checks, checks.module, {self.relationship: self.to if self.stays else None})
        if self.to is None:
            return [f"“{self.relationship}” holds several: say which link goes, with to"]
        problems = check_target(checks, _far(found), self.to)
        fields = {field.slug: field for field in found.relationship.fields}
        for slug, given in self.values.items():
            if slug in fields:
                problems += check_target(checks, _own(found, fields[slug]), given)
            else:
                has = ", ".join(fields) or "none"
                problems.append(f"the link “{self.relationship}” has no field “{slug}”: it has {has}")
        missing = [slug for slug, field in fields.items() if _needed(field) and slug not in self.values]
        return problems + [f"the link “{self.relationship}” needs “{slug}”" for slug in missing if self.stays]

    def plan(self, context: StepContext) -> Plan:
        found = find_relationship(context.catalog, context.module, self.relationship)
        if found is None:
            reason = f"{context.module} has no relationship “{self.relationship}” any more"
            raise ConditionInvalid(self.relationship, reason)
        source = Source(context.scope, context.occurred_at)
        if isinstance(found, Reference):
            target = Target(context.module, found.slug, dict(found.columns), reference=found)
            if self.stays:
                return [Update(compile_value(source, target, self.to))]
            return [Update(_cut(source, target, self.to))]
        return [self._side(source, found)]

    def _side(self, source: Source, found: ToMany) -> Side:
        scope = source.scope
        near = column("id", scope.alias)
        far = compile_value(source, _far(found), self.to).set[found.slug]
        fields = {field.slug: field for field in found.relationship.fields}
        defaults = {slug: f.default for slug, f in fields.items() if f.default is not None}
        ends = (near, far) if found.outgoing else (far, near)
        gone = exp.not_(
            exp.Exists(
                this=exp.select("1")
                .from_(scope.relations.visible(found.module, "far"))
                .where(column("id", "far").eq(far.copy()))
            )
        )
        values = {
            "link": exp.Literal.string(str(found.link_table)),
            "from_id": ends[0],
            "to_id": ends[1],
            "stays": exp.true() if self.stays else exp.false(),
            "own": _document(source, found, fields, self.values),
            "defaults": _document(source, found, fields, defaults),
        }
        return Side(KIND, values, (("the record to link to is not there", gone),) if self.stays else ())

    def writes(self, catalog: Catalog, module: str) -> Sequence[Writes]:
        found = catalog.reference(module, self.relationship)
        if found is not None:
            return [Writes(module, False, frozenset(found.columns))]
        return []


def _needed(field: ModelField) -> bool:
    return field.required and field.default is None


def _far(found: ToMany) -> Target:
    """The other end of a link, as what a value can lead to."""
    reference = Reference(found.owner, found.slug, (found.module,), found.relationship, found.label)
    return Target(found.owner, found.slug, dict(reference.columns), reference=reference)


def _own(found: ToMany, field: ModelField) -> Target:
    return Target(found.relationship.key, field.slug, dict(field.columns), field=field)


def _document(
    source: Source, found: ToMany, fields: Mapping[str, ModelField], values: Mapping[str, Any]
) -> exp.Expr:
    """The link's own values as a JSON object by column."""
    parts: list[exp.Expr] = []
    for slug, given in values.items():
        if slug not in fields:
            raise ConditionInvalid(slug, f"the link “{found.slug}” has no field “{slug}” any more")
        for name, tree in compile_value(source, _own(found, fields[slug]), given).set.items():
            parts += [exp.Literal.string(name), tree]
    return function("json_object", *parts)


def _cut(source: Source, target: Target, to: Any) -> Columns:
    """A reference emptied; where `to` is named, only while it leads there."""
    empty = compile_value(source, target, None)
    if to is None or target.reference is None:
        return empty
    there = compile_value(source, target, to).set
    same = exp.and_(
        *[
            exp.NullSafeEQ(this=column(name, source.scope.alias), expression=tree)
            for name, tree in there.items()
        ]
    )
    return Columns(
        {
            name: exp.Case(
                ifs=[exp.If(this=same.copy(), true=tree)], default=column(name, source.scope.alias)
            )
            for name, tree in empty.set.items()
        }
    )
