"""Links of a many-to-many that steps make and take away: stored as sets, one statement a kind of change."""

from sqlglot import exp

from crm_core.model import Catalog, Reference, ToMany
from crm_core.values.circles import FOUND, check_links, in_words
from flows.sides import SideTable, register
from lake import Transaction, ident, table

KIND = "links"
COLUMNS = {
    "link": "VARCHAR",
    "from_id": "UUID",
    "to_id": "UUID",
    "stays": "BOOLEAN",
    "own": "JSON",
    "defaults": "JSON",
}
"""A link as a step wants it: the link table, both ends, whether it is made or taken away, and its own values.

`own` are the values that the step names, by column; `defaults` those that a new link has without being told.
"""

_STAMPS = ("id", "from_id", "to_id", "created_at", "updated_at", "deleted_at", "change_id", "version")


def find_relationship(catalog: Catalog, module: str, slug: str) -> Reference | ToMany | None:
    """The relationship as the module sees it: a reference, or a many-to-many from either side; None for none."""
    found = catalog.reference(module, slug)
    if found is not None:
        return found
    many = catalog.list_named(module, slug)
    return many if many is not None and many.link_table else None


def known_relationships(catalog: Catalog, module: str) -> list[str]:
    """The relationships that can be linked from the module, by name."""
    many = [one.slug for one in catalog.to_many(module) if one.link_table]
    return sorted({*(one.slug for one in catalog.references(module)), *many})


def write(tx: Transaction, rows: str) -> None:
    """Make and take away links; where several steps want the same link otherwise, the last one counts."""
    for link in tx.read(f"SELECT DISTINCT link FROM {ident(rows)} ORDER BY link")["link"]:
        _write(tx, rows, str(link))


def check(tx: Transaction, catalog: Catalog, rows: str, failures: str) -> None:
    """Let the runs fail whose links would put a record below itself."""
    for rel in catalog.link_relationships:
        if rel.tree is None:
            continue
        told = rel.tree.by
        by = ""
        if told is not None:
            own, default = (f"json_extract_string({one}, '$.\"{told}\"')" for one in ("w.own", "w.defaults"))
            by = f", coalesce({own}, l.{ident(told)}, {default}) AS {ident(told)}"
        wanted = (
            f"FROM {ident(rows)} w LEFT JOIN {table('crm', rel.link_table)} l ON l.from_id = w.from_id "
            f"AND l.to_id = w.to_id AND l.deleted_at IS NULL WHERE w.link = {_text(rel.link_table)} AND w.stays "
            "AND w._skip IS NULL AND w.from_id IS NOT NULL AND w.to_id IS NOT NULL"
        )
        links = f"SELECT w.rowid AS _row, w.from_id, w.to_id{by} {wanted}"
        if check_links(tx, rel, links=links, changed=f"SELECT l.id {wanted} AND l.id IS NOT NULL"):
            tx.execute(
                f"INSERT INTO {ident(failures)} SELECT _run, _step, $words FROM {ident(rows)} "
                f"WHERE rowid IN (SELECT _row FROM {FOUND}) AND link = $link",
                {"words": in_words(rel.name), "link": rel.link_table},
            )


def _text(value: str) -> str:
    return exp.Literal.string(value).sql("duckdb")


register(KIND, SideTable(COLUMNS, write, check=check))


def _write(tx: Transaction, rows: str, link: str) -> None:
    there = table("crm", link)
    kinds = dict(tx.read(f"DESCRIBE {there}").select("column_name", "column_type").iter_rows())
    own = {name: kind for name, kind in kinds.items() if name not in _STAMPS}
    tx.execute(
        "CREATE OR REPLACE TEMP TABLE flow_links AS SELECT w.*, l.id AS there FROM ("
        "SELECT from_id, to_id, arg_max(stays, _ord) AS stays, arg_max(own, _ord) AS own, "
        "arg_max(defaults, _ord) AS defaults, arg_max(_run, _ord) AS run "
        f"FROM {ident(rows)} WHERE link = $link AND from_id IS NOT NULL AND to_id IS NOT NULL "
        f"GROUP BY from_id, to_id) w LEFT JOIN {there} l "
        "ON l.from_id = w.from_id AND l.to_id = w.to_id AND l.deleted_at IS NULL",
        {"link": link},
    )
    stamps = {"now": tx.occurred_at, "version": tx.snapshot}
    values = "".join(
        f", coalesce({_read('own', name, kind)}, {_read('defaults', name, kind)}) AS {ident(name)}"
        for name, kind in own.items()
    )
    tx.execute(
        f"INSERT INTO {there} BY NAME SELECT uuidv7() AS id, from_id, to_id, $now AS created_at, "
        f"$now AS updated_at, run AS change_id, $version AS version{values} FROM flow_links "
        "WHERE stays AND there IS NULL",
        stamps,
    )
    sets = "".join(
        f"{ident(name)} = CASE WHEN w.stays AND json_exists(w.own, '$.\"{name}\"') "
        f"THEN {_read('w.own', name, kind)} ELSE {there}.{ident(name)} END, "
        for name, kind in own.items()
    )
    differs = " OR ".join(
        ["NOT w.stays"]
        + [
            f"(json_exists(w.own, '$.\"{name}\"') AND l.{ident(name)} IS DISTINCT FROM {_read('w.own', name, kind)})"
            for name, kind in own.items()
        ]
    )
    tx.execute(
        f"UPDATE {there} SET {sets}deleted_at = CASE WHEN w.stays THEN NULL ELSE $now END, updated_at = $now, "
        f"change_id = w.run, version = $version FROM (SELECT w.* FROM flow_links w JOIN {there} l ON l.id = w.there "
        f"WHERE {differs}) w WHERE w.there = {there}.id",
        stamps,
    )


def _read(document: str, name: str, kind: str) -> str:
    """A column's value out of a JSON object; NULL where it does not name it."""
    path = f"'$.\"{name}\"'"
    if kind.endswith("[]"):
        return f"CAST(json_extract({document}, {path}) AS {kind})"
    return f"CAST(json_extract_string({document}, {path}) AS {kind})"
