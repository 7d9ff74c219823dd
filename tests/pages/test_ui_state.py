"""What a page remembers, and what it takes from the address."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages._ui.state import is_slug, record_id

ID = "018f2f6c-8f2b-7c3a-9d4e-5f6071829304"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(ID, ID, id="an id"),
        pytest.param(ID.upper(), ID, id="upper case"),
        pytest.param("1", None, id="too short"),
        pytest.param(ID.replace("-", ""), None, id="without dashes"),
        pytest.param("' OR 1=1 --".ljust(36, "x"), None, id="SQL"),
        pytest.param(None, None, id="nothing"),
        pytest.param(["a"], None, id="a list"),
    ],
)
def test_only_a_uuid_is_an_id(text: object, found: str | None) -> None:
    assert record_id(text) == found


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("customers", True),
        ("order_lines", True),
        ("a__b", False),
        ("A", False),
        ("a\n", False),
        (None, False),
    ],
)
def test_a_slug_is_checked(text: object, good: bool) -> None:
    assert is_slug(text) is good


def remembering_page() -> None:
    from dataclasses import dataclass

    import streamlit as st

    from pages._ui.state import page_state, record_id_in_url, slug_in_url

    @dataclass
    class State:
        seen: int = 0

    state = page_state(State, page="test")
    state.seen += 1
    st.text(f"{state.seen} {record_id_in_url()} {slug_in_url('module', among=['customers'])}")


def test_values_outlast_a_rerun_although_the_class_is_defined_anew() -> None:
    app = AppTest.from_function(remembering_page).run().run().run()
    assert app.text[0].value.startswith("3 ")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        pytest.param({"id": ID, "module": "customers"}, f"1 {ID} customers", id="good"),
        pytest.param({"id": "<script>", "module": "users"}, "1 None None", id="bad"),
    ],
)
def test_the_address_is_not_trusted(query: dict[str, str], told: str) -> None:
    app = AppTest.from_function(remembering_page)
    for name, value in query.items():
        app.query_params[name] = value
    assert app.run().text[0].value == told
