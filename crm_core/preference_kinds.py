"""Which preferences there are and what each takes: what programs may set of how a person likes the pages.

Pages keep theirs by `preferences.keep_preference`; what comes from outside is judged here before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from crm_core.access import Actor
from crm_core.errors import CrmError
from crm_core.model import Catalog
from crm_core.preferences import Json, PreferenceInvalid, keep_preference, read_preferences
from lake import Lake

MOST_TEXTS, LONGEST = 500, 200
"""So many texts a list takes, and so many characters each."""
_MODULE = "{module}"


class PreferenceUnknown(CrmError):
    """A key that no page reads."""

    status = 404

    def __init__(self, key: str) -> None:
        """Tell which keys there are."""
        known = ", ".join(one.key for one in KNOWN)
        super().__init__(
            f"There is no preference “{key[:80]}”. There are: {known}; {_MODULE} is a module's slug."
        )


@dataclass(frozen=True)
class Known:
    """A preference: its key (`{module}` stands for the slug of one), what it takes, and what it is for."""

    key: str
    takes: str
    about: str


TRUTH, TEXTS = "true or false", f"a list of up to {MOST_TEXTS} texts of up to {LONGEST} characters"
INSTANT = "an instant such as 2026-11-23T08:00:00Z"
WHOSE = "“mine” or “everybody”"
KNOWN = (
    Known("fold.left", TRUTH, "whether the list of a workspace is folded"),
    Known("fold.right", TRUTH, "whether the details beside a record are folded"),
    Known(f"fold.folders.{_MODULE}", TEXTS, "the folders whose inner ones are folded in the list"),
    Known(f"columns.{_MODULE}", TEXTS, "the columns of the table, in their order"),
    Known("home.dashboards", TEXTS, "the dashboards pinned to Home"),
    Known("home.whose", WHOSE, "whose work Home shows"),
    Known("home.looked", INSTANT, "when Home was looked at last"),
    Known("notices", TEXTS, "the kinds of notifications that one is not told of"),
)
"""Every preference that a page reads."""


def known_preferences() -> list[dict[str, str]]:
    """Every preference as plain data: `key`, what it `takes`, and what it is `about`."""
    return [asdict(one) for one in KNOWN]


def read_known(lake: Lake, *, actor: Actor) -> dict[str, Any]:
    """What the actor chose, by key, under `chosen`, and what can be chosen under `known`."""
    return {"chosen": read_preferences(lake, actor=actor), "known": known_preferences()}


def set_preference(lake: Lake, catalog: Catalog, key: str, value: Json, *, actor: Actor) -> None:
    """Keep a choice of the actor; nobody else reads or sets it.

    Raises:
        PreferenceUnknown: There is no such preference, or no such module.
        PreferenceInvalid: The value is not what it takes, or too long.
    """
    known = _known(catalog, key)
    if not _FITS[known.takes](value):
        given = "nothing" if value is None else f"{value!r:.80}"
        raise PreferenceInvalid(
            f"The preference “{key}” takes {known.takes}, not {given}. Remove it to choose nothing."
        )

    keep_preference(lake, key, value, actor=actor)


def remove_preference(lake: Lake, catalog: Catalog, key: str, *, actor: Actor) -> None:
    """Take a choice of the actor back, also one for a module that is gone.

    Raises:
        PreferenceUnknown: There is no such preference, and the actor chose none of that name.
    """
    if key not in read_preferences(lake, actor=actor):
        _known(catalog, key)
    keep_preference(lake, key, None, actor=actor)


def _known(catalog: Catalog, key: str) -> Known:
    for one in KNOWN:
        stem, _, rest = one.key.partition(_MODULE)
        if key == one.key and stem == one.key:
            return one
        if (
            stem != one.key
            and not rest
            and key.startswith(stem)
            and key.removeprefix(stem) in catalog.modules
        ):
            return one
    raise PreferenceUnknown(key)


def _texts(value: Json) -> bool:
    return (
        isinstance(value, list) and len(value) <= MOST_TEXTS
        and all(isinstance(one, str) and len(one) <= LONGEST and one.isprintable() for one in value)
    )  # fmt: skip


def _instant(value: Json) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


_FITS: Mapping[str, Callable[[Json], bool]] = {
    TRUTH: lambda value: isinstance(value, bool),
    TEXTS: _texts,
    INSTANT: _instant,
    WHOSE: lambda value: value in ("mine", "everybody"),
}
