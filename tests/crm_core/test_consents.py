"""What people said to messages is kept with who wrote it down and why; the latest counts, also of earlier days."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.consents import read_consent_history, read_consents, record_consent
from crm_core.errors import Forbidden, RecordNotFound, ValuesInvalid
from crm_core.settings import read_settings
from crm_core.timeline import CHANGES, read_timeline
from crm_core.workspace import Workspace, open_workspace
from lake import Change, new_id

ANN, VIEWER, STRANGER = Actor("ann", "admin"), Actor("vera", "viewer"), Actor("eve", "agent")
ADA, PHONE = "ada@rivers.example", "+4930901820"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with open_workspace(read_settings({}, home=tmp_path_factory.mktemp("home"), threads=1)) as opened:
        yield opened


@pytest.fixture
def ada(workspace: Workspace) -> dict[str, Any]:
    """A customer of the sales team with an address of his own."""
    values = {"name": "Ada", "email": f"ada@{new_id()}.example", "phone": PHONE, "folder": "key_accounts"}
    key = records.create(workspace.lake, module="customers", values=values, actor=ANN).id
    return read(workspace, key)


def read(workspace: Workspace, key: str) -> dict[str, Any]:
    return records.read_record(
        workspace.lake, workspace.catalog, module="customers", record_id=key, actor=ANN
    )


def say(workspace: Workspace, who: dict[str, Any], state: str, *, actor: Actor = ANN, **more: Any) -> str:
    given = {"address": who["email"], "channel": "email", "purpose": "marketing", "reason": "said so"}
    return record_consent(
        workspace.lake, module="customers", record_id=who["id"], state=state, actor=actor, **{**given, **more}
    )


def stands(workspace: Workspace, who: dict[str, Any], at: int | None = None) -> list[tuple[str, str, str]]:
    found = read_consents(workspace.lake, workspace.catalog, module="customers", record=who, actor=ANN, at=at)
    return [(one.purpose, one.channel, one.state) for one in found]


def test_the_latest_counts_and_what_was_said_before_is_kept(
    workspace: Workspace, ada: dict[str, Any]
) -> None:
    say(workspace, ada, "granted")
    before = workspace.lake.known_snapshot()
    say(workspace, ada, "withdrawn", reason="wrote that he has enough")
    assert stands(workspace, ada) == [("marketing", "email", "withdrawn")]
    assert stands(workspace, ada, at=before) == [("marketing", "email", "granted")]
    [last, first] = read_consent_history(
        workspace.lake, workspace.catalog, module="customers", record_id=ada["id"], actor=ANN
    )
    assert (last.state, last.by, last.reason) == ("withdrawn", "ann", "wrote that he has enough")
    assert (first.state, first.source) == ("granted", "person")


def test_what_was_said_once_counts_however_much_was_said_since(
    workspace: Workspace, ada: dict[str, Any]
) -> None:
    say(workspace, ada, "objected", purpose="service")
    said = (
        "SELECT uuid(), $address, 'email', 'customers', CAST($id AS UUID), 'marketing', 'granted', 'program', NULL, "
        "now() + to_seconds(n), CAST($id AS UUID) FROM range(300) t(n)"
    )
    values = {"address": ada["email"], "id": ada["id"]}
    workspace.lake.commit(
        lambda tx: tx.execute(f"INSERT INTO lake.access.consents {said}", values),
        Change(actor="ann", door="api"),
    )
    assert stands(workspace, ada) == [("marketing", "email", "granted"), ("service", "email", "objected")]


def test_a_contact_point_speaks_too_and_history_tells_it(workspace: Workspace, ada: dict[str, Any]) -> None:
    other = f"other@{new_id()}.example"
    records.create(
        workspace.lake, module="contact_points", actor=ANN,
        values={"customer": ada["id"], "kind": "email", "value": other},
    )  # fmt: skip
    say(workspace, ada, "objected", address=other, purpose="service")
    page = read_timeline(
        workspace.lake,
        workspace.catalog,
        module="customers",
        record_id=ada["id"],
        actor=ANN,
        kinds=(CHANGES,),
    )
    told = [
        entry
        for entry in page.entries
        if entry.fields and entry.fields[0]["field"] == "consent_service_email"
    ]
    assert [(one.owner, one.text, one.fields[0]["new"]) for one in told] == [("ann", "said so", "objected")]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"address": "somebody@else.example"}, "address"),
        ({"channel": "sms"}, "channel"),
        ({"channel": "pigeon"}, "channel"),
        ({"purpose": "fun"}, "purpose"),
        ({"state": "perhaps"}, "state"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_with_its_reason(
    workspace: Workspace, ada: dict[str, Any], given: dict[str, str], field: str
) -> None:
    with pytest.raises(ValuesInvalid) as refused:
        say(workspace, ada, **{"state": "granted", **given})
    assert [problem.field for problem in refused.value.problems] == [field] and not stands(workspace, ada)


@pytest.mark.parametrize(
    ("who", "error"), [(VIEWER, Forbidden), (STRANGER, RecordNotFound)], ids=["viewer", "stranger"]
)
def test_who_may_not_change_a_record_says_nothing_for_it(
    workspace: Workspace, ada: dict[str, Any], who: Actor, error: type[Exception]
) -> None:
    with pytest.raises(error):
        say(workspace, ada, "granted", actor=who)
    assert not read_consent_history(
        workspace.lake, workspace.catalog, module="customers", record_id=ada["id"], actor=STRANGER
    )
