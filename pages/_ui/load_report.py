"""What a load would do, and what it did: the accounting, samples, what was not taken, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import streamlit as st

from crm_core.loading import LoadResult, Preview, download_rejects, read_rejects
from crm_core.query import titles
from pages._ui import feedback, html, load_setup, nav, words
from pages._ui.load_state import PAST, LoadState
from pages._ui.session import Here

REJECTS_SHOWN = 200
CELL = 60


class Counted(Protocol):
    """What has the counts of a load, in rows."""

    @property
    def read(self) -> int: ...
    @property
    def inserted(self) -> int: ...
    @property
    def updated(self) -> int: ...
    @property
    def unchanged(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def values_rejected(self) -> int: ...
    @property
    def pending_references(self) -> int: ...


def accounting(found: Counted, *, deleted: int = 0) -> html.Html:
    """The counts side by side; the rows read are the sum of the next four."""
    figures = [
        html.Kpi("Rows read", words.number(found.read)),
        html.Kpi("New", words.number(found.inserted), tone="good"),
        html.Kpi("Changed", words.number(found.updated)),
        html.Kpi("Unchanged", words.number(found.unchanged)),
        html.Kpi("Rejected", words.number(found.rejected), _share(found.rejected, found.read), tone="bad"),
        html.Kpi("Values set aside", words.number(found.values_rejected)),
    ]
    if found.pending_references:
        figures.append(html.Kpi("References pending", words.number(found.pending_references)))
    if deleted:
        figures.append(html.Kpi("Deleted", words.number(deleted)))
    return html.kpi_strip(figures)


def draw_preview(now: Here, found: Preview) -> None:
    """What the load would do: counts, and samples of what is new, changed and not taken."""
    st.html(html.section_header("What this load would do", "Nothing is written yet"))
    names = _names_of(now, found.contract.module)
    parts: list[html.Text] = [accounting(found.result, deleted=found.result.deleted), *_notes(found.result)]
    if found.inserts:
        parts.append(_inserts(found.inserts, names, found.result.inserted))
    if found.changes:
        parts.append(_changes(now, found, names))
    if found.rejects:
        parts.append(reject_table(found.rejects, names, title="Not taken"))
    st.html(_stack(parts))


def draw_done(now: Here, state: LoadState, found: LoadResult) -> None:
    """What the load that has just ended did."""
    wrong = found.rejected or found.values_rejected
    said = f"Loaded in {found.seconds:.1f} s." if found.read else "There was no row to load."
    parts: list[html.Text] = [
        html.note(
            f"{said} {'Some of it was not taken: see below.' if wrong else ''}",
            color="orange" if wrong else "green",
        ),
        accounting(found, deleted=found.deleted),
        *_notes(found),
    ]
    st.html(_stack(parts))
    module = state.setup.module
    with st.container(horizontal=True, gap="small", key="load_after"):
        if module in now.catalog.modules:
            label = f"Open {now.catalog.module(module).name.lower()}"
            st.button(label, icon=":material/arrow_forward:", type="primary", key="load:open", on_click=nav.go,
                      args=(module,))  # fmt: skip
        st.button("Load other files", icon=":material/upload_file:", key="load:again", on_click=load_setup.forget_files,
                  args=(state,))  # fmt: skip
        st.button("See it among past loads", type="tertiary", key="load:past", on_click=_show_past,
                  args=(state, found.load_id))  # fmt: skip
    if wrong:
        draw_rejects(now, found.load_id, module=module, mend=lambda: load_setup.replace_files(state))


def draw_rejects(now: Here, load_id: str, *, module: str, mend: Callable[[], None]) -> None:
    """What a load did not take: a table, the rows to be mended, and the way to load the mended file."""
    rejects = feedback.run(lambda: read_rejects(now.lake, load_id, actor=now.actor), at="here") or []
    if not rejects:
        return
    st.html(
        reject_table(rejects[:REJECTS_SHOWN], _names_of(now, module), title="Not taken", count=len(rejects))
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="load_rejects"):
        st.download_button(
            "Download these rows", data=lambda: download_rejects(now.lake, load_id, actor=now.actor),
            file_name=f"rejects-{load_id[:8]}.csv", mime="text/csv", icon=":material/download:", key="load:download",
        )  # fmt: skip
        st.button("Load the mended file", icon=":material/build:", key="load:mend", on_click=mend)
        st.html(
            html.Html(
                '<span class="m-sub">Mend the cells and leave the columns that begin with _ as they are.</span>'
            )
        )


def reject_table(
    rejects: Sequence[Mapping[str, Any]], names: Mapping[str, str], *, title: str, count: int | None = None
) -> html.Html:
    """Rejects as a card: where, what was written, and why it was not taken."""
    files = len({one["file"] for one in rejects}) > 1
    rows = [
        html.Row(
            [
                *([str(one["file"])] if files else []),
                words.number(one["line"]) if one["line"] is not None else "",
                one["column"] or html.missing("row"),
                html.missing("empty") if one["value"] in (None, "") else _cut(one["value"]),
                html.Html('<span class="m-wrap">{}</span>').format(one["reason"]),
                html.badge("Row loaded", color="yellow")
                if one["row_loaded"]
                else html.badge("Row left out", color="red"),
            ]
        )
        for one in rejects
    ]
    columns = [*(["File"] if files else []), "Line", "Column", "Value", "Reason", ""]
    more = f"The first {len(rows):,} are shown; the download has all." if count and count > len(rows) else ""
    total = words.number(count if count is not None else len(rows))
    return html.table_card(title, columns, rows, count=total, footer=more)


def _notes(found: LoadResult) -> Iterable[html.Html]:
    if found.held_messages:
        told = f"{words.plural(found.held_messages, 'message')} of flows wait for an administrator in the outbox."
        yield html.note(told, color="orange")
    if found.proposed:
        lines = [f"{header} could become the field {words.readable(slug)} ({words.readable(kind).lower()})"
                 for header, slug, kind in found.proposed]  # fmt: skip
        yield html.note(
            "These columns have no field, and stay with the source rows:", color="blue", lines=lines[:12]
        )
    if found.notes:
        yield html.note("How it was read:", color="gray", lines=found.notes[:12])


def _inserts(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str], total: int) -> html.Html:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    body = [html.Row([cell(row.get(name)) for name in columns]) for row in rows[:10]]
    heads = [names.get(name, words.readable(name)) for name in columns]
    first = f"the first {len(body)}" if total > len(body) else ""
    return html.table_card("New records", heads, body, count=words.number(total), right=first)


def _changes(now: Here, found: Preview, names: Mapping[str, str]) -> html.Html:
    module = found.contract.module
    ids = [str(change["id"]) for change in found.changes]
    known = (
        titles(now.lake, now.catalog, wanted={module: ids}, actor=now.actor)
        if module in now.catalog.modules
        else {}
    )
    rows = [
        html.Row(
            [
                known.get(str(change["id"]), str(change["id"])[:8]),
                names.get(change["field"], words.readable(change["field"].replace("__", " "))),
                html.Html('<span class="m-old">{}</span>').format(cell(change["old"])),
                cell(change["new"]),
            ]
        )
        for change in found.changes
    ]
    return html.table_card("Changes", ["Record", "Field", "Now", "Will be"], rows,
                           count=words.plural(found.result.updated, "record"))  # fmt: skip


def _names_of(now: Here, module: str) -> dict[str, str]:
    if module not in now.catalog.modules:
        return {}
    own = {field.slug: field.name for field in now.catalog.module(module).fields}
    return own | {reference.slug: reference.label for reference in now.catalog.references(module)}


def cell(value: Any) -> html.Text:
    """A value as a cell shows it: short, and a dash when it is missing."""
    if value in (None, "", [], {}):
        return html.missing()
    if isinstance(value, Mapping):
        return _cut(", ".join(str(part) for part in value.values() if part not in (None, "")))
    return _cut(", ".join(map(str, value)) if isinstance(value, list | tuple) else value)


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= CELL else f"{text[:CELL]}…"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if part and whole else ""


def _stack(parts: Iterable[html.Text]) -> html.Html:
    return html.stack(parts)


def _show_past(state: LoadState, load_id: str) -> None:
    state.view, state.past = PAST, load_id
