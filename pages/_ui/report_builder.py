"""Building a report without code: of which records, what is computed, by what, how it is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import streamlit as st
from pydantic import ValidationError

from crm_core.definition_documents import plain, problems_of
from crm_core.model import Report
from crm_core.model.reports import MOST_GROUPS
from crm_core.reports.periods import PERIODS
from crm_core.reports.sql_report import example
from crm_core.reports.store import NEW, save_report
from pages._ui import feedback, html, nav, report_choices
from pages._ui.conditions import condition_choices, edit_condition, forget
from pages._ui.nav import REPORTS
from pages._ui.report_save import draw_save
from pages._ui.report_words import BUCKETS, CHARTS, MEASURES, SORTS
from pages._ui.session import Here
from pages._ui.surroundings import field_context

Draft = dict[str, Any]
_KEPT = ("slug", "name", "shared_with", "team", "owner", "module")
"""What is left of a report when another module is chosen."""


@dataclass
class BuilderState:
    """What is being built: the report as a document, and of which saved one (`new` for none)."""

    slug: str = ""
    draft: Draft = field(default_factory=dict)
    round: int = 0
    """How often another report was begun: the widgets are others then."""


def begin(state: BuilderState, report: Report | None, module: str) -> None:
    """Begin with a saved report, or with counting the records of a module."""
    state.slug = report.slug if report is not None else NEW
    given = plain(report) if report is not None else {"module": module, "groups": [{"field": "status"}]}
    state.draft = {"slug": NEW, "shared_with": "me", **given}
    state.round += 1
    forget(_key(state, "when"))


def draw_builder(now: Here, state: BuilderState) -> Report | None:
    """Draw the parts of the report; what they make, or None with why it is none yet."""
    draft = state.draft
    kind = st.segmented_control(
        "Made of", ["records", "sql"], default="sql" if "sql" in draft else "records", required=True,
        key=_key(state, "kind"), label_visibility="collapsed",
        format_func={"records": "Records", "sql": "SQL"}.__getitem__,
    )  # fmt: skip
    if kind == "sql":
        _sql(now, state)
    else:
        _records(now, state)
    _drawing(state)
    return made(draft)


def made(draft: Draft) -> Report | None:
    """The report that a draft describes; where it describes none, why is told here."""
    try:
        return Report.model_validate(draft)
    except ValidationError as error:
        lines = [feedback.sentence(line) for line in problems_of(error)]
        st.html(html.note("Not finished yet.", color="yellow", lines=lines))
        return None


def draw_saving(now: Here, state: BuilderState, report: Report) -> None:
    """Draw the form that saves it."""
    draw_save(
        now, report, key=_key(state, "save"), save=lambda one: save_report(now.lake, one, actor=now.actor),
        on_saved=lambda slug: nav.go(REPORTS, report=slug),
    )  # fmt: skip


def _records(now: Here, state: BuilderState) -> None:
    draft, catalog = state.draft, now.catalog
    draft.pop("sql", None)
    modules = {module.slug: module.name for module in catalog.ordered}
    before = draft.get("module")
    draft["module"] = _choose("Records of", modules, before, key=_key(state, "module"))
    if before and draft["module"] != before:
        # What was chosen of the other module means nothing here.
        kept: Draft = {name: draft[name] for name in _KEPT if name in draft}
        state.draft = draft = {**kept, "groups": [{"field": "status"}]}
        state.round += 1
    module = draft["module"]
    with st.expander("Only those that …", expanded=bool(draft.get("when"))):
        draft["when"] = edit_condition(
            draft.get("when"), choices=condition_choices(catalog, module, lists=True), key=_key(state, "when"),
            context=field_context(now),
        )  # fmt: skip
    _measure(now, state, module)
    _groups(now, state, module)
    _date(now, state, module)


def _measure(now: Here, state: BuilderState, module: str) -> None:
    measure: Draft = dict(state.draft.get("measure") or {})
    kind = _choose("What", MEASURES, measure.get("kind", "count"), key=_key(state, "measure"))
    if kind == "count":
        state.draft.pop("measure", None)
        return
    key = _key(state, f"measure:{module}:{kind}")
    times, numbers = report_choices.times(now.catalog, module), report_choices.numbers(now.catalog, module)
    offered = (
        times if kind == "velocity" else {**numbers, **{one: f"Time since: {times[one]}" for one in times}}
    )
    named = _choose("Of", offered, measure.get("field"), key=f"{key}:of")
    made: Draft = {"kind": kind, "field": named}
    if kind != "velocity" and named in times:
        others = {one: name for one, name in times.items() if one != named}
        made["until"] = _choose("Until", others, measure.get("until"), key=f"{key}:until")
    elif kind != "velocity":
        made["less"] = _less(now, state, module, measure, key)
    state.draft["measure"] = made


def _less(now: Here, state: BuilderState, module: str, measure: Draft, key: str) -> list[Draft]:
    """What is taken off, with conditions where it belongs to related records."""
    offered = report_choices.takings(now.catalog, module)
    before = {one["field"]: one for one in measure.get("less") or []}
    chosen = st.multiselect(
        "Less", list(offered), default=[one for one in before if one in offered], format_func=offered.__getitem__,
        key=f"{key}:less", placeholder="Nothing taken off", max_selections=4,
    )  # fmt: skip
    found = []
    for path in chosen:
        one = {"field": path, **{name: part for name, part in before.get(path, {}).items() if name == "when"}}
        if report_choices.over_list(now.catalog, module, path):
            target = now.catalog.resolve(module, path).module
            with st.expander(f"Less {offered[path]}, only those that …"):
                one["when"] = edit_condition(
                    one.get("when"), choices=condition_choices(now.catalog, target), key=f"{key}:less:{path}",
                    context=field_context(now),
                )  # fmt: skip
        found.append(one)
    return found


def _groups(now: Here, state: BuilderState, module: str) -> None:
    offered = report_choices.groups(now.catalog, module)
    before: list[Draft] = list(state.draft.get("groups") or [])
    found: list[Draft] = []
    for place, label in enumerate(("By", "And by")):
        here = before[place] if place < len(before) else {}
        key = _key(state, f"group:{module}:{place}")
        with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
            path = _choose(label, offered, here.get("field"), key=key, none="Nothing")
            if path and report_choices.is_time(now.catalog, module, path):
                bucket = _choose("Each", BUCKETS, here.get("bucket") or "month", key=f"{key}:bucket")
                found.append({"field": path, "bucket": bucket})
            elif path:
                found.append({"field": path})
        if not path:
            break
    state.draft["groups"] = found


def _date(now: Here, state: BuilderState, module: str) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        times = report_choices.times(now.catalog, module)
        path = _choose(
            "Date range of",
            times,
            state.draft.get("date"),
            key=_key(state, f"date:{module}"),
            none="No range",
        )
        state.draft["date"] = path or ""
        if path:
            state.draft["period"] = _choose(
                "At first", PERIODS, state.draft.get("period", "all"), key=_key(state, "period")
            )


def _sql(now: Here, state: BuilderState) -> None:
    draft = state.draft
    if "sql" not in draft:
        # What was chosen of the fields of a module is no column of a statement.
        for name in ("module", "when", "date", "measure", "groups"):
            draft.pop(name, None)
    first = now.catalog.ordered[0].slug
    st.text_area(
        "Statement", value=draft.get("sql") or example(first), key=_key(state, "sql"), height=170,
        help="One SELECT. Whoever looks sees what he may see. $from and $until are the days of the date range.",
    )  # fmt: skip
    draft["sql"] = st.session_state[_key(state, "sql")]
    by = st.text_input("Columns to group by", value=", ".join(one["field"] for one in draft.get("groups") or []),
                       key=_key(state, "sql_groups"), placeholder="The first that is no number")  # fmt: skip
    draft["groups"] = [{"field": name.strip()} for name in by.split(",")[:2] if name.strip()]
    column = st.text_input("Column of the values", value=(draft.get("measure") or {}).get("field", ""),
                           key=_key(state, "sql_value"), placeholder="The last of numbers")  # fmt: skip
    draft["measure"] = {"field": column.strip()}
    if "$from" in draft["sql"] or "$until" in draft["sql"]:
        draft["period"] = _choose(
            "Date range at first", PERIODS, draft.get("period", "all"), key=_key(state, "period")
        )


def _drawing(state: BuilderState) -> None:
    draft = state.draft
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        draft["chart"] = _choose("Drawn as", CHARTS, draft.get("chart", "bar"), key=_key(state, "chart"))
        if not draft.get("sql"):
            draft["sort"] = _choose(
                "In which order", SORTS, draft.get("sort", "auto"), key=_key(state, "sort")
            )
            draft["limit"] = int(
                st.number_input(
                    "Groups at most",
                    1,
                    MOST_GROUPS,
                    draft.get("limit", 20),
                    key=_key(state, "limit"),
                    width=130,
                )
            )
    draft["description"] = st.text_input(
        "In a sentence", value=draft.get("description", ""), key=_key(state, "description"), max_chars=500,
        placeholder="What it tells, for whoever finds it",
    )  # fmt: skip


def _choose(label: str, offered: Any, current: Any, *, key: str, none: str = "") -> Any:
    """A choice among names; one that is not offered (any more) stays chosen until another is."""
    names = {**({"": none} if none else {}), **cast("dict[str, str]", offered)}
    if current and current not in names:
        names[current] = f"{current} (gone)"
    index = list(names).index(current) if current in names else 0
    return st.selectbox(label, list(names), index=index, format_func=lambda one: names.get(one, one), key=key)


def _key(state: BuilderState, part: str) -> str:
    return f"build:{state.round}:{part}"
