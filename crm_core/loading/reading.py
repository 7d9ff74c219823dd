"""The file's text as a staged relation under the module's own names; numbers and dates read column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crm_core.loading.mapping import Mapped
from crm_core.loading.model import Contract
from crm_core.loading.targets import Place
from crm_core.loading.words import evidence_of_words, find_words, read_words
from crm_core.model.fields import MoneyField, TextField
from crm_core.values.lookups import Runner
from crm_core.values.standards import currencies
from lake import ident
from lake.ingest.sql import Reading as TextReading
from lake.ingest.sql import literal
from lake.ingest.typing import (
    Convention,
    Hints,
    Kind,
    evidence_sql,
    reading,
    settle,
    trimmed_sql,
    typed_relation,
)

RAW = "load_raw"
STAGED = "load_staged"

_READ_HERE: dict[str, Kind] = {
    "integer": "integer",
    "decimal": "decimal",
    "money": "money",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
}
"""Kind of field → how its text is read here; every other kind is read as in a form."""

_COSTLY: tuple[Kind, ...] = ("decimal", "money", "date", "datetime")
"""What costs more to read than to look up."""

WORDS: dict[str, str] = {
    "not_a_number": "is no number",
    "not_whole": "is no whole number",
    "out_of_range": "is too large a number",
    "unknown_currency": "names no currency by its ISO 4217 code such as EUR",
    "not_a_boolean": "is neither yes nor no",
    "not_a_date": "is no date as the column has them",
    "has_time": "has a time of day, and the field holds a date only",
    "not_a_datetime": "is no date with a time as the column has them",
    "unknown_zone": "names no time zone as an offset such as +02:00 or Z",
}
"""Code of what is wrong with a value → in words."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """How the staged view reads its columns.

    Attributes:
        columns: staged column → the mapped column that it comes from.
        judged: staged columns with a reason beside them, in `_why__<column>`.
        notes: header → how an ambiguous column was read.
        made: slug of a field → the columns whose texts make it up in rows that do not bring it.
    """

    columns: Mapping[str, Mapped]
    judged: tuple[str, ...]
    notes: Mapping[str, str]
    made: Mapping[str, tuple[Mapped, ...]]


def hints_of(place: Place, contract: Contract, *, currency: str, delimiter: str = "") -> Hints:
    """What the contract and the workspace say of numbers and dates."""
    workspace, formats = place.catalog.workspace, contract.formats
    # Where a semicolon separates the cells, the comma is most often needed for decimals.
    comma = delimiter == ";" or workspace.locale[:2] in ("de", "fr", "es", "it", "nl", "pl", "pt", "tr")
    return Hints(
        decimal=formats.decimal,
        day_first=formats.day_first,
        usual_decimal="," if comma else ".",
        usual_day_first=workspace.country != "US",
        time_zone=formats.time_zone or workspace.time_zone,
        currency=formats.currency or currency or workspace.currency,
        currencies=frozenset(currencies()),
    )


def stage_values(
    s: Runner, place: Place, contract: Contract, mapped: Sequence[Mapped], *, delimiter: str
) -> Read:
    """Make the view `load_staged`: `_row`, and a column for each value, named as the module names it.

    References and ids are left to whoever resolves them; the source's name stands in `source`.
    """
    values = {
        m.target.column: m for m in mapped if m.target and m.target.role in ("value", "part", "currency")
    }
    typed = {column: _kind(m, values) for column, m in values.items()}
    here = {column: kind for column, kind in typed.items() if kind is not None}
    words = find_words(s, RAW, {c: values[c].raw for c, kind in here.items() if kind in _COSTLY})
    conventions, notes = _settle(s, place, contract, values, here, delimiter, words)
    made = _made(place, values)
    as_text = {column: ident(m.raw) for column, m in values.items() if column not in here}
    for slug, parts in made.items():
        joined = _joined(parts)
        if slug in values:
            # A cell that is there and empty is made up as one that is not there.
            raw = ident(values[slug].raw)
            joined = f"CASE WHEN {trimmed_sql(raw)} IS NULL THEN {joined} ELSE {raw} END"
        as_text[slug] = joined
    if "source" not in values and place.relationship is None:
        # A view binds no values, so the name goes in as a literal.
        as_text["source"] = literal(contract.source)
    readings = {}
    for column, kind in here.items():
        text = "_text" if column in words else _text(column)
        hints = _hints(place, contract, values[column], delimiter)
        one = reading(kind, ident(text), name=f"_{column}", convention=conventions[column], hints=hints)
        readings[column] = (text, one)
        if column in words:
            read_words(s, words[column], column, one)
            as_text[_given(column)] = ident(values[column].raw)
    select = _staged_sql(values, as_text, readings, words)
    s.execute(f"CREATE OR REPLACE TEMP VIEW {STAGED} AS {select}")
    return Read(columns=values, judged=tuple(here), notes=notes, made=made)


def _staged_sql(
    values: Mapping[str, Mapped],
    as_text: Mapping[str, str],
    readings: Mapping[str, tuple[str, TextReading]],
    words: Mapping[str, str],
) -> str:
    """The rows with their texts as they are, and what is read of the others; of some columns text by text."""
    here = {column: one for column, one in readings.items() if column not in words}
    carried = ("_row", "_file_no", "_line")
    parts = ["rowid AS _row", "file_no AS _file_no", "line AS _line"]
    parts += [f"{sql} AS {ident(column)}" for column, sql in as_text.items()]
    parts += [
        f"{trimmed_sql(ident(values[column].raw))} AS {ident(text)}" for column, (text, _) in here.items()
    ]
    rows = f"(SELECT {', '.join(parts)} FROM {RAW})"
    if here:
        rows = f"({typed_relation(rows, here, keep=(*carried, *as_text))})"
    hidden = {_given(column) for column in words}
    shown = [ident("s", column) for column in (*carried, *as_text) if column not in hidden]
    joins = ""
    for column, (_, one) in readings.items():
        alias = words.get(column, "s")
        if column in words:
            joins += f" LEFT JOIN {alias}_read {alias} ON {alias}.given = {ident('s', _given(column))}"
        shown.append(ident(alias, column))
        shown.append(f"{ident(alias, f'{column}__reason')} AS {ident(f'_why__{column}')}")
        if one.currency is not None:
            shown.append(ident(alias, f"{column}__currency"))
    return f"SELECT {', '.join(shown)} FROM {rows} s{joins}"


def guess_kind(s: Runner, mapped: Mapped) -> str:
    """The kind of field that a column nobody knows could become, judged by all its values."""
    text = trimmed_sql(ident(mapped.raw))
    tests = {
        "boolean": "lower(v) IN ('true', 'false', 'yes', 'no', 'ja', 'nein', 'oui', 'non', 'sí', 'si')",
        "integer": r"regexp_full_match(v, '[+-]?(0|[1-9][0-9]{0,17})')",
        "decimal": r"regexp_full_match(v, '[+-]?[0-9]{1,12}([.,][0-9]+)?')",
        "date": r"regexp_full_match(v, '[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}[./][0-9]{1,2}[./]([0-9]{4}|[0-9]{2})')",
        "datetime": r"regexp_full_match(v, '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.*')",
        "email": r"regexp_full_match(v, '[^@\s]+@[^@\s]+\.[^@\s]+')",
        "url": r"regexp_full_match(v, 'https?://\S+')",
    }
    counts = ", ".join(f"count(*) FILTER (WHERE {test}) AS {kind}" for kind, test in tests.items())
    found = s.read(
        f"SELECT count(v) AS filled, coalesce(max(length(v)), 0) AS longest, {counts} "
        f"FROM (SELECT {text} AS v FROM {RAW})"
    ).row(0, named=True)
    if not found["filled"]:
        return "text"
    sure = next((kind for kind in tests if found[kind] == found["filled"]), None)
    return sure or ("long_text" if found["longest"] > 500 else "text")


def _made(place: Place, values: Mapping[str, Mapped]) -> dict[str, tuple[Mapped, ...]]:
    """The fields that others of the file make up, where the file does not bring them itself."""
    if place.relationship is not None:
        return {}
    made = {
        field.slug: tuple(values[part] for part in field.made_of if part in values)
        for field in place.catalog.module(place.module).fields
        if isinstance(field, TextField) and field.made_of
    }
    return {slug: parts for slug, parts in made.items() if parts}


def _joined(parts: Sequence[Mapped]) -> str:
    """The texts of some columns with spaces between, as SQL."""
    words = ", ".join(f"nullif({trimmed_sql(ident(one.raw))}, '')" for one in parts)
    return f"nullif(concat_ws(' ', {words}), '')"


def _kind(mapped: Mapped, values: Mapping[str, Mapped]) -> Kind | None:
    target = mapped.target
    if target is None or target.role != "value" or target.field is None:
        return None
    kind = getattr(target.field, "kind", "")
    if kind == "money" and f"{target.column}__currency" in values:
        # The currency has a column of its own, so the amount is a bare number.
        return "decimal"
    return _READ_HERE.get(kind)


def _settle(
    s: Runner,
    place: Place,
    contract: Contract,
    values: Mapping[str, Mapped],
    here: Mapping[str, Kind],
    delimiter: str,
    words: Mapping[str, str],
) -> tuple[dict[str, Convention], dict[str, str]]:
    """Decide for every column how it is read, by one statement over all its values."""
    asked = {}
    found = {column: evidence_of_words(s, table, here[column]) for column, table in words.items()}
    for place_no, (column, kind) in enumerate(here.items()):
        aggregate = evidence_sql(kind, ident(f"t{place_no}"))
        if aggregate is not None and column not in words:
            asked[column] = (place_no, aggregate)
    if asked:
        texts = ", ".join(
            f"{trimmed_sql(ident(values[column].raw))} AS t{place_no}"
            for column, (place_no, _) in asked.items()
        )
        select = ", ".join(f"{aggregate} AS h{place_no}" for place_no, aggregate in asked.values())
        row = s.read_arrow(f"SELECT {select} FROM (SELECT {texts} FROM {RAW})").to_pylist()[0]
        found |= {column: dict(row[f"h{place_no}"] or []) for column, (place_no, _) in asked.items()}
    conventions, notes = {}, {}
    for column, kind in here.items():
        hints = _hints(place, contract, values[column], delimiter)
        conventions[column] = settle(kind, found.get(column, {}), hints)
        if conventions[column].note:
            notes[values[column].header] = conventions[column].note
    return conventions, notes


def _hints(place: Place, contract: Contract, mapped: Mapped, delimiter: str) -> Hints:
    field = mapped.target.field if mapped.target else None
    currency = field.currency if isinstance(field, MoneyField) else ""
    return hints_of(place, contract, currency=currency, delimiter=delimiter)


def _text(column: str) -> str:
    return f"{column}__text"


def _given(column: str) -> str:
    return f"_given_text__{column}"
