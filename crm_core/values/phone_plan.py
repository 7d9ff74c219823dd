"""What the numbering plans say that SQL can use: most numbers need no library.

The short way takes a number only where it gives what the library gives; every other goes to the library.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import phonenumbers
import polars as pl
from phonenumbers import PhoneMetadata


@dataclass(frozen=True)
class NationalPlan:
    """How the numbers of one country are written at home, where that is simple: a 0 before the number.

    `general` is the expression that every number of the country matches.
    """

    code: str
    lengths: tuple[int, ...]
    general: str


@cache
def calling_codes() -> pl.DataFrame:
    """Calling code → possible lengths of its national numbers, and the digits that may begin a prefix.

    Columns: `code`, `lengths` (list), `prefix` (a text that the library might strip, or empty). Codes whose
    prefix is no plain digits are left out.
    """
    rows = []
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        plan: Any = PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0])
        prefix = plan.national_prefix_for_parsing or ""
        if not prefix or prefix.isdigit():
            rows.append((str(code), list(plan.general_desc.possible_length), prefix))
    schema: dict[str, Any] = {"code": pl.String, "lengths": pl.List(pl.Int64), "prefix": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


@cache
def national_plan(region: str) -> NationalPlan | None:
    """The plan of a region that dials a plain 0 at home and 00 abroad; None for others."""
    plan = _plan(region)
    if plan is None or plan.national_prefix_for_parsing != "0" or plan.national_prefix_transform_rule:
        return None
    if not dials_abroad_with_00(region):
        return None
    code = phonenumbers.country_code_for_region(region)
    lengths = tuple(plan.general_desc.possible_length)
    return NationalPlan(str(code), lengths, str(plan.general_desc.national_number_pattern))


def dials_abroad_with_00(region: str) -> bool:
    """Whether 00 means + when it is dialled in that region."""
    plan = _plan(region)
    return plan is not None and plan.international_prefix == "00"


def _plan(region: str) -> Any:
    """The library's metadata of a region; its stubs say that every part of it may be missing."""
    return PhoneMetadata.metadata_for_region(region) if region in phonenumbers.SUPPORTED_REGIONS else None
