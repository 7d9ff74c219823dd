"""What a trigger says: read back as it was written, and refused with a sentence when it can never be met."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.definitions import read_catalog
from crm_core.errors import DefinitionInvalid
from flows.check import check_flow
from flows.model import parse_flow, to_flow_document
from lake import Lake
from tests.flows.flows_of import flow, leaf

MAIL = {"email": "contact.email", "subject": "about", "note": "items.0.text"}


def on(event: str, **parts: Any) -> dict[str, Any]:
    return flow() | {"trigger": {"event": event, **parts}}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(on("linked", link="partners"), id="a link to many"),
        pytest.param(on("unlinked", link="customer"), id="a reference"),
        pytest.param(on("linked", link="partner_of") | {"module": "customers", "do": [{"set_field": {"vip": True}}]},
                     id="the far end"),
        pytest.param(on("schedule", cron="0 9 * * MON-FRI", time_zone="America/New_York"), id="a schedule"),
        pytest.param(on("schedule", cron="*/15 8-17 L * *"), id="the last day of a month"),
        pytest.param(on("schedule", cron="0 0 29 2 *"), id="every fourth year"),
        pytest.param(on("date", field="due", offset="-2d", at="09:00"), id="before a date"),
        pytest.param(on("date", field="answered_at", offset="3h"), id="after a time"),
        pytest.param(on("date", field="created_at"), id="a time itself"),
        pytest.param(on("saved", fields=["status"], **{"is": "won"}), id="new or changed"),
        pytest.param(on("webhook", key="email", map=MAIL), id="a webhook by a key"),
        pytest.param(on("webhook", map=MAIL), id="a webhook"),
    ],
)  # fmt: skip
def test_a_sound_trigger_is_kept_as_it_was_written(shared: Lake, document: dict[str, Any]) -> None:
    read = parse_flow(document)
    assert check_flow(read_catalog(shared), read) == []
    assert to_flow_document(read)["trigger"] == document["trigger"]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        pytest.param(on("linked"), "needs link, as in", id="no link"),
        pytest.param(on("schedule"), "needs cron", id="no line"),
        pytest.param(on("date"), "needs field", id="no date"),
        pytest.param(on("webhook"), "needs map", id="no map"),
        pytest.param(
            on("created", cron="* * * * *"), "cron cannot stand with the event created", id="another's"
        ),
        pytest.param(on("schedule", cron="0 9 * *"), "it has 4 fields; it needs five", id="four fields"),
        pytest.param(on("schedule", cron="0 0 9 * * *"), "it has 6 fields", id="seconds"),
        pytest.param(on("schedule", cron="0 25 * * *"), "Bad hour", id="hour 25"),
        pytest.param(on("schedule", cron="0 0 30 2 *"), "never fires", id="30 February"),
        pytest.param(on("schedule", cron="0 0 31 4,6,9,11 *"), "never fires", id="31 June"),
        pytest.param(on("schedule", cron="x" * 999), "is no cron line", id="a long word"),
        pytest.param(
            on("schedule", cron="0 9 * * *", time_zone="Europe/Atlantis"), "no IANA time zone", id="zone"
        ),
        pytest.param(
            on("date", field="due", offset="soon"), "no length of time before or after", id="offset"
        ),
        pytest.param(on("date", field="due", offset="99999y"), "no length of time before", id="far too long"),
        pytest.param(on("date", field="due", at="9"), "no time of day", id="time"),
        pytest.param(on("date", field="due", at="24:00"), "no time of day", id="midnight"),
        pytest.param(on("webhook", key="email", map={"subject": "s"}), "which map does not say", id="key"),
        pytest.param(on("webhook", map={"subject": ".."}), "no place such as", id="place"),
    ],
)
def test_a_trigger_that_is_none_is_refused_in_words(document: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionInvalid, match=said):
        parse_flow(document)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        pytest.param(on("linked", link="tasks"), "its links are customer, partners", id="a list of others"),
        pytest.param(on("date", field="nope"), "a missing field", id="field"),
        pytest.param(on("date", field="customer.name"), "of inquiries itself", id="related field"),
        pytest.param(on("date", field="note"), "no date and no date and time", id="text"),
        pytest.param(
            on("webhook", map={"subject": "s", "nope": "n"}), "maps to a missing field", id="mapped field"
        ),
        pytest.param(
            on("webhook", key="due", map={"due": "d", "subject": "s"}), "by a text", id="key of days"
        ),
        pytest.param(on("webhook", map={"note": "n"}), "needs “subject”", id="required field"),
        pytest.param(
            on("schedule", cron="* * * * *") | {"when": leaf("note", "changed")},
            "no field changes",
            id="changed",
        ),
    ],
)
def test_a_trigger_that_does_not_fit_the_module_is_refused(
    shared: Lake, document: dict[str, Any], said: str
) -> None:
    assert any(said in problem for problem in check_flow(read_catalog(shared), parse_flow(document)))
