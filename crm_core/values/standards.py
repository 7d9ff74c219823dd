"""Phone numbers, e-mail addresses and countries in their standard form, by the libraries that know them."""

import gettext
from collections.abc import Iterable
from functools import cache, lru_cache

import phonenumbers
import pycountry
from email_validator import EmailNotValidError, validate_email

LANGUAGES = ("de", "fr", "es", "it", "nl", "pl", "pt", "tr")
"""Languages in which country names are known, beside English and the country's own short names."""

_ALIASES = {
    "uk": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "usa": "US", "u.s.a.": "US",
    "u.s.": "US", "america": "US", "holland": "NL", "south korea": "KR", "north korea": "KP",
    "russia": "RU", "vietnam": "VN", "brd": "DE", "uae": "AE", "turkey": "TR", "czech republic": "CZ",
    "österreich": "AT", "schweiz": "CH", "suisse": "CH", "svizzera": "CH", "españa": "ES", "polska": "PL",
    "italia": "IT", "nederland": "NL", "belgique": "BE", "belgië": "BE", "danmark": "DK", "sverige": "SE",
    "norge": "NO", "suomi": "FI", "česko": "CZ", "magyarország": "HU", "hrvatska": "HR", "ελλάδα": "GR",
    "türkiye": "TR", "россия": "RU", "україна": "UA", "中国": "CN", "日本": "JP", "대한민국": "KR",
    "éire": "IE",
}  # fmt: skip


@lru_cache(maxsize=20_000)
def to_e164(given: str, region: str) -> str | None:
    """The number as E.164 (`+4930123456`), or None when it cannot be one.

    A number without a country code is read in `region`. It must have a possible length for its country;
    whether a provider gave it out is not asked, since numbering plans change faster than libraries.
    """
    try:
        number = phonenumbers.parse(given, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=20_000)
def to_address(given: str) -> str | None:
    """The address in its normal form (domain in lower case, Unicode composed), or None when it is none."""
    try:
        return validate_email(given, check_deliverability=False).normalized
    except EmailNotValidError:
        return None


def to_country(given: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country given by code or name in one of many languages, or None."""
    return _countries().get(given.strip().casefold())


@cache
def _countries() -> dict[str, str]:
    found: dict[str, str] = {}
    translations = [
        gettext.translation("iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True)
        for language in LANGUAGES
    ]
    for country in pycountry.countries:
        names = [country.name, getattr(country, "common_name", ""), getattr(country, "official_name", "")]
        spoken = [translation.gettext(name) for translation in translations for name in names if name]
        for name in filter(None, [*names, *spoken]):
            found.setdefault(name.casefold(), country.alpha_2)
    found |= _ALIASES
    for country in pycountry.countries:
        for code in (country.alpha_2, country.alpha_3, country.numeric):
            found[code.casefold()] = country.alpha_2
    return found


@cache
def currencies() -> tuple[str, ...]:
    """Every ISO 4217 code, sorted."""
    return tuple(sorted(currency.alpha_3 for currency in pycountry.currencies))


def standardise(kind: str, region: str, given: Iterable[str]) -> list[str | None]:
    """Each distinct value in its standard form; `kind` is `phone`, `email` or `country`."""
    match kind:
        case "phone":
            return [to_e164(value, region) for value in given]
        case "email":
            return [to_address(value) for value in given]
        case _:
            return [to_country(value) for value in given]
