"""The shipped packs fit together, and use nothing that an administrator could not make."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from crm_core.access import Actor
from crm_core.definition_documents import build_catalog, parse_document
from crm_core.definitions import apply_pack, read_catalog
from crm_core.model import Catalog, Stored
from crm_core.pack_files import read_pack, shipped_packs
from crm_core.related import links_of
from crm_core.reports.checking import made_problems
from crm_core.timeline import routes_to
from crm_core.workspace import prepare
from flows.check import check_catalog
from lake import Lake

EXAMPLE = Path(__file__).parents[2] / "examples" / "packs" / "complete_journey.yaml"
PACKS = ("logistics", "ecommerce", str(EXAMPLE))
IDS = ("logistics", "ecommerce", "complete_journey")
SHARED = (
    "time_entries checklist_templates checklists checklist_steps subscriptions reservations policies claims "
    "loyalty_entries contact_points tasks notes communications appointments files"
)
MODULES = {
    "logistics": f"{SHARED} customers business inquiries deals quotes shipments invoices payments",
    "ecommerce": f"{SHARED} customers orders order_lines returns products payments tickets",
}
STATES = {"draft", "queued", "held", "sent", "delivered", "opened", "failed", "received"}
CHANNELS = {"email", "form", "chat", "whatsapp", "sms", "call", "social", "note"}


@cache
def catalog_of(pack: str) -> Catalog:
    parsed = [(kind, *parse_document(kind, document)) for kind, document in read_pack(pack)]
    stored = [Stored(kind, slug, slug, 1, "active", document) for kind, slug, document in parsed]
    return build_catalog(stored, version=1)


@pytest.mark.parametrize("pack", PACKS, ids=IDS)
def test_a_pack_has_no_contradiction(pack: str) -> None:
    catalog_of(pack).check()


@pytest.mark.parametrize("pack", MODULES)
def test_the_reports_of_a_pack_ask_for_what_it_has(pack: str) -> None:
    catalog = catalog_of(pack)
    made = [("report", slug) for slug in catalog.reports] + [
        ("dashboard", slug) for slug in catalog.dashboards
    ]
    assert len(made) > 10 and list(made_problems(catalog, made)) == []


@pytest.mark.parametrize("pack", MODULES)
def test_a_pack_has_its_modules(pack: str) -> None:
    assert pack in shipped_packs()
    assert set(catalog_of(pack).modules) == set(MODULES[pack].split())


@pytest.mark.parametrize("pack", PACKS, ids=IDS)
def test_a_lake_takes_the_pack_and_gives_it_back(lake: Lake, pack: str) -> None:
    prepare(lake)
    apply_pack(lake, pack, actor=Actor.local_admin())
    here, there = read_catalog(lake), catalog_of(pack)
    assert dict(here.modules) == dict(there.modules)
    assert {rel.key for rel in here.relationships} == {rel.key for rel in there.relationships}
    assert apply_pack(lake, pack, actor=Actor.local_admin()).changes == ()


@pytest.mark.parametrize("pack", MODULES)
def test_every_module_can_hide_a_record(pack: str) -> None:
    for module in catalog_of(pack).modules.values():
        restricted = any(folder.teams for folder in module.folders)
        assert restricted, f"{module.slug} has no folder that only a team sees"
        if module.access == "own" and module.slug != "contact_points":
            assert not module.default_folder.teams, f"nobody but a team sees new {module.slug}"


@pytest.mark.parametrize("pack", PACKS, ids=IDS)
def test_every_module_can_be_drawn(pack: str) -> None:
    for module in catalog_of(pack).modules.values():
        assert module.label and module.singular and module.icon != "table_rows" and module.title != "id"
        statuses = [folder.statuses for folder in module.folders if folder.statuses]
        assert all(any(status.start for status in own) for own in statuses), module.slug
        assert all(any(status.end for status in own) or module.slug == "customers" for own in statuses[-1:])


@pytest.mark.parametrize("pack", MODULES)
def test_what_happens_reaches_the_timeline_of_a_customer(pack: str) -> None:
    catalog = catalog_of(pack)
    dated = {slug for slug, module in catalog.modules.items() if module.timeline is not None}
    assert dated - set(routes_to(catalog, "customers")) <= {"customers", "business"}


@pytest.mark.parametrize("pack", MODULES)
def test_nothing_is_listed_twice_with_a_customer(pack: str) -> None:
    labels = [link.label for link in links_of(catalog_of(pack), "customers")]
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("pack", MODULES)
def test_messages_have_the_states_and_channels_agreed_on(pack: str) -> None:
    messages = catalog_of(pack).module("communications")
    options = {
        name: {o.value for o in messages.field(name).options} for name in ("state", "channel", "direction")
    }
    assert options == {"state": STATES, "channel": CHANNELS, "direction": {"in", "out"}}
    columns = set(catalog_of(pack).columns("communications"))
    assert {"from", "to", "subject", "text", "html", "message_id", "in_reply_to", "thread", "customer", "about",
            "about__module", "purpose", "consent", "occurred_at", "duration", "files"} <= columns  # fmt: skip


def test_logistics_has_every_kind_of_relationship() -> None:
    kinds = {rel.kind for rel in catalog_of("logistics").relationships}
    assert kinds == {"one_to_one", "one_to_many", "many_to_one", "many_to_many"}
    related = next(rel for rel in catalog_of("logistics").relationships if rel.key == "customers.related")
    assert [option.value for option in related.fields[0].options] == [
        "parent",
        "employee",
        "family",
        "branch",
    ]


@pytest.mark.parametrize("pack", MODULES)
def test_headers_of_four_languages_mean_the_same_field(pack: str) -> None:
    customers = catalog_of(pack).module("customers")
    for headers, slug in (
        ("name nombre kundenname", "name"),
        ("phone telefon téléphone teléfono", "phone"),
        ("country land pays país", "country"),
        ("gender geschlecht sexe sexo", "gender"),
    ):
        field = customers.field(slug)
        known = {slug, field.name.lower(), *field.synonyms}
        assert set(headers.split()) <= known


@pytest.mark.parametrize("pack", PACKS, ids=IDS)
def test_no_header_means_two_fields(pack: str) -> None:
    """A reference may share a header with a field of text: the file decides which of them it fills."""
    for module in catalog_of(pack).modules.values():
        headers = [h.lower() for f in module.fields for h in {f.slug, f.name.lower(), *f.synonyms}]
        twice = sorted({header for header in headers if headers.count(header) > 1})
        assert twice == [], module.slug


@pytest.mark.parametrize("pack", MODULES)
def test_the_flows_cover_the_actions_and_are_active(pack: str) -> None:
    flows = catalog_of(pack).flows
    actions = {key for flow in flows.values() for step in flow["do"] for key in step}
    assert {"create_task", "set_field", "send_email"} <= actions
    assert 4 <= len(flows) <= 16


@pytest.mark.parametrize("pack", MODULES)
def test_the_flows_and_templates_can_run_as_they_are(pack: str) -> None:
    assert list(check_catalog(catalog_of(pack))) == []
