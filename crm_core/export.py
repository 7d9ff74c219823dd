"""Records and query results as CSV, Excel, JSON and Parquet: streamed, and safe to open in a spreadsheet."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition, value_expression
from crm_core.export_xlsx import xlsx_pieces
from crm_core.model import All, Catalog, Condition
from crm_core.model.fields import ADDRESS_PARTS, AddressField, MoneyField
from crm_core.page_rows import parse_sort
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.shape import to_json_value
from crm_core.trees import amount_text, column, function, text
from lake import Lake

Format = Literal["csv", "ndjson", "json", "parquet", "xlsx"]
MEDIA_TYPES: dict[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
CHUNK_ROWS = 50_000
_ROW = "r"
# What a spreadsheet takes for a formula, and what is harmless though it begins so: numbers, phones, dates.
_FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
_HARMLESS = r"^[+-]?[0-9][0-9 .,()/:-]*$"


def export_module(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    actor: Actor,
    format: Format = "csv",
    condition: Condition | None = None,
    sort: str | Sequence[str] = (),
    at: int | None = None,
) -> Iterator[bytes]:
    """The visible matching records of a module, all of one snapshot, in pieces of some thousand rows.

    CSV, Excel and Parquet have one row a record under the names of the lake's columns, so that they can be loaded
    again; JSON has the shape of the API.

    Raises:
        ConditionInvalid: When the condition or the order cannot be used.
        UnknownModule: When there is no such module.
    """
    relations = Relations(catalog, actor, Params(), at if at is not None else lake.snapshot())
    scope = Scope(catalog.module(module).slug, _ROW, relations)
    flat = format in ("csv", "parquet", "xlsx")
    shown = _flat_columns(catalog, module) if flat else [_json_object(catalog, module)]
    select = (
        exp.select(*shown)
        .from_(relations.table(module, _ROW))
        .where(relations.predicate(module, _ROW), compile_condition(condition or All(), scope))
    )
    order = [
        exp.Ordered(this=value_expression(key.path.text, scope), desc=key.descending, nulls_first=False)
        for key in parse_sort(catalog, module, sort)
    ]
    order.append(exp.Ordered(this=column("id", _ROW), desc=False))
    frames = _frames(lake, select, order, relations.params.values)
    if format == "xlsx":
        return xlsx_pieces(frames)
    return _parquet(frames) if format == "parquet" else _pieces(frames, format)


def _frames(
    lake: Lake, select: exp.Select, order: Sequence[exp.Ordered], values: dict[str, Any]
) -> Iterator[pl.DataFrame]:
    """The rows in frames of some thousand; the last one is not full, and may be empty."""
    frame = lake.read(text(select.order_by(*order).limit(CHUNK_ROWS)), values)
    if frame.height < CHUNK_ROWS:
        yield frame
        return
    # More are put in order once, and not again for each frame; the engine keeps them on disk where they are many.
    place = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=[one.copy() for one in order]))
    with lake.session(bulk=True) as s:
        ordered = text(select.select(exp.alias_(place, "export_place")))
        s.execute(
            f"CREATE OR REPLACE TEMP TABLE export_rows AS SELECT * FROM ({ordered}) ORDER BY export_place",
            values,
        )
        after = 0
        while True:
            frame = s.read(
                "SELECT * EXCLUDE (export_place) FROM export_rows WHERE export_place > $after AND "
                "export_place <= $until ORDER BY export_place",
                {"after": after, "until": after + CHUNK_ROWS},
            )
            yield frame
            if frame.height < CHUNK_ROWS:
                return
            after += CHUNK_ROWS


def _pieces(frames: Iterator[pl.DataFrame], format: Format) -> Iterator[bytes]:
    for number, frame in enumerate(frames):
        first, last = number == 0, frame.height < CHUNK_ROWS
        if format == "csv":
            yield frame_as_csv(frame, header=first)
        else:
            yield _joined(frame.to_series(), format, first=first, last=last)


class _Outlet(io.RawIOBase):
    """A file that is only written to, and hands on what was."""

    def __init__(self) -> None:
        self._waiting, self._position = bytearray(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._waiting += piece
        self._position += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._position

    def taken(self) -> bytes:
        """What was written since the last time."""
        piece = bytes(self._waiting)
        self._waiting.clear()
        return piece


def _parquet(frames: Iterator[pl.DataFrame]) -> Iterator[bytes]:
    """One file, a row group for each frame, each handed on once it is written."""
    outlet, first = _Outlet(), next(frames).to_arrow()
    with pq.ParquetWriter(outlet, first.schema) as writer:
        writer.write_table(first)
        yield outlet.taken()
        for frame in frames:
            writer.write_table(frame.to_arrow().cast(first.schema))
            yield outlet.taken()
    yield outlet.taken()


def _joined(lines: pl.Series, format: Format, *, first: bool, last: bool) -> bytes:
    separator = "\n" if format == "ndjson" else ",\n"
    body = str(lines.str.join(separator).item() or "") if len(lines) else ""
    if format == "ndjson":
        return (body + "\n").encode() if body else b""
    start = "[" if first else separator if body else ""
    return (start + body + ("]\n" if last else "")).encode()


def _flat_columns(catalog: Catalog, module: str) -> list[exp.Expr]:
    return [column(name, _ROW) for name in catalog.columns(module) if name != "deleted_at"]


def _json_object(catalog: Catalog, module: str) -> exp.Expr:
    """The record as the API shows it, built by the engine: one text a row."""
    own = catalog.module(module)
    compound = {field.slug for field in own.fields if isinstance(field, (MoneyField, AddressField))}
    parts: dict[str, exp.Expr] = {}
    for name, kind in catalog.columns(module).items():
        base = name.partition("__")[0]
        if base in compound or name.endswith("__module"):
            continue
        parts[name] = _json_value(column(name, _ROW), kind)
    for field in own.fields:
        if isinstance(field, MoneyField):
            parts[field.slug] = _money(field.slug)
        elif isinstance(field, AddressField):
            parts[field.slug] = _address(field.slug)
    for reference in catalog.references(module):
        if reference.polymorphic:
            target = _object(
                {"module": column(reference.module_column, _ROW), "id": column(reference.slug, _ROW)}
            )
            parts[reference.slug] = _unless_null(column(reference.slug, _ROW), target)
    return exp.cast(_object(parts), "VARCHAR").as_("line")


def _json_value(value: exp.Expr, kind: str) -> exp.Expr:
    if kind == "TIMESTAMPTZ":
        return function("strftime", value, exp.Literal.string("%Y-%m-%dT%H:%M:%S.%gZ"))
    return value


def _money(slug: str) -> exp.Expr:
    amount = column(slug, _ROW)
    return _unless_null(
        amount, _object({"amount": amount_text(amount), "currency": column(f"{slug}__currency", _ROW)})
    )


def _address(slug: str) -> exp.Expr:
    parts = {part: column(f"{slug}__{part}", _ROW) for part in ADDRESS_PARTS}
    any_part = exp.Coalesce(this=next(iter(parts.values())).copy(), expressions=list(parts.values())[1:])
    return _unless_null(any_part, _object(parts))


def _object(parts: Mapping[str, exp.Expr]) -> exp.Expr:
    pairs: list[exp.Expr] = []
    for name, value in parts.items():
        pairs += [exp.Literal.string(name), value.copy()]
    return function("json_object", *pairs)


def _unless_null(value: exp.Expr, then: exp.Expr) -> exp.Expr:
    return exp.Case(ifs=[exp.If(this=exp.not_(value.copy().is_(exp.null())), true=then)])


def frame_as_csv(frame: pl.DataFrame, *, header: bool = True) -> bytes:
    """A frame as CSV (RFC 4180, UTF-8); lists joined by `; `, instants ISO 8601, formulas made harmless."""
    return (
        frame.select(_csv_cell(name, kind) for name, kind in frame.schema.items())
        .write_csv(include_header=header, line_terminator="\r\n")
        .encode()
    )


def frame_as_parquet(frame: pl.DataFrame) -> bytes:
    """A frame as one Parquet file."""
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


def _csv_cell(name: str, kind: pl.DataType) -> pl.Expr:
    cell = pl.col(name)
    if isinstance(kind, pl.List):
        cell = cell.cast(pl.List(pl.String)).list.join("; ")
    elif isinstance(kind, pl.Datetime):
        return cell.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").alias(name)
    elif kind != pl.String:
        return cell
    formula = cell.str.contains(_FORMULA) & ~cell.str.contains(_HARMLESS)
    return pl.when(formula).then(pl.lit("'") + cell).otherwise(cell).alias(name)


def table_as_csv(table: pa.Table) -> bytes:
    """A query's result as CSV."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame_as_csv(frame)


def table_as_rows(table: pa.Table, types: Sequence[str] = ()) -> list[dict[str, Any]]:
    """A query's result as plain rows of JSON: decimals as numbers, instants with `Z`, NaN and infinity None.

    `types` are DuckDB's names of the columns' types; with them, JSON columns become what they describe.
    """
    documents = [name for name, kind in zip(table.column_names, types, strict=False) if kind == "JSON"]
    rows: list[dict[str, Any]] = [
        {name: _json_cell(value) for name, value in row.items()} for row in table.to_pylist()
    ]
    for row in rows if documents else ():
        for name in documents:
            if row[name] is not None:
                row[name] = json.loads(row[name])
    return rows


def _json_cell(value: Any) -> Any:
    match value:
        case datetime():
            return to_json_value(value if value.tzinfo else value.replace(tzinfo=UTC))
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return value.hex()
        case list():
            return [_json_cell(item) for item in value]
        case dict():
            return {str(key): _json_cell(item) for key, item in value.items()}
        case tuple():
            return [_json_cell(item) for item in value]
    return to_json_value(value)
