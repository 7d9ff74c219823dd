"""The simulated world: records with the changes that they go through, and the chance that drives it all."""

import math
import random
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, TypeVar
from uuid import UUID

from dateutil.relativedelta import relativedelta

from crm_core import yaml

T = TypeVar("T")
Values = dict[str, Any]

_EVER = datetime.max.replace(tzinfo=UTC)
OPENS, CLOSES = 7, 16
"""The hours (UTC) between which people write and work."""


@cache
def data(name: str) -> Any:
    """A YAML file of this package as plain Python."""
    text = resources.files("crm_core.demo").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, source=f"{name}.yaml")


@dataclass
class Draft:
    """A record on its way through time: what it began with, and what changed when (UTC)."""

    module: str
    id: str
    created_at: datetime
    values: Values
    changes: list[tuple[datetime, Values]] = field(default_factory=list)
    until: datetime = _EVER

    def set(self, when: datetime, **values: Any) -> None:
        """Change values at an instant; what lies after the end of the simulation never happens."""
        if when <= self.until:
            self.changes.append((max(when, self.created_at), values))

    def at(self, instant: datetime) -> Values:
        """The values as they are at an instant."""
        state = dict(self.values)
        for when, values in sorted(self.changes, key=_when):
            if when <= instant:
                state |= values
        return state

    def steps(self, ends: Sequence[datetime]) -> Iterator[tuple[int, Values]]:
        """The months (0-based, by their ends) in which it changes, each with its values at the month's end."""
        state = self.values | {"updated_at": self.created_at}
        here = bisect_left(ends, self.created_at)
        for when, values in sorted(self.changes, key=_when):
            month = bisect_left(ends, when)
            if month != here:
                yield here, state
                state, here = dict(state), month
            state |= values | {"updated_at": when}
        yield here, state


def _when(change: tuple[datetime, Values]) -> datetime:
    return change[0]


@dataclass(frozen=True)
class Link:
    """One row of a link table."""

    id: str
    from_id: str
    to_id: str
    created_at: datetime
    values: Values


class World:
    """Everything that happens between `start` and `until`, and the one source of chance.

    Months end at the day and hour of `until`; `ends` has the last instant of each.
    """

    def __init__(self, *, size: int, seed: int, until: datetime, months: int) -> None:
        self.size = size
        self.rng = random.Random(seed)
        self.until = until
        self.start = until - relativedelta(months=months)
        self.ends = [until - relativedelta(months=months - k) for k in range(1, months + 1)]
        self.records: dict[str, list[Draft]] = {}
        self.links: dict[str, list[Link]] = {}
        self.consents: list[tuple[datetime, Values]] = []
        self.read_marks: list[Values] = []
        self.blobs: dict[str, bytes] = {}
        self._taken: set[str] = set()

    def scaled(self, number: int) -> int:
        """A number that is meant for 2,000 customers, for the size of this world; at least 2."""
        return max(2, round(number * self.size / 2000))

    def new_id(self, when: datetime) -> str:
        """A UUID of version 7 for an instant, from this world's own chance."""
        stamp = int(when.timestamp() * 1000)
        low = (0b10 << 62) | self.rng.getrandbits(62)
        return str(UUID(int=(stamp << 80) | (0x7 << 76) | (self.rng.getrandbits(12) << 64) | low))

    def add(self, module: str, when: datetime, /, **values: Any) -> Draft:
        """Begin a record at an instant, which must not lie after the end."""
        if when > self.until:
            raise ValueError(f"{module} begins at {when}, after the end of the simulation at {self.until}")
        draft = Draft(module, self.new_id(when), when, values, until=self.until)
        self.records.setdefault(module, []).append(draft)
        return draft

    def link(self, table: str, near: Draft, far: Draft, **values: Any) -> None:
        """Link two records from the moment on when both are there."""
        when = max(near.created_at, far.created_at)
        self.links.setdefault(table, []).append(Link(self.new_id(when), near.id, far.id, when, values))

    def all(self, module: str) -> list[Draft]:
        """The records of a module so far."""
        return self.records.get(module, [])

    def chance(self, share: float) -> bool:
        """True in a share of the cases."""
        return self.rng.random() < share

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[int(self.rng.random() * len(options))]

    def weighted(self, options: Mapping[T, float]) -> T:
        """One of the options, by weight."""
        return self.rng.choices(list(options), list(options.values()))[0]

    def digits(self, pattern: str) -> str:
        """The pattern with a digit for each `#`."""
        return "".join(str(self.rng.randrange(10)) if letter == "#" else letter for letter in pattern)

    def around(self, median: float, spread: float = 0.6) -> float:
        """A positive number around a median, with a long tail upwards."""
        return self.rng.lognormvariate(math.log(median), spread)

    def unique(self, text: str) -> bool:
        """Whether a text comes up for the first time."""
        if text in self._taken:
            return False
        self._taken.add(text)
        return True

    def moment(self, begin: datetime, end: datetime) -> datetime:
        """An instant of the working week between two others, or any one when there is none."""
        span = max(0.0, (end - begin).total_seconds())
        found = begin
        for _ in range(6):
            found = begin + timedelta(seconds=round(self.rng.random() * span))
            working = self.work_time(found)
            if begin <= working <= end:
                return working
        return found

    def work_time(self, when: datetime) -> datetime:
        """The same instant, moved forward into the working hours of a weekday."""
        if when.weekday() < 5 and OPENS <= when.hour < CLOSES:
            return when
        day = when if when.weekday() < 5 and when.hour < OPENS else when + timedelta(days=1)
        while day.weekday() >= 5:
            day += timedelta(days=1)
        return day.replace(hour=self.rng.randrange(OPENS, CLOSES), minute=self.rng.randrange(60))

    def after(self, when: datetime, hours: float, spread: float = 0.8) -> datetime:
        """Some working time later: around so many hours, never on a weekend."""
        later = self.work_time(when + timedelta(hours=self.around(hours, spread)))
        return max(later, when + timedelta(minutes=2)).replace(microsecond=0)
