"""Statements about one record, compiled once for whoever asks and asked again about other records.

To build a statement over all modules that link to a record, and to write it down, costs as much as to run it. What
differs from record to record are only its id and the number that stands for it in the serving copy.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.model import Catalog
from crm_core.relations import Relations, relations_for
from crm_core.trees import text
from lake import Lake
from lake.held import key_number

STAND_IN = "ffffffff-ffff-7fff-bfff-ffffffffffff"
"""The id that a statement is compiled for; nothing has it."""

_STAND_IN_NUMBER = str(key_number(STAND_IN))


@dataclass(frozen=True)
class _Compiled:
    sql: str
    values: Mapping[str, Any]


def about_record(
    lake: Lake,
    catalog: Catalog,
    record_id: str,
    build: Callable[[Relations], exp.Expr],
    *,
    key: Hashable,
    actor: Actor,
    at: int | None = None,
    instead: Mapping[Any, Any] | None = None,
) -> tuple[str, dict[str, Any]]:
    """The statement that `build` makes for `STAND_IN`, for a record, with the values to bind.

    Args:
        lake: the lake.
        catalog: the definitions.
        record_id: the record's id, a UUID; of any other text nothing is found.
        build: makes the statement from relations, of which it binds its values; it names the record as `STAND_IN`.
        key: what it depends on beside the definitions, the actor, the snapshot and where is read.
        actor: who reads.
        at: the snapshot that is read, now by default.
        instead: further values that stand in for others, and those others.
    """
    relations = relations_for(lake, catalog, actor, at)

    def compile_it() -> _Compiled:
        return _Compiled(text(build(relations), keep=False), relations.params.values)

    # The past is asked for once: a statement of its own for each snapshot would drive out those of today.
    known = (
        compile_it()
        if at is not None
        else catalog.memo.of(("about", key, actor, relations.serving), compile_it)
    )
    replaced = {STAND_IN: record_id, **(instead or {})}
    values = {name: _replaced(value, replaced) for name, value in known.values.items()}
    return known.sql.replace(_STAND_IN_NUMBER, _number(record_id)), values


def _replaced(value: Any, replaced: Mapping[Any, Any]) -> Any:
    return replaced.get(value, value) if isinstance(value, Hashable) else value


def _number(record_id: str) -> str:
    try:
        return str(key_number(record_id))
    except ValueError:
        return "-1"
