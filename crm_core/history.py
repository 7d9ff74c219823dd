"""What happened: to the fields of one record, and in the lake, as far as somebody may see it."""

from typing import Any

from crm_core.access import Actor
from crm_core.errors import RecordNotFound
from crm_core.model import Catalog
from crm_core.query import read_record
from lake import Lake, table


def read_history(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor
) -> list[dict[str, Any]]:
    """Every change of every field, newest first: field, old and new as text, snapshot, when, who, why.

    A deleted record keeps its history.

    Raises:
        RecordNotFound: When there is no such record, or none that the actor may see.
    """
    try:
        record = read_record(lake, catalog, module=module, record_id=record_id, actor=actor)
    except RecordNotFound:
        record = read_record(lake, catalog, module=module, record_id=record_id, actor=actor, deleted=True)
    frame = lake.history.of_record("crm", catalog.module(module).slug, record["id"])
    return frame.to_dicts()


def read_changes(lake: Lake, *, actor: Actor, limit: int = 50) -> list[dict[str, Any]]:
    """The newest changes of the lake: when, who, through which door, why. Who is no administrator sees his own."""
    own = "" if actor.sees_all else "WHERE actor = $actor "
    frame = lake.read(
        "SELECT CAST(id AS VARCHAR) AS id, occurred_at, actor, door, reason, snapshot, "
        "CAST(load_id AS VARCHAR) AS load_id, CAST(flow_run_id AS VARCHAR) AS flow_run_id "
        f"FROM {table('ops', 'changes')} {own}ORDER BY snapshot DESC, id DESC LIMIT $limit",
        {"limit": limit} | ({} if actor.sees_all else {"actor": actor.user}),
    )
    return frame.to_dicts()
