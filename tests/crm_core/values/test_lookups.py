"""The short ways in SQL give what the libraries give."""

from __future__ import annotations

import phonenumbers
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_core.people import read_directory
from crm_core.values import Reading, normalise
from crm_core.values.standards import currencies, to_address, to_country, to_e164
from tests.crm_core.conftest import Crm

REGIONS = ("DE", "FR", "GB", "US", "IT", "AT", "PL", "BR", "CH", "NL")


def standards(
    shared: Crm, column: str, texts: list[str], region: str = "DE", *, few: bool = False
) -> list[str | None]:
    reading = Reading(country=region)
    with shared.lake.session() as s:
        s.register("given", pl.DataFrame({column: texts}).with_row_index("_row"))
        directory = read_directory(shared.lake)
        normalise(
            s,
            shared.catalog,
            module="customers",
            directory=directory,
            staged="given",
            reading=reading,
            few=few,
        )
        return s.read(f"SELECT {column} FROM typed ORDER BY _row")[column].to_list()


def written(number: str, style: int) -> str:
    """A number as people write it."""
    return [number, f"+{number}", f"00{number}", f"0{number}", f"+{number[:2]} {number[2:4]}/{number[4:]}"][
        style
    ]


@pytest.mark.parametrize("region", REGIONS)
def test_phone_numbers_are_what_the_library_makes_of_them(shared: Crm, region: str) -> None:
    code = str(phonenumbers.country_code_for_region(region))
    example = phonenumbers.example_number(region)
    assert example is not None
    national = str(example.national_number)
    texts = [
        f"{start}{digits[:cut]}{gap}{digits[cut:]}"
        for start in ("", "0", "00", "+", f"+{code}", f"00{code}", f"+{code} (0)", f"0{code}", "011", "1")
        for digits in (national, national[:-1], national + "1", national[:4], "0" + national)
        for gap in ("", " ", "-", "/")
        for cut in (2, 3)
    ] + ["call me", "+", "110", "1-800-FLOWERS", "030 123 ext. 5", "(030) 12-34"]
    many = [*texts, *[f"{text} " for text in texts], *[f"0{i:09d}" for i in range(20)]]
    assert standards(shared, "phone", many, region) == [to_e164(text.strip(), region) for text in many]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(10**6, 10**13), st.integers(0, 4)), min_size=520, max_size=520),
    st.sampled_from(REGIONS),
)
def test_any_digits_are_what_the_library_makes_of_them(
    shared: Crm, numbers: list[tuple[int, int]], region: str
) -> None:
    texts = [written(str(number), style) for number, style in numbers]
    assert standards(shared, "phone", texts, region) == [to_e164(text, region) for text in texts]


LOCALS = st.text("abzAZ09.+-_'éÉüßŁžŉ", min_size=1, max_size=20)
DOMAINS = st.text("abXY0-.é", min_size=1, max_size=20)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(LOCALS, DOMAINS, st.sampled_from(["com", "De", "example", "test", "c", "1", "xn--p1ai"])),
        min_size=1,
    )
)
def test_addresses_are_what_the_library_makes_of_them(shared: Crm, parts: list[tuple[str, str, str]]) -> None:
    texts = [f"{local}@{domain}.{top}" for local, domain, top in parts]
    assert standards(shared, "email", texts) == [to_address(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("germany", "DE"), ("Deutschland", "DE"), ("Allemagne", "DE"), ("DEU", "DE"), ("276", "DE"), ("UK", "GB"),
     ("Österreich", "AT"), ("Schweiz", "CH"), ("USA", "US"), ("Россия", "RU"), ("Nowhere", None), ("D", None)],
)  # fmt: skip
def test_a_country_is_known_by_code_and_in_many_languages(text: str, expected: str | None) -> None:
    assert to_country(text) == expected


def test_every_currency_code_is_known() -> None:
    assert {"EUR", "USD", "JPY"} <= set(currencies()) and all(len(code) == 3 for code in currencies())


@pytest.mark.parametrize("column", ["phone", "email", "country", "name", "kind", "site"])
def test_a_handful_of_rows_is_read_as_many_are(shared: Crm, column: str) -> None:
    plain = [
        "030 1234567",
        "+49 (0)30 123",
        "Anna@EXAMPLE.com",
        "a@b",
        "Germany",
        "DE",
        "Company",
        "shop.example",
        "",
    ]
    texts = [
        f"{before}{text}{after}"
        for text in plain
        for before in ("", " ", "\u00a0")
        for after in ("", "\u200b\t")
    ]
    assert standards(shared, column, texts, few=True) == standards(shared, column, texts)
