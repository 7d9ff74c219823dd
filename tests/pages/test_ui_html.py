"""Read-only parts: what they show, and that no text gets through as markup."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pages._ui import html
from pages._ui.html import Html

EVIL = "<script>alert('x')</script>\"&"
SAFE = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&#34;&amp;"
PARTS: dict[str, Callable[[str], Html]] = {
    "avatar": lambda text: html.avatar(text) + html.html(text),
    "badge": lambda text: html.badge(text, color=text),
    "link": lambda text: html.link(text, href="/x", click=text),
    "missing": html.missing,
    "person": lambda text: html.person(text, text),
    "record header": lambda text: html.record_header(text, subtitle=text, badge=text),
    "header with a symbol": lambda text: html.record_header(text, subtitle=text, icon_name=text),
    "steps": lambda text: html.steps([(text, text)]),
    "title": lambda text: html.title(text, count=text),
    "section header": lambda text: html.section_header(text, text),
    "card": lambda text: html.card(text, text, count=text, right=text, footer=text),
    "kv card": lambda text: html.kv_card(text, [(text, text)]),
    "kpi strip": lambda text: html.kpi_strip([html.Kpi(text, text, text, text)]),
    "table card": lambda text: html.table_card(text, [text], [html.Row([text], click=text)]),
    "empty table": lambda text: html.table_card(text, [text], [], empty=text),
    "timeline": lambda text: html.timeline_card(text, [html.Event(text, text, text, text, text)]),
    "empty state": lambda text: html.empty_state(text, text, icon_name=text),
    "note": lambda text: html.note(text, color=text, lines=[text]),
    "problem": html.problem,
    "chips": lambda text: html.chips([text]),
}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
def test_a_part_escapes_every_text(part: Callable[[str], Html]) -> None:
    drawn = part(EVIL)
    assert SAFE in drawn
    assert "<script" not in drawn
    assert EVIL not in drawn


def test_html_goes_in_as_it_is_and_once() -> None:
    badge = html.badge("A & B")
    card = html.kv_card("Card", [("Label", badge)])
    assert badge in card
    assert "&amp;amp;" not in card


def test_a_missing_value_is_a_dash() -> None:
    assert html.kv_card("Card", [("Birthday", None)]).count(str(html.missing())) == 1


@pytest.mark.parametrize(
    "href",
    [
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param(" JavaScript:alert(1)", id="script with a space"),
        pytest.param("java\nscript:alert(1)", id="script over lines"),
        pytest.param("data:text/html,<b>", id="data"),
        pytest.param("//elsewhere.example", id="another host"),
        pytest.param("/\\elsewhere.example", id="another host by a backslash"),
        pytest.param("http://[", id="no address"),
    ],
)
def test_an_unsafe_address_leaves_the_text_alone(href: str) -> None:
    assert html.link("text", href=href) == "text"


@pytest.mark.parametrize("href", ["https://a.example", "mailto:a@b.example", "tel:+4930", "/customers?id=1"])
def test_a_safe_address_is_a_link(href: str) -> None:
    assert f'href="{href}"' in html.link("text", href=href)


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        pytest.param("Olivia Bennett", "OB", id="two words"),
        pytest.param("Anna Maria von Weber", "AW", id="first and last"),
        pytest.param("Hooli", "H", id="one word"),
        pytest.param("  (Öz) Ünal", "Ü", id="a word in brackets does not count"),
        pytest.param("", "?", id="nothing"),
        pytest.param("…", "?", id="no letter"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert html.initials(name) == letters


def test_a_name_has_one_hue() -> None:
    assert html.hue("Olivia Bennett") == html.hue("Olivia Bennett") < 360
    assert html.avatar("A B") in html.person("A B").replace("24px", "28px").replace("9px", "10px")


@pytest.mark.parametrize(
    ("color", "name"),
    [("green", "m-green"), ("Purple", "m-violet"), ("#ff0000", "m-gray"), ("x y", "m-gray"), ("", "m-gray")],
)
def test_a_color_outside_the_palette_is_gray(color: str, name: str) -> None:
    assert html.color_class(color) == name


@pytest.mark.parametrize(("share", "percent"), [(0.5, 50), (-1, 0), (7, 100)])
def test_a_bar_stays_within_itself(share: float, percent: int) -> None:
    assert f"width:{percent}%" in html.bar(share)


def test_nothing_unread_draws_nothing() -> None:
    assert html.count(0) == ""
    assert "999+" in html.count(12_345)


def test_markdown_is_shown_as_it_is() -> None:
    assert html.plain("**a** [b](c) :red[d] $e$") == r"\*\*a\*\* \[b\](c) \:red\[d\] \$e\$"
    assert html.plain("- a\n1. b\n# c &amp; d") == "\\- a\n1\\. b\n\\# c \\&amp; d"


def test_what_is_no_mark_is_read_aloud_as_it_is_written() -> None:
    assert html.plain("E-mail (work): 3 & more.") == "E-mail (work): 3 & more."


def test_a_menu_of_sections_keeps_the_current_one_in_sight() -> None:
    sections = [(f"section-{i}", f"Section number {i}") for i in range(12)]
    row, _, rest = str(html.section_nav(sections, "section-9")).partition("<details")
    assert "Section number 9" in row and 'aria-current="page"' in row
    assert "More · 9" in rest and rest.count("data-click") == 9


def test_a_menu_of_few_sections_has_nothing_behind_a_word() -> None:
    assert "<details" not in str(html.section_nav([("a", "A"), ("b", "B")], "a"))


def test_the_first_cell_of_a_row_gives_way_and_each_value_says_of_which_column_it_is() -> None:
    row = html.Row(["Introduce <the> new contact person", "€12.00", ""])
    made = html.table(["Task", "Amount", ""], [row], right=(1,))
    assert (
        '<td><div class="m-titled"><span>Introduce &lt;the&gt; new contact person</span></div></td>' in made
    )
    assert '<td class="right" data-label="Amount">€12.00</td><td></td>' in made


def test_a_code_in_the_first_cell_stays_on_one_line_and_what_is_below_a_title_is_escaped() -> None:
    assert "<td>INV-00122</td>" in html.table(["No."], [html.Row(["INV-00122"])])
    assert html.titled("A", "<b>").endswith("<span>A</span><small>&lt;b&gt;</small></div>")
