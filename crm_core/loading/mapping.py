"""Headers to fields: by the contract, by name, by synonyms in four languages, and by resemblance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rapidfuzz import fuzz

from crm_core.loading.errors import ContractInvalid, NothingMapped
from crm_core.loading.model import Contract
from crm_core.loading.targets import SHARED_CURRENCY, Place, Target, fold

RECORD_ID = "_record_id"
OWN_COLUMNS = ("_line", "_file", RECORD_ID, "_reasons")
"""The columns that a download of rejects puts before those of the file."""

_OWN = "of the rejects that were downloaded"
_RESEMBLES_FROM = 88
_SHORTEST_TO_RESEMBLE = 5
_LEAD = 4
"""By how much the best resemblance must beat that of another target."""


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """What becomes of one column of the file.

    Attributes:
        position: its place among the staged columns, from 1.
        header: as written.
        target: what it brings; None keeps it in the source row only.
        reason: why, in words.
        known: whether the contract speaks of it, so that it is not proposed as a new field.
        sure: how sure that is, from 0 to 100; what a contract says is sure.
    """

    position: int
    header: str
    target: Target | None
    reason: str
    known: bool = False
    sure: int = 0

    @property
    def raw(self) -> str:
        """The staged column with its text."""
        return f"c{self.position}"


def map_columns(place: Place, headers: Sequence[str], contract: Contract | None = None) -> tuple[Mapped, ...]:
    """Decide for every column which field it brings; each field is brought by one column at most.

    Raises:
        ContractInvalid: the contract names what is not there.
        NothingMapped: no column brings anything.
    """
    mapped = suggest_columns(place, headers, contract)
    if not any(one.target for one in mapped):
        raise NothingMapped(place.name, columns=headers, fields=list(place.targets()))
    return _shared_currency(place, mapped)


def suggest_columns(
    place: Place, headers: Sequence[str], contract: Contract | None = None
) -> tuple[Mapped, ...]:
    """As `map_columns`, for a person to look at: that no column is known is no error.

    Raises:
        ContractInvalid: the contract names what is not there.
    """
    told = _told(place, headers, contract)
    taken = {target.path for target in told.values() if target is not None}
    # A reference told by one of its keys is told altogether.
    taken |= {target.slug for target in told.values() if target is not None and target.role == "reference"}
    open_headers = {
        position: header
        for position, header in enumerate(headers, 1)
        if position not in told and header not in OWN_COLUMNS
    }
    guessed = _guess(open_headers, [one for one in place.targets().values() if one.path not in taken], place)
    mapped = []
    for position, header in enumerate(headers, 1):
        if header in OWN_COLUMNS and position not in told:
            target = place.targets()["id"] if header == RECORD_ID else None
            mapped.append(
                Mapped(position=position, header=header, target=target, reason=_OWN, known=True, sure=100)
            )
            continue
        if position in told:
            target = told[position]
            reason = "as the contract says" if target else "kept in the source row, as the contract says"
            mapped.append(
                Mapped(position=position, header=header, target=target, reason=reason, known=True, sure=100)
            )
        elif position in guessed:
            target, reason, sure = guessed[position]
            mapped.append(Mapped(position=position, header=header, target=target, reason=reason, sure=sure))
        else:
            mapped.append(
                Mapped(position=position, header=header, target=None, reason="no field is known by this name")
            )
    return tuple(mapped)


def _shared_currency(place: Place, mapped: tuple[Mapped, ...]) -> tuple[Mapped, ...]:
    """Let a column that is the currency of all amounts stand once for each amount that has no currency of its own."""
    taken = {one.target.column for one in mapped if one.target is not None}
    targets = place.targets().values()
    amounts = [
        one for one in targets if one.role == "currency" and one.slug in taken and one.column not in taken
    ]
    found: list[Mapped] = []
    for one in mapped:
        if one.target is None or one.target.path != SHARED_CURRENCY or one.target.role != "currency":
            found.append(one)
        elif amounts:
            # They keep the name under which the contract knows the column.
            found += [replace(one, target=replace(amount, path=SHARED_CURRENCY)) for amount in amounts]
        else:
            found.append(replace(one, target=None, known=True, reason="no amount of the file needs it"))
    return tuple(found)


def resolve_key(place: Place, key: Sequence[str], mapped: Sequence[Mapped]) -> tuple[Mapped, ...]:
    """The columns that bring the fields of a key, in its order; a name may be a field's or a header's.

    Returns:
        Nothing when a part of the key is brought by no column.
    """
    found = []
    for name in key:
        one = next((m for m in mapped if m.target and name in _key_names(m.target)), None)
        one = one or next((m for m in mapped if m.target and fold(m.header) == fold(name)), None)
        if one is None:
            return ()
        found.append(one)
    return tuple(found)


def _key_names(target: Target) -> tuple[str, ...]:
    """The names by which a key may call a target; a reference told by a field of the other module is named without."""
    stem = target.path.partition(".")[0] if target.role == "reference" else target.path
    return target.path, target.column, target.slug, stem


def _told(place: Place, headers: Sequence[str], contract: Contract | None) -> dict[int, Target | None]:
    """Position → what the contract says of the column; only columns that it speaks of."""
    if contract is None:
        return {}
    by_name = {fold(header): position for position, header in reversed(list(enumerate(headers, 1)))}
    exact = {header: position for position, header in reversed(list(enumerate(headers, 1)))}
    problems, told = [], {}
    for header, path in contract.columns.items():
        target = place.target(path) if path else None
        if path and target is None:
            problems.append(f"“{header}” is mapped to “{path}”, which {place.name} does not have")
        position = exact.get(header) or by_name.get(fold(header))
        if position is not None:
            told[position] = target
    columns = [target.column for target in told.values() if target is not None]
    for twice in sorted({column for column in columns if columns.count(column) > 1}):
        problems.append(f"two columns are mapped to “{twice}”")
    if problems:
        raise ContractInvalid(contract.source, place.name, problems)
    return told


def _guess(
    headers: Mapping[int, str], targets: Iterable[Target], place: Place
) -> dict[int, tuple[Target, str, int]]:
    """The best assignment, the surest pairs first."""
    pairs = []
    for order, target in enumerate(targets):
        for position, header in headers.items():
            score, reason = _likeness(header, target, place)
            if score:
                pairs.append((-score, order, position, target, reason))
    pairs.sort(key=lambda pair: pair[:3])
    found: dict[int, tuple[Target, str, int]] = {}
    used: set[str] = set()
    best_of: dict[int, float] = {}
    for negative, _, position, target, reason in pairs:
        if position in found or target.column in used:
            continue
        rival = best_of.setdefault(position, -negative)
        if -negative < 90 and rival - -negative < _LEAD and rival != -negative:
            continue
        found[position] = (target, reason, round(-negative))
        used.add(target.column)
    return found


def _likeness(header: str, target: Target, place: Place) -> tuple[float, str]:
    """How sure it is that a header means a target, up to 100, and why; 0 when it does not."""
    folded = fold(header)
    forms = {folded: 0, _without_module(folded, place): 5}
    best: tuple[float, str] = (0, "")
    # A number that is given here is brought by a file only when it says so in so many words.
    given_here = getattr(target.field, "read_only", False)
    if given_here:
        forms = {folded: 0}
    for name, sure in target.names:
        if given_here and sure < 97:
            continue
        word = fold(name)
        for form, cost in forms.items():
            if not form:
                continue
            if form == word or form.replace(" ", "") == word.replace(" ", ""):
                why = "its name" if sure >= 97 else f"“{name}” is another name of it"
                best = max(best, (sure - cost - (form != word), why))
        if not given_here and len(word) >= _SHORTEST_TO_RESEMBLE and len(folded) >= _SHORTEST_TO_RESEMBLE:
            ratio = fuzz.ratio(folded, word)
            if ratio >= _RESEMBLES_FROM:
                best = max(best, (ratio * 0.9, f"it resembles “{name}”"))
    return best


def _without_module(folded: str, place: Place) -> str:
    """`customer email` is `email` in the file of customers."""
    module = place.catalog.module(place.module)
    for word in (fold(module.slug), fold(module.one), fold(module.name)):
        if folded.startswith(f"{word} "):
            return folded.removeprefix(f"{word} ")
    return ""
