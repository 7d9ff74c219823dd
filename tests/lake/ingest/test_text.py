"""Delimited text: every cell as Python's own reader sees it, every row with the line on which it begins."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lake import Session
from lake.ingest import Options, stage
from tests.lake.ingest.conftest import Read, see

ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\r\n\r\n"])
PLAIN = st.text(alphabet="ab é;'\t", max_size=4)
QUOTED = st.text(alphabet='ab,"\n\r ', max_size=5).map(lambda text: '"' + text.replace('"', '""') + '"')
DIRTY = st.text(alphabet='ab," \n', max_size=5)


def rows_by_python(text: str) -> list[tuple[int, list[str]]]:
    reader, before, rows = csv.reader(io.StringIO(text, newline="")), 0, []
    for cells in reader:
        if cells:
            rows.append((before + 1, cells))
        before = reader.line_num
    return rows


@st.composite
def dirty_files(draw: st.DrawFn) -> str:
    end = draw(st.one_of(st.just(st.just("\n")), st.just(st.just("\r\n")), st.just(ENDS)))
    cell = draw(st.sampled_from([PLAIN, st.one_of(PLAIN, QUOTED), QUOTED, st.one_of(PLAIN, QUOTED, DIRTY)]))
    widths = draw(st.lists(st.sampled_from([3, 3, 3, 3, 1, 2, 4, 5]), max_size=7))
    lines = ["h1,h2,h3", *(",".join(draw(cell) for _ in range(width)) for width in widths)]
    text = "".join(line + draw(end) for line in lines)
    return text.rstrip("\r\n") if draw(st.booleans()) else text


@settings(max_examples=120, deadline=None)
@given(text=dirty_files())
def test_rows_and_lines_are_those_that_pythons_reader_finds(
    session: Session, text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ends_open = rows_by_python(text + "\nend,end,end\n")[-1][1] != ["end", "end", "end"]
    assume(not ends_open)
    path = tmp_path_factory.mktemp("generated") / "file.csv"
    path.write_bytes(text.encode())
    options = Options(delimiter=",", quote='"', escape='"', header=True)
    staged = stage(session, [path], options=options)
    assume(len(staged.columns) == 3)
    seen = see(session, staged)
    expected = rows_by_python(text)[1:]
    too_long = [(line, "too_many_cells") for line, cells in expected if any(cells[3:])]
    kept = [(line, *(cells + [None] * 3)[:3]) for line, cells in expected if not any(cells[3:])]
    assert seen.rows == kept
    assert seen.dropped == too_long
    assert seen.noted == [(line, "too_few_cells") for line, cells in expected if len(cells) < 3]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param("a,b\n1,2\n3,4", [(2, "1", "2"), (3, "3", "4")], id="no end at the end"),
        pytest.param("\n\na,b\n\n1,2\n\n\n3,4\n\n", [(5, "1", "2"), (8, "3", "4")], id="blank lines"),
        pytest.param('a,b\n1,"x\ny"\n3,4\n', [(2, "1", "x\ny"), (4, "3", "4")], id="quoted newline"),
        pytest.param('a,b\r\n1,"x\n\ny"\r\n3,4\r\n', [(2, "1", "x\n\ny"), (5, "3", "4")], id="mixed ends"),
        pytest.param("a,b\r1,2\r3,4\r", [(2, "1", "2"), (3, "3", "4")], id="carriage returns"),
        pytest.param('"a","b"\n"1","2"\n"","x,y"\n', [(2, "1", "2"), (3, "", "x,y")], id="all quoted"),
        pytest.param('a,b\n 1 , "2 x"\n', [(2, " 1 ", ' "2 x"')], id="spaces stay"),
        pytest.param('a,b\n5" pipe,"x"y\n', [(2, '5" pipe', "xy")], id="quotes where none belong"),
        pytest.param('"a\nb",c\n1,2\n', [(3, "1", "2")], id="header of two lines"),
        pytest.param('a,b\n1,"say \\"hi\\", ok"\n2,x\n', [(2, "1", 'say "hi", ok'), (3, "2", "x")], id="\\"),
        pytest.param("a;b\n'1';'x; y'\n'2';'z'\n", [(2, "1", "x; y"), (3, "2", "z")], id="single quotes"),
        pytest.param(
            'a,"b;c;""d"""\n1,"x;y;""z"""\n', [(2, "1", 'x;y;"z"')], id="another delimiter in every quoted cell"
        ),
        pytest.param("sep=|\na|b\n1|2\n", [(3, "1", "2")], id="a line that names the delimiter"),
        pytest.param("name\nAnn\n\nBob, jr\n", [(2, "Ann"), (4, "Bob, jr")], id="one column"),
        pytest.param("a\tb\n1,5\t2\n", [(2, "1,5", "2")], id="tabs"),
        pytest.param("1,a@b.de\n2,c@d.de\n", [(1, "1", "a@b.de"), (2, "2", "c@d.de")], id="no header"),
    ],
)  # fmt: skip
def test_cells_and_lines(read: Read, text: str, rows: list[tuple[object, ...]]) -> None:
    assert read(text).rows == rows


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        pytest.param(
            "name,,Name,name\n1,2,3,4\n", ("name", "column_2", "Name_2", "name_3"), id="empty and twice"
        ),
        pytest.param("a,b,,\n1,2,,\n", ("a", "b"), id="delimiters at every end"),
        pytest.param("a,b\n1,2,3\n1,2,3\n1,2,3\n", ("a", "b", "column_3"), id="rows wider than the header"),
        pytest.param("name,2023,2024\nAnn,1,2\n", ("name", "2023", "2024"), id="years as names"),
        pytest.param("4711,Ann,2024-01-31\n", ("column_1", "column_2", "column_3"), id="no header"),
    ],
)
def test_names_of_columns(read: Read, text: str, columns: tuple[str, ...]) -> None:
    assert read(text).staged.columns == columns


def test_a_row_too_long_is_dropped_and_one_too_short_is_kept_and_noted(read: Read) -> None:
    seen = read("a,b,c\n1,2\n1,2,3,4\n1,2,3,,\n5,6,7\n")
    assert seen.rows == [(2, "1", "2", None), (4, "1", "2", "3"), (5, "5", "6", "7")]
    assert seen.dropped == [(3, "too_many_cells")]
    assert seen.noted == [(2, "too_few_cells")]


@pytest.mark.parametrize("quoted", ["", '"x"'], ids=["no quotes", "quotes"])
def test_a_row_with_u0000_is_dropped_alone(read: Read, quoted: str, session: Session) -> None:
    seen = read(f"a,b\n1,x\x00y\n2,{quoted}\n")
    assert seen.rows == [(3, "2", quoted.strip('"'))]
    assert seen.dropped == [(2, "nul_character")]
    assert session.read("SELECT value FROM raw_defects").item() == "1,x\\x00y"


def test_a_quote_that_is_never_closed_costs_its_own_row_only(read: Read) -> None:
    seen = read('a,b\n1,"x"\n2,"z\n3,q\n4,w\n')
    assert seen.rows == [(2, "1", "x"), (4, "3", "q"), (5, "4", "w")]
    assert seen.dropped == [(3, "unterminated_quote")]


def test_a_header_alone_is_no_rows(read: Read) -> None:
    seen = read("a,b\n")
    assert (seen.staged.columns, seen.rows) == (("a", "b"), [])


def test_lines_to_skip_still_count(read: Read) -> None:
    assert read('Report, "of today\n\na,b\n1,2\n', skip=2).rows == [(4, "1", "2")]


def test_three_files_are_one_relation_by_name(session: Session, tmp_path: Path) -> None:
    for name, text in {"1.csv": "a,b\n1,2\n", "2.csv": "b;A\n3;4\n", "3.csv": 'a,c\n5,"6\n7"\n8,9\n'}.items():
        (tmp_path / name).write_text(text)
    seen = see(session, stage(session, [tmp_path]))
    assert seen.staged.columns == ("a", "b", "c")
    assert seen.rows == [
        (2, "1", "2", None),
        (2, "4", "3", None),
        (2, "5", None, "6\n7"),
        (4, "8", None, "9"),
    ]
    assert [file.rows for file in seen.staged.files] == [1, 1, 2]
