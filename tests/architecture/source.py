"""Reads the source of the project as syntax trees, for the tests beside it that hold the lines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS: dict[str, int] = {"lake": 0, "crm_core": 1, "flows": 2, "api": 3, "pages": 3, "cli": 3, "app": 4}
"""Top-level packages and how high they stand; `app` is the frame around the pages."""
FACES = ("api", "pages", "cli", "app")


@dataclass(frozen=True)
class Source:
    """One Python file of the project."""

    path: Path
    tree: ast.Module
    lines: int

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def package(self) -> str:
        return self.path.relative_to(ROOT).parts[0].removesuffix(".py")


@cache
def sources(*packages: str) -> tuple[Source, ...]:
    """Every Python file of the given top-level packages or modules."""
    found: list[Path] = []
    for package in packages:
        found += [ROOT / f"{package}.py"] if (ROOT / f"{package}.py").exists() else []
        found += sorted((ROOT / package).rglob("*.py"))
    return tuple(_parse(path) for path in found)


def imports(source: Source) -> Iterator[tuple[str, int]]:
    """Each imported module of a file as a dotted name, with its line; relative imports are made absolute."""
    package = list(source.path.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: -node.level] if node.level else []
            target = ".".join([*base, *([node.module] if node.module else [])])
            yield target, node.lineno
            yield from ((f"{target}.{alias.name}", node.lineno) for alias in node.names)


def literals(source: Source) -> Iterator[tuple[str, int]]:
    """Each string literal that is not a docstring, the fixed parts of f-strings included."""
    docstrings = {id(node) for node in _docstrings(source.tree)}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value, node.lineno


def functions(source: Source) -> Iterator[tuple[str, int]]:
    """Each function with the number of lines that it spans, decorators left out."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def _parse(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path=path, tree=ast.parse(text, filename=str(path)), lines=len(text.splitlines()))


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    # A string that stands alone as a statement documents what is above it.
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
