"""Which sections the profile of a record offers."""

from dataclasses import replace

import pytest

from crm_core.access import Role
from crm_core.model import Catalog
from crm_core.model.modules import PanelChoice
from crm_core.panels import panels_of
from tests.crm_core.test_packs import catalog_of


def slugs(
    catalog: Catalog, module: str = "customers", *, folder: str = "leads", role: Role = "agent"
) -> list[str]:
    return [panel.slug for panel in panels_of(catalog, module, folder=folder, role=role)]


def with_panels(*choices: PanelChoice) -> Catalog:
    catalog = catalog_of("logistics")
    customers = catalog.module("customers").model_copy(update={"panels": choices})
    return replace(catalog, modules={**catalog.modules, "customers": customers})


def test_a_section_is_offered_where_its_records_belong_to_the_record() -> None:
    assert {"tasks", "invoices", "payments", "related"} <= set(slugs(catalog_of("logistics")))
    shop = slugs(catalog_of("ecommerce"))
    assert "orders" in shop and "deals" not in shop


def test_what_no_section_is_known_for_stands_in_a_list_of_its_own() -> None:
    panels = panels_of(catalog_of("logistics"), "customers", folder=None, role="agent")
    own = next(panel for panel in panels if panel.slug == "records-quotes")
    assert [link.module for link in own.links] == ["quotes"]


def test_every_related_record_is_reached_by_some_section() -> None:
    catalog = catalog_of("logistics")
    panels = panels_of(catalog, "customers", folder=None, role="agent")
    shown = {link.module for panel in panels for link in panel.links}
    assert {link.module for link in catalog.to_many("customers")} - shown == {"contact_points"}


def test_the_overview_comes_first_and_the_history_last() -> None:
    for module in ("customers", "business", "tasks"):
        found = slugs(catalog_of("logistics"), module)
        assert (found[0], found[-1]) == ("overview", "history")


@pytest.mark.parametrize(
    ("choice", "folder", "role", "there"),
    [
        (PanelChoice(section="tasks", hidden=True), "leads", "agent", False),
        (PanelChoice(section="tasks", folders=("clients",)), "leads", "agent", False),
        (PanelChoice(section="tasks", folders=("clients",)), "clients", "agent", True),
        (PanelChoice(section="tasks", roles=("admin",)), "leads", "agent", False),
        (PanelChoice(section="tasks", roles=("admin",)), "leads", "admin", True),
    ],
    ids=["hidden", "another folder", "its folder", "another role", "its role"],
)
def test_a_module_says_where_and_to_whom_a_section_is_shown(
    choice: PanelChoice, folder: str, role: Role, there: bool
) -> None:
    assert ("tasks" in slugs(with_panels(choice), folder=folder, role=role)) is there


def test_a_module_says_the_order_and_the_names_of_its_sections() -> None:
    catalog = with_panels(PanelChoice(section="invoices", label="Bills"), PanelChoice(section="overview"))
    panels = panels_of(catalog, "customers", folder=None, role="agent")
    assert [(panel.slug, panel.label) for panel in panels[:2]] == [
        ("invoices", "Bills"),
        ("overview", "Overview"),
    ]
