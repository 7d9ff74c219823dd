"""Values as people read them: numbers, money, dates, and how long ago something was. Pure functions.

    money(Decimal("12.5"), "EUR")                        -> "€12.50"
    ago(instant, now=now, zone="Europe/Berlin")          -> "14m", "3h", "Yesterday", "12 Nov"

Instants are aware; `zone` is an IANA name and only displays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "CNY": "CN¥", "KRW": "₩"}
THIN_SPACE = "\u202f"


def number(value: Any) -> str:
    """A number with thousands separators and no needless zeros: `1,204.5`."""
    exact = to_decimal(value)
    if exact is None:
        return str(value)
    text = f"{exact:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def times(factor: float) -> str:
    """How many times as much, to one digit: `8×`, `2.5×`."""
    return f"{number(round(factor, 1))}×"


def money(amount: Any, currency: str | None) -> str:
    """An amount with two digits and its currency: `€1,204.50`, `CHF 12.00`."""
    exact = to_decimal(amount)
    if exact is None:
        return str(amount)
    digits = max(2, -int(exact.normalize().as_tuple().exponent)) if exact.is_finite() else 2
    sign, text = ("−" if exact < 0 else ""), f"{abs(exact):,.{digits}f}"
    symbol = SYMBOLS.get(currency or "")
    if symbol:
        return f"{sign}{symbol}{text}"
    return f"{currency}{THIN_SPACE}{sign}{text}" if currency else f"{sign}{text}"


def compact(value: Any) -> str:
    """A count in little room: `980`, `12.4k`, `1.2M`."""
    exact = to_decimal(value)
    if exact is None:
        return str(value)
    for limit, unit in ((Decimal(10**9), "B"), (Decimal(10**6), "M"), (Decimal(10**4), "k")):
        if abs(exact) >= limit:
            scale = Decimal(1000) if unit == "k" else limit
            return f"{exact / scale:.1f}".removesuffix(".0") + unit
    return number(exact)


def day(value: Any) -> str:
    """A date: `12 Feb 2027`."""
    known = to_date(value)
    return f"{known.day} {known:%b %Y}" if known else str(value)


def moment(value: Any, *, zone: str = "UTC") -> str:
    """An instant in a zone: `12 Feb 2027, 14:05`."""
    known = to_instant(value)
    if known is None:
        return str(value)
    local = known.astimezone(ZoneInfo(zone))
    return f"{local.day} {local:%b %Y, %H:%M}"


def brief(value: Any, *, zone: str = "UTC", now: datetime | None = None) -> str:
    """An instant in little room, without the year that it is now: `12 Feb, 14:05`, `12 Feb 2025, 14:05`."""
    known = to_instant(value)
    if known is None:
        return str(value)
    local = known.astimezone(ZoneInfo(zone))
    return f"{brief_day(local, today=_today(now, zone))}, {local:%H:%M}"


def brief_day(value: Any, *, today: date | None = None, zone: str = "UTC") -> str:
    """A date in little room, without the year that it is now: `12 Feb`, `12 Feb 2025`."""
    known = to_date(value)
    this_year = (today or _today(None, zone)).year
    return f"{known.day} {known:%b}" if known and known.year == this_year else day(value)


def _today(now: datetime | None, zone: str) -> date:
    return (now or datetime.now(UTC)).astimezone(ZoneInfo(zone)).date()


def clock(value: Any, *, zone: str = "UTC") -> str:
    """The time of day of an instant in a zone: `14:05`."""
    known = to_instant(value)
    return f"{known.astimezone(ZoneInfo(zone)):%H:%M}" if known else ""


def day_heading(day: date, today: date) -> str:
    """A day as a heading over what happened on it: `Today`, `Yesterday`, `Friday, 20 November`, `3 May 2025`."""
    near = {-1: "Yesterday", 0: "Today", 1: "Tomorrow"}.get((day - today).days)
    if near:
        return near
    return f"{day:%A}, {day.day} {day:%B}" if day.year == today.year else f"{day.day} {day:%B %Y}"


def ago(value: Any, *, now: datetime | None = None, zone: str = "UTC") -> str:
    """How long ago in few letters: `now`, `14m`, `3h`, `Yesterday`, `Mon`, `12 Nov`, `Nov 2024`."""
    known = to_instant(value)
    if known is None:
        return ""
    here = ZoneInfo(zone)
    today = (now or datetime.now(UTC)).astimezone(here)
    then = known.astimezone(here)
    passed, days = today - then, (today.date() - then.date()).days
    if passed < timedelta(0):
        return day(then.date())
    if passed < timedelta(minutes=1):
        return "now"
    if passed < timedelta(hours=1):
        return f"{passed.seconds // 60}m"
    if days == 0 or passed < timedelta(hours=6):
        return f"{passed.seconds // 3600}h"
    if days == 1:
        return "Yesterday"
    if days < 7:
        return f"{then:%a}"
    return f"{then.day} {then:%b}" if then.year == today.year else f"{then:%b %Y}"


def span(minutes: int) -> str:
    """Minutes as hours and minutes: `45 min`, `2 h 05 min`."""
    hours, rest = divmod(minutes, 60)
    return f"{hours:,} h {rest:02d} min" if hours else f"{rest} min"


def bars(counts: Sequence[int]) -> str:
    """Numbers as little bars in a line of text, the highest of them full: `▁▁▃█▂`."""
    most = max(counts, default=0)
    return "".join(_BARS[round(one / most * 7) if most else 0] for one in counts)


_BARS = "▁▂▃▄▅▆▇█"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun: `1 record`, `2 records`, `1,204 records`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def readable(slug: str) -> str:
    """A slug as words: `credit_limit` becomes `Credit limit`."""
    return slug.replace("_", " ").replace("-", " ").strip().capitalize()


@cache
def countries() -> dict[str, str]:
    """ISO 3166-1 alpha-2 code → common English name, by name."""
    import pycountry

    named = {entry.alpha_2: getattr(entry, "common_name", entry.name) for entry in pycountry.countries}
    return dict(sorted(named.items(), key=lambda item: item[1]))


def country(code: Any) -> str:
    """The name of a country, or the code as it is when there is none of that code."""
    return countries().get(str(code).upper(), str(code))


@cache
def currencies() -> tuple[str, ...]:
    """ISO 4217 codes, the common ones first."""
    import pycountry

    rest = sorted(entry.alpha_3 for entry in pycountry.currencies)
    first = ("EUR", "USD", "GBP", "CHF")
    return (*first, *(code for code in rest if code not in first))


@cache
def phone(number_e164: str) -> str:
    """A phone number in its international form: `+49 30 5557014`."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse(number_e164, None)
    except phonenumbers.NumberParseException:
        return number_e164
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def to_decimal(value: Any) -> Decimal | None:
    """The value as an exact number, or None when it is none."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None


def to_date(value: Any) -> date | None:
    """The value as a date: a date, an instant, or ISO text."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def to_instant(value: Any) -> datetime | None:
    """The value as an aware instant: an instant, or ISO text; one without a zone is UTC."""
    try:
        known = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return known if known.tzinfo else known.replace(tzinfo=UTC)
