"""Delimited text into rows: exact lines, exact cells, and as fast as DuckDB's own reader where the text
allows.

DuckDB splits the file into physical lines, which it does exactly, in order and in parallel. What stands in
a line is then judged by our own grammar, since DuckDB's CSV reader knows no line numbers, and drops or
trims characters of texts that break RFC 4180. Three ways, the fastest that is exact:

- no quote in the file: a line is a record, split at the delimiter;
- every line is by itself a strict record of the right width: DuckDB's own reader, one row on each;
- anything else: records are found from the lines by a two-state automaton, computed as a window over sets.
"""

from __future__ import annotations

from dataclasses import dataclass

from lake.errors import StatementError
from lake.ingest.encoding import BAD_BYTE, WAS_CR, WAS_CRLF, Text
from lake.ingest.errors import ChangedWhileReadError
from lake.ingest.grammar import MOST_COLUMNS_MATCHED, Grammar
from lake.ingest.model import Dialect
from lake.ingest.rows import Growing
from lake.ingest.sql import literal
from lake.session import Session

_LONGEST_LINE = 16_000_000
_BUFFER = 32_000_000
_MOST_TORN_QUOTES = 50


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the sniffer settled about one text: where its rows begin and how wide they are.

    Attributes:
        first_line: the physical line on which the header begins, or the first row when there is none.
        header_lines: the physical lines that the header takes; 0 without one.
    """

    dialect: Dialect
    names: tuple[str, ...]
    first_line: int
    header_lines: int


def lines_sql(text: Text) -> str:
    """A relation of one column `l`: the physical lines in order, a blank one NULL. Binds `$path`."""
    return (
        f"(SELECT l FROM read_csv($path, columns = {{'l': 'VARCHAR'}}, delim = {literal(text.spare)}, "
        f"quote = '', escape = '', header = false, auto_detect = false, max_line_size = {_LONGEST_LINE}, "
        f"buffer_size = {_BUFFER}))"
    )


def stage_text(growing: Growing, text: Text, *, layout: Layout, name: str, file_no: int) -> tuple[int, int]:
    """Add a text's rows to the staged table.

    Returns:
        The rows that stay and the rows that will be dropped.

    Raises:
        ChangedWhileReadError: the file was written to meanwhile.
    """
    grammar = Grammar(layout.dialect, text.spare)
    quoted = layout.dialect.quote != "" and layout.dialect.quote in text.present
    columns = growing.place(layout.names)
    if not quoted:
        rows = _insert_lines(growing, text, layout=layout, columns=columns, name=name, file_no=file_no)
    else:
        # DuckDB's reader strips spaces around quotes, so where there are any it must be known to meet none.
        spaced = f"{layout.dialect.quote} " in text.present
        fits = _may_be_plain(text, layout=layout)
        if fits and spaced:
            fits = _all_plain(growing.session, text, grammar=grammar, layout=layout)
        plain = (
            _insert_plain(growing, text, layout=layout, columns=columns, file_no=file_no) if fits else None
        )
        if plain is None:
            rows = _insert_records(
                growing, text, grammar=grammar, layout=layout, columns=columns, file_no=file_no
            )
        else:
            rows = plain
    width = len(layout.names)
    surplus = f"array_to_string(({grammar.cells('text_')})[{width + 1}:], '') <> ''"
    dropped = growing.report(file_no=file_no, columns=width, surplus=surplus)
    return rows - dropped, dropped


def _insert_lines(
    growing: Growing, text: Text, *, layout: Layout, columns: list[str], name: str, file_no: int
) -> int:
    line = "l" if text.newline != "mixed" else _unmarked("l")
    source = f"(SELECT {line} AS l FROM {lines_sql(text)})" if line != "l" else lines_sql(text)
    before = growing.inserted
    cells = f"string_split(l, {literal(layout.dialect.delimiter)})"
    rows = f"SELECT NULL::BIGINT AS line, l AS text, {cells} AS p FROM {source}"
    select = _select(rows, columns, text=text, code="NULL")
    count = growing.insert(select, columns=columns, params={"path": str(text.path), "no": file_no})
    if count != text.lines:
        raise ChangedWhileReadError(name, expected=text.lines, received=count)
    growing.number_lines(before=before, first_line=1)
    growing.drop_lines(file_no=file_no, up_to=layout.first_line + layout.header_lines - 1)
    return growing.count(file_no)


def _may_be_plain(text: Text, *, layout: Layout) -> bool:
    odd = {"\x00", BAD_BYTE} & text.present
    return not odd and text.newline != "mixed" and not layout.dialect.backslash


def _all_plain(session: Session, text: Text, *, grammar: Grammar, layout: Layout) -> bool:
    """Whether every line is by itself a strict record of the right width."""
    width = len(layout.names)
    if width > MOST_COLUMNS_MATCHED:
        return False
    plain = grammar.is_plain("l", columns=width)
    found = session.read_arrow(
        f"SELECT count(*) FROM (SELECT 1 FROM {lines_sql(text)} WHERE l IS NULL OR NOT {plain} LIMIT $most)",
        {"path": str(text.path), "most": text.trailing_blank + 1},
    )
    return int(found.column(0)[0].as_py()) == text.trailing_blank


def _insert_plain(
    growing: Growing, text: Text, *, layout: Layout, columns: list[str], file_no: int
) -> int | None:
    """Let DuckDB's own reader do it; `None`, and nothing inserted, when a line is not exactly one record.

    In strict mode it refuses what is not RFC 4180. Since a record takes a line at least, as many records as
    lines means one on each, so that a row's number tells its line.
    """
    skipped = layout.first_line + layout.header_lines - 1
    dialect, before = layout.dialect, growing.inserted
    types = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(1, len(columns) + 1))
    cells = ", ".join(f"c{i}" for i in range(1, len(columns) + 1))
    # Nothing is NULL: an empty cell stays an empty text.
    source = (
        f"read_csv($path, columns = {{{types}}}, delim = {literal(dialect.delimiter)}, "
        f"quote = {literal(dialect.quote)}, escape = {literal(dialect.quote)}, "
        f"nullstr = {literal(text.spare)}, header = false, skip = {skipped}, auto_detect = false, "
        f"max_line_size = {_LONGEST_LINE}, buffer_size = {_BUFFER})"
    )
    expected = text.lines - text.trailing_blank - skipped
    try:
        count = growing.insert(
            f"SELECT $no, NULL, {len(columns)}, NULL, NULL, {cells} FROM {source}",
            columns=columns,
            params={"path": str(text.path), "no": file_no},
        )
    except StatementError:
        return None
    if count != expected:
        growing.take_back(before)
        return None
    growing.number_lines(before=before, first_line=skipped + 1)
    return count


def _insert_records(
    growing: Growing, text: Text, *, grammar: Grammar, layout: Layout, columns: list[str], file_no: int
) -> int:
    """Find the records among the lines, and their cells."""
    with growing.scratch_tables("lines", "marks", "spans", "inside", "torn"):
        _keep_lines(growing, text)
        _find_spans(growing, grammar=grammar, first_line=layout.first_line)
        lines, inside, torn = (growing.scratch(name) for name in ("lines", "inside", "torn"))
        records = f"""
            SELECT rowid + 1 AS line, l AS text FROM {lines}
            WHERE l <> '' AND rowid + 1 NOT IN (SELECT line FROM {inside})
            UNION ALL
            SELECT i.first AS line,
                string_agg(CASE WHEN i.line = i.last THEN l ELSE l || nl END, '' ORDER BY i.line) AS text
            FROM {inside} AS i JOIN {lines} AS x ON x.rowid + 1 = i.line GROUP BY i.first"""
        header_end = layout.first_line + min(layout.header_lines, 1) - 1
        rows = f"SELECT line, text, {grammar.cells('text')} AS p FROM ({records}) WHERE line > {header_end}"
        code = f"CASE WHEN line IN (SELECT line FROM {torn}) THEN 'unterminated_quote' END"
        select = _select(rows, columns, text=text, code=code)
        return growing.insert(select, columns=columns, params={"no": file_no})


def _keep_lines(growing: Growing, text: Text) -> None:
    end = {"\n": "'\n'", "\r\n": "'\r\n'"}.get(text.newline)
    if end is None:
        end = (
            f"CASE WHEN ends_with(l, {literal(WAS_CRLF)}) THEN '\r\n' "
            f"WHEN ends_with(l, {literal(WAS_CR)}) THEN '\r' ELSE '\n' END"
        )
    line = _unmarked("l") if text.newline == "mixed" else "l"
    growing.session.execute(
        f"CREATE OR REPLACE TEMP TABLE {growing.scratch('lines')} AS "
        f"SELECT coalesce({line}, '') AS l, {end} AS nl FROM {lines_sql(text)}",
        {"path": str(text.path)},
    )


def _find_spans(growing: Growing, *, grammar: Grammar, first_line: int) -> None:
    """Find the records of several lines: `inside(first, last, line)`.

    A line maps "begins inside quotes?" to "ends inside quotes?". Two of the four such maps forget what was
    before, one keeps and one flips it, so the state after a line is that of the last forgetful line,
    flipped so often as lines flipped since. A quote that is never closed is taken back, line by line, so
    that it costs its own row only.
    """
    session = growing.session
    lines, marks, spans = (growing.scratch(name) for name in ("lines", "marks", "spans"))
    inside, torn = growing.scratch("inside"), growing.scratch("torn")
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {marks} AS "
        f"SELECT rowid + 1 AS line, NOT {grammar.ends_outside('l')} AS opens, "
        f"NOT {grammar.closes('l')} AS stays "
        f"FROM {lines} WHERE {grammar.has_quote('l')} AND rowid + 1 >= $first",
        {"first": first_line},
    )
    session.execute(f"CREATE OR REPLACE TEMP TABLE {torn} (line BIGINT)")
    for attempt in range(_MOST_TORN_QUOTES + 1):
        session.execute(f"CREATE OR REPLACE TEMP TABLE {spans} AS {_spans_sql(marks)}")
        never_closed = session.read_arrow(f"SELECT first FROM {spans} WHERE last IS NULL")
        if not never_closed.num_rows or attempt == _MOST_TORN_QUOTES:
            break
        line = {"line": never_closed.column(0)[0].as_py()}
        session.execute(f"INSERT INTO {torn} VALUES ($line)", line)
        session.execute(f"DELETE FROM {marks} WHERE line = $line", line)
    session.execute(f"INSERT INTO {torn} SELECT first FROM {spans} WHERE last IS NULL")
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {inside} AS "
        f"SELECT first, last, unnest(range(first, last + 1)) AS line "
        f"FROM (SELECT first, coalesce(last, (SELECT count(*) FROM {lines})) AS last FROM {spans})"
    )


def _spans_sql(marks: str) -> str:
    so_far = "OVER (ORDER BY line ROWS UNBOUNDED PRECEDING)"
    return f"""
        WITH flips AS (
            SELECT line, CASE WHEN opens = stays THEN opens END AS settled,
                sum((opens AND NOT stays)::INTEGER) {so_far} AS flips FROM {marks}),
        anchored AS (
            SELECT line, flips, last_value(settled IGNORE NULLS) {so_far} AS settled,
                last_value(CASE WHEN settled IS NOT NULL THEN flips END IGNORE NULLS) {so_far} AS flips_then
            FROM flips),
        states AS (
            SELECT line, coalesce(settled, false) <> ((flips - coalesce(flips_then, 0)) % 2 = 1) AS after
            FROM anchored),
        turns AS (
            SELECT line, after, lag(after, 1, false) OVER (ORDER BY line) AS before FROM states)
        SELECT first, last FROM (
            SELECT line AS first, after, lead(line) OVER (ORDER BY line) AS last FROM turns WHERE before <>
            after)
        WHERE after"""


def _select(rows: str, columns: list[str], *, text: Text, code: str) -> str:
    """The shape that `Growing.insert` takes, from rows `(line, text, p)`."""
    width = len(columns)
    cells = ", ".join(f"p[{i}]" for i in range(1, width + 1))
    doubts = [f"len(p) <> {width}", f"{code} IS NOT NULL"]
    if "\x00" in text.present:
        doubts.append("contains(text, chr(0))")
    if BAD_BYTE in text.present:
        doubts.append(f"contains(text, {literal(BAD_BYTE)})")
    return (
        f"SELECT $no, line, CASE WHEN text IS NULL OR text = '' THEN 0 ELSE len(p) END, "
        f"CASE WHEN text <> '' AND ({' OR '.join(doubts)}) THEN text END, {code}, {cells} FROM ({rows})"
    )


def _unmarked(line: str) -> str:
    return f"rtrim({line}, {literal(WAS_CR + WAS_CRLF)})"
