"""Dates and instants as people write them: ISO, 31.12.2024, 12/31/24, 3 March 2024, 3. März 2024, 3 de
marzo.
"""

from __future__ import annotations

from lake.ingest.sql import Reading, extract, full_match, literal, matches, one_of, substitute
from lake.names import ident

_ISO = r"\d{4}-\d{2}-\d{2}"
_YEAR_FIRST = r"\d{4}([-/.])\d{1,2}[-/.]\d{1,2}"
_COMPACT = r"(?:19|20)\d{6}"
_NUMERIC = r"\d{1,2}\s?[./-]\s?\d{1,2}\s?[./-]\s?(?:\d{4}|\d{2})"
_LONG_YEAR = r"\d{4}$"
_DOTTED = r"^\d{1,2}\.\s?\d{1,2}\."
_MIDNIGHT = r"[T ]\s*0?0:00(?::00(?:[.,]0+)?)?\s*(?:Z|UTC|[+-]00:?(?:00)?)?"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?"
_OFFSET = r"Z|z|UTC|GMT|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?"
# The date, the clock, which half of the day, and the zone.
_INSTANT = (
    rf"(?s)^(.*?\d)(?:,?\s+(?:um |at |à |a las )?|T|t)({_CLOCK})\s*(?:Uhr)?"
    rf"\s*([AaPp]\.?[Mm]\.?)?\s*({_OFFSET})?$"
)
_ISO_LOCAL = rf"{_ISO}[T ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,9}})?)?"
_ISO_ZONED = rf"{_ISO}[T ]\d{{2}}:\d{{2}}:\d{{2}}(?:\.\d{{1,9}})?(?:Z|[+-]\d{{2}}(?::\d{{2}})?)"
_EPOCH = r"\d{10}|\d{13}"  # seconds or milliseconds since 1970
_NAMED_ZONE = rf"{_CLOCK}\s*[A-Za-z][A-Za-z/_]+$"
_HALF_DAY = r"[AaPp]\.?[Mm]\.?$"
_NUMBERS = r"^(\d{1,2})\s?[./-]\s?(\d{1,2})\s?[./-]\s?\d"

# Names and abbreviations in English, German, French and Spanish, lower case and without accents.
_MONTHS: dict[str, int] = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janner januari janvier janv enero ene",
            "february feb februar fevrier fevr fev febrero",
            "march mar marz maerz mrz mars marzo",
            "april apr avril avr abril abr",
            "may mai mayo",
            "june jun juni juin junio",
            "july jul juli juillet juil julio",
            "august aug aout agosto ago",
            "september sep sept septembre septiembre setiembre set",
            "october oct oktober okt octobre octubre",
            "november nov novembre noviembre",
            "december dec dezember dez decembre diciembre dic",
        ),
        start=1,
    )
    for name in names.split()
}


def class_sql(text: str) -> str:
    """What a text speaks for: `day_first`, `month_first`, `dotted` (day first, weakly), `unclear`, or
    NULL.
    """
    first, second = (f"try_cast({extract(text, _NUMBERS, group)} AS INTEGER)" for group in (1, 2))
    return (
        f"CASE WHEN NOT {matches(text, _NUMBERS)} THEN NULL "
        f"WHEN {first} BETWEEN 13 AND 31 AND {second} <= 12 THEN 'day_first' "
        f"WHEN {second} BETWEEN 13 AND 31 AND {first} <= 12 THEN 'month_first' "
        f"WHEN {first} > 12 OR {second} > 12 THEN NULL "
        f"WHEN {matches(text, _DOTTED)} THEN 'dotted' WHEN {first} <> {second} THEN 'unclear' END"
    )


def read_date(text: str, *, name: str, day_first: bool) -> Reading:
    """A DATE; a time of midnight behind it is passed over."""
    day = ident(f"{name}__day")
    without_time = substitute(text, f"{_MIDNIGHT}$", "")
    parts = {f"{name}__day": f"CASE WHEN {full_match(text, _ISO)} THEN NULL ELSE {without_time} END"}
    value = (
        f"CASE WHEN {day} IS NULL THEN try_cast({text} AS DATE) ELSE {_date(day, day_first=day_first)} END"
    )
    has_time = (
        f"{matches(text, _INSTANT)} AND {_date(extract(text, _INSTANT, 1), day_first=day_first)} IS NOT NULL"
    )
    return Reading(
        parts=parts, value=value, why=f"CASE WHEN {has_time} THEN 'has_time' ELSE 'not_a_date' END"
    )


def read_datetime(text: str, *, name: str, day_first: bool, time_zone: str) -> Reading:
    """A TIMESTAMPTZ; without a zone it is in the given one, without a time at its midnight."""
    zone = literal(time_zone)
    day, clock, half, offset = (ident(f"{name}__{part}") for part in ("day", "clock", "half", "offset"))
    iso = f"{full_match(text, _ISO_LOCAL)} OR {full_match(text, _ISO_ZONED)} OR {full_match(text, _EPOCH)}"
    written_day = f"CASE WHEN {matches(text, _INSTANT)} THEN {extract(text, _INSTANT, 1)} ELSE {text} END"
    parts = {
        f"{name}__written": f"CASE WHEN {iso} THEN NULL ELSE {written_day} END",
        **{
            f"{name}__{part}": f"CASE WHEN {iso} THEN NULL ELSE {extract(text, _INSTANT, group)} END"
            for group, part in enumerate(("clock", "half", "offset"), start=2)
        },
    }
    written = ident(f"{name}__written")
    more = {f"{name}__day": f"CASE WHEN {written} IS NOT NULL THEN {_date(written, day_first=day_first)} END"}
    local = f"try_cast(strftime({day}, '%Y-%m-%d ') || {_clock(clock, half)} AS TIMESTAMP)"
    zoned = f"try_cast(strftime({local}, '%Y-%m-%d %H:%M:%S.%f') || {_offset(offset)} AS TIMESTAMPTZ)"
    value = (
        f"CASE WHEN {written} IS NOT NULL THEN CASE WHEN {clock} = '' THEN timezone({zone}, {day}::TIMESTAMP) "
        f"WHEN {offset} = '' THEN timezone({zone}, {local}) ELSE {zoned} END "
        f"WHEN {full_match(text, _ISO_LOCAL)} THEN timezone({zone}, try_cast({text} AS TIMESTAMP)) "
        f"WHEN {full_match(text, _ISO_ZONED)} THEN try_cast({text} AS TIMESTAMPTZ) "
        f"WHEN length({text}) = 10 THEN to_timestamp(try_cast({text} AS BIGINT)) "
        f"ELSE to_timestamp(try_cast({text} AS BIGINT) / 1000) END"
    )
    named_zone = f"{matches(text, _NAMED_ZONE)} AND NOT {matches(text, _HALF_DAY)}"
    why = f"CASE WHEN {named_zone} THEN 'unknown_zone' ELSE 'not_a_datetime' END"
    return Reading(parts=parts, more_parts=more, value=value, why=why)


def _date(text: str, *, day_first: bool) -> str:
    order = ("%d", "%m") if day_first else ("%m", "%d")
    long, short = (", ".join(literal(sign.join((*order, year))) for sign in "./-") for year in ("%Y", "%y"))
    tight = f"replace({text}, ' ', '')"
    return (
        f"CASE WHEN {full_match(text, _YEAR_FIRST)} "
        f"THEN try_cast(translate({text}, '/.', '--') AS DATE) "
        f"WHEN {full_match(text, _NUMERIC)} THEN CASE WHEN {matches(text, _LONG_YEAR)} "
        f"THEN try_strptime({tight}, [{long}])::DATE ELSE try_strptime({tight}, [{short}])::DATE END "
        f"WHEN {full_match(text, _COMPACT)} THEN try_strptime({text}, '%Y%m%d')::DATE "
        f"ELSE {_named(text)} END"
    )


def _named(text: str) -> str:
    """A date with the month's name; day, name and year in either order, or the year first."""
    plain = f"lower(strip_accents({text}))"
    shape = (
        r"(?:[a-z]{2,10}\.?,?\s+)?"  # a day of the week
        r"(?:\d{1,2}(?:st|nd|rd|th|er|\.|º)?[\s-]*(?:of |de |del )?[a-z]{3,10}\.?,?[\s-]*(?:de |del )?\d{4}"
        r"|\d{1,2}[\s-][a-z]{3,10}[\s-]\d{2}"
        r"|[a-z]{3,10}\.?\s+\d{1,2}(?:st|nd|rd|th)?,?\s+\d{4}"
        r"|\d{4}[\s-][a-z]{3,10}[\s-]\d{1,2})"
    )
    months = ", ".join(f"{literal(name)}: {number}" for name, number in _MONTHS.items())
    is_month = one_of("word", tuple(_MONTHS))
    words = f"list_filter(regexp_extract_all({plain}, '[a-z]{{3,}}'), lambda word: {is_month})"
    month = f"MAP {{{months}}}[{words}[1]]"
    numbers = rf"regexp_extract_all({plain}, '\d+')"
    first, second = f"{numbers}[1]", f"{numbers}[2]"
    year = f"(CASE WHEN length({first}) = 4 THEN {first} ELSE {second} END)"
    day = f"(CASE WHEN length({first}) = 4 THEN {second} ELSE {first} END)"
    century = f"CASE WHEN length({year}) = 4 THEN '' WHEN {year} < '69' THEN '20' ELSE '19' END"
    return (
        f"CASE WHEN {full_match(plain, shape)} "
        f"THEN try_cast(({century}) || {year} || '-' || {month} || '-' || {day} AS DATE) END"
    )


def _clock(clock: str, half: str) -> str:
    """A time of day that DuckDB reads, from `9:05`, `09:05:10,5` or `9:05` with `pm`."""
    short = matches(clock, r"^\d{1,2}:\d{2}$")
    full = f"(CASE WHEN {short} THEN {clock} || ':00' ELSE replace({clock}, ',', '.') END)"
    meridian = f"upper(replace({half}, '.', ''))"
    parsed = f"try_strptime({full} || ' ' || {meridian}, ['%I:%M:%S %p', '%I:%M:%S.%f %p'])"
    return f"CASE WHEN {half} = '' THEN {full} ELSE strftime({parsed}, '%H:%M:%S.%f') END"


def _offset(offset: str) -> str:
    digits = substitute(offset, r"^(?:UTC|GMT)?([+-]\d{2}):?(\d{2})?$", r"\1:\2")
    is_utc = one_of(f"upper({offset})", ("Z", "UTC", "GMT"))
    return f"CASE WHEN {is_utc} THEN '+00' ELSE rtrim({digits}, ':') END"
