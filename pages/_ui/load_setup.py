"""What a load is made of before it runs: its files, what they look like, where they go, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from crm_core import uploads
from crm_core.loading import read_contract
from crm_core.loading.mapping import suggest_columns
from crm_core.loading.model import MODES, Mode
from crm_core.loading.targets import Place, place_of
from crm_core.uploads import Uploaded
from lake.ingest import Options, Sniffed, file_source, sniff
from pages._ui import feedback, html, words
from pages._ui.load_state import NEW, LoadState, Setup, stem
from pages._ui.session import Here
from pages._ui.upload import upload_box

HEAD_ROWS = 6
HINT = "CSV, TSV, Excel, Parquet, JSON or NDJSON, also gzipped. Several files are loaded together."
MODE_WORDS: dict[Mode, str] = {
    "upsert": "Change by key, add the rest",
    "insert": "Add every row",
    "update": "Change by key only",
    "mirror": "Mirror: also delete what is missing",
}
EMPTY_WORDS = {"keep": "keeps what is there", "clear": "clears it"}
FORMATS: dict[str, tuple[str, Mapping[Any, str]]] = {
    "delimiter": ("Delimiter", {None: "Found out", ",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Bar"}),
    "encoding": ("Encoding", {None: "Found out", "utf-8": "UTF-8", "utf-16": "UTF-16", "windows-1252": "Windows-1252",
                              "latin-1": "Latin-1"}),
    "header": ("First row", {None: "Found out", True: "Names the columns", False: "Is data"}),
    "decimal": ("Decimals", {None: "Found out", ".": "1,234.50", ",": "1.234,50"}),
    "day_first": ("Dates", {None: "Found out", True: "Day first: 31/12/2026", False: "Month first: 12/31/2026"}),
}  # fmt: skip
"""Setting of reading → what it is called, and its values in words."""


def draw_box(state: LoadState) -> None:
    """Draw the box that files are dropped into."""
    if not state.box:
        state.box = uploads.open_box()
    upload_box(state.box, key="load:box", on_sent=lambda: None, hint=HINT)


def forget_files(state: LoadState) -> None:
    """Begin anew: throw the files away, and what was chosen for them."""
    uploads.close_box(state.box)
    state.box, state.setup, state.sniffed, state.checked, state.done = "", Setup(), None, None, None


def replace_files(state: LoadState) -> None:
    """Choose other files for the same module, source and settings: a mended file, for example."""
    uploads.close_box(state.box)
    state.box, state.sniffed, state.checked, state.done, state.view = "", None, None, None, NEW


def look(now: Here, state: LoadState, files: tuple[Uploaded, ...]) -> Sniffed | None:
    """What the head of the first file looks like; read again only when something else is asked for."""
    wanted = (str(files[0].path), repr(state.setup.formats))
    if state.sniffed is None or state.sniffed[0] != wanted:
        found = feedback.run(lambda: _sniff(now, files[0], state.setup.formats), at="here")
        state.sniffed = (wanted, found)
    found = state.sniffed[1]
    if found is not None and not state.setup.module:
        state.setup.module = best_module(now, found)
        take_source(now, state.setup, stem(files[0].name))
    return found if isinstance(found, Sniffed) else None


def best_module(now: Here, sniffed: Sniffed) -> str:
    """The module that knows most of the columns."""
    order = [module.slug for module in now.catalog.ordered]
    sure = {
        slug: sum(one.sure for one in suggest_columns(place_of(now.catalog, slug), sniffed.columns))
        for slug in order
    }
    return max(order, key=lambda slug: (sure[slug], -order.index(slug)))


def take_source(now: Here, setup: Setup, source: str) -> None:
    """Go on with a source, and with what is remembered of it."""
    setup.source, setup.columns, setup.key = source, {}, None
    known = read_contract(now.lake, source=source, module=setup.module)
    setup.mode, setup.empty = (known.mode, known.empty) if known else (None, None)


def draw_files(now: Here, state: LoadState, files: tuple[Uploaded, ...], sniffed: Sniffed | None) -> None:
    """Draw which files there are, how the first is written, and its first rows."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="load_files"):
        st.html(_files(files))
        if sniffed is None or sniffed.format in ("csv", "xlsx"):
            with st.popover("How it is written", icon=":material/tune:", key="load:formats"):
                _formats(state.setup, sniffed)
        st.button(
            "Other files", icon=":material/close:", key="load:forget", on_click=forget_files, args=(state,)
        )
    if sniffed is not None:
        st.html(_head(sniffed))


def draw_settings(
    now: Here, setup: Setup, place: Place, key_choices: Mapping[str, str], key: tuple[str, ...]
) -> None:
    """Draw where the rows come from and what becomes of them: source, key, mode, empty cells."""
    st.text_input("Source", value=setup.source, key=f"load:source:{setup.module}", width=190,
                  help="Where the file comes from. What you choose here is remembered under this name.",
                  on_change=_source, args=(now, setup))  # fmt: skip
    if place.relationship is None:
        _key(setup, key_choices, key)
        _mode(setup, key)
    _empty(setup)


def draw_module(now: Here, setup: Setup) -> None:
    """Draw the choice of the module or link that the rows go into."""
    names = {module.slug: module.name for module in now.catalog.ordered}
    names |= {
        rel.key: f"{now.catalog.module(rel.module).name} › {rel.name}"
        for rel in now.catalog.link_relationships
    }
    options = list(names)
    st.selectbox(
        "Into", options, index=options.index(setup.module) if setup.module in options else 0, key="load:module",
        format_func=names.__getitem__, width=190, on_change=_module, args=(now, setup),
    )  # fmt: skip


def mode_of(setup: Setup, key: tuple[str, ...]) -> Mode:
    """The mode that counts: the one chosen, else upsert with a key and insert without."""
    return setup.mode or ("upsert" if key else "insert")


def size(count: int) -> str:
    """A number of bytes as people read it."""
    if count < 1_000:
        return words.plural(count, "byte")
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return ""


def _module(now: Here, setup: Setup) -> None:
    setup.module = st.session_state["load:module"]
    take_source(now, setup, setup.source)


def _source(now: Here, setup: Setup) -> None:
    named = st.session_state[f"load:source:{setup.module}"].strip()
    if named:
        take_source(now, setup, named)


def _key(setup: Setup, choices: Mapping[str, str], key: tuple[str, ...]) -> None:
    widget = f"load:key:{setup.module}:{setup.source}"

    def chosen() -> None:
        setup.key = tuple(st.session_state[widget])

    known = [*choices, *(one for one in key if one not in choices)]
    st.multiselect("Key", known, default=list(key), format_func=lambda one: choices.get(one, one), key=widget,
                   help="The fields that tell which record a row means.", placeholder="No key", width=220,
                   on_change=chosen)  # fmt: skip


def _mode(setup: Setup, key: tuple[str, ...]) -> None:
    widget = f"load:mode:{setup.module}:{setup.source}:{bool(key)}"

    def chosen() -> None:
        setup.mode = st.session_state[widget]

    offered = [mode for mode in MODE_WORDS if mode in MODES]
    st.selectbox("Rows", offered, index=offered.index(mode_of(setup, key)), format_func=MODE_WORDS.__getitem__,
                 key=widget, on_change=chosen, width=240)  # fmt: skip


def _empty(setup: Setup) -> None:
    widget = f"load:empty:{setup.module}:{setup.source}"

    def chosen() -> None:
        setup.empty = st.session_state[widget]

    st.selectbox("An empty cell", list(EMPTY_WORDS), index=list(EMPTY_WORDS).index(setup.empty or "keep"), key=widget,
                 format_func=EMPTY_WORDS.__getitem__, on_change=chosen, width=180)  # fmt: skip


def _formats(setup: Setup, sniffed: Sniffed | None) -> None:
    for name, (label, values) in FORMATS.items():
        st.selectbox(label, list(values), index=list(values).index(setup.formats.get(name)), key=f"format:{name}",
                     format_func=values.__getitem__, on_change=_keep_format, args=(setup, name))  # fmt: skip
    st.number_input("Lines above the header", min_value=0, max_value=1_000, value=setup.formats.get("skip", 0),
                    key="format:skip", on_change=_keep_format, args=(setup, "skip"))  # fmt: skip
    if sniffed is None or sniffed.format == "xlsx":
        st.text_input("Sheet", value=setup.formats.get("sheet", ""), key="format:sheet", placeholder="The first",
                      on_change=_keep_format, args=(setup, "sheet"))  # fmt: skip


def _keep_format(setup: Setup, name: str) -> None:
    value = st.session_state[f"format:{name}"]
    setup.formats = {**setup.formats, name: value} if value not in (None, "", 0) or value is False else {
        key: kept for key, kept in setup.formats.items() if key != name
    }  # fmt: skip


def _sniff(now: Here, file: Uploaded, formats: Mapping[str, Any]) -> Sniffed:
    read = {
        name: formats[name]
        for name in ("delimiter", "encoding", "header", "skip", "sheet")
        if name in formats
    }
    with now.lake.session() as session:
        return sniff(session, file_source(file.path, name=file.name), options=Options(**read), rows=HEAD_ROWS)


def _files(files: tuple[Uploaded, ...]) -> html.Html:
    shown = html.join(
        html.Html('<span class="m-file">{}<b class="m-clip">{}</b><small>{}</small></span>').format(
            html.icon("draft"), file.name, size(file.size)
        )
        for file in files[:8]
    )
    more = f"and {len(files) - 8} more" if len(files) > 8 else ""
    return html.Html('<div class="m-files">{}<small>{}</small></div>').format(shown, more)


def _head(sniffed: Sniffed) -> html.Html:
    width = len(sniffed.columns)
    rows = [
        html.Row([cell if cell else html.missing("") for cell in (*row, *([None] * width))[:width]])
        for row in sniffed.sample[: HEAD_ROWS - 1]
    ]
    return html.table_card("First rows", list(sniffed.columns), rows, count=words.plural(width, "column"),
                           right=written(sniffed), empty="There are no rows below the header.")  # fmt: skip


def written(sniffed: Sniffed) -> str:
    """How a file is written, in a few words."""
    told = [{"csv": "CSV", "xlsx": "Excel", "ndjson": "NDJSON", "json": "JSON", "parquet": "Parquet"}.get(
        sniffed.format, sniffed.format)]  # fmt: skip
    if sniffed.dialect is not None:
        names = FORMATS["delimiter"][1]
        told.append(
            f"{names.get(sniffed.dialect.delimiter, sniffed.dialect.delimiter)} between cells".lower()
        )
    if sniffed.encoding:
        told.append(sniffed.encoding.upper())
    if sniffed.format in ("csv", "xlsx"):
        told.append("first row names the columns" if sniffed.header else "no header")
    return " · ".join(told)
