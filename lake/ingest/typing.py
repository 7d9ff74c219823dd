"""What a column of text means: SQL that turns it into a type, with one reading for the whole column.

First `evidence_sql` counts, over all values of a column, what speaks for each way to read it; `settle`
decides once for the column; `reading` yields the value, and for a value that cannot be read the reason.
Nothing here runs SQL, and no value is read in another way than its column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lake.ingest import dates, numbers
from lake.ingest.sql import Reading, literal, one_of
from lake.names import ident

Kind = Literal["text", "integer", "decimal", "money", "boolean", "date", "datetime", "json", "list"]

# Spaces of all kinds, and the marks that programs leave at a text's ends.
_BLANKS = " \t\r\n\v\f\u00a0\u2002\u2003\u2007\u2009\u200b\u202f\u3000\ufeff"

# fmt: off
_TRUE = (
    "true", "t", "yes", "y", "1", "1.0", "on", "x", "✓", "✔", "ja", "j", "wahr", "oui", "o", "vrai",
    "sí", "si", "s", "verdadero",
)
# fmt: on
_FALSE = ("false", "f", "no", "n", "0", "0.0", "off", "✗", "✘", "nein", "falsch", "non", "faux", "falso")


@dataclass(frozen=True, kw_only=True)
class Hints:
    """What is known beside the values: settings of the source, and the workspace's habits for what stays
    open.

    Attributes:
        decimal: the decimal sign, when the source's contract states it.
        day_first: whether 3/4 is 3 April, when the source's contract states it.
        usual_decimal, usual_day_first: what to take when neither contract nor values decide.
        time_zone: the zone of instants written without one (an IANA name).
        currency: the ISO 4217 code of amounts written without one.
        currencies: the codes allowed; any three letters when empty.
    """

    decimal: Literal[".", ","] | None = None
    day_first: bool | None = None
    usual_decimal: Literal[".", ","] = "."
    usual_day_first: bool = True
    time_zone: str = "UTC"
    currency: str = ""
    currencies: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Convention:
    """How a column is read.

    Attributes:
        decimal: the decimal sign of its numbers.
        day_first: whether the day stands before the month.
        unclear: values that could be read in another way too, when nothing in the column decided.
        note: that, in words; empty when the column decided.
    """

    decimal: Literal[".", ","] = "."
    day_first: bool = True
    unclear: int = 0
    note: str = ""


def trimmed_sql(text: str) -> str:
    """The text without blanks at its ends; NULL when nothing is left."""
    # Most texts begin with a visible ASCII character and end with no blank; to trim them costs many times more.
    blank_at_end = " OR ".join(f"{text} LIKE {literal('%' + blank)}" for blank in _BLANKS)
    plain = f"{text} >= '!' AND {text} < chr(127) AND NOT ({blank_at_end})"
    return f"CASE WHEN {plain} THEN {text} ELSE nullif(trim({text}, {literal(_BLANKS)}), '') END"


def evidence_sql(kind: Kind, text: str) -> str | None:
    """An aggregate over trimmed text, a MAP(VARCHAR, BIGINT), that `settle` needs; `None` where one reading
    is all.
    """
    classes = classes_sql(kind, text)
    return None if classes is None else f"histogram({classes})"


def classes_sql(kind: Kind, text: str) -> str | None:
    """What one trimmed text speaks for, or NULL: what `evidence_sql` counts."""
    if kind in ("integer", "decimal", "money"):
        return numbers.class_sql(text)
    return dates.class_sql(text) if kind in ("date", "datetime") else None


def settle(kind: Kind, evidence: Mapping[str, int], hints: Hints) -> Convention:
    """Decide how a column is read: the majority of decisive values wins, then the workspace's habit."""
    if kind in ("integer", "decimal", "money"):
        return _settle_number(kind, evidence, hints)
    if kind in ("date", "datetime"):
        return _settle_date(evidence, hints)
    return Convention()


def reading(kind: Kind, text: str, *, name: str, convention: Convention, hints: Hints) -> Reading:
    """SQL for a column's values and for what is wrong with them.

    Args:
        text: a column of trimmed text (`trimmed_sql`), quoted.
        name: a prefix for the columns of the steps between.

    Returns:
        A value of BIGINT, DECIMAL(18,6), DECIMAL(18,4), BOOLEAN, DATE, TIMESTAMPTZ, JSON, VARCHAR[] or
        VARCHAR. The reason is one of `not_a_number`, `not_whole`, `out_of_range`, `unknown_currency`,
        `not_a_boolean`, `not_a_date`, `has_time`, `not_a_datetime`, `unknown_zone`, `not_json`.
    """
    if kind == "integer":
        return numbers.read_integer(text, decimal=convention.decimal)
    if kind == "decimal":
        return numbers.read_decimal(text, decimal=convention.decimal)
    if kind == "money":
        return numbers.read_money(
            text, name=name, decimal=convention.decimal, usual=hints.currency, known=hints.currencies
        )
    if kind == "boolean":
        word = f"lower({text})"
        value = f"CASE WHEN {one_of(word, _TRUE)} THEN true WHEN {one_of(word, _FALSE)} THEN false END"
        return Reading(value=value, why="'not_a_boolean'")
    if kind == "date":
        return dates.read_date(text, name=name, day_first=convention.day_first)
    if kind == "datetime":
        return dates.read_datetime(text, name=name, day_first=convention.day_first, time_zone=hints.time_zone)
    if kind == "json":
        return Reading(value=f"CASE WHEN json_valid({text}) THEN {text}::JSON END", why="'not_json'")
    return Reading(value=_list(text) if kind == "list" else text)


def typed_relation(
    source: str, readings: Mapping[str, tuple[str, Reading]], *, keep: Sequence[str] = ()
) -> str:
    """A SELECT that carries out readings step by step.

    Args:
        source: a relation with the texts, as it stands after FROM.
        readings: result column → (column of trimmed text, reading); all names unquoted.
        keep: further columns of the source to pass on.

    Returns:
        SQL yielding `keep`, and per result column `name`, `name__reason` (a code or NULL; money:
        `name__currency`).
    """
    texts = list(dict.fromkeys(text for text, _ in readings.values()))
    kept = [ident(column) for column in (*keep, *(text for text in texts if text not in keep))]
    first = [f"{sql} AS {ident(part)}" for _, one in readings.values() for part, sql in one.parts.items()]
    second = [
        f"{sql} AS {ident(part)}" for _, one in readings.values() for part, sql in one.more_parts.items()
    ]
    values = [f"{one.value} AS {ident(name)}" for name, (_, one) in readings.items()]
    result = [ident(column) for column in keep]
    for name, (text, one) in readings.items():
        failed = f"{ident(name)} IS NULL AND {ident(text)} IS NOT NULL"
        result += [ident(name), f"CASE WHEN {failed} THEN {one.why} END AS {ident(f'{name}__reason')}"]
        if one.currency is not None:
            result.append(
                f"CASE WHEN {ident(name)} IS NOT NULL THEN {one.currency} END AS {ident(f'{name}__currency')}"
            )
    inner = f"SELECT {', '.join([*kept, *first])} FROM {source}" if first else source
    steps = (
        f"(SELECT *, {', '.join(second)} FROM ({inner}))" if second else (f"({inner})" if first else source)
    )
    return f"SELECT {', '.join(result)} FROM (SELECT *, {', '.join(values)} FROM {steps})"


def _settle_number(kind: Kind, evidence: Mapping[str, int], hints: Hints) -> Convention:
    point, comma, unclear_point, unclear_comma = (
        int(evidence.get(name) or 0) for name in ("point", "comma", "unclear_point", "unclear_comma")
    )
    if hints.decimal is not None:
        return Convention(decimal=hints.decimal)
    if point != comma:
        return Convention(decimal="." if point > comma else ",")
    unclear = unclear_point + unclear_comma
    if not unclear:
        return Convention(decimal=hints.usual_decimal)
    if kind == "integer":
        # A whole number has no decimal sign, so what stands before three digits groups them.
        return Convention(decimal="," if unclear_point >= unclear_comma else ".")
    usual = hints.usual_decimal
    note = f"{unclear:,} numbers such as 1.234 or 1,234 can be read in two ways; {usual} is taken as decimal."
    return Convention(decimal=usual, unclear=unclear, note=note)


def _settle_date(evidence: Mapping[str, int], hints: Hints) -> Convention:
    names = ("day_first", "month_first", "dotted", "unclear")
    day_first, month_first, dotted, unclear = (int(evidence.get(name) or 0) for name in names)
    if hints.day_first is not None:
        return Convention(day_first=hints.day_first)
    if day_first != month_first:
        return Convention(day_first=day_first > month_first)
    if dotted and not unclear:
        return Convention(day_first=True)
    if not unclear:
        return Convention(day_first=hints.usual_day_first)
    order = "day before month" if hints.usual_day_first else "month before day"
    note = f"{unclear:,} dates such as 3/4/2024 could be read in two ways; they are taken as {order}."
    return Convention(day_first=hints.usual_day_first, unclear=unclear, note=note)


def _list(text: str) -> str:
    """The parts of `a; b`, of `a, b`, of `a|b`, or of a JSON array."""
    parts = f"string_split_regex({text}, {literal('[,;|]')})"
    trimmed = f"list_transform({parts}, lambda part: {trimmed_sql('part')})"
    kept = f"list_filter({trimmed}, lambda part: part IS NOT NULL)"
    array = f"from_json(CASE WHEN json_valid({text}) THEN {text} END, '[\"VARCHAR\"]')"
    return f"CASE WHEN starts_with({text}, '[') AND json_valid({text}) THEN {array} ELSE {kept} END"
