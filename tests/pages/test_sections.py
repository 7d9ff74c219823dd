"""Each section of a profile: it draws, offers a viewer nothing, and its action changes its figure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.directory import User
from crm_core.errors import RecordNotFound, ValuesInvalid
from crm_core.figures import Figure
from crm_core.panels import panels_of
from crm_core.people import read_directory, save_users
from crm_core.profile import read_head
from crm_core.workspace import Workspace
from flows.manual import run_flow
from flows.record_flows import read_record_flows
from lake import new_id
from pages._ui.components import Click
from pages._ui.sections import section_of, sections
from pages._ui.sections.base import Spot
from pages._ui.session import Here
from pages._ui.workspace_state import WorkspaceState
from tests.pages.conftest import Open, told

ADMIN = Actor("ann", "admin", name="Ann")
NOW = datetime.now(UTC)
CLICKED = ("done", "reopen", "move", "pin", "unpin", "tick", "pause", "resume", "cancel", "confirm", "unlink")


def money(amount: str, currency: str = "EUR") -> dict[str, Any]:
    return {"amount": Decimal(amount), "currency": currency}


@pytest.fixture
def customer(empty_workspace: Workspace) -> str:
    """Somebody of whom nothing is known yet."""
    return made(empty_workspace, "customers", name="Ada Rivers")


def made(workspace: Workspace, module: str, **values: Any) -> str:
    return records.create(workspace.lake, module=module, values=values, actor=ADMIN).id


def spot(workspace: Workspace, slug: str, record_id: str, *, locked: bool = False) -> Spot:
    catalog = workspace.catalog
    seen = read_head(workspace.lake, catalog, module="customers", record_id=record_id, actor=ADMIN)
    panels = panels_of(catalog, "customers", folder=seen.record["folder"], role="admin")
    panel = next(one for one in panels if one.slug == slug)
    return Spot(Here(workspace, catalog, ADMIN), seen, panel, WorkspaceState(selected=record_id), locked)


def figure(workspace: Workspace, slug: str, record_id: str) -> dict[str, Any]:
    """Label → value of what stands above a section."""
    module = __import__(f"crm_core.figures.{slug}", fromlist=["read"])
    found = module.read(
        workspace.lake, workspace.catalog, module="customers", record_id=record_id, actor=ADMIN
    )
    figures: tuple[Figure, ...] = found.figure
    return {one.label: one.value for one in figures}


def status(workspace: Workspace, module: str, record_id: str) -> str:
    found = records.read_record(
        workspace.lake, workspace.catalog, module=module, record_id=record_id, actor=ADMIN
    )
    return str(found["status"])


def click(workspace: Workspace, slug: str, record_id: str, verb: str, *values: str, **more: Any) -> None:
    heard = section_of(slug).clicked
    assert heard is not None and heard(spot(workspace, slug, record_id, **more), Click(verb, values))


def somebody_with(workspace: Workspace, slug: str) -> str:
    """The customer of the demo to whom most of a section's records belong that a viewer sees."""
    viewer = read_directory(workspace.lake).users["hugo"].actor
    catalog = workspace.catalog
    panel = next(p for p in panels_of(catalog, "customers", folder=None, role="admin") if p.slug == slug)
    everybody = records.read_page(workspace.lake, catalog, module="customers", actor=viewer, limit=200)
    seen = {row["id"] for row in everybody.items}
    for link in panel.links:
        page = records.read_page(workspace.lake, catalog, module=link.module, actor=viewer, limit=50)
        found = [row["customer"] for row in page.items if row.get("customer") in seen]
        if found:
            return str(max(found, key=found.count))
    page = records.read_page(workspace.lake, catalog, module="customers", actor=viewer, limit=1)
    return str(page.items[0]["id"])


DRAWN = sorted(set(sections()) - {"records"})
WITHOUT_FORM_TEST = ("orders", "payments", "reservations", "workflow")


@pytest.mark.parametrize(
    ("slug", "role"),
    [*((slug, "viewer") for slug in DRAWN), *((slug, "admin") for slug in WITHOUT_FORM_TEST)],
)
def test_a_section_draws_and_offers_a_viewer_nothing(
    demo: Open, demo_workspace: Workspace, slug: str, role: str
) -> None:
    who = somebody_with(demo_workspace, slug)
    page = demo("customers", acting="hugo" if role == "viewer" else "", id=who, section=slug)
    assert not page.exception
    drawn = told(page)
    assert 'aria-current="page"' in drawn
    offered = [button.key for button in page.button if str(button.key).startswith(f"{slug}:")]
    words = [verb for verb in CLICKED if f'data-click="{verb}:' in drawn]
    assert role == "admin" or (not offered and not words)


def test_a_task_is_ticked_off_and_opened_again(empty_workspace: Workspace, customer: str) -> None:
    late = made(empty_workspace, "tasks", title="Call", customer=customer, due=NOW - timedelta(days=1))
    made(empty_workspace, "tasks", title="Write", customer=customer, due=NOW + timedelta(days=2))
    assert figure(empty_workspace, "tasks", customer) == {"Open tasks": 2, "Overdue": 1}
    click(empty_workspace, "tasks", customer, "done", late)
    assert figure(empty_workspace, "tasks", customer)["Overdue"] == 0
    click(empty_workspace, "tasks", customer, "reopen", late)
    assert figure(empty_workspace, "tasks", customer)["Overdue"] == 1


def test_nothing_is_changed_where_the_section_is_locked(empty_workspace: Workspace, customer: str) -> None:
    task = made(empty_workspace, "tasks", title="Call", customer=customer)
    click(empty_workspace, "tasks", customer, "done", task, locked=True)
    assert figure(empty_workspace, "tasks", customer)["Open tasks"] == 1


def test_a_deal_moves_to_its_next_stage(empty_workspace: Workspace, customer: str) -> None:
    deal = made(
        empty_workspace, "deals", title="Lane", customer=customer, amount=money("1000"), probability=25
    )
    made(empty_workspace, "deals", title="Other", customer=customer, amount=money("200"), probability=50)
    assert figure(empty_workspace, "deals", customer) == {"Open deals": 2, "Weighted": 350}
    click(empty_workspace, "deals", customer, "move", deal, "won")
    assert figure(empty_workspace, "deals", customer) == {"Open deals": 1, "Weighted": 100}


def test_a_note_is_pinned(empty_workspace: Workspace, customer: str) -> None:
    note = made(empty_workspace, "notes", text="Prefers mail", customer=customer, kind="feedback", rating=4)
    made(empty_workspace, "notes", text="Calls late", customer=customer, kind="feedback", rating=5)
    click(empty_workspace, "notes", customer, "pin", note)
    found = figure(empty_workspace, "notes", customer)
    assert found == {"Notes": 2, "Pinned": 1, "Mean rating": "4.5 of 5"}


def test_a_shipment_moves_on(empty_workspace: Workspace, customer: str) -> None:
    shipment = made(empty_workspace, "shipments", customer=customer, route="Hamburg – Oslo")
    assert figure(empty_workspace, "orders", customer) == {"On the way": 1, "In all": 1}
    click(empty_workspace, "orders", customer, "move", shipment, "delivered")
    assert figure(empty_workspace, "orders", customer) == {"On the way": 0, "In all": 1}


def filled(page: Any, slug: str, record_id: str, form: str, values: dict[str, Any]) -> Any:
    """Open a form of a section, fill its fields in, and save it."""
    page.button(key=f"{slug}:ask:{form}:{record_id}").click().run()
    for name, value in values.items():
        found = [
            one for kind in ("text_input", "text_area", "number_input", "selectbox", "date_input", "datetime_input")
            for one in page.get(kind) if f":{name}:{record_id}" in str(one.key)
        ]  # fmt: skip
        assert found, f"{slug} asks for no {name}"
        found[0].set_value(value)
    return page.button(key=f"{slug}:save:{form}:{record_id}").click().run()


FORMS: dict[str, tuple[str, dict[str, Any], tuple[str, Any]]] = {
    "tasks": ("add", {"title": "Send the offer"}, ("Open tasks", 1)),
    "deals": ("add", {"title": "Lane"}, ("Open deals", 1)),
    "notes": ("add", {"text": "Prefers mail"}, ("Notes", 1)),
    "time": ("start", {"title": "Call"}, ("Running timers", 1)),
    "subscriptions": ("add", {"plan": "Basic", "price": "90"}, ("Monthly income", 90)),
    "loyalty": ("add", {"reason": "Order", "points": 50}, ("Points", 50)),
    "insurance": ("claim", {"title": "Scratch", "amount": "10"}, ("Open claims", 1)),
    "related": ("new", {"name": "Branch of Ada"}, ("Related", 1)),
}


@pytest.mark.parametrize("slug", FORMS)
def test_a_form_adds_to_the_figure(empty: Open, empty_workspace: Workspace, customer: str, slug: str) -> None:
    form, values, (label, value) = FORMS[slug]
    page = filled(empty("customers", id=customer, section=slug), slug, customer, form, values)
    assert not page.exception
    assert figure(empty_workspace, slug, customer)[label] == value
    assert not [one for one in page.button if f"{slug}:save:" in str(one.key)]


def test_a_payment_settles_its_invoice(empty: Open, empty_workspace: Workspace, customer: str) -> None:
    today = NOW.date()
    made(
        empty_workspace, "invoices", customer=customer, total=money("100"), status="sent",
        due_on=today - timedelta(days=40),
    )  # fmt: skip
    made(
        empty_workspace, "invoices", customer=customer, total=money("50"), status="sent",
        due_on=today + timedelta(days=9),
    )  # fmt: skip
    assert figure(empty_workspace, "invoices", customer) == {"Paid": 0, "Unpaid": 50, "Overdue": 100}
    assert figure(empty_workspace, "payments", customer) == {"Balance": 150}
    page = empty("customers", id=customer, section="invoices")
    filled(page, "invoices", customer, "pay", {"reference": f"P-{customer}"})
    assert figure(empty_workspace, "invoices", customer) == {"Paid": 100, "Unpaid": 50, "Overdue": 0}
    assert figure(empty_workspace, "payments", customer) == {"Balance": 50}


def test_a_step_of_a_checklist_is_ticked_off(empty: Open, empty_workspace: Workspace, customer: str) -> None:
    made(empty_workspace, "checklist_templates", name=f"First {customer}", steps="Call\nWrite\n\nVisit")
    page = empty("customers", id=customer, section="checklists")
    filled(page, "checklists", customer, "start", {})
    assert figure(empty_workspace, "checklists", customer)["Open steps"] == 3
    page = records.read_page(
        empty_workspace.lake, empty_workspace.catalog, module="checklist_steps", actor=ADMIN
    )
    step = min(page.items, key=lambda row: row["place"])
    click(empty_workspace, "checklists", customer, "tick", step["id"])
    assert figure(empty_workspace, "checklists", customer)["Open steps"] == 2
    click(empty_workspace, "checklists", customer, "untick", step["id"])
    assert figure(empty_workspace, "checklists", customer)["Open steps"] == 3


def test_a_timer_is_stopped_and_its_time_counts(empty_workspace: Workspace, customer: str) -> None:
    began = datetime.now(UTC) - timedelta(minutes=75)
    entry = made(empty_workspace, "time_entries", title="Visit", customer=customer, started_at=began)
    assert figure(empty_workspace, "time", customer)["Running timers"] == 1
    click(empty_workspace, "time", customer, "stop", entry)
    found = figure(empty_workspace, "time", customer)
    assert "Running timers" not in found and 75 <= found["In all"] <= 85


def test_the_title_that_a_template_gives_is_not_asked_for(demo: Open, demo_workspace: Workspace) -> None:
    customer = somebody_with(demo_workspace, "invoices")
    page = demo("customers", id=customer, section="checklists")
    page = page.button(key=f"checklists:ask:start:{customer}").click().run()
    assert "Title (that of the template, if empty)" in [box.label for box in page.text_input]


def test_a_timer_that_runs_elsewhere_is_told_and_stopped_here(demo: Open, demo_workspace: Workspace) -> None:
    lake = demo_workspace.lake
    save_users(lake, [User(slug="zoe", name="Zoe", role="admin")], actor=Actor.system())
    zoe, other = Actor("zoe", "admin"), somebody_with(demo_workspace, "invoices")
    values = {"title": "Long call", "customer": other, "started_at": NOW - timedelta(hours=2)}
    mine = records.create(lake, module="time_entries", values=values, actor=zoe)
    asked = {"id": made(demo_workspace, "customers", name="Ada"), "section": "time", "acting": "zoe"}
    page = demo("customers", **asked)
    assert "Your timer" in told(page) and f"stop:{mine.id}" in told(page)
    page = page.button(key=f"time:ask:add:{asked['id']}").click().run()
    page.text_input(key=f"time:add:1:title:{asked['id']}").set_value("Papers")
    page = next(one for one in page.button if one.label == "Save").click().run()
    assert "At the same time there is already:" in told(page) and "started_at" not in told(page)
    records.update(lake, module="time_entries", record_id=mine.id, values={"ended_at": NOW}, actor=zoe)
    assert "Your timer" not in told(demo("customers", **asked))


def test_a_subscription_that_is_paused_brings_nothing(empty_workspace: Workspace, customer: str) -> None:
    add = {"customer": customer, "status": "active"}
    made(empty_workspace, "subscriptions", plan="Basic", price=money("120"), cycle="yearly", **add)
    quarter = made(empty_workspace, "subscriptions", plan="Plus", price=money("90"), cycle="quarterly", **add)
    assert figure(empty_workspace, "subscriptions", customer) == {"Monthly income": 40, "Next billing": "–"}
    click(empty_workspace, "subscriptions", customer, "pause", quarter)
    assert figure(empty_workspace, "subscriptions", customer) == {"Monthly income": 10, "Next billing": "–"}
    click(empty_workspace, "subscriptions", customer, "resume", quarter)
    click(empty_workspace, "subscriptions", customer, "cancel", quarter)
    assert figure(empty_workspace, "subscriptions", customer)["Monthly income"] == 10


def test_a_reservation_is_confirmed_and_cancelled(empty_workspace: Workspace, customer: str) -> None:
    booked = made(
        empty_workspace, "reservations", what="Gate", customer=customer, starts_at=NOW + timedelta(days=1),
        ends_at=NOW + timedelta(days=1, hours=1),
    )  # fmt: skip
    assert figure(empty_workspace, "reservations", customer) == {"To come": 1, "Next": "Gate"}
    click(empty_workspace, "reservations", customer, "confirm", booked)
    assert status(empty_workspace, "reservations", booked) == "confirmed"
    click(empty_workspace, "reservations", customer, "cancel", booked)
    assert figure(empty_workspace, "reservations", customer)["To come"] == 0


def test_points_are_the_sum_of_their_entries(empty_workspace: Workspace, customer: str) -> None:
    for points in (100, -30, 5):
        made(empty_workspace, "loyalty_entries", reason="Order", points=points, customer=customer)
    assert figure(empty_workspace, "loyalty", customer) == {"Points": 75}


def test_a_claim_is_refused(empty_workspace: Workspace, customer: str) -> None:
    made(
        empty_workspace, "policies", number=customer, customer=customer, coverage=money("5000"),
        valid_until=NOW.date() + timedelta(days=9),
    )  # fmt: skip
    claim = made(empty_workspace, "claims", title="Scratch", customer=customer, amount=money("300"))
    assert figure(empty_workspace, "insurance", customer) == {"Covered": 5000, "Open claims": 1}
    click(empty_workspace, "insurance", customer, "refuse", claim)
    assert figure(empty_workspace, "insurance", customer) == {"Covered": 5000, "Open claims": 0}


def test_relatives_stand_in_a_tree_and_never_in_a_circle(empty_workspace: Workspace, customer: str) -> None:
    child = made(empty_workspace, "customers", name="Branch")
    grandchild = made(empty_workspace, "customers", name="Worker")

    def link(near: str, far: str) -> None:
        records.link(
            empty_workspace.lake, module="customers", record_id=near, relationship="related", to=far, actor=ADMIN,
            values={"type": "branch"},
        )  # fmt: skip

    link(customer, child)
    link(child, grandchild)
    assert figure(empty_workspace, "related", customer) == {"Related": 1, "Further away": 1}
    with pytest.raises(ValuesInvalid, match="circle"):
        link(grandchild, customer)
    click(empty_workspace, "related", customer, "unlink", child, "out")
    assert figure(empty_workspace, "related", customer) == {"Related": 0, "Further away": 0}


def test_what_a_flow_did_with_the_record_is_told(empty_workspace: Workspace, customer: str) -> None:
    ask = partial(
        read_record_flows, empty_workspace.lake, empty_workspace.catalog, module="customers", record_id=customer,
        actor=ADMIN,
    )  # fmt: skip
    assert [one.value for one in ask().figure] == [0, 0, 0]
    run_flow(empty_workspace.lake, "welcome-by-hand", module="customers", ids=[customer], actor=ADMIN)
    found = ask()
    assert [one.value for one in found.figure] == [0, 1, 0] and found.runs[0].state == "not_matched"
    assert found.titles["welcome-by-hand"] == "Welcome a customer"
    with pytest.raises(RecordNotFound):
        read_record_flows(
            empty_workspace.lake, empty_workspace.catalog, module="customers", record_id=new_id(), actor=ADMIN
        )
