"""What happened to the fields of one record, for whoever may see it."""

from typing import Any

from crm_core.access import Actor
from crm_core.errors import RecordNotFound
from crm_core.model import Catalog
from crm_core.query import read_record
from lake import Lake


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
