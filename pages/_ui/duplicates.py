"""Likely duplicates in words."""

from __future__ import annotations

from crm_core.duplicates import Likely

_WORDS = {"email": "same e-mail", "phone": "same phone number"}


def reasons_of(found: Likely) -> str:
    """What speaks for it, as one text."""
    name = "same name" if found.score >= 1 and found.reasons == ("name",) else "similar name"
    return ", ".join(_WORDS.get(reason, name) for reason in found.reasons)
