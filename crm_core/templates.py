"""Templates: sandboxed Jinja compiled to SQL, so that a million messages are one statement and none is a program.

What a template may hold is small on purpose: text, fields by their path (`{{ customer.name }}`), filters, and
`{% if %}`. There is one interpreter, DuckDB: the preview, the message and the task's title cannot disagree.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import SandboxedEnvironment
from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_leaf
from crm_core.display import FILTERS, Value, display, read_value
from crm_core.errors import ConditionInvalid, TemplateInvalid, UnknownModule
from crm_core.model import Catalog, Leaf
from crm_core.model.documents import WorkspaceSettings
from crm_core.relations import Relations

_ENVIRONMENT = SandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
_ENVIRONMENT.filters = dict.fromkeys(FILTERS, str)
_WORKSPACE = ("name", "currency", "country", "locale")
_OPERATORS = {
    "eq": "eq",
    "ne": "ne",
    "lt": "lt",
    "lteq": "le",
    "gt": "gt",
    "gteq": "ge",
    "in": "in",
    "notin": "not_in",
}
_LONGEST = 200_000


def is_template(value: Any) -> bool:
    """Whether a value is text with a field or a condition in it."""
    return isinstance(value, str) and ("{{" in value or "{%" in value or "{#" in value)


def single_path(source: str) -> str | None:
    """The path, when the template is one field and nothing else: its value can then be taken as it is."""
    body = _parse(source).body
    if len(body) == 1 and isinstance(body[0], nodes.Output) and len(body[0].nodes) == 1:
        return _path_of(body[0].nodes[0])
    return None


def template_paths(source: str) -> tuple[str, ...]:
    """Every path that a template reads, once each, in order.

    Raises:
        TemplateInvalid: When it is no template, or does what none may.
    """
    return tuple(dict.fromkeys(path for path in _paths(_parse(source)) if not path.startswith("workspace.")))


def check_template(catalog: Catalog, module: str, source: str) -> list[str]:
    """What is wrong with a template for records of a module: one sentence each, none when it can be used."""
    try:
        paths = template_paths(source)
        _check_nodes(_parse(source))
    except TemplateInvalid as error:
        return [error.reason]
    problems = []
    for path in paths:
        try:
            catalog.resolve(module, path)
        except (ConditionInvalid, UnknownModule) as error:
            reason = error.reason if isinstance(error, ConditionInvalid) else str(error)
            problems.append(f"the template names a missing field: {reason}")
    return problems or _compile_problems(catalog, module, source)


def _compile_problems(catalog: Catalog, module: str, source: str) -> list[str]:
    """What only shows when the template is put together: a date filter on a text, a number compared with a word."""
    try:
        compile_template(source, Scope(module, "f", Relations(catalog, Actor.system())))
    except (TemplateInvalid, ConditionInvalid) as error:
        return [error.reason]
    return []


def compile_template(source: str, scope: Scope) -> exp.Expr:
    """Build the expression of a template's text over the rows of `scope.alias`; never NULL.

    Raises:
        TemplateInvalid: When it is no template, or does what none may.
        ConditionInvalid: When it names a field that there is not, or compares it with a value of another kind.
    """
    return _text(_parse(source).body, scope)


@lru_cache(maxsize=512)
def _parse(source: str) -> nodes.Template:
    if len(source) > _LONGEST:
        raise TemplateInvalid(
            source[:80], f"a template has at most {_LONGEST:,} characters, this has {len(source):,}"
        )
    try:
        return _ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        raise TemplateInvalid(source, f"line {error.lineno}: {error.message}") from error


def _paths(node: nodes.Node) -> Iterator[str]:
    path = _path_of(node)
    if path is not None:
        yield path
        return
    for child in node.iter_child_nodes():
        yield from _paths(child)


def _path_of(node: nodes.Node) -> str | None:
    """`customer.name` for what Jinja parsed as attributes of a name; None for anything else."""
    if isinstance(node, nodes.Name):
        return str(node.name)
    if isinstance(node, nodes.Getattr):
        rest, last = node.node, node.attr
    elif (
        isinstance(node, nodes.Getitem)
        and isinstance(node.arg, nodes.Const)
        and isinstance(node.arg.value, str)
    ):
        rest, last = node.node, node.arg.value
    else:
        return None
    before = _path_of(rest)
    return None if before is None else f"{before}.{last}"


_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.Filter, nodes.Const, nodes.CondExpr,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.List, nodes.Tuple,
)  # fmt: skip
_WORDS = {
    "For": "a loop",
    "Call": "a call",
    "Macro": "a macro",
    "Include": "an include",
    "Import": "an import",
}


def _check_nodes(node: nodes.Node) -> None:
    if _path_of(node) is not None:
        return
    if not isinstance(node, _ALLOWED):
        kind = type(node).__name__
        what = _WORDS.get(kind, f"“{kind.lower()}”")
        raise TemplateInvalid(
            kind, f"line {node.lineno}: {what} cannot be used; a template holds text, fields, filters and if"
        )
    if isinstance(node, nodes.Filter):
        _check_filter(node)
    for child in node.iter_child_nodes():
        _check_nodes(child)


def _check_filter(node: nodes.Filter) -> None:
    if node.name not in FILTERS:
        raise TemplateInvalid(node.name, f"there is no filter “{node.name}”; there are {', '.join(FILTERS)}")
    if (
        node.kwargs
        or node.dyn_args
        or node.dyn_kwargs
        or not all(isinstance(a, nodes.Const) for a in node.args)
    ):
        raise TemplateInvalid(node.name, f"the filter “{node.name}” takes plain values in their order")
    most, kind = FILTERS[node.name].arguments
    given = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
    if len(given) > most or not all(isinstance(value, kind) for value in given):
        wanted = (
            "no value" if most == 0 else f"at most {most} value, {'a number' if kind is int else 'a text'}"
        )
        raise TemplateInvalid(node.name, f"the filter “{node.name}” takes {wanted}, not {given!r}")


def _text(body: Sequence[nodes.Node], scope: Scope) -> exp.Expr:
    """The texts of the parts, one after the other."""
    parts: list[exp.Expr] = []
    for node in body:
        if isinstance(node, nodes.Output):
            parts += [_piece(piece, scope) for piece in node.nodes]
        elif isinstance(node, nodes.If):
            parts.append(_branches(node, scope))
        else:
            _check_nodes(node)
    if not parts:
        return exp.Literal.string("")
    if len(parts) == 1:
        return parts[0]
    return exp.Anonymous(this="concat", expressions=parts)


def _branches(node: nodes.If, scope: Scope) -> exp.Expr:
    case = exp.Case().when(_truth(node.test, scope), _text(node.body, scope), copy=False)
    for branch in node.elif_:
        case = case.when(_truth(branch.test, scope), _text(branch.body, scope), copy=False)
    return case.else_(_text(node.else_, scope), copy=False)


def _piece(node: nodes.Node, scope: Scope) -> exp.Expr:
    if isinstance(node, nodes.TemplateData):
        return scope.relations.params.bind(node.data)
    return exp.Coalesce(this=display(_value(node, scope), scope), expressions=[exp.Literal.string("")])


def _value(node: nodes.Node, scope: Scope) -> Value:
    """A value with its kind, so that a date filter knows whether it has a date."""
    path = _path_of(node)
    if path is not None:
        return _named(path, scope)
    if isinstance(node, nodes.Const):
        return Value(scope.relations.params.bind(str(node.value)), "VARCHAR")
    if isinstance(node, nodes.Filter) and node.node is not None:
        _check_filter(node)
        arguments = [argument.value for argument in node.args if isinstance(argument, nodes.Const)]
        return FILTERS[node.name].apply(_value(node.node, scope), arguments, scope)
    if isinstance(node, nodes.CondExpr):
        other = _piece(node.expr2, scope) if node.expr2 is not None else exp.Literal.string("")
        case = exp.Case().when(_truth(node.test, scope), _piece(node.expr1, scope), copy=False)
        return Value(case.else_(other, copy=False), "VARCHAR")
    _check_nodes(node)
    raise TemplateInvalid(type(node).__name__, "a field with filters is needed here, not a comparison")


def _named(path: str, scope: Scope) -> Value:
    settings: WorkspaceSettings = scope.relations.catalog.workspace
    if path.startswith("workspace."):
        part = path.removeprefix("workspace.")
        if part not in _WORKSPACE:
            raise TemplateInvalid(
                path, f"“{path}” is unknown; there are workspace.{', workspace.'.join(_WORKSPACE)}"
            )
        return Value(scope.relations.params.bind(str(getattr(settings, part))), "VARCHAR")
    return read_value(path, scope)


def _truth(node: nodes.Node, scope: Scope) -> exp.Expr:
    """A test of `if`, made of the same leaves as any condition."""
    if isinstance(node, nodes.And):
        return exp.and_(_truth(node.left, scope), _truth(node.right, scope))
    if isinstance(node, nodes.Or):
        return exp.paren(exp.or_(_truth(node.left, scope), _truth(node.right, scope)))
    if isinstance(node, nodes.Not):
        return exp.not_(exp.paren(_truth(node.node, scope)))
    if isinstance(node, nodes.Compare):
        return _comparison(node, scope)
    path = _path_of(node)
    if path is None:
        raise TemplateInvalid(type(node).__name__, "if asks a field, or compares a field with a plain value")
    kind = scope.relations.catalog.resolve(scope.module, path).column_type
    leaf = Leaf(field=path, op="eq", value=True) if kind == "BOOLEAN" else Leaf(field=path, op="is_set")
    return compile_leaf(leaf, scope)


def _comparison(node: nodes.Compare, scope: Scope) -> exp.Expr:
    path = _path_of(node.expr)
    operand = node.ops[0]
    value = _constant(operand.expr)
    if path is None or len(node.ops) != 1 or value is None:
        raise TemplateInvalid(
            str(path), "a comparison has a field on its left and a plain value on its right"
        )
    return compile_leaf(Leaf(field=path, op=_OPERATORS[operand.op], value=value), scope)  # type: ignore[arg-type]


def _constant(node: nodes.Node) -> Any:
    if isinstance(node, nodes.Const):
        return node.value
    if isinstance(node, (nodes.List, nodes.Tuple)):
        items = [_constant(item) for item in node.items]
        return None if any(item is None for item in items) else items
    return None


def problems_of(sources: Iterable[tuple[str, str]], catalog: Catalog, module: str) -> list[str]:
    """The problems of several named templates (`subject`, `body`), each sentence beginning with its name."""
    return [
        f"{label}: {problem}"
        for label, source in sources
        for problem in check_template(catalog, module, source)
    ]
