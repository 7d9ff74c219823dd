"""What the page of loads remembers, and what it asks the core for. No Streamlit here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from crm_core.loading import Contract, Formats, LoadOptions, LoadResult, Preview, UndoResult
from crm_core.loading.model import Mode
from crm_core.uploads import Uploaded
from pages._ui.load_job import Job

NEW, PAST = "New load", "Past loads"
NEW_FIELD = "+"
"""Stands for a field that is yet to be made of a column."""
Empty = Literal["keep", "clear"]


@dataclass
class Setup:
    """What is chosen for a load. `columns` are the choices that a person made, by header: a path, None, or `NEW_FIELD`.

    Attributes:
        formats: how the file is written, where a person knows better than the sniffer.
        key: None until a person chose: then the suggestion does not count.
    """

    module: str = ""
    source: str = ""
    columns: dict[str, str | None] = field(default_factory=dict)
    key: tuple[str, ...] | None = None
    mode: Mode | None = None
    empty: Empty | None = None
    silent: bool = False
    strict: bool = False
    formats: dict[str, Any] = field(default_factory=dict)


@dataclass
class LoadState:
    """Where the page stands.

    Attributes:
        box: the name of the box that files come into.
        took: how many files the setup was made for.
        sniffed: what the first file's head looks like, with what it was read for.
        job: what runs in the background: a check or a load.
        checked: the last check, with what it was made for.
        done: the load that has just ended.
        past: the id of the past load that is open.
        undone: the load that was taken back last, and what came of it.
    """

    view: str = NEW
    box: str = ""
    setup: Setup = field(default_factory=Setup)
    sniffed: tuple[Any, Any] | None = None
    job: Job | None = None
    checked: tuple[str, Preview] | None = None
    done: LoadResult | None = None
    past: str = ""
    undone: tuple[str, UndoResult] | None = None


def stem(name: str) -> str:
    """The name of a source after its file: `Leads 2026.csv.gz` is `Leads 2026`."""
    plain = name.removesuffix(".gz")
    return plain.rpartition(".")[0] or plain


def options_of(setup: Setup, chosen: dict[str, str | None], key: tuple[str, ...], mode: Mode) -> LoadOptions:
    """The options of a load, with a contract that says what becomes of every column.

    Args:
        setup: what was chosen.
        chosen: header → path, None, or `NEW_FIELD`, for every column of the file.
        key: the fields that tell a record.
        mode: what becomes of rows.
    """
    told = {header: path for header, path in chosen.items() if path != NEW_FIELD}
    formats = Formats(**{name: value for name, value in setup.formats.items() if value not in (None, "")})
    contract = Contract(
        source=setup.source,
        module=setup.module,
        key=key,
        mode=mode,
        empty=setup.empty,
        columns=told,
        formats=formats,
    )
    return LoadOptions(
        source=setup.source, key=key, mode=mode, empty=setup.empty, contract=contract, formats=formats,
        evolve=NEW_FIELD in chosen.values(), silent=setup.silent, strict=setup.strict,
    )  # fmt: skip


def fingerprint(files: tuple[Uploaded, ...], options: LoadOptions) -> str:
    """A text that changes when a check no longer says what a load would do."""
    return repr(([str(file.path) for file in files], options))
