"""Notes of a record: how many there are, how many are pinned, and the mean of their ratings."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from crm_core.access import Actor
from crm_core.figures import Figure
from crm_core.figures.reading import Asked, Row, chosen, listed
from crm_core.model import Catalog
from lake import Lake

MODULE = "notes"
COLUMNS = {"text": "VARCHAR", "kind": "VARCHAR", "rating": "BIGINT", "pinned": "BOOLEAN", "owner": "VARCHAR",
           "created_at": "TIMESTAMPTZ"}  # fmt: skip


@dataclass(frozen=True)
class Notes:
    """How many notes there are and are pinned, the mean of their ratings, and the first notes, pinned ones before."""

    total: int = 0
    pinned: int = 0
    rated: int = 0
    rating: Decimal | None = None
    rows: tuple[Row, ...] = ()

    @property
    def figure(self) -> tuple[Figure, ...]:
        """What stands above the section."""
        mean = f"{self.rating} of 5" if self.rating is not None else "–"
        return (Figure("Notes", self.total), Figure("Pinned", self.pinned), Figure("Mean rating", mean))


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Notes:  # fmt: skip
    """The notes that belong to a record; those without a rating do not count in the mean."""
    asked = Asked(lake, catalog, module, record_id, actor, at, now)
    links = asked.links(MODULE)
    columns = (
        "count(*) AS total",
        "count(*) FILTER (WHERE f.pinned) AS pinned",
        "count(f.rating) AS rated",
        "CAST(round(avg(f.rating), 1) AS DECIMAL(4, 1)) AS rating",
    )
    [totals] = asked.rows(links, COLUMNS, lambda found: chosen(columns, found), key="notes") or [{}]
    order = ("CASE WHEN f.pinned THEN 0 ELSE 1 END", "f.created_at DESC", "f.id DESC")
    return Notes(**totals, rows=tuple(asked.rows(links, COLUMNS, listed(*order), key="notes-rows")))
