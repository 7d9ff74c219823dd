"""Plain data told to whoever sits at a terminal: tables for people, one JSON document for programs."""

import dataclasses
import json
import operator
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from crm_core.problems import ProblemDocument
from crm_core.shape import dumps, to_json_value

WIDE = 200
# A text of a stranger may not move the cursor, ring the bell or rename the window.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclasses.dataclass(frozen=True)
class Printed:
    """A result with a text of its own, which is printed as it is; `data` is what a program is told instead."""

    text: str
    data: Any


def to_plain(value: Any) -> Any:
    """Dataclasses, tuples, instants and decimals as what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_plain({field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    if isinstance(value, Mapping):
        if isinstance(value.get("amount"), Decimal):
            return to_json_value(dict(value))
        return {str(key): to_plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_plain(part) for part in value]
    return str(value) if isinstance(value, Path) else to_json_value(value)


def pick(found: Iterable[Any], names: str) -> list[dict[str, Any]]:
    """Of each thing the facts of some names, with spaces between; `definition.module` is shown as `module`."""
    wanted = {name.rpartition(".")[2]: operator.attrgetter(name) for name in names.split()}
    return [{name: get(one) for name, get in wanted.items()} for one in found]


def as_document(value: Any) -> str:
    """Plain data as one JSON document."""
    return dumps(to_plain(value), separators=(", ", ": "))


def tell(value: Any, *, as_json: bool = False) -> None:
    """Print a text, the rows of a list, or the facts of one thing; `as_json` all as one document."""
    if isinstance(value, Printed):
        value = value.data if as_json else value.text
    if as_json:
        print(as_document(value), flush=True)
    elif isinstance(value, str):
        print(value, end="" if value.endswith("\n") else "\n", flush=True)
    elif value is not None:
        _draw(to_plain(value))


def tell_problem(problem: ProblemDocument, *, as_json: bool = False) -> None:
    """Print what went wrong: the document on standard output, or in words on standard error."""
    if as_json:
        tell(problem, as_json=True)
        return
    lines = [problem["detail"], *(f"  {wrong['field']}: {wrong['message']}" for wrong in problem["errors"])]
    if len(problem["errors"]) > 1 and all(wrong["code"] == "definition" for wrong in problem["errors"]):
        # Each stands in the detail as well, in one paragraph that nobody can read.
        headline = f"{len(problem['errors'])} things are wrong, and nothing was changed:"
        lines = [headline, *(f"  {wrong['message']}" for wrong in problem["errors"])]
    print("\n".join(_harmless(line) for line in lines), file=sys.stderr, flush=True)


def note(*texts: str) -> None:
    """Print messages that are no result, a line each."""
    for text in texts:
        print(_harmless(text), file=sys.stderr, flush=True)


@contextmanager
def progress_bar(about: str) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error where a person watches; what it gives is told phase, done and total."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    parts = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*parts, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(about, total=None)

        def advance(phase: str, done: int, total: int) -> None:
            bar.update(task, description=f"{about}: {phase}", completed=done, total=total or None)

        yield advance


def _draw(value: Any) -> None:
    """A list as a table of rows; one thing as its facts, then a table for each of its lists."""
    if isinstance(value, list):
        _table(value)
        return
    lists = {key: part for key, part in value.items() if _is_table(part)}
    facts = [{"": key.replace("_", " "), " ": part} for key, part in value.items() if key not in lists]
    _table(facts, headed=False)
    for key, rows in lists.items():
        print(f"\n{key.replace('_', ' ').capitalize()}", flush=True)
        _table(rows)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _table(rows: list[Any], *, headed: bool = True) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        note("There is nothing.")
        return
    rows = [row if isinstance(row, dict) else {"": row} for row in rows]
    table = Table(box=box.SIMPLE_HEAD, show_header=headed)
    # Lists of further things have no room in a cell; `--json` tells them.
    nested = {heading for row in rows for heading in row if _is_table(row[heading])}
    headings = dict.fromkeys(heading for row in rows for heading in row if heading not in nested)
    for heading in headings:
        # What is to be copied stands in one piece.
        table.add_column(Text(heading.replace("_", " ")), overflow="fold", no_wrap=heading.endswith("id"))
    for row in rows:
        table.add_row(*(Text(_cell(row.get(heading))) for heading in headings))
    # A file or a pipe has no width that anything would have to be cut to.
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and not any(isinstance(part, (dict, list)) for part in value):
        return _harmless(", ".join(map(str, value)))
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)
    return _harmless(text)


def _harmless(text: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
