"""The drawing of modules: which boxes and lines there are, and that no name can break it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from crm_core.definition_documents import build_catalog, parse_document
from crm_core.model import Catalog, Stored
from crm_core.shaping import model_diagram

TEXT = [{"slug": "name", "kind": "text"}]


def catalog_of(modules: Sequence[dict[str, Any]], links: Sequence[dict[str, Any]]) -> Catalog:
    given = [("module", m) for m in modules] + [("relationship", r) for r in links]
    parsed = [(kind, *parse_document(kind, document)) for kind, document in given]
    return build_catalog([Stored(k, s, s, 1, "active", d) for k, s, d in parsed], version=1)


@pytest.fixture(scope="module")
def shop() -> Catalog:
    modules = [
        {"slug": slug, "label": label, "title": "name", "fields": TEXT}
        for slug, label in (
            ("customers", "Customers"),
            ("orders", "Orders"),
            ("items", "Items"),
            ("notes", "Notes"),
        )
    ]
    links = [
        {"module": "orders", "slug": "customer", "kind": "many_to_one", "to": "customers", "inverse": "orders"},
        {"module": "items", "slug": "order", "kind": "many_to_one", "to": "orders", "inverse": "items"},
        {"module": "customers", "slug": "known", "kind": "many_to_many", "to": "customers", "inverse": "known_by"},
        {"module": "notes", "slug": "about", "kind": "many_to_one", "inverse": "notes",
         "to": ["customers", "orders", "items", "notes"]},
    ]  # fmt: skip
    return catalog_of(modules, links)


def boxes(diagram: str) -> dict[str, str]:
    return dict(re.findall(r'^  (\w+)\["([^"]*)"\] \{$', diagram, re.MULTILINE))


def lines(diagram: str) -> set[tuple[str, str, str, str]]:
    return set(re.findall(r'^  (\w+) (\S+) (\w+) : "([^"]*)"$', diagram, re.MULTILINE))


def test_the_whole_model_has_a_box_for_each_module_and_a_line_for_each_link(shop: Catalog) -> None:
    diagram = model_diagram(shop)
    assert boxes(diagram) == {
        "customers": "Customers",
        "items": "Items",
        "notes": "Notes",
        "orders": "Orders",
    }
    assert lines(diagram) == {
        ("orders", "}o--||", "customers", "Customer"),
        ("items", "}o--||", "orders", "Order"),
        ("customers", "}o--o{", "customers", "Known"),
    }


def test_of_one_module_only_its_neighbours_are_drawn_and_its_fields(shop: Catalog) -> None:
    diagram = model_diagram(shop, ("items",))
    assert set(boxes(diagram)) == {"items", "notes", "orders"}
    assert lines(diagram) == {("items", "}o--||", "orders", "Order"), ("notes", "}o--||", "items", "About")}
    assert re.findall(r"^    (\w+ \w+)$", diagram, re.MULTILINE) == ["text name"]


@pytest.mark.parametrize(
    "name", ['He said "no"', "A{b}|c--d", "<b>Bold</b>\n%% end", "`;click x"], ids=str.strip
)
def test_a_name_cannot_break_the_drawing(name: str) -> None:
    modules = [{"slug": "things", "label": name, "title": "name", "fields": TEXT}]
    link = {
        "module": "things",
        "slug": "part_of",
        "label": name,
        "kind": "many_to_one",
        "to": "things",
        "inverse": "parts",
    }
    diagram = model_diagram(catalog_of(modules, [link]))
    ((slug, drawn),) = boxes(diagram).items()
    assert slug == "things"
    assert lines(diagram) == {("things", "}o--||", "things", drawn)}
    assert re.fullmatch(r"[\w -]+", drawn)
    assert len(diagram.splitlines()) == 4


def test_a_name_of_nothing_but_signs_gives_way_to_the_slug() -> None:
    modules = [{"slug": "things", "label": "!!!", "title": "name", "fields": TEXT}]
    assert boxes(model_diagram(catalog_of(modules, []))) == {"things": "things"}
