"""Cursors of pages: where a page ended, as a text that programs hand back as it is."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from crm_core.errors import ConditionInvalid


def write_cursor(place: Sequence[Any]) -> str:
    """The cursor of a place, whose values JSON can say."""
    return base64.urlsafe_b64encode(json.dumps(list(place)).encode()).decode()


def read_cursor(after: str) -> list[Any]:
    """The place of a cursor.

    Raises:
        ConditionInvalid: It is none of ours.
    """
    try:
        place = json.loads(base64.urlsafe_b64decode(after.encode()))
    except (ValueError, RecursionError):
        place = None
    if not isinstance(place, list) or any(isinstance(value, (list, dict)) for value in place):
        raise ConditionInvalid(after[:200], "“after” is no cursor; use `next` of the page before")
    return place
