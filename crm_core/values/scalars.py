"""Numbers, amounts, dates and truth values: from text or from what is typed already."""

from decimal import Decimal

from sqlglot import exp

from crm_core.model.fields import (
    BooleanField,
    DateField,
    DatetimeField,
    DecimalField,
    IntegerField,
    MoneyField,
)
from crm_core.trees import column
from crm_core.values.formats import FALSE_WORDS, TRUE_WORDS
from crm_core.values.fragments import literal, literals, sql
from crm_core.values.standards import currencies
from crm_core.values.steps import Context, Steps, cleaned, parsed, unreadable

DECIMAL_PLACES, MONEY_PLACES = 6, 4
"""So many digits behind the point are kept."""

_WHOLE = r"[+-]?[0-9]+([.]0*)?"
_NUMBER = r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,2})?"
_DAY = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_DAY_FIRST = _DAY + r"([T ][0-9].*)?"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?"
_ZONED = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
)
_WHOLE_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY"}
_SIGN = r"[A-Za-z€$£¥]+"
_AROUND = r"([A-Za-z€$£¥]*\s*[^A-Za-z€$£¥]+|[^A-Za-z€$£¥]+?\s*[A-Za-z€$£¥]*)"
"""A number with its currency on one side."""


def number_text(ctx: Context, name: str) -> exp.Expr:
    """The cleaned text of a number with a decimal point and no marks between thousands."""
    return _with_marks(ctx, cleaned(name))


def integer(ctx: Context, field: IntegerField, steps: Steps) -> None:
    """Whole numbers; `12.0` is one, `12.5` is none."""
    name = field.slug
    kind = ctx.staged[name]
    if kind in _WHOLE_TYPES:
        steps.parse[name] = sql("CAST($x AS BIGINT)", x=column(name))
    else:
        steps.clean[name] = ctx.text(name)
        steps.parse[name] = sql(
            "CASE WHEN regexp_full_match($n, $form) THEN try_cast($n AS BIGINT) END",
            n=number_text(ctx, name), form=literal(_WHOLE),
        )  # fmt: skip
        steps.codes.append((unreadable(name), "type"))
    _limits(ctx, field, name, steps)


def decimal(ctx: Context, field: DecimalField, steps: Steps) -> None:
    """Numbers with up to six digits behind the point; a text with more is refused, typed numbers are rounded."""
    steps.parse[field.slug] = _amount(ctx, field.slug, "DECIMAL(18,6)", steps)
    if ctx.is_text(field.slug):
        steps.codes.append((_too_fine(number_text(ctx, field.slug), DECIMAL_PLACES), "scale"))
    _limits(ctx, field, field.slug, steps)


def money(ctx: Context, field: MoneyField, steps: Steps) -> None:
    """Amounts with their currency: a column of its own, a code or sign beside the number, or the field's."""
    name, code = field.slug, f"{field.slug}__currency"
    if name not in ctx.staged:
        # A currency alone changes no amount: it is judged, and joined to the amount there is.
        steps.clean[name] = exp.null()
        steps.parse[name] = sql("CAST(NULL AS DECIMAL(18,4))")
    elif ctx.is_text(name):
        steps.clean[name] = ctx.text(name)
        text, beside = number_text(ctx, name), _with_marks(ctx, _bare(name))
        steps.parse[name] = _number_or(text, beside, "DECIMAL(18,4)")
        steps.codes.append((unreadable(name), "type"))
        bare = sql("CASE WHEN regexp_matches($t, '[A-Za-z€$£¥]') AND NOT regexp_full_match($n, $form) "
                   "THEN $beside ELSE $n END",
                   t=cleaned(name), n=text, form=literal(_NUMBER), beside=beside)  # fmt: skip
        steps.codes.append((_too_fine(bare, MONEY_PLACES), "scale"))
    else:
        steps.parse[name] = _amount(ctx, name, "DECIMAL(18,4)", steps)
    steps.parse[code] = _currency(ctx, field, steps)
    known = literals(currencies())
    usual = literal(field.currency or ctx.reading.currency or "EUR")
    # Most amounts are of the usual currency, which is no question; to look through all of them costs more.
    unknown = sql("$c <> $usual AND NOT list_contains($known, $c)", c=parsed(code), usual=usual, known=known)
    steps.codes.append((unknown, "currency"))
    _limits(ctx, field, name, steps)


def _currency(ctx: Context, field: MoneyField, steps: Steps) -> exp.Expr:
    name, code = field.slug, f"{field.slug}__currency"
    ways: list[exp.Expr] = []
    if code in ctx.staged:
        steps.clean[code] = ctx.text(code)
        ways.append(sql("upper($t)", t=cleaned(code)))
    if name in ctx.staged and ctx.is_text(name):
        beside = sql("nullif(upper(regexp_extract($t, $sign)), '')", t=cleaned(name), sign=literal(_SIGN))
        for sign, currency in _SYMBOLS.items():
            beside = sql("replace($x, $sign, $code)", x=beside, sign=literal(sign), code=literal(currency))
        plain = sql("regexp_full_match($n, $form)", n=number_text(ctx, name), form=literal(_NUMBER))
        ways.append(sql("CASE WHEN NOT $plain THEN $beside END", plain=plain, beside=beside))
    if ctx.reading.currency:
        ways.append(ctx.params.bind(field.currency or ctx.reading.currency))
    ways = ways or [sql("CAST(NULL AS VARCHAR)")]
    given = cleaned(name) if name in steps.clean else column(name)
    if name not in ctx.staged:
        return ways[0]
    first = ways[0] if len(ways) == 1 else exp.Coalesce(this=ways[0], expressions=ways[1:])
    return sql("CASE WHEN $given IS NOT NULL THEN $first END", given=given, first=first)


def _amount(ctx: Context, name: str, kind: str, steps: Steps) -> exp.Expr:
    steps.clean[name] = ctx.text(name)
    steps.codes.append((unreadable(name), "type"))
    if ctx.is_text(name):
        return _number(number_text(ctx, name), kind)
    return exp.TryCast(this=column(name), to=exp.DataType.build(kind, dialect="duckdb"))


def _with_marks(ctx: Context, text: exp.Expr) -> exp.Expr:
    reading = ctx.reading
    if reading.thousands_mark:
        text = sql("replace($t, $mark, '')", t=text, mark=literal(reading.thousands_mark))
    if reading.decimal_mark != ".":
        text = sql("replace($t, $mark, '.')", t=text, mark=literal(reading.decimal_mark))
    return text


def _bare(name: str) -> exp.Expr:
    """The text of an amount without its currency, when that stands on one side of it."""
    return sql(
        "CASE WHEN regexp_full_match($t, $around) THEN trim(regexp_replace($t, $sign, '')) END",
        t=cleaned(name),
        around=literal(_AROUND),
        sign=literal(_SIGN),
    )


def _number_or(text: exp.Expr, other: exp.Expr, kind: str) -> exp.Expr:
    """The number that a text is, else the one that another text is, which is worked out only then."""
    plain = sql("regexp_full_match($n, $form)", n=text, form=literal(_NUMBER))
    cast = exp.TryCast(this=text, to=exp.DataType.build(kind, dialect="duckdb"))
    return sql(
        "CASE WHEN $plain THEN $cast ELSE $rest END", plain=plain, cast=cast, rest=_number(other, kind)
    )


def _number(text: exp.Expr, kind: str) -> exp.Expr:
    cast = exp.TryCast(this=text, to=exp.DataType.build(kind, dialect="duckdb"))
    return sql(
        "CASE WHEN regexp_full_match($n, $form) THEN $cast END", n=text, form=literal(_NUMBER), cast=cast
    )


def _too_fine(number: exp.Expr, places: int) -> exp.Expr:
    """True where the text of a number has a digit other than 0 behind the last place that is kept."""
    exact = sql(
        "length(regexp_extract($n, '[.]([0-9]*)', 1)) "
        "- coalesce(try_cast(nullif(regexp_extract($n, '[eE]([+-]?[0-9]+)', 1), '') AS INTEGER), 0) "
        # The zeros at the end of all digits need no place.
        "- length(regexp_extract(replace(regexp_extract($n, '^[^eE]*'), '.', ''), '[1-9](0*)$', 1)) > $places",
        n=number,
        places=exp.Literal.number(places),
    )
    return sql(
        "regexp_matches($n, $look) AND regexp_matches($n, '^[^eE]*[1-9]') AND $exact",
        n=number, look=literal(rf"[.][0-9]{{{places + 1}}}|[eE]"), exact=exact,
    )  # fmt: skip


def _limits(ctx: Context, field: IntegerField | DecimalField | MoneyField, name: str, steps: Steps) -> None:
    tests = []
    for limit, beyond in ((field.minimum, exp.LT), (field.maximum, exp.GT)):
        if limit is not None:
            bound = ctx.params.bind(limit if isinstance(limit, int) else Decimal(limit))
            tests.append(beyond(this=parsed(name), expression=bound))
    if tests:
        steps.codes.append((exp.or_(*tests), "range"))


def boolean(ctx: Context, field: BooleanField, steps: Steps) -> None:
    """Yes and no in English, German, French, Spanish and Italian, 1 and 0."""
    name = field.slug
    if ctx.staged[name] == "BOOLEAN":
        steps.parse[name] = column(name)
        return
    steps.clean[name] = ctx.text(name)
    steps.parse[name] = sql(
        "CASE WHEN list_contains($yes, lower($t)) THEN TRUE "
        "WHEN list_contains($no, lower($t)) THEN FALSE END",
        t=cleaned(name), yes=literals(TRUE_WORDS), no=literals(FALSE_WORDS),
    )  # fmt: skip
    steps.codes.append((unreadable(name), "type"))


def date(ctx: Context, field: DateField, steps: Steps) -> None:
    """Days: ISO 8601, a day and time of which the day counts, or a format of the source."""
    name, kind = field.slug, ctx.staged[field.slug]
    if kind == "DATE":
        steps.clean[name] = ctx.text(name)
        steps.parse[name] = sql("CASE WHEN isfinite($x) THEN $x END", x=column(name))
    elif kind in ("TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_NS", "TIMESTAMP_S", "TIMESTAMP_MS"):
        steps.clean[name] = ctx.text(name)
        here: exp.Expr = column(name)
        if kind == "TIMESTAMPTZ":
            here = sql("timezone($zone, $x)", zone=ctx.params.bind(ctx.reading.zone), x=here)
        steps.parse[name] = sql(
            "CASE WHEN isfinite($x) THEN CAST($here AS DATE) END", x=column(name), here=here
        )
    else:
        steps.clean[name] = ctx.text(name)
        steps.parse[name] = _read_day(ctx, name)
    steps.codes.append((unreadable(name), "type"))


def _read_day(ctx: Context, name: str) -> exp.Expr:
    iso = sql(
        "CASE WHEN regexp_full_match($t, $day) THEN try_cast($t AS DATE) "
        "WHEN regexp_full_match($t, $longer) THEN try_cast(left($t, 10) AS DATE) END",
        t=cleaned(name), day=literal(_DAY), longer=literal(_DAY_FIRST),
    )  # fmt: skip
    formats = (*ctx.reading.dates, *ctx.reading.times)
    return _or_formats(iso, name, formats, "DATE")


def _or_formats(first: exp.Expr, name: str, formats: tuple[str, ...], kind: str) -> exp.Expr:
    if not formats:
        return first
    other = sql("try_strptime($t, $formats)", t=cleaned(name), formats=literals(formats))
    return exp.Coalesce(this=first, expressions=[exp.cast(other, kind, dialect="duckdb")])


def datetime(ctx: Context, field: DatetimeField, steps: Steps) -> None:
    """Instants: ISO 8601 with a zone, else in the reading's; a day means its beginning there."""
    name, kind = field.slug, ctx.staged[field.slug]
    zone = ctx.params.bind(ctx.reading.zone)
    steps.clean[name] = ctx.text(name)
    if kind == "TIMESTAMPTZ":
        steps.parse[name] = sql("CASE WHEN isfinite($x) THEN $x END", x=column(name))
    elif kind == "DATE" or kind.startswith("TIMESTAMP"):
        steps.parse[name] = sql(
            "CASE WHEN isfinite($x) THEN timezone($zone, CAST($x AS TIMESTAMP)) END",
            x=column(name),
            zone=zone,
        )
    else:
        steps.parse[name] = _read_instant(ctx, name, zone)
    steps.codes.append((unreadable(name), "type"))


def _read_instant(ctx: Context, name: str, zone: exp.Expr) -> exp.Expr:
    zoned = sql(
        "CASE WHEN regexp_full_match($t, $form) "
        "THEN try_cast(regexp_replace(upper($t), $no_seconds, $with_seconds) AS TIMESTAMPTZ) END",
        t=cleaned(name),
        form=literal(_ZONED),
        no_seconds=literal(r"([T ][0-9]{2}:[0-9]{2})(Z|[+-])"),
        with_seconds=literal(r"\1:00\2"),
    )
    formats = (*ctx.reading.times, *ctx.reading.dates)
    if formats:
        other = sql(
            "timezone($zone, $text)", zone=zone, text=_or_formats(exp.null(), name, formats, "TIMESTAMP")
        )
        zoned = exp.Coalesce(this=zoned, expressions=[other])
    return sql(
        "CASE WHEN regexp_full_match($t, $form) THEN timezone($zone, try_cast($t AS TIMESTAMP)) "
        "ELSE $zoned END",
        t=cleaned(name),
        form=literal(_TIME),
        zone=zone,
        zoned=zoned,
    )
