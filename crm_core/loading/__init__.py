"""Loading data: files of any kind become records, every row accounted for, and undone exactly when asked for."""

from importlib import resources

from crm_core.loading.contracts import (
    SourceEntry,
    apply_source,
    contract_document,
    load_contract,
    parse_contract,
    read_contract,
    read_options,
    read_sources,
    show_source,
)
from crm_core.loading.entries import LoadEntry, read_load, read_loads
from crm_core.loading.load import load, preview
from crm_core.loading.model import (
    Cancel,
    ColumnPreview,
    Contract,
    Formats,
    LoadOptions,
    LoadResult,
    Preview,
    Progress,
)
from crm_core.loading.rejects import download_rejects, read_rejects
from crm_core.loading.undo import on_undo, undo
from crm_core.loading.watching import Arrived, Watching, watch
from crm_core.taking_back import UndoResult

__all__ = [
    "Arrived",
    "Cancel",
    "ColumnPreview",
    "Contract",
    "Formats",
    "LoadEntry",
    "LoadOptions",
    "LoadResult",
    "Preview",
    "Progress",
    "SourceEntry",
    "UndoResult",
    "Watching",
    "apply_source",
    "contract_document",
    "download_rejects",
    "load",
    "load_contract",
    "on_undo",
    "parse_contract",
    "preview",
    "read_contract",
    "read_load",
    "read_loads",
    "read_options",
    "read_rejects",
    "read_sources",
    "schema_sql",
    "show_source",
    "undo",
    "watch",
]


def schema_sql() -> str:
    """The tables that loading keeps, for whoever opens a lake."""
    return resources.files(__name__).joinpath("schema.sql").read_text(encoding="utf-8")
