"""Records that stand below one another: nobody stands below himself, directly or over several.

A relationship between records of one module says that it is a `tree`. The check holds only under the writer lock, looks
at the links that are there and at those of the same write, and climbs only from the records that the write concerns.
"""

from collections.abc import Iterator

from crm_core.model import Catalog, Relationship
from crm_core.values.checks import Checked
from crm_core.values.lookups import Runner
from lake import ident, table
from lake.ingest.sql import literal

CIRCLE = "circle"
FOUND = "circle_found"
"""The temp table of what would close a circle: the `_row` of each."""
NEW = "circle_new"
"""The temp table of what is asked about: `_row`, and which record would stand below which: `low`, `high`."""


def trees_among(catalog: Catalog, module: str) -> Iterator[tuple[str, Relationship]]:
    """The references of a module that make a tree of its records: column and relationship."""
    for reference in catalog.references(module):
        if reference.relationship.tree is not None and reference.targets == (module,):
            yield reference.slug, reference.relationship


def check_circles(tx: Runner, catalog: Catalog, module: str, *, rows: Checked) -> int:
    """Add a problem for each row whose reference would put it below itself; returns how many.

    Args:
        tx: the transaction that will store the rows.
        catalog: the definitions.
        module: whose rows they are.
        rows: what is about to be stored; of rows that are there already only references that change are judged.
    """
    count = 0
    for slug, _ in trees_among(catalog, module):
        at, here = ident(slug), ident(rows.table)
        before = "" if rows.before is None else f"LEFT JOIN {ident(rows.before)} b ON b.id = w.id "
        moved = "" if rows.before is None else f" AND w.{at} IS DISTINCT FROM b.{at}"
        tx.execute(
            f"CREATE OR REPLACE TEMP TABLE {NEW} AS SELECT w._row, w.id AS low, w.{at} AS high FROM {here} w {before}"
            f"WHERE w.{at} IS NOT NULL{moved}"
        )
        there = (
            f"SELECT id AS low, {at} AS high FROM {table('crm', module)} WHERE deleted_at IS NULL "
            f"AND {at} IS NOT NULL AND id NOT IN (SELECT id FROM {here})"
        )
        if find_circles(tx, there):
            count += tx.execute(
                f"INSERT INTO {ident(rows.problems)} SELECT _row, $slug, '{CIRCLE}', $words, "
                f"CAST(high AS VARCHAR) FROM {NEW} WHERE _row IN (SELECT _row FROM {FOUND})",
                {"slug": slug, "words": in_words(slug)},
            )
    return count


def check_links(tx: Runner, relationship: Relationship, *, links: str, changed: str) -> int:
    """Find the links that would close a circle, as `FOUND`; returns how many.

    Args:
        tx: the transaction that will store them.
        relationship: whose links they are; where it is no tree nothing is asked.
        links: a select of `_row`, `from_id`, `to_id` and, where the tree goes by a field, that field.
        changed: a select of the `id` of stored links that count as they are among `links`, and not as they stand.
    """
    tree = relationship.tree
    if tree is None:
        return 0
    kind = f"l.{ident(tree.by)}" if tree.by else "NULL"
    up, down = f"{kind} IN ({_listed(tree.above)})", f"{kind} IN ({_listed(tree.below)})"
    if tree.by is None:
        up, down = "false", "true"
    # Whoever is linked to himself stands below himself, whatever the link is called.
    ends = ", ".join(
        f"CASE WHEN {up} THEN l.{one} ELSE l.{other} END AS {end}"
        for one, other, end in (("from_id", "to_id", "low"), ("to_id", "from_id", "high"))
    )
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {NEW} AS SELECT l._row, {ends} FROM ({links}) l "
        f"WHERE ({up}) OR ({down}) OR l.from_id = l.to_id"
    )
    place = table("crm", relationship.link_table)
    there = (
        f"SELECT {ends} FROM {place} l WHERE l.deleted_at IS NULL AND (({up}) OR ({down})) AND l.from_id IS NOT NULL "
        f"AND l.to_id IS NOT NULL AND l.id NOT IN ({changed})"
    )
    return find_circles(tx, there)


def find_circles(tx: Runner, there: str) -> int:
    """Climb from what is new over what is there and what else is new; returns how many come back to themselves."""
    if not tx.read(f"SELECT count(*) AS n FROM {NEW}").item():
        tx.execute(f"CREATE OR REPLACE TEMP TABLE {FOUND} (_row BIGINT)")
        return 0
    return tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {FOUND} AS WITH RECURSIVE edges AS ({there} "
        f"UNION ALL SELECT low, high FROM {NEW}), up(_row, low, node) AS (SELECT _row, low, high FROM {NEW} UNION "
        "SELECT u._row, u.low, e.high FROM up u JOIN edges e ON e.low = u.node WHERE u.node <> u.low) "
        "SELECT DISTINCT _row FROM up WHERE node = low"
    )


def in_words(name: str) -> str:
    """What is wrong with a link that closes a circle."""
    return (
        f"“{name.replace('_', ' ')}” would lead in a circle: a record cannot stand below itself, directly or over "
        "others. Choose another one, or take the link away that leads back."
    )


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(literal(value) for value in values) or "NULL"
