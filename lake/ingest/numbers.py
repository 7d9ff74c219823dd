"""Numbers as people write them: 1.234,56 and 1,234.56, 1 234,56 and 1'234.56, (12.50), 12,50 €, CHF 12.50."""

from __future__ import annotations

from typing import Literal

from lake.ingest.sql import Reading, full_match, literal, matches, one_of, substitute
from lake.names import ident

DecimalSign = Literal[".", ","]

# Beside the sign that is not decimal, digits may be grouped by any of these.
_SPACES = " \u00a0\u2007\u2009\u202f"
_QUOTES = "'’‘`´"
_MINUS = "\\-−–"  # inside a character class
_PLAIN = r"[+-]?\d+"
_POINT = r"\."
_CODE = "(?: ?[A-Z]{3})?"
_SIMPLE = "[0-9][0-9.,]* ?[A-Z]{3}"
"""The commonest amounts, which need no look at every way to write one."""
_EXPONENT = r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)[eE][+-]?\d{1,2}"
_TINY = r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)[eE]-\d{1,2}"

SYMBOLS: dict[str, str] = {
    "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₪": "ILS",
    "฿": "THB", "₫": "VND", "₦": "NGN", "₱": "PHP", "₴": "UAH", "ZŁ": "PLN", "KČ": "CZK", "FT": "HUF", "LEI": "RON",
    "US$": "USD", "$US": "USD", "USD$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD",
    "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "R$": "BRL", "MX$": "MXN", "FR": "CHF", "SFR": "CHF",
    "EURO": "EUR", "EUROS": "EUR", "RMB": "CNY",
}  # fmt: skip
# Signs of several currencies: the usual one where it is among them, else the first.
_SHARED: dict[str, tuple[str, ...]] = {
    "$": ("USD", "AUD", "CAD", "NZD", "HKD", "SGD", "MXN", "ARS", "CLP", "COP"),
    "KR": ("SEK", "NOK", "DKK", "ISK"),
}


def class_sql(text: str) -> str:
    """What a text speaks for: `point`, `comma`, `unclear_point`, `unclear_comma`, or NULL."""
    unclear = r"(^|[^\d.,])[1-9]\d{{0,2}}{sign}\d{{3}}([^\d.,]|$)"
    return (
        f"CASE WHEN NOT contains({text}, '.') AND NOT contains({text}, ',') THEN NULL "
        f"WHEN {full_match(text, _PLAIN + r'[.](?:[0-9]{1,2}|[0-9]{4,})' + _CODE)} THEN 'point' "
        f"WHEN {full_match(text, _PLAIN + r',(?:[0-9]{1,2}|[0-9]{4,})' + _CODE)} THEN 'comma' "
        f"WHEN {matches(text, _speaks_for(_POINT, ','))} THEN 'point' "
        f"WHEN {matches(text, _speaks_for(',', _POINT))} THEN 'comma' "
        f"WHEN {matches(text, unclear.format(sign=_POINT))} THEN 'unclear_point' "
        f"WHEN {matches(text, unclear.format(sign=','))} THEN 'unclear_comma' END"
    )


def read_integer(text: str, *, decimal: DecimalSign) -> Reading:
    """A BIGINT; a whole number may be grouped, and end in `.0`."""
    normal = _normal(text, decimal)
    whole = full_match(normal, r"[+-]?[0-9]+(?:[.]0*)?")
    exponent = f"try_cast({normal} AS DOUBLE)"
    value = (
        f"CASE WHEN {full_match(text, _PLAIN)} THEN try_cast({text} AS BIGINT) "
        f"WHEN NOT {_is_number(text, decimal)} THEN NULL "
        f"WHEN {whole} THEN try_cast(split_part({normal}, '.', 1) AS BIGINT) "
        f"WHEN {matches(text, '[eE]')} AND {exponent} = trunc({exponent}) THEN try_cast({exponent} AS BIGINT) END"
    )
    why = (
        f"CASE WHEN NOT {_is_number(text, decimal)} THEN 'not_a_number' WHEN {whole} THEN 'out_of_range' "
        "ELSE 'not_whole' END"
    )
    return Reading(value=value, why=why)


def read_decimal(text: str, *, decimal: DecimalSign) -> Reading:
    """A DECIMAL(18,6), rounded to its scale."""
    why = f"CASE WHEN {_is_number(text, decimal)} THEN 'out_of_range' ELSE 'not_a_number' END"
    return Reading(value=_decimal(text, decimal, "DECIMAL(18,6)"), why=why)


def read_money(text: str, *, name: str, decimal: DecimalSign, usual: str, known: frozenset[str]) -> Reading:
    """An amount, a DECIMAL(18,4), and its currency's ISO 4217 code; the usual one where none is written."""
    amount, sign, code = (ident(f"{name}__{part}") for part in ("amount", "sign", "code"))
    bare = full_match(text, rf"[0-9.,+-]*|{_EXPONENT}")
    number, around = substitute(text, _money(), r"\1\3\5"), substitute(text, _money(), r"\2\4")
    simple = full_match(text, _SIMPLE)
    parts = {
        f"{name}__amount": f"CASE WHEN {bare} THEN {text} WHEN {simple} THEN rtrim(left({text}, -3), ' ') "
        f"ELSE {number} END",
        f"{name}__sign": f"CASE WHEN {bare} THEN '' WHEN {simple} THEN right({text}, 3) "
        f"ELSE upper(trim({around}, ' .')) END",
    }
    shared = {symbol: usual if usual in among else among[0] for symbol, among in _SHARED.items()}
    symbols = {**SYMBOLS, **shared}
    codes = ", ".join(f"{literal(symbol)}: {literal(code)}" for symbol, code in symbols.items())
    is_code = one_of(sign, sorted(known)) if known else full_match(sign, "[A-Z]{3}")
    as_usual = f"WHEN {sign} = {literal(usual)} THEN {sign} " if usual in known else ""
    currency = (
        f"CASE WHEN {sign} = '' THEN {literal(usual) if usual else 'NULL'} {as_usual}WHEN {is_code} THEN {sign} "
        f"ELSE MAP {{{codes}}}[{sign}] END"
    )
    value = f"CASE WHEN {code} IS NOT NULL THEN {_decimal(amount, decimal, 'DECIMAL(18,4)')} END"
    why = (
        f"CASE WHEN {_is_number(amount, decimal)} THEN "
        f"CASE WHEN {code} IS NULL THEN 'unknown_currency' ELSE 'out_of_range' END ELSE 'not_a_number' END"
    )
    return Reading(parts=parts, more_parts={f"{name}__code": currency}, value=value, why=why, currency=code)


def _decimal(text: str, decimal: DecimalSign, type: str) -> str:
    plain = _PLAIN + (r"(?:\.\d+)?" if decimal == "." else "")
    # DuckDB rounds a text such as 8.9e-16 up to the last digit that a DECIMAL has; as a DOUBLE it is right.
    small = f"try_cast(try_cast({_normal(text, decimal)} AS DOUBLE) AS {type})"
    return (
        f"CASE WHEN {full_match(text, plain)} THEN try_cast({text} AS {type}) "
        f"WHEN {full_match(text, _TINY)} THEN {small} "
        f"WHEN {_is_number(text, decimal)} THEN try_cast({_normal(text, decimal)} AS {type}) END"
    )


def _money() -> str:
    inside = rf"0-9.,{_QUOTES}()+{_MINUS}\s"
    currency = rf"([^{inside}][^0-9()+{_MINUS}]*?)?"
    number = rf"([+{_MINUS}]?\s*[.,]?[0-9][0-9.,{_QUOTES}{_SPACES}]*?[{_MINUS}]?)"
    return rf"^([+{_MINUS}(]?)\s*{currency}\s*{number}\s*{currency}\s*(\)?)$"


def _speaks_for(decimal: str, grouper: str) -> str:
    """What only this decimal sign explains: 1.5, 0.123, 1234.567, 1,234.5, and 1,234,567 for the point."""
    other = rf"[^\d{decimal}{grouper}]"
    return "|".join(
        (
            rf"^[^{decimal}{grouper}]*\d?{decimal}(\d{{1,2}}|\d{{4,}})({other}.*)?$",
            rf"\d{{1,3}}({grouper}\d{{2,3}})*{grouper}\d{{3}}{decimal}\d*",
            rf"(^|{other})(0|\d{{4,}}){decimal}\d{{3}}({other}|$)",
            rf"(^|[^\d])\d{{1,3}}({grouper}\d{{3}}){{2,}}({other}|$)",
        )
    )


def _is_number(text: str, decimal: DecimalSign) -> str:
    sign, other = (r"\.", ",") if decimal == "." else (",", r"\.")
    groupers = (other, f"[{_SPACES}]", f"[{_QUOTES}]", "_")
    grouped = "|".join(rf"\d{{1,3}}(?:{one}\d{{2,3}})*{one}\d{{3}}" for one in groupers)
    number = rf"(?:(?:\d+|{grouped})(?:{sign}\d*)?|{sign}\d+)"
    signed = rf"[+{_MINUS}]?\s*{number}|{number}\s*[{_MINUS}]|\(\s*{number}\s*\)|{_EXPONENT}"
    return full_match(text, f"(?:{signed})")


def _normal(text: str, decimal: DecimalSign) -> str:
    """The number as DuckDB reads it; meaningful only where `_is_number`."""
    grouper = "," if decimal == "." else "."
    marks = literal(f"{_SPACES}{_QUOTES}_+-−–(){grouper}")
    negative = matches(text, rf"^[{_MINUS}(]|[{_MINUS}]$")
    digits = (
        f"(CASE WHEN {negative} THEN '-' ELSE '' END || replace(translate({text}, {marks}, ''), ',', '.'))"
    )
    return f"CASE WHEN {matches(text, '[eE]')} THEN replace({text}, ',', '.') ELSE {digits} END"
