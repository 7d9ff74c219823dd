"""Relationships between modules."""

from typing import Any, Literal

from pydantic import Field, model_validator

from crm_core.model.base import ColumnSlug, Definition, Slug
from crm_core.model.fields import Field as ModuleField
from crm_core.model.fields import SelectField

RelationshipKind = Literal["one_to_one", "one_to_many", "many_to_one", "many_to_many"]


class Tree(Definition):
    """That linked records stand above and below one another, and none below itself.

    A link of a many-to-many puts the record that it leads to below the one that it comes from; with `by`, a field of
    the link, only where its value is among `below`, and above it where that is among `above`. A reference always leads
    up.
    """

    by: ColumnSlug | None = None
    below: tuple[str, ...] = ()
    above: tuple[str, ...] = ()


class Relationship(Definition):
    """A link from `module` to one module, to itself, or to one of several.

    The reference column stands on the side that holds at most one: on `module` as `slug` for many-to-one and
    one-to-one, on the target as `inverse` for one-to-many. A many-to-many has a link table with its own
    `fields`. `inverse` is the name under which the other side sees it.
    """

    module: Slug
    slug: ColumnSlug
    kind: RelationshipKind
    to: tuple[Slug, ...] = Field(min_length=1)
    label: str = ""
    inverse: ColumnSlug | None = None
    inverse_label: str = ""
    required: bool = False
    fields: tuple[ModuleField, ...] = ()
    synonyms: tuple[str, ...] = ()
    tree: Tree | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_target_may_stand_bare(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("to"), str):
            return {**data, "to": [data["to"]]}
        return data

    @model_validator(mode="after")
    def _parts_fit_the_kind(self) -> "Relationship":
        if self.kind == "one_to_many" and self.inverse is None:
            raise ValueError(f"“{self.name}” is one-to-many and needs `inverse`, the column on {self.to[0]}")
        if self.kind in ("one_to_many", "many_to_many") and len(self.to) > 1:
            raise ValueError(f"“{self.name}” is {self.kind}: it can point to one module only, not {self.to}")
        if self.fields and self.kind != "many_to_many":
            raise ValueError(f"“{self.name}” has fields of its own, which only a many-to-many can have")
        if self.tree is not None:
            self._check_tree(self.tree)
        return self

    def _check_tree(self, tree: Tree) -> None:
        if self.to != (self.module,):
            raise ValueError(
                f"“{self.name}” cannot be a tree: it leads to other records than those of {self.module}"
            )
        field = next((one for one in self.fields if one.slug == tree.by), None)
        if tree.by is None:
            if tree.below or tree.above:
                raise ValueError(
                    f"the tree of “{self.name}” names values, but not by which field they are told"
                )
            return
        if not isinstance(field, SelectField):
            raise ValueError(
                f"the tree of “{self.name}” goes by “{tree.by}”, which is no choice of that link"
            )
        unknown = {*tree.below, *tree.above} - {option.value for option in field.options}
        if unknown or not (tree.below or tree.above) or set(tree.below) & set(tree.above):
            known = ", ".join(option.value for option in field.options)
            raise ValueError(
                f"the tree of “{self.name}” says which values of “{tree.by}” lead `below` and which `above`, each "
                f"once: {known}"
            )

    @property
    def name(self) -> str:
        """What people read: the label, or the slug made readable."""
        return self.label or self.slug.replace("_", " ").capitalize()

    @property
    def link_table(self) -> str:
        """The name of the link table of a many-to-many, in schema `crm`."""
        return f"{self.module}__{self.slug}"

    @property
    def key(self) -> str:
        """The slug under which the definition is stored: unique in the workspace."""
        return f"{self.module}.{self.slug}"
