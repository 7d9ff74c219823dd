"""The colours of tags: one for each tag of a module, the same for everybody."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import Problem, ValuesInvalid
from crm_core.facets import read_tags
from crm_core.model import Catalog
from crm_core.snapshot_cache import Reader, SnapshotCache
from lake import Change, Lake, Transaction, table

PALETTE = ("gray", "red", "orange", "yellow", "green", "teal", "blue", "violet", "pink", "brown")
"""What can be chosen; each is legible on light and on dark pages."""

PLAIN = "gray"
_TABLE = table("ops", "tag_colours")


def _read(reader: Reader, mark: int) -> Mapping[tuple[str, str], str]:
    return {(module, tag): color for module, tag, color in
            reader.read(f"SELECT module, tag, color FROM {_TABLE}").iter_rows()}  # fmt: skip


_colours: SnapshotCache[Mapping[tuple[str, str], str]] = SnapshotCache(
    f"SELECT coalesce(max(version), 0) FROM {_TABLE}", _read
)


def read_tag_colours(lake: Lake, *, module: str) -> dict[str, str]:
    """Tag → colour, of the tags of a module that were given one; one read per change, not per call."""
    return {tag: color for (owner, tag), color in _colours.get(lake).items() if owner == module}


def list_tags(lake: Lake, catalog: Catalog, *, module: str, actor: Actor) -> list[dict[str, Any]]:
    """The tags of the records of a module that the actor sees, most used first: `tag`, `records`, `color`.

    Raises:
        UnknownModule: There is no such module.
    """
    slug = catalog.module(module).slug
    colors = read_tag_colours(lake, module=slug)
    used = read_tags(lake, catalog, module=slug, actor=actor)
    return [{"tag": tag, "records": n, "color": colors.get(tag, PLAIN)} for tag, n in used.items()]


def colour_tag(lake: Lake, *, module: str, tag: str, color: str, actor: Actor, door: str = "api") -> None:
    """Give a tag of a module a colour, in place of the one before; the same again writes nothing.

    Raises:
        Forbidden: The actor may only look.
        UnknownModule: There is no such module.
        ValuesInvalid: The colour is none of `PALETTE`, or the tag is empty.
    """
    actor.require_change("tags")
    slug = read_catalog(lake).module(module).slug
    name = tag.strip()
    found = [] if name else [Problem("tags", "required", "a tag has a name")]
    if color not in PALETTE:
        found.append(Problem("color", "invalid", f"choose one of {', '.join(PALETTE)}", color))
    if found:
        raise ValuesInvalid(slug, found)
    if read_tag_colours(lake, module=slug).get(name, PLAIN) == color:
        return

    def work(tx: Transaction) -> None:
        version = int(tx.read(f"SELECT coalesce(max(version), 0) + 1 FROM {_TABLE}").item())
        tx.execute(f"DELETE FROM {_TABLE} WHERE module = ? AND tag = ?", [slug, name])
        tx.execute(
            f"INSERT INTO {_TABLE} VALUES (?, ?, ?, ?, ?, CAST(? AS UUID))",
            [slug, name, color, version, datetime.now(UTC), tx.change_id],
        )

    lake.commit(work, Change(actor=actor.user, door=door, reason=f"colour of the tag {name}"))
