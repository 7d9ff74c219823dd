"""What strangers hand in becomes values of an inquiry."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.errors import ValuesInvalid
from crm_core.intake_forms import Form, read_form, values_of
from crm_core.model import Module

OPTIONS = [{"value": "sea_freight", "label": "Sea freight"}, {"value": "sea_air"}, "road_freight", "general"]
FIELDS: list[dict[str, Any]] = [
    {"slug": slug, "kind": kind}
    for slug, kind in {
        "subject": "text", "name": "text", "email": "email", "origin": "text", "destination": "text",
        "items": "json", "ready_date": "date", "message": "long_text", "channel": "text", "extra": "json",
    }.items()
]  # fmt: skip
FIELDS += [
    {"slug": "service", "kind": "select", "options": OPTIONS},
    {"slug": "consent", "kind": "multi_select", "options": ["service", "marketing"]},
]
MODULE = Module.model_validate({"slug": "inquiries", "fields": FIELDS})
ITEM = {"description": "Pallets", "quantity": 4, "weight_kg": "812.5", "stackable": True}
CONTACT: dict[str, Any] = {"name": "Anna", "email": "a@b.example", "subject": "Hours", "message": "When?"}
INQUIRY: dict[str, Any] = {
    "name": "Anna",
    "email": "a@b.example",
    "service": "sea_freight",
    "origin": "Hamburg",
    "destination": "Oslo",
    "items": [ITEM],
}


def values(form: Form, **changed: Any) -> dict[str, Any]:
    base = CONTACT if form == "contact" else INQUIRY
    return values_of(read_form(form, base | changed), MODULE, form=form)


@pytest.mark.parametrize(
    ("asked", "option"),
    [
        pytest.param("sea_freight", "sea_freight", id="by value"),
        pytest.param("Sea Freight", "sea_freight", id="by label"),
        pytest.param("road", "road_freight", id="by its beginning"),
        pytest.param("sea", "general", id="two begin so"),
        pytest.param("teleportation", "general", id="unknown"),
    ],
)
def test_a_service_is_found_or_kept_as_asked(asked: str, option: str) -> None:
    made = values("inquiry", service=asked)
    assert made["service"] == option
    assert (option == "general") is (made.get("extra", {}).get("service") == asked)


def test_nothing_that_was_sent_is_lost() -> None:
    made = values("inquiry", company="ACME", utm={"source": "ad"}, consent=["service", "sms"], owner="root")
    assert made["extra"] == {
        "company": "ACME", "utm": {"source": "ad"}, "owner": "root", "consent": ["service", "sms"]
    }  # fmt: skip
    assert made["consent"] == ["service"]
    assert made["items"][0]["stackable"] is True
    assert "owner" not in made


def test_an_inquiry_without_a_subject_tells_the_way() -> None:
    assert values("inquiry")["subject"] == "sea_freight: Hamburg → Oslo"


@pytest.mark.parametrize(
    ("form", "changed", "field"),
    [
        pytest.param("contact", {"name": "  "}, "name", id="blank name"),
        pytest.param("contact", {"email": None}, "email", id="nobody to answer to"),
        pytest.param("contact", {"message": None}, "message", id="no message"),
        pytest.param("contact", {"consent": ["<b>"]}, "consent.0", id="markup as a purpose"),
        pytest.param("inquiry", {"items": []}, "items", id="no items"),
        pytest.param(
            "inquiry", {"items": [{"description": "x", "quantity": -1}]}, "items.0.quantity", id="negative"
        ),
        pytest.param("inquiry", {"ready_date": "tomorrow"}, "ready_date", id="no date"),
        pytest.param("inquiry", {"origin": 7}, "origin", id="a number as a place"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(form: Form, changed: dict[str, Any], field: str) -> None:
    with pytest.raises(ValuesInvalid) as refused:
        values(form, **changed)
    assert [problem.field for problem in refused.value.problems] == [field]
