"""YAML 1.2, so that `NO` stays Norway and `12:30` stays a time of day."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from crm_core.errors import CrmError


class YamlInvalid(CrmError):
    """A text is no YAML document; carries where reading stopped."""

    status = 422

    def __init__(self, source: str, reason: str, *, line: int | None = None) -> None:
        self.source = source
        self.reason = reason
        self.line = line
        where = f", line {line}" if line is not None else ""
        super().__init__(f"{source}{where} is no YAML that can be read: {reason}. Mend it and try again.")


def load(text: str, *, source: str = "The text") -> Any:
    """Read one YAML 1.2 document as plain Python: dicts, lists, texts, numbers, booleans, dates, None.

    Args:
        text: the document.
        source: what to call it in an error, for example its file name.

    Raises:
        YamlInvalid: When it is no YAML, holds tags of foreign types, or more than one document.
    """
    with _told(source):
        return YAML(typ="safe", pure=True).load(text)


@contextmanager
def _told(source: str) -> Iterator[None]:
    """Say where reading stopped, and why."""
    try:
        yield
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = str(error.problem or error.context or error).strip()
        raise YamlInvalid(source, reason, line=mark.line + 1 if mark else None) from error
    except RecursionError as error:
        raise YamlInvalid(source, "its parts lie too deep in each other") from error
    except (YAMLError, ValueError) as error:
        raise YamlInvalid(source, str(error).splitlines()[0]) from error


def read_text(path: Path) -> str:
    """The text of a file in UTF-8.

    Raises:
        YamlInvalid: When the file is not there or no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise YamlInvalid(str(path), f"it cannot be read as UTF-8 text ({error})") from error


def load_file(path: Path) -> Any:
    """`load` of a file in UTF-8.

    Raises:
        YamlInvalid: When the file is not there or no YAML in UTF-8.
    """
    return load(read_text(path), source=str(path))


Place = tuple[int | str, ...]
"""Keys and indices from the top of a document to a part of it."""


@dataclass(frozen=True)
class Lined:
    """A document that knows where its parts stand. A key that stands twice counts once: its first value."""

    document: Any
    node: Node | None

    def position(self, place: Place) -> tuple[int, int]:
        """Line and column, both from 1, of a part; of what holds it, when the part is not there."""
        mark, here = (self.node.start_mark if self.node is not None else None), self.node
        for part in place:
            found = _step(here, part)
            if found is None:
                break
            mark, here = found
        return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)

    def twice(self) -> Iterator[tuple[Place, tuple[int, int]]]:
        """Keys that stand in one mapping more than once: the place, and line and column of the later one."""
        seen: set[int] = set()
        waiting: list[tuple[Place, Node | None]] = [((), self.node)]
        while waiting:
            place, node = waiting.pop()
            if node is None or id(node) in seen:
                continue  # An alias leads to a part that was looked at.
            seen.add(id(node))
            keys: set[str] = set()
            for name, key, value in _parts(node):
                waiting.append(((*place, name), value))
                if key is not None and str(name) in keys:
                    yield (*place, name), (key.start_mark.line + 1, key.start_mark.column + 1)
                keys.add(str(name))


def _parts(node: Node) -> Iterator[tuple[int | str, Node | None, Node]]:
    """Name, key and value of what a mapping or a list holds."""
    if isinstance(node, MappingNode):
        yield from ((str(key.value), key, value) for key, value in node.value)
    elif isinstance(node, SequenceNode):
        yield from ((number, None, value) for number, value in enumerate(node.value))


def _step(node: Node | None, part: int | str) -> tuple[Any, Node] | None:
    """Where one part of a node stands, and the part itself."""
    for name, key, value in _parts(node) if node is not None else ():
        if str(name) == str(part):
            return (key or value).start_mark, value
    return None


def load_lined(text: str, *, source: str = "The text") -> Lined:
    """As `load`, with the lines on which the parts stand; a key that stands twice is no error here.

    Raises:
        YamlInvalid: When it is no YAML, holds tags of foreign types, or more than one document.
    """
    with _told(source):
        node = YAML(typ="safe", pure=True).compose(text)
        if _size(node, {}) > MOST_PARTS:
            raise YamlInvalid(
                source, f"with its aliases it has more than {MOST_PARTS:,} parts, or one lies in itself"
            )
        reader = YAML(typ="safe", pure=True)
        reader.allow_duplicate_keys = True
        return Lined(reader.load(text), node)


MOST_PARTS = 100_000
"""Parts of a document with every alias written out: a few lines of aliases can stand for more than any memory holds."""


def _size(node: Node | None, known: dict[int, int]) -> int:
    if node is None:
        return 0
    if id(node) not in known:
        known[id(node)] = MOST_PARTS + 1  # What it counts as within itself.
        known[id(node)] = 1 + sum(_size(value, known) for _, _, value in _parts(node))
    return known[id(node)]


def dump(document: Any) -> str:
    """Write plain Python as YAML 1.2, in the order given, one block a level."""
    return _written(document, flow=False, width=110)


def dump_line(document: Any) -> str:
    """Write plain Python as YAML 1.2 in one line."""
    return _written(document, flow=True, width=1_000_000).removesuffix("...\n").strip()


def _written(document: Any, *, flow: bool, width: int) -> str:
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = flow
    writer.allow_unicode = True
    writer.width = width
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = StringIO()
    writer.dump(document, out)
    return out.getvalue()
