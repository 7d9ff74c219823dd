"""A page made of the kit alone, with people who do not exist: what `test_kit.py` drives."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import streamlit as st

from crm_core.model.fields import MoneyField, SelectField, TextField
from pages._ui import components, conditions, fields, grid, html, layout, state, style

ROWS = tuple(
    components.ListRow(
        id=f"00000000-0000-7000-8000-{number:012d}",
        title=f"Person {number:03d}",
        note="<b>Company</b>" if number == 1 else "Company",
        text="What was said last",
        unread=3 if number == 2 else 0,
        status="Active",
        color="green",
    )
    for number in range(1, 121)
)
MARKUP = '<img src=x onerror="document.title=1">'


@dataclass
class KitState:
    """What the page remembers."""

    selected: str | None = None
    heard: list[str] = field(default_factory=list)
    sort: str = "name"
    page: int = 1
    drawn: int = 1


kit = state.page_state(KitState, page="kit")


def hear(*words: object) -> None:
    kit.heard.append(" ".join(map(str, words)))


def pick(record_id: str) -> None:
    kit.selected = record_id
    layout.show_panel("centre")
    layout.redraw("centre")


def clicked(click: components.Click) -> None:
    hear("click", click.verb, *click.values)
    layout.redraw("centre")


def people() -> None:
    with layout.head("left"):
        words = st.text_input(
            "Search", key="search", type="search", live="150ms", label_visibility="collapsed"
        )
    found = [row for row in ROWS if (words or "").lower() in row.title.lower()]
    components.record_list(
        found,
        key="people",
        selected=kit.selected,
        on_select=pick,
        search="search",
        none="Nobody is called that.",
    )


def person() -> None:
    name = next((row.title for row in ROWS if row.id == kit.selected), "Nobody")
    with layout.body("centre"):
        st.html(html.record_header(name, subtitle=MARKUP))
        row = html.Row(["A deal", html.badge(MARKUP)], click=html.click("open", "deals", "42:7"))
        st.html(html.table_card("Deals", ["Name", "Stage"], [row]))
        st.html(html.table_card("Old deals", ["Name", "Stage"], [row] * 40))
        st.html(html.Html('<p id="heard">{}</p>').format(" | ".join(kit.heard)))


def side() -> None:
    with layout.body("right"):
        st.html(html.section_header("Side"))


def workspace() -> None:
    components.clicks(clicked)
    layout.three_panels(left=people, centre=person, right=side)


def busy() -> None:
    """Panels that take their time, and grow above what one types into."""

    def again() -> None:
        kit.drawn += 1
        layout.redraw("centre")

    def slow() -> None:
        if st.button("Work"):
            time.sleep(1)
        st.html(html.Html('<p id="drawn">{}</p>').format(str(kit.drawn)))
        for lines in (20 * kit.drawn, 40):
            st.html(html.join([html.Html("<p>A line.</p>")] * lines))
        tags = st.multiselect("Tags", ["small"], accept_new_options=True, key="tags")
        st.html(html.Html('<p id="tags">{}</p>').format(", ".join(tags)))

    def pressed() -> None:
        st.html(html.Html('<p id="pressed">{}</p>').format(str(st.button("Press"))))

    layout.three_panels(left=lambda: st.button("Again", on_click=again) and None, centre=slow, right=pressed)


def form() -> None:
    kinds = [
        TextField(slug="name", label="**Name** <i>"),
        MoneyField(slug="price"),
        SelectField(slug="stage", options=("new", "won")),  # type: ignore[arg-type]
    ]
    with layout.page("Form"):
        values = {"name": "Ada", "price": None, "stage": "new"}
        fields.edit_fields(
            kinds, values, key="form", on_commit=lambda slug, value: hear(slug, "=", repr(value))
        )
        choices = [conditions.Choice(kind.slug, kind.slug.capitalize(), kind) for kind in kinds]
        start = {"field": "name", "op": "contains", "value": "a"}
        tree = conditions.edit_condition(start, choices=choices, key="filter")
        st.html(html.Html('<p id="tree">{}</p><p id="heard">{}</p>').format(str(tree), " | ".join(kit.heard)))


def table() -> None:
    cells = [{"id": row.id, "name": row.title, "status": row.status} for row in ROWS]
    cells.sort(key=lambda row: row["name"], reverse=kit.sort.startswith("-"))
    columns = [grid.Column("name", "Name"), grid.Column("status", "Status", colors={"Active": "green"})]
    start = (kit.page - 1) * 10
    with layout.page("Table"):
        grid.record_grid(
            cells[start : start + 10],
            columns,
            key="table",
            total=len(cells),
            page=kit.page,
            page_size=10,
            sort=kit.sort,
            on_open=lambda record: hear("open", record[-3:]),
            on_select=lambda records: hear("ticked", len(records)),
            on_sort=lambda sort: (setattr(kit, "sort", sort), hear("sort", sort)),
            on_page=lambda number: setattr(kit, "page", number),
        )
        st.html(html.Html('<p id="heard">{}</p>').format(" | ".join(kit.heard)))


style.frame()
st.navigation(
    [
        st.Page(workspace, title="Workspace", default=True),
        st.Page(busy, title="Busy", url_path="busy"),
        st.Page(form, title="Form", url_path="form"),
        st.Page(table, title="Table", url_path="table"),
    ]
).run()
