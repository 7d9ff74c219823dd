"""Creating records: a few share a transaction with whoever else writes now, many have their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.errors import CrmError, Problem, ValuesInvalid
from crm_core.records.insert import Ready, check_insert, prepare_insert, write_insert
from crm_core.records.outcome import Created
from crm_core.records.writer import Writer, note_commit
from crm_core.values.lookups import Runner
from crm_core.values.normalise import FEW, normalise, read_problems
from crm_core.values.plan import writable
from crm_core.values.staging import flatten, stage
from lake import Change, Lake, Transaction, ident, new_id

_SHARED_UP_TO = 50
"""How many rows a call may have to share a transaction: more would make the others wait."""

WRITTEN = "create_ready"

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Creation:
    """What one caller wants to create."""

    lake: Lake
    module: str
    rows: tuple[Values, ...]
    actor: Actor
    door: str
    trusted: bool
    change: Change
    ids: tuple[str, ...] = field(default_factory=tuple)

    @property
    def alike(self) -> tuple[Any, ...]:
        """What it must share with others to be one set with them."""
        return (self.module, self.actor, self.door, self.trusted)


def create(
    lake: Lake,
    *,
    module: str,
    values: Values | Sequence[Values],
    actor: Actor,
    door: str = "api",
    reason: str = "",
    change: Change | None = None,
    trusted: bool = False,
) -> Created:
    """Create one record or several; all of them or none.

    Concurrent callers with a few records each share a transaction; one's problems are his alone.

    Args:
        lake: the lake.
        module: of which module.
        values: the values by slug, of one record or of several; what is not named takes its default.
        actor: who creates them; he becomes the owner where none is named.
        door: through which door.
        reason: why, for the history.
        change: under which change they are recorded, instead of one made of actor, door and reason.
        trusted: whether read-only fields and auto-numbers may be given.

    Raises:
        Forbidden: The actor may only look.
        UnknownModule: There is no such module.
        ValuesInvalid: With every problem of every record; nothing was written.
    """
    actor.require_change(f"records of {module}")
    rows = (values,) if isinstance(values, Mapping) else tuple(values)
    made = change or Change(actor=actor.user, door=door, reason=reason)
    wanted = Creation(lake, module, rows, actor, door, trusted, made, tuple(new_id() for _ in rows))
    if not rows:
        return Created((), lake.snapshot(), made.id)
    if len(rows) > _SHARED_UP_TO:
        return _create_alone(wanted)
    version = lake.group.submit(_create_together, wanted)
    # What this process has just written were records, so the definitions and people it knows still stand.
    definitions.note_commit(lake, version)
    people.note_commit(lake, version)
    return Created(wanted.ids, version, made.id)


def create_in(tx: Transaction, writer: Writer, *, module: str, values: Sequence[Values]) -> tuple[str, ...]:
    """Create records within an open transaction, under its change; returns their ids in order.

    Raises:
        ValuesInvalid: With every problem of every record; the transaction can go on, nothing was written.
    """
    ids = tuple(new_id() for _ in values)
    change = Change(actor=writer.actor.user, door=writer.door, id=tx.change_id)
    wanted = Creation(None, module, tuple(values), writer.actor, writer.door, writer.trusted, change, ids)  # type: ignore[arg-type]
    [outcome] = _write(tx, writer, [wanted])
    if isinstance(outcome, CrmError):
        raise outcome
    return ids


def create_each_in(tx: Transaction, writer: Writer, wanted: Sequence[Creation]) -> list[CrmError | None]:
    """Write what several callers want as one set within an open transaction; gives each one's error, or None.

    All of them are of one module, and alike in actor, door and trust; each row is recorded under its caller's change.
    The rows that were written stand in the temp table `WRITTEN` until the next call.
    """
    return _write(tx, writer, wanted)


def _create_alone(wanted: Creation) -> Created:
    with wanted.lake.session() as s:
        first = _writer(wanted, definitions.read_catalog(wanted.lake), people.read_directory(wanted.lake))
        ready = _prepare(s, first, [wanted])

        def work(tx: Transaction) -> None:
            catalog = definitions.read_catalog_in(tx, wanted.lake)
            writer, mine = first, ready
            if catalog.version != first.catalog.version:
                writer = _writer(wanted, catalog, people.read_directory_in(tx, wanted.lake))
                mine = _prepare(tx, writer, [wanted])
            check_insert(tx, writer, mine.ready)
            _raise_problems(tx, mine, wanted)
            write_insert(tx, writer, mine.ready)

        if ready.problems or ready.ready.typed.found:
            _raise_problems(s, ready, wanted)
        done = s.commit(work, wanted.change)
    note_commit(wanted.lake, done)
    return Created(wanted.ids, done.snapshot, done.change_id)


def _writer(wanted: Creation, catalog: Any, directory: Any) -> Writer:
    return Writer(catalog, directory, wanted.actor, wanted.door, wanted.trusted)


@dataclass(frozen=True)
class _Prepared:
    """The rows of some callers as one set, and what is wrong with the shape of their values."""

    ready: Ready
    problems: list[Problem]
    rows: list[Values]
    callers: list[int]
    """For each row, which caller it is of."""


def _prepare(s: Runner, writer: Writer, wanted: Sequence[Creation]) -> _Prepared:
    module = wanted[0].module
    rows = [row for one in wanted for row in one.rows]
    callers = [place for place, one in enumerate(wanted) for _ in one.rows]
    flat = flatten(writer.catalog, module, rows)
    ids = [record_id for one in wanted for record_id in one.ids]
    changes = [one.change.id for one in wanted for _ in one.rows]
    meta = {"_id": _uuids(ids), "_change_id": _uuids(changes), "_caller": pa.array(callers, pa.int64())}
    stage(s, flat, fields=writable(writer.catalog, module), meta=meta, name="create_staged")
    typed = normalise(
        s, writer.catalog, module=module, directory=writer.directory, staged="create_staged",
        typed="create_typed", problems="create_problems", reading=writer.reading,
        few=len(rows) <= FEW,
    )  # fmt: skip
    ready = prepare_insert(s, writer, module=module, typed=typed, staged="create_staged", ready=WRITTEN)
    return _Prepared(ready, flat.problems, rows, callers)


def _uuids(ids: Sequence[str]) -> pa.Array:
    return pa.array(ids, pa.string())


def _create_together(tx: Transaction, wanted: Sequence[Creation]) -> list[int | Exception]:
    """The handler of the shared transaction: callers who are alike are one set."""
    lake = wanted[0].lake
    catalog, directory = definitions.read_catalog_in(tx, lake), people.read_directory_in(tx, lake)
    outcomes: list[int | Exception] = [tx.snapshot] * len(wanted)
    alike: dict[tuple[Any, ...], list[int]] = {}
    for place, one in enumerate(wanted):
        alike.setdefault(one.alike, []).append(place)
    for places in alike.values():
        of_set = [wanted[place] for place in places]
        try:
            errors = _write(tx, _writer(of_set[0], catalog, directory), of_set)
        except CrmError as error:
            errors = [error] * len(of_set)
        for place, outcome in zip(places, errors, strict=True):
            if outcome is not None:
                outcomes[place] = outcome
    return outcomes


_TAKEN = ("unique", "overlap")


def _write(tx: Transaction, writer: Writer, wanted: Sequence[Creation]) -> list[CrmError | None]:
    """Write the rows of every caller without problems; gives each caller's error, or None."""
    prepared = _prepare(tx, writer, wanted)
    check_insert(tx, writer, prepared.ready)
    by_caller = _by_caller(tx, prepared)
    clean = [place for place in range(len(wanted)) if place not in by_caller]
    if by_caller:
        tx.execute(
            f"DELETE FROM {ident(prepared.ready.table)} WHERE list_contains($bad, _caller)",
            {"bad": list(by_caller)},
        )
    if clean:
        write_insert(tx, writer, prepared.ready)
    errors: list[CrmError | None] = [None] * len(wanted)
    for place, problems in by_caller.items():
        errors[place] = ValuesInvalid(wanted[place].module, problems)
        if len(wanted) > 1 and all(problem.code in _TAKEN for problem in problems):
            # The key or the time may be taken only by another caller of this set, who was refused himself.
            [errors[place]] = _write(tx, writer, [wanted[place]])
    return errors


def _by_caller(s: Runner, prepared: _Prepared) -> dict[int, list[Problem]]:
    """Caller → his problems, each with the row counted among his own."""
    first: dict[int, int] = {}
    for row, caller in enumerate(prepared.callers):
        first.setdefault(caller, row)
    found: dict[int, list[Problem]] = {}
    for problem in [*prepared.problems, *read_problems(s, prepared.ready.typed, prepared.rows)]:
        caller = prepared.callers[problem.row]
        own = Problem(
            problem.field, problem.code, problem.message, problem.received, problem.row - first[caller]
        )
        found.setdefault(caller, []).append(own)
    return found


def _raise_problems(s: Runner, prepared: _Prepared, wanted: Creation) -> None:
    problems = _by_caller(s, prepared).get(0)
    if problems:
        raise ValuesInvalid(wanted.module, sorted(problems, key=lambda problem: problem.row))
