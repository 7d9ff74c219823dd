"""Which customer an e-mail address belongs to, for what strangers hand in."""

from collections.abc import Collection, Sequence

from crm_core.model import Catalog
from lake import Lake, Transaction, ident
from lake.mirror import MIRROR
from lake.names import CATALOG


def find_customers(
    tx: Transaction, lake: Lake, catalog: Catalog, *, emails: Collection[str]
) -> dict[str, str]:
    """E-mail address in small letters → id of the only live customer who has it, in his field or a contact point.

    Args:
        tx: the transaction that writes what was handed in; it holds the writer lock.
        lake: its lake.
        catalog: the definitions.
        emails: the addresses, in small letters.
    """
    wanted = sorted({*emails} - {""})
    customers = catalog.modules.get("customers")
    if not wanted or customers is None or customers.field("email") is None:
        return {}
    points = customers.contact_points
    has_points = points is not None and points.module in catalog.modules
    read = ["customers", *([points.module] if points is not None and has_points else [])]
    place = cheapest_place(tx, lake, read)
    live = f"FROM {ident(place, 'crm', 'customers')} WHERE deleted_at IS NULL"
    asked = "IN (SELECT unnest($emails))"
    found = f"SELECT lower(email) AS email, id {live} AND lower(email) {asked}"
    if points is not None and has_points:
        owner = ident(points.reference)
        found += (
            f" UNION SELECT lower(value), {owner} FROM {ident(place, 'crm', points.module)} "
            f"WHERE deleted_at IS NULL AND lower(value) {asked}"
        )
    # Only the few that were found are looked at once more: whether the customer they belong to is live.
    rows = lake.read(
        f"WITH found AS MATERIALIZED ({found}) SELECT email, CAST(any_value(id) AS VARCHAR) AS id FROM found "
        f"WHERE id IN (SELECT id {live} AND id IN (SELECT id FROM found)) "
        "GROUP BY email HAVING count(DISTINCT id) = 1",
        {"emails": wanted},
    )
    return dict(rows.iter_rows())


def cheapest_place(tx: Transaction, lake: Lake, modules: Sequence[str]) -> str:
    """Where modules are read as they are now: the server's copy, if they did not change since it was made.

    Planning a look into the lake costs ten times as much, and the lock is held meanwhile: nobody else writes, so
    what stands there is what this transaction sees.
    """
    mirror = lake.mirror
    if mirror is not None and mirror.holds([("crm", module) for module in modules], until=tx.snapshot - 1):
        return MIRROR
    return CATALOG
