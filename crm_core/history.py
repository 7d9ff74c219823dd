"""What happened: to the fields of one record, and in the lake, as far as somebody may see it."""

from typing import Any

from crm_core.access import Actor
from crm_core.errors import RecordNotFound
from crm_core.model import Catalog
from crm_core.query import read_record
from lake import Lake, table
from lake.record_versions import Asked, Versions


def read_versions(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, asked: Asked | None = None,
    most: int = 30,
) -> Versions:  # fmt: skip
    """The versions of a record, newest first, and what the `most` newest that are asked for changed.

    Raises:
        RecordNotFound: When there is no such record, or none that the actor may see; a deleted one keeps its history.
    """
    known = _require_seen(lake, catalog, module=module, record_id=record_id, actor=actor)
    slug = catalog.module(module).slug
    return lake.history.versions_of("crm", slug, known, asked=asked or Asked(), most=most)


def read_history_page(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, limit: int = 100,
    before: int | None = None,
) -> tuple[list[dict[str, Any]], int | None]:  # fmt: skip
    """What the newest `limit` versions before a snapshot changed, newest first, and from where older ones go on.

    Raises:
        RecordNotFound: When there is no such record, or none that the actor may see.
    """
    asked = Asked(until=None if before is None else before - 1)
    found = read_versions(
        lake, catalog, module=module, record_id=record_id, actor=actor, asked=asked, most=limit
    )
    rows = found.fields.sort("snapshot", "field", descending=[True, False]).to_dicts()
    more = found.all.height > limit
    return rows, int(found.all["snapshot"][limit - 1]) if more else None


def read_history(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor
) -> list[dict[str, Any]]:
    """Every change of every field, oldest first: field, old and new as text, snapshot, when, who, why.

    A deleted record keeps its history.

    Raises:
        RecordNotFound: When there is no such record, or none that the actor may see.
    """
    known = _require_seen(lake, catalog, module=module, record_id=record_id, actor=actor)
    frame = lake.history.of_record("crm", catalog.module(module).slug, known)
    return frame.to_dicts()


def _require_seen(lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor) -> str:
    """The id of a record that the actor sees, live or deleted."""
    try:
        record = read_record(lake, catalog, module=module, record_id=record_id, actor=actor)
    except RecordNotFound:
        record = read_record(lake, catalog, module=module, record_id=record_id, actor=actor, deleted=True)
    return str(record["id"])


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
