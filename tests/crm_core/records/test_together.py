"""What belongs together is written in one commit: all of it is there, or none, whenever a process dies."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.calls import Call, log_call
from crm_core.checklists import start_checklist
from crm_core.errors import Forbidden, RecordNotFound, ValuesInvalid
from crm_core.settings import read_settings
from crm_core.settling import record_payment
from crm_core.workspace import Workspace, open_workspace
from lake import new_id, table

ANN = Actor("ann", "admin", name="Ann")
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
FOREVER = """
import sys
from decimal import Decimal
from pathlib import Path
from uuid import uuid4
from crm_core.access import Actor
from crm_core.settings import read_settings
from crm_core.settling import record_payment
from crm_core.workspace import open_workspace
home, invoice = sys.argv[1:]
with open_workspace(read_settings({}, home=Path(home), threads=1)) as opened:
    print("ready", flush=True)
    while True:
        values = {"invoice": invoice, "amount": {"amount": Decimal(1), "currency": "EUR"}, "reference": uuid4().hex}
        record_payment(opened.lake, opened.catalog, values=values, actor=Actor("ann", "admin"))
        print("paid", flush=True)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def workspace(home: Path) -> Iterator[Workspace]:
    with open_workspace(read_settings({}, home=home, threads=1)) as opened:
        yield opened


@pytest.fixture
def ada(workspace: Workspace) -> str:
    return made(workspace, "customers", name="Ada")


def made(workspace: Workspace, module: str, /, **values: Any) -> str:
    return records.create(workspace.lake, module=module, values=values, actor=ANN).id


def invoice(workspace: Workspace, customer: str, total: int) -> str:
    amount = {"amount": Decimal(total), "currency": "EUR"}
    return made(workspace, "invoices", customer=customer, total=amount)


def rows(workspace: Workspace, module: str, key: str, value: str) -> list[dict[str, Any]]:
    sql = f"SELECT * FROM {table('crm', module)} WHERE CAST({key} AS VARCHAR) = ?"
    return workspace.lake.read(sql, [value]).to_dicts()


def test_a_payment_and_what_its_invoice_was_paid_are_one_change(workspace: Workspace, ada: str) -> None:
    bill = invoice(workspace, ada, 100)
    for amount, status in ((40, "partly_paid"), (60, "paid")):
        values = {
            "invoice": bill,
            "amount": {"amount": Decimal(amount), "currency": "EUR"},
            "paid_at": NOW,
            "reference": new_id(),
        }
        done = record_payment(workspace.lake, workspace.catalog, values=values, actor=ANN)
        [stands], [paid] = rows(workspace, "invoices", "id", bill), rows(workspace, "payments", "id", done.id)
        assert stands["status"] == status and stands["change_id"] == paid["change_id"]
    assert stands["paid"] == 100 and stands["paid_on"] == NOW.date()


def test_whoever_records_payments_may_die_at_any_moment(workspace: Workspace, home: Path, ada: str) -> None:
    bill = invoice(workspace, ada, 100_000)
    for pause in (0.0, 0.03):
        command = [sys.executable, "-c", FOREVER, str(home), bill]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            for _ in range(3):
                process.stdout.readline()
            time.sleep(pause)
            process.kill()
        [stands] = rows(workspace, "invoices", "id", bill)
        assert (stands["paid"] or 0) == len(rows(workspace, "payments", "invoice", bill))
    assert stands["paid"] >= 6


def test_a_checklist_has_the_steps_of_its_template_or_is_not_there(workspace: Workspace, ada: str) -> None:
    good = made(workspace, "checklist_templates", name="Opening", module="customers", steps="Ask\n\n Check ")
    bad = made(
        workspace, "checklist_templates", name="Broken", module="customers", steps="Ask\n" + "x" * 1000
    )
    values = {"customer": ada, "template": good}
    done = start_checklist(workspace.lake, workspace.catalog, values=values, actor=ANN)
    steps = rows(workspace, "checklist_steps", "checklist", done.id)
    assert sorted((one["place"], one["title"]) for one in steps) == [(1, "Ask"), (2, "Check")]
    with pytest.raises(ValuesInvalid):
        start_checklist(workspace.lake, workspace.catalog, values={**values, "template": bad}, actor=ANN)
    assert [one["title"] for one in rows(workspace, "checklists", "customer", ada)] == ["Opening"]


@pytest.mark.parametrize(("kind", "there"), [("employee", 1), ("cousin twice removed", 0)])
def test_a_related_record_is_made_with_its_link_or_not_at_all(
    workspace: Workspace, ada: str, kind: str, there: int
) -> None:
    def make() -> None:
        records.create_linked(
            workspace.lake, module="customers", values={"name": f"Bob {kind}"}, to=ada, relationship="related",
            link_values={"type": kind}, actor=ANN,
        )  # fmt: skip

    if there:
        make()
    else:
        with pytest.raises(ValuesInvalid):
            make()
    links = rows(workspace, "customers__related", "from_id", ada)
    assert len(rows(workspace, "customers", "name", f"Bob {kind}")) == len(links) == there


def test_a_call_is_kept_with_what_comes_of_it(workspace: Workspace, ada: str) -> None:
    call = Call(
        ("customers", ada),
        number="+4930901820",
        seconds=95,
        notes="Wants a quote",
        task={"title": "Send the quote"},
    )
    done = log_call(workspace.lake, call, actor=ANN, now=NOW)
    [kept], [task] = (
        rows(workspace, "communications", "id", done.id),
        rows(workspace, "tasks", "id", str(done.task)),
    )
    assert (kept["channel"], kept["duration"], kept["text"]) == ("call", 95, "Wants a quote")
    assert kept["occurred_at"].astimezone(UTC) == datetime(2026, 11, 20, 9, 28, 25, tzinfo=UTC)
    assert str(kept["customer"]) == str(task["customer"]) == ada and kept["change_id"] == task["change_id"]


@pytest.mark.parametrize(
    ("actor", "given", "error"),
    [
        (Actor("vera", "viewer"), {}, Forbidden),
        (Actor("eve", "agent"), {}, RecordNotFound),
        (ANN, {"task": {"title": "x", "priority": "soonest"}}, ValuesInvalid),
        (ANN, {"outcome": "hung_up"}, ValuesInvalid),
    ],
    ids=["a viewer", "a stranger", "a task that cannot be", "an outcome that there is not"],
)
def test_a_call_that_cannot_be_kept_leaves_nothing(
    workspace: Workspace, actor: Actor, given: dict[str, Any], error: type[Exception]
) -> None:
    who = made(workspace, "customers", name="Cy", folder="key_accounts")
    with pytest.raises(error):
        log_call(workspace.lake, Call(("customers", who), **given), actor=actor)
    assert not rows(workspace, "communications", "customer", who)
