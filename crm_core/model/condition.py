"""The condition tree: one shape for flows, filters, saved views, dependencies and bulk work."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, TypeAdapter, ValidationError, model_validator

from crm_core.errors import ConditionInvalid
from crm_core.model.base import Definition

Operator = Literal[
    "eq", "ne", "lt", "le", "gt", "ge", "between", "in", "not_in", "contains", "not_contains",
    "starts_with", "ends_with", "is_empty", "is_set", "within_last", "within_next", "changed",
]  # fmt: skip

WITHOUT_VALUE: frozenset[str] = frozenset({"is_empty", "is_set", "changed"})
TRUE_WHEN_MISSING: frozenset[str] = frozenset({"is_empty", "ne", "not_in", "not_contains"})


class Leaf(Definition):
    """One comparison: a field or a path to one (`customer.country`), an operator, a value that fits both."""

    field: str = Field(min_length=1, max_length=200)
    op: Operator
    value: Any = None

    @model_validator(mode="after")
    def _value_fits_the_operator(self) -> "Leaf":
        if self.op in WITHOUT_VALUE:
            return self
        if self.value is None:
            raise ValueError(f"“{self.field} {self.op}” needs a value; to ask for a missing one use is_empty")
        if self.op in ("in", "not_in") and not isinstance(self.value, list):
            raise ValueError(f"“{self.field} {self.op}” needs a list of values, not {self.value!r}")
        if self.op == "between" and not (isinstance(self.value, list) and len(self.value) == 2):
            raise ValueError(f"“{self.field} between” needs a list of two values, not {self.value!r}")
        return self


class All(Definition):
    """True when every part is; an empty one is true."""

    all: tuple["Condition", ...] = ()


class AnyOf(Definition):
    """True when at least one part is; an empty one is false."""

    any: tuple["Condition", ...] = ()


class Not(Definition):
    """True when its part is false."""

    not_: "Condition" = Field(alias="not")


def _shape(value: Any) -> str | None:
    if not isinstance(value, (dict, Definition)):
        return None
    keys = value if isinstance(value, dict) else value.model_dump(by_alias=True)
    if not keys:
        return "all"
    return next((key for key in ("all", "any", "not", "field") if key in keys), None)


Condition = Annotated[
    Annotated[Leaf, Tag("field")]
    | Annotated[All, Tag("all")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[Not, Tag("not")],
    Discriminator(_shape),
]

for _model in (All, AnyOf, Not):
    _model.model_rebuild()
_ADAPTER: TypeAdapter[Condition] = TypeAdapter(Condition)


def parse_condition(document: Any) -> Condition:
    """Read a condition from plain data (parsed JSON or YAML).

    Raises:
        ConditionInvalid: When it is no tree of `all`, `any`, `not` and `{field, op, value}`.
    """
    if document is None or document == {}:
        return All()
    try:
        return _ADAPTER.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top"
        raise ConditionInvalid(
            document, f"at {place}: {first['msg'].removeprefix('Value error, ')}"
        ) from error


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Yield every comparison of the tree, left to right."""
    match condition:
        case Leaf():
            yield condition
        case All(all=parts) | AnyOf(any=parts):
            for part in parts:
                yield from leaves(part)
        case Not(not_=part):
            yield from leaves(part)


def placed_leaves(
    condition: Condition, place: tuple[int | str, ...] = ()
) -> Iterator[tuple[Leaf, tuple[int | str, ...]]]:
    """Yield every comparison with its place in the document: keys and indices from the top of the tree."""
    match condition:
        case Leaf():
            yield condition, place
        case All(all=parts) | AnyOf(any=parts):
            key = "all" if isinstance(condition, All) else "any"
            for number, part in enumerate(parts):
                yield from placed_leaves(part, (*place, key, number))
        case Not(not_=part):
            yield from placed_leaves(part, (*place, "not"))


def to_document(condition: Condition) -> dict[str, Any]:
    """The tree as plain data, as `parse_condition` reads it."""
    return _ADAPTER.dump_python(condition, mode="json", by_alias=True, exclude_none=True)  # type: ignore[no-any-return]
