"""What changed, as people read it: no slug, no id and no instant as the lake writes it."""

from __future__ import annotations

from functools import cache

import pytest

from crm_core.definition_documents import build_catalog, parse_document
from crm_core.model import Catalog, Stored
from crm_core.pack_files import read_pack
from crm_core.search import note_of
from pages._ui.changes import label_of, show_value
from pages._ui.field_views import FieldContext

CONTEXT = FieldContext(users={"ben": "Ben Carter", "farid": "Farid Haddad"}, zone="Europe/Berlin")
ORDER = "01a1c611-73f8-736e-8940-11f5bb695f2b"


@cache
def logistics() -> Catalog:
    parsed = [(kind, *parse_document(kind, document)) for kind, document in read_pack("logistics")]
    return build_catalog([Stored(k, s, s, 1, "active", d) for k, s, d in parsed], version=1)


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("last_contact_at", "2026-10-22 12:27:01+00", "22 Oct 2026, 14:27"),
        ("folder", "key_accounts", "Key accounts"),
        ("status", "at_risk", "At risk"),
        ("workers", "[ben, farid]", "Ben Carter, Farid Haddad"),
        ("tags", "['trade fair', vip]", "trade fair, vip"),
        ("owner", "ben", "Ben Carter"),
        ("credit_limit", "92000.0000", "92,000.00"),
        ("newsletter", "true", "Yes"),
        ("country", "DE", "Germany"),
        ("preferred_channel", "email", "E-mail"),
        ("business", ORDER, "Rossi S.p.A."),
        ("name", "<b>Bold</b>", "&lt;b&gt;Bold&lt;/b&gt;"),
        ("tags", "[]", "–"),
        ("owner", None, "–"),
    ],
)
def test_a_changed_value_is_shown_as_its_field_would_be(name: str, text: str | None, shown: str) -> None:
    module = logistics().module("customers")
    drawn = show_value(logistics(), module, name, text, CONTEXT, {ORDER: "Rossi S.p.A."})
    assert shown in str(drawn)


def test_a_record_that_is_not_seen_is_not_told_by_its_id() -> None:
    drawn = show_value(logistics(), logistics().module("customers"), "business", ORDER, CONTEXT, {})
    assert ORDER not in str(drawn)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("last_contact_at", "Last contact"), ("business", "Business"), ("owner", "Owner"),
        ("credit_limit__currency", "Credit limit (currency)"), ("address__city", "Address (city)"),
    ],
)  # fmt: skip
def test_a_column_is_called_as_its_field(name: str, label: str) -> None:
    assert label_of(logistics(), logistics().module("customers"), name) == label


def test_a_subtitle_of_a_choice_is_what_the_choice_says() -> None:
    messages = logistics().module("communications")
    assert note_of(messages, "email") == "E-mail"
    assert note_of(messages, "no such choice") == "no such choice"
    assert note_of(messages, None) == ""
