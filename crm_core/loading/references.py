"""References by a key of the other module: found, or left pending until their target comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from crm_core.access import Actor
from crm_core.loading.mapping import Mapped
from crm_core.loading.reading import RAW
from crm_core.loading.targets import Place
from crm_core.model import Catalog, Reference
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.trees import column, lake_table, text, union_all
from crm_core.values.lookups import Runner
from lake import ident
from lake.ingest.sql import literal
from lake.ingest.typing import trimmed_sql

_BY_TEXT = ("text", "email", "auto_number", "phone", "url", "select")


@dataclass(frozen=True, kw_only=True)
class Referred:
    """One reference that the file brings.

    Attributes:
        reference: the column of the record.
        mapped: the column of the file.
        by_field: the field of the other module that the text is; any key when empty.
        which: the column of the file that names the module, where there may be several.
        table: a temp table `key, id, module, found`: what each distinct text leads to.
    """

    reference: Reference
    mapped: Mapped
    by_field: str
    which: Mapped | None
    table: str

    @property
    def slug(self) -> str:
        """The reference's slug."""
        return self.reference.slug

    @property
    def key_sql(self) -> str:
        """The text of a row of the file, over `load_raw`."""
        return trimmed_sql(ident(self.mapped.raw))

    @property
    def which_sql(self) -> str:
        """The module that a row names, or NULL."""
        return f"lower({trimmed_sql(ident(self.which.raw))})" if self.which else "CAST(NULL AS VARCHAR)"

    @property
    def rows_sql(self) -> str:
        """The rows `w` of the file that name anything (`_row, key, which`), and `f`, what that leads to: after FROM."""
        return (
            f"(SELECT rowid AS _row, {self.key_sql} AS key, {self.which_sql} AS which FROM {RAW}) w "
            f"JOIN {ident(self.table)} f ON f.key = w.key AND f.which IS NOT DISTINCT FROM w.which"
        )


def referred(mapped: Sequence[Mapped]) -> tuple[Referred, ...]:
    """The references that a mapping brings."""
    which = {m.target.slug: m for m in mapped if m.target and m.target.role == "which"}
    return tuple(
        Referred(
            reference=m.target.field,
            mapped=m,
            by_field=m.target.by_field,
            which=which.get(m.target.slug),
            table=f"load_ref_{m.position}",
        )
        for m in mapped
        if m.target and m.target.role == "reference" and isinstance(m.target.field, Reference)
    )


def find_targets(s: Runner, place: Place, one: Referred, *, actor: Actor) -> None:
    """Make the temp table of what each distinct text of a reference leads to: `id` is NULL when to nothing.

    Keys are tried in order: the id, unique fields and numbers, then the keys under which sources brought the records;
    the first that leads anywhere counts. `found` says to how many records; only one is taken.
    """
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {one.table}_asked AS SELECT DISTINCT {one.key_sql} AS key, "
        f"{one.which_sql} AS which FROM {RAW} WHERE {one.key_sql} IS NOT NULL"
    )
    lead(
        s,
        place.catalog,
        asked=f"{one.table}_asked",
        targets=one.reference.targets,
        by_field=one.by_field,
        actor=actor,
        into=one.table,
    )


def lead(
    s: Runner,
    catalog: Catalog,
    *,
    asked: str,
    targets: Sequence[str],
    by_field: str,
    actor: Actor,
    into: str,
    among: str | None = None,
) -> None:
    """Find the records that keys lead to.

    Args:
        s: a session or transaction.
        catalog: the definitions.
        asked: a temp table with `key` and `which` (a module, or NULL for any).
        targets: the modules that may be meant.
        by_field: the field that the key is; any key when empty.
        actor: who asks; what he does not see is not there.
        into: the temp table to make: `key, which, id, module, found`.
        among: a temp table with the `id` of the only records that count.
    """
    params = Params("k")
    hits = [
        _hit(catalog, module, expression, rank, asked, Relations(catalog, actor, params), among)
        for rank, (module, expression) in enumerate(_keys(catalog, targets, by_field))
    ]
    union = text(union_all(hits))
    s.execute(
        f"""CREATE OR REPLACE TEMP TABLE {ident(into)} AS
        WITH hits AS ({union}),
        best AS (SELECT key, which, min(rank) AS rank FROM hits GROUP BY ALL)
        SELECT a.key, a.which, any_value(h.id) AS id, any_value(h.module) AS module, count(DISTINCT h.id) AS found
        FROM {ident(asked)} a
        LEFT JOIN best b ON b.key = a.key AND b.which IS NOT DISTINCT FROM a.which
        LEFT JOIN hits h ON h.key = b.key AND h.which IS NOT DISTINCT FROM b.which AND h.rank = b.rank
        GROUP BY a.key, a.which""",
        params.values or None,
    )


def key_fields(catalog: Catalog, module: str) -> tuple[str, ...]:
    """The fields by which a record of a module can be told from every other."""
    own = catalog.module(module)
    return tuple(
        field.slug
        for field in own.fields
        if (field.unique or field.kind == "auto_number") and field.kind in _BY_TEXT
    )


def _keys(catalog: Catalog, targets: Sequence[str], by_field: str) -> Iterator[tuple[str, str]]:
    """(module, field or `id` or `source_key`), the most certain first."""
    known = [module for module in targets if module in catalog.modules]
    if by_field:
        yield from (
            (module, by_field) for module in known if by_field == "id" or _has(catalog, module, by_field)
        )
        return
    yield from ((module, "id") for module in known)
    yield from ((module, slug) for module in known for slug in key_fields(catalog, module))
    yield from ((module, "source_key") for module in known)


def _has(catalog: Catalog, module: str, slug: str) -> bool:
    return catalog.module(module).field(slug) is not None


def _hit(
    catalog: Catalog,
    module: str,
    key: str,
    rank: int,
    asked: str,
    relations: Relations,
    among: str | None,
) -> exp.Select:
    """The records of one module that asked keys lead to by one field."""
    wanted = exp.Table(
        this=exp.to_identifier(asked, quoted=True), alias=exp.TableAlias(this=exp.to_identifier("a"))
    )
    records = relations.visible(module, "t")
    asked_key = column("key", "a")
    if key == "id":
        on: exp.Expr = column("id", "t").eq(exp.TryCast(this=asked_key, to=exp.DataType.build("UUID")))
    elif key == "source_key":
        on = column("id", "t").eq(column("record_id", "p"))
    else:
        on = exp.cast(column(key, "t"), "VARCHAR").eq(asked_key)
    select = (
        exp.select(asked_key.copy(), column("which", "a"))
        .select(
            exp.Literal.number(rank).as_("rank"), exp.Literal.string(module).as_("module"), column("id", "t")
        )
        .from_(wanted)
    )
    if key == "source_key":
        source = lake_table(catalog.module(module).source_table, alias="p")
        select = select.join(source, on=column("source_key", "p").eq(asked_key.copy()))
    select = select.join(records, on=on)
    named = exp.or_(column("which", "a").is_(exp.null()), column("which", "a").eq(exp.Literal.string(module)))
    select = select.where(named)
    if among is not None:
        ids = exp.select(column("id")).from_(exp.Table(this=exp.to_identifier(among, quoted=True)))
        select = select.where(column("id", "t").isin(query=ids))
    return select


def pending_sql(found: Sequence[Referred], *, place: str, rows: str, load_id: str, source: str) -> list[str]:
    """Statements' SELECTs of the references of some rows that lead nowhere yet.

    Args:
        found: the references of the file.
        place: the table of the records, in schema `crm`.
        rows: a temp table with `_row` and `id`.
        load_id: the load.
        source: its source.
    """
    selects = []
    for one in found:
        targets = ", ".join(literal(module) for module in one.reference.targets)
        selects.append(
            f"SELECT uuidv7() AS id, {literal(place)} AS place, r.id AS record_id, {literal(one.slug)} AS field, "
            f"CASE WHEN f.which IS NULL THEN [{targets}] ELSE [f.which] END AS targets, "
            f"{literal(one.by_field)} AS by_field, f.key, {literal(source)} AS source, "
            f"CAST({literal(load_id)} AS UUID) AS load_id FROM {ident(rows)} r "
            f"JOIN ({one.rows_sql}) ON w._row = r._row WHERE f.found = 0"
        )
    return selects
