"""Files of a record: how many there are, and how many bytes they have together."""

from dataclasses import dataclass
from datetime import datetime

from crm_core.access import Actor
from crm_core.figures import Figure
from crm_core.figures.reading import Asked, Row, chosen, listed
from crm_core.model import Catalog
from lake import Lake

MODULE = "files"
COLUMNS = {"name": "VARCHAR", "size": "BIGINT", "media_type": "VARCHAR", "uploader": "VARCHAR",
           "source": "VARCHAR", "created_at": "TIMESTAMPTZ"}  # fmt: skip


@dataclass(frozen=True)
class Files:
    """How many files there are, their bytes, and the newest of them."""

    total: int = 0
    bytes: int = 0
    rows: tuple[Row, ...] = ()

    @property
    def figure(self) -> tuple[Figure, ...]:
        """What stands above the section."""
        return (Figure("Files", self.total), Figure("Together", self.bytes, unit="B"))


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Files:  # fmt: skip
    """The files that belong to a record, also those that came with its messages."""
    asked = Asked(lake, catalog, module, record_id, actor, at, now)
    links = asked.links(MODULE)
    columns = ("count(*) AS total", "CAST(coalesce(sum(f.size), 0) AS BIGINT) AS bytes")
    [totals] = asked.rows(links, COLUMNS, lambda found: chosen(columns, found), key="files") or [{}]
    rows = asked.rows(links, COLUMNS, listed("f.created_at DESC", "f.id DESC"), key="files-rows")
    return Files(**totals, rows=tuple(rows))
