"""What the numbering plans say that SQL can use: most numbers need no library.

The short way takes a number only where it gives what the library gives; every other goes to the library.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import phonenumbers
from phonenumbers import PhoneMetadata


@dataclass(frozen=True)
class PlainNumbers:
    """Regular expressions (RE2) of numbers, spaces and signs left out, that need no library.

    Attributes:
        international: a plus, a calling code, and a possible number that the library would not alter.
        abroad: the same after 00, where that is how one dials abroad; empty elsewhere.
        national: how numbers of the region are written at home, a 0 before them; empty where it is not so simple.
        not_national: what looks so and is a whole number with its 0.
        code: the region's calling code.
    """

    international: str
    abroad: str
    national: str
    not_national: str
    code: str


@cache
def plain_numbers(region: str) -> PlainNumbers:
    """The expressions for numbers that are read in a region; an unknown region has no national ones."""
    abroad = f"00(?:{_codes()})" if _dials_abroad_with_00(region) else ""
    known = _national(region)
    international = f"[+](?:{_codes()})"
    if known is None:
        return PlainNumbers(international, abroad, "", "", "")
    lengths = "|".join(f"[1-9][0-9]{{{length - 1}}}" for length in known.general_desc.possible_length)
    code = str(phonenumbers.country_code_for_region(region))
    general = known.general_desc.national_number_pattern
    return PlainNumbers(international, abroad, f"0(?:{lengths})", general, code)


@cache
def _codes() -> str:
    """Every calling code with its possible numbers; codes whose numbers the library might alter are left out."""
    ways = []
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        plan: Any = PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0])
        prefix = plan.national_prefix_for_parsing or ""
        if len(prefix) > 1 or (prefix and not prefix.isdigit()):
            continue
        first = "".join(digit for digit in "0123456789" if digit != prefix)
        lengths = "|".join(f"[0-9]{{{length - 1}}}" for length in plan.general_desc.possible_length)
        ways.append(f"{code}[{first}](?:{lengths})")
    return "|".join(ways)


def _national(region: str) -> Any:
    """The plan of a region that dials a plain 0 at home and 00 abroad; None for others."""
    plan = _plan(region)
    if plan is None or plan.national_prefix_for_parsing != "0" or plan.national_prefix_transform_rule:
        return None
    return plan if _dials_abroad_with_00(region) else None


def _dials_abroad_with_00(region: str) -> bool:
    """Whether 00 means + when it is dialled in that region."""
    plan = _plan(region)
    return plan is not None and plan.international_prefix == "00"


def _plan(region: str) -> Any:
    """The library's metadata of a region; its stubs say that every part of it may be missing."""
    return PhoneMetadata.metadata_for_region(region) if region in phonenumbers.SUPPORTED_REGIONS else None
