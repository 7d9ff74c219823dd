"""Values of several parts: lists, addresses, JSON, references to records."""

from sqlglot import exp

from crm_core.model import Reference
from crm_core.model.fields import ADDRESS_PARTS, AddressField, FileField, JsonField, MultiSelectField
from crm_core.trees import column
from crm_core.values.fragments import literal, sql
from crm_core.values.steps import SPACE, Context, Lookup, Steps, cleaned, holds_nul, parsed, unreadable
from crm_core.values.texts import LONGEST_ITEM, choices, choose, choose_user

_ITEM = exp.column("item", quoted=True)
_LONGEST_PART = 500
_SPLIT_LIST = (
    "CASE WHEN starts_with($t, '[') AND json_valid($t) THEN from_json($t, '[\"VARCHAR\"]') "
    "ELSE string_split_regex($t, '[;|,]') END"
)
"""A JSON list, as programs write it, or texts with `;`, `|` or `,` between, as people do."""


def multi_select(ctx: Context, field: MultiSelectField, steps: Steps) -> None:
    """A list of options, or of any texts when there are none; each once, in the order given."""
    if field.options:
        _list(ctx, field.slug, steps, choose(ctx, _ITEM, choices(field.options)))
    else:
        _list(
            ctx,
            field.slug,
            steps,
            sql("CASE WHEN length($i) <= $n THEN $i END", i=_ITEM, n=_number(LONGEST_ITEM)),
        )


def users(ctx: Context, field: MultiSelectField, steps: Steps) -> None:
    """A list of active users."""
    _list(ctx, field.slug, steps, choose_user(_ITEM))


def file(ctx: Context, field: FileField, steps: Steps) -> None:
    """A list of ids of files, in their canonical form."""
    _list(ctx, field.slug, steps, sql("CAST(try_cast($i AS UUID) AS VARCHAR)", i=_ITEM))


def _list(ctx: Context, name: str, steps: Steps, chosen: exp.Expr) -> None:
    items: exp.Expr = column(name)
    if not ctx.staged[name].endswith("[]"):
        steps.clean[name] = ctx.text(name)
        items = sql(_SPLIT_LIST, t=cleaned(name))
    trimmed = sql(
        "list_filter(list_transform($items, lambda part: trim(part, $space)), lambda part: part <> '')",
        items=items,
        space=literal(SPACE),
    )
    steps.parse[name] = sql("list_transform($all, lambda item: $chosen)", all=trimmed, chosen=chosen)
    here = parsed(name)
    steps.codes.append((sql("contains(array_to_string($v, ''), chr(0))", v=here), "nul_character"))
    steps.codes.append(
        (sql("len($v) > len(list_filter($v, lambda part: part IS NOT NULL))", v=here), "option")
    )
    steps.final[name] = sql(
        "CASE WHEN len($v) > 0 THEN list_filter($v, lambda part, place: list_position($v, part) = place) END",
        v=here,
    )


def address(ctx: Context, field: AddressField, steps: Steps) -> None:
    """An address by its parts; one text is its street."""
    for part in ADDRESS_PARTS:
        name = f"{field.slug}__{part}"
        if name in ctx.staged:
            steps.clean[name] = ctx.text(name)
        elif part == "street" and field.slug in ctx.staged:
            steps.clean[name] = ctx.text(field.slug)
        else:
            continue
        if part == "country":
            steps.lookups[name] = Lookup("country", "", f"{name}__t")
            steps.codes.append((unreadable(name), "type"))
            continue
        steps.parse[name] = cleaned(name)
        steps.codes.append((holds_nul(name), "nul_character"))
        too_long = sql("length($t) > $n", t=cleaned(name), n=_number(_LONGEST_PART))
        steps.codes.append((too_long, "length"))


def json(ctx: Context, field: JsonField, steps: Steps) -> None:
    """Any JSON value, kept as it is written."""
    name = field.slug
    steps.clean[name] = ctx.text(name)
    steps.parse[name] = sql("CASE WHEN json_valid($t) THEN CAST($t AS JSON) END", t=cleaned(name))
    steps.codes.append((holds_nul(name), "nul_character"))
    steps.codes.append((unreadable(name), "type"))


def reference(ctx: Context, found: Reference, steps: Steps) -> None:
    """The id of a record; whether it is there is asked later, under the lock."""
    name, which = found.slug, found.module_column
    steps.clean[name] = ctx.text(name)
    if ctx.staged[name] == "UUID":
        steps.parse[name] = column(name)
    else:
        steps.parse[name] = sql("try_cast($t AS UUID)", t=cleaned(name))
        steps.codes.append((unreadable(name), "type"))
    if not found.polymorphic:
        return
    if which in ctx.staged:
        steps.clean[which] = ctx.text(which)
        steps.parse[which] = sql(
            "CASE WHEN list_contains($known, lower($t)) THEN lower($t) END",
            t=cleaned(which),
            known=ctx.words(found.targets),
        )
    else:
        steps.parse[which] = sql("CAST(NULL AS VARCHAR)")
    pair = {"id": parsed(name), "which": parsed(which)}
    steps.codes.append((sql("$id IS NOT NULL AND $which IS NULL", **pair), "reference"))
    steps.final[which] = sql("CASE WHEN $id IS NOT NULL THEN $which END", **pair)


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(value)
