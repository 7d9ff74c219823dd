"""Decides from DuckDB's own parse tree whether a statement is one SELECT over allowed names.

The tree is what `json_serialize_sql` gives. Only kinds of node that are listed here pass, so a construct that nobody
thought of is refused.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from lake.errors import QueryRefused
from lake.sql_allowed import (
    FORMATS,
    FUNCTIONS,
    LENGTH_ARGUMENT,
    MAX_LENGTH,
    NAMED_TYPES,
    TABLE_FUNCTIONS,
    names,
)

Node = Mapping[str, Any]
Scope = frozenset[str]

_EXPRESSIONS: Final = names(
    "BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION LAMBDA LAMBDA_REF OPERATOR",
    "PARAMETER STAR SUBQUERY TYPE WINDOW",
)
_KINDS: Final = names(
    "SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE CTE_NODE BASE_TABLE SUBQUERY JOIN TABLE_FUNCTION",
    "EXPRESSION_LIST EMPTY PIVOT ORDER_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER DISTINCT_MODIFIER",
    "ORDER_DEFAULT ASCENDING DESCENDING DECIMAL_TYPE_INFO STRING_TYPE_INFO LIST_TYPE_INFO STRUCT_TYPE_INFO",
    "ARRAY_TYPE_INFO UNBOUND_TYPE_INFO GENERIC_TYPE_INFO INTEGER_LITERAL_TYPE_INFO ANY_TYPE_INFO",
)
_WIDE_FORMAT: Final = re.compile(r"\d{4}|\*|\{[^}]*\{")
_SHOWN_NAMES: Final = 40


def relations_named(tree: Node, *, relations: Collection[str]) -> frozenset[str]:
    """Check a statement and return the relations that it reads.

    Args:
        tree: one statement of `json_serialize_sql`'s answer.
        relations: the names that may stand in FROM, apart from those the statement defines by WITH.

    Returns:
        The members of `relations` that the statement names.

    Raises:
        QueryRefused: something in it is not allowed.
    """
    return _Walk(relations).run(tree["node"])


class _Walk:
    """A walk over one tree, without recursion: a deep statement must not end the process."""

    def __init__(self, relations: Collection[str]) -> None:
        self._relations = {name.lower(): name for name in relations}
        self._named: set[str] = set()
        self._stack: list[tuple[Any, Scope]] = []

    def run(self, node: Node) -> frozenset[str]:
        self._stack.append((node, frozenset()))
        while self._stack:
            value, scope = self._stack.pop()
            if isinstance(value, list):
                self._stack.extend((item, scope) for item in value)
            elif isinstance(value, dict):
                self._visit(value, scope)
        return frozenset(self._named)

    def _visit(self, node: Node, scope: Scope) -> None:
        skipped: set[str] = set()
        if "cte_map" in node:
            scope = self._define(node["cte_map"], scope)
            skipped.add("cte_map")
        if "class" in node:
            self._check_expression(node)
        elif isinstance(node.get("type"), str):
            skipped |= self._check_kind(node, scope)
        self._stack.extend((value, scope) for key, value in node.items() if key not in skipped)

    def _define(self, cte_map: Node, scope: Scope) -> Scope:
        """A name of WITH is seen by the definitions after it and by the body; by itself only when recursive."""
        for entry in cte_map.get("map", ()):
            name = str(entry["key"]).lower()
            body = entry["value"]
            recursive = body["query"]["node"]["type"] == "RECURSIVE_CTE_NODE"
            self._stack.append((body, scope | {name} if recursive else scope))
            scope = scope | {name}
        return scope

    def _check_expression(self, node: Node) -> None:
        kind = node["class"]
        if kind not in _EXPRESSIONS:
            if kind == "POSITIONAL_REFERENCE":
                raise QueryRefused("a column by its position (#1)", allowed="columns by their names")
            raise QueryRefused(f"{_words(kind)} in an expression", allowed="ordinary expressions of a SELECT")
        if kind in {"FUNCTION", "WINDOW"}:
            _check_function(node)

    def _check_kind(self, node: Node, scope: Scope) -> set[str]:
        """Check a node that is not an expression; returns the keys that need no further look."""
        kind = node["type"]
        if kind not in _KINDS:
            raise QueryRefused(
                _words(kind), allowed="one SELECT over the listed tables", hint=_HINTS.get(kind, "")
            )
        if kind == "BASE_TABLE":
            self._check_table(node, scope)
        elif kind == "TABLE_FUNCTION":
            return self._check_table_function(node, scope)
        elif kind == "JOIN" and node.get("ref_type") == "POSITIONAL":
            raise QueryRefused("POSITIONAL JOIN", allowed="joins with ON or USING")
        elif kind == "PIVOT" and any("pivot_enum" in pivot for pivot in node.get("pivots", ())):
            raise QueryRefused("PIVOT over a type", allowed="PIVOT … ON column IN (values)")
        elif kind == "UNBOUND_TYPE_INFO":
            _check_type(node)
        return set()

    def _check_table(self, node: Node, scope: Scope) -> None:
        name = str(node["table_name"])
        if "at_clause" in node:
            raise QueryRefused(f"AT on {name!r}", allowed="the tables as they are now")
        if node.get("schema_name") or node.get("catalog_name"):
            parts = [str(node[key]) for key in ("catalog_name", "schema_name") if node.get(key)]
            raise QueryRefused(f"the qualified table {'.'.join([*parts, name])!r}", allowed=self._tables())
        if name.lower() in scope:
            return
        if name.lower() not in self._relations:
            raise QueryRefused(
                f"the table {name!r}", allowed=self._tables(), hint=_near(name, self._relations)
            )
        self._named.add(self._relations[name.lower()])

    def _check_table_function(self, node: Node, scope: Scope) -> set[str]:
        function = node["function"]
        if function.get("class") != "FUNCTION":
            raise QueryRefused("this table function", allowed=f"{', '.join(sorted(TABLE_FUNCTIONS))} in FROM")
        name = str(function["function_name"]).lower()
        if name not in TABLE_FUNCTIONS or not _is_plain(function):
            raise QueryRefused(
                f"the table function {name!r}", allowed=f"{', '.join(sorted(TABLE_FUNCTIONS))} in FROM"
            )
        self._stack.extend((value, scope) for value in function.values())
        return {"function"}

    def _tables(self) -> str:
        known = sorted(self._relations.values())
        if not known:
            return "no table"
        more = f" and {len(known) - _SHOWN_NAMES} more" if len(known) > _SHOWN_NAMES else ""
        return f"the tables {', '.join(known[:_SHOWN_NAMES])}{more}"


def _check_function(node: Node) -> None:
    name = str(node["function_name"]).lower()
    if not _is_plain(node):
        raise QueryRefused(
            f"the qualified function {node.get('schema') or node.get('catalog')}.{name}",
            allowed="functions by their plain names",
            hint=f"write {name}(…)" if name in FUNCTIONS else "",
        )
    if name not in FUNCTIONS:
        raise QueryRefused(
            f"the function {name!r}",
            allowed="functions that compute: numbers, texts, dates, lists, JSON, aggregates and windows",
            hint=_near(name, FUNCTIONS),
        )
    if node.get("export_state"):
        raise QueryRefused("EXPORT_STATE", allowed="finished aggregates")
    _check_size(name, node.get("children", []))


def _check_size(name: str, arguments: list[Node]) -> None:
    if name in LENGTH_ARGUMENT:
        length = _constant(arguments, LENGTH_ARGUMENT[name])
        if not isinstance(length, int) or length > MAX_LENGTH:
            raise QueryRefused(f"this length in {name}", allowed=f"a plain number up to {MAX_LENGTH:,} there")
    if name in FORMATS:
        pattern = _constant(arguments, 0)
        if not isinstance(pattern, str) or _WIDE_FORMAT.search(pattern):
            raise QueryRefused(f"this pattern in {name}", allowed="a literal pattern with widths below 1,000")


def _constant(arguments: list[Node], position: int) -> object:
    if position >= len(arguments) or arguments[position].get("class") != "CONSTANT":
        return None
    value: object = arguments[position]["value"].get("value", 0)
    return value


def _check_type(node: Node) -> None:
    name = str(node.get("name", ""))
    if node.get("schema") or node.get("catalog") or name.lower() not in NAMED_TYPES:
        raise QueryRefused(f"the type {name!r}", allowed="DuckDB's own types")


def _is_plain(function: Node) -> bool:
    # What the parser itself makes of syntax such as EXTRACT(…) or [1, 2] carries the schema main.
    return function.get("schema", "") in {"", "main"} and not function.get("catalog")


def _near(name: str, names: Collection[str]) -> str:
    found = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.75)
    return f"did you mean {' or '.join(found)}?" if found else ""


def _words(kind: str) -> str:
    return kind.replace("_", " ").lower()


_HINTS: Final[Mapping[str, str]] = {
    "SHOW_REF": "SHOW, DESCRIBE and SUMMARIZE are not SELECT; the tables stand beside"
}


def without_places(value: Any) -> Any:
    """A tree without the positions in the text, so that two of them can be compared."""
    if isinstance(value, dict):
        return {key: without_places(item) for key, item in value.items() if key != "query_location"}
    if isinstance(value, list):
        return [without_places(item) for item in value]
    return value
