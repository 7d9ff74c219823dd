"""Flows as they are written: YAML texts, files and folders, read so that every problem names its line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_core import yaml
from crm_core.errors import DefinitionInvalid
from crm_core.model import Catalog
from crm_core.yaml import Lined
from flows.examine import examine_flow
from flows.model import FlowDefinition
from flows.problems import Place, Told

Source = str | Path | Sequence[Any] | Mapping[str, Any]
"""YAML text, a file, a folder of them, or plain data: a flow, a list of flows, or a mapping with the key `flows`."""


@dataclass(frozen=True)
class Written:
    """One flow as it was given; `lined` is the YAML that it stands in, at `place`, and `file` the name of that."""

    document: Any
    place: Place = ()
    lined: Lined | None = None
    file: str = ""

    def tell(self, problem: str) -> Told:
        """A problem with its line, where it is known: `line 4: …`."""
        place = problem.place if isinstance(problem, Told) else ()
        if self.lined is None:
            return Told(problem, place)
        line, column = self.lined.position((*self.place, *place))
        return self._at(problem, place, line, column)

    def twice(self) -> list[Told]:
        """The keys that stand twice in one mapping, of which only the first counts."""
        found = [] if self.lined is None else sorted(self.lined.twice(), key=lambda one: one[1])
        return [
            self._at(
                f"“{place[-1]}” stands here again; it was said before, and each key stands once", place, *at
            )
            for place, at in found
            if place[: len(self.place)] == self.place
        ]

    def _at(self, sentence: str, place: Place, line: int, column: int) -> Told:
        where = f"{self.file} line {line}" if self.file else f"line {line}"
        return Told(f"{where}: {sentence}", place, line=line, column=column)


def read_written(source: Source) -> list[Written]:
    """The flows of a source, each with the lines that it stands on where there are any.

    Raises:
        YamlInvalid: A text is no YAML, or a file cannot be read.
    """
    if isinstance(source, Path):
        files = sorted([*source.glob("*.yaml"), *source.glob("*.yml")]) if source.is_dir() else [source]
        return [one for file in files for one in _read_file(file, name=file.name if source.is_dir() else "")]
    if isinstance(source, str):
        return read_flow_text(source)
    return [Written(document) for _, document in _listed(source)]


def read_flow_text(text: str, *, source: str = "The text", file: str = "") -> list[Written]:
    """The flows of a YAML text, with the lines that they stand on.

    Raises:
        YamlInvalid: It is no YAML.
    """
    lined = yaml.load_lined(text, source=source)
    return [Written(document, place, lined, file) for place, document in _listed(lined.document)]


def _read_file(path: Path, *, name: str) -> list[Written]:
    return read_flow_text(yaml.read_text(path), source=str(path), file=name)


def _listed(document: Any) -> list[tuple[Place, Any]]:
    place: Place = ()
    if isinstance(document, Mapping) and "flows" in document and "flow" not in document:
        document, place = document["flows"], ("flows",)
    if document is None:
        return []
    if isinstance(document, Sequence) and not isinstance(document, str):
        return [((*place, number), one) for number, one in enumerate(document)]
    return [(place, document)]


def read_flows(
    catalog: Catalog, source: Source, *, users: frozenset[str] | None = None
) -> list[tuple[FlowDefinition, Mapping[str, Any]]]:
    """The flows of a source, each with the document it was read from.

    Raises:
        YamlInvalid: A text is no YAML, or a file cannot be read.
        DefinitionInvalid: With every problem of every flow, and its line where the source has lines.
    """
    found: list[tuple[FlowDefinition, Mapping[str, Any]]] = []
    problems: list[Told] = []
    for written in read_written(source):
        flow, told = examine_flow(catalog, written.document, users=users)
        problems += _named(written, [*map(written.tell, told), *written.twice()])
        if flow is not None:
            found.append((flow, written.document))
    if problems:
        raise DefinitionInvalid("The flows" if len(found) != 1 else "The flow", problems)
    return found


def _named(written: Written, problems: list[Told]) -> list[Told]:
    """The problems in the order of their lines; without lines each names its flow."""
    if written.lined is not None:
        return sorted(problems, key=lambda told: (told.line or 0, told.column or 0))
    slug = written.document.get("flow", "without a name") if isinstance(written.document, Mapping) else ""
    return [Told(f"{f'The flow {slug}' if slug else 'The flow'}: {told}", told.place) for told in problems]
