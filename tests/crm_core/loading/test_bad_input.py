"""Input that cannot be loaded: one clear error, and the lake is as it was."""

from __future__ import annotations

import gzip
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from crm_core.loading import Contract, Formats, download_rejects, load
from crm_core.problems import problem_of
from lake import Lake
from lake.errors import LakeLockedError
from tests.crm_core.conftest import ADMIN
from tests.crm_core.loading.conftest import Loading

PEOPLE = "tax id,name\nDE1,Anna\nDE2,Bob\n"


def state(lake: Lake) -> tuple[int, list[str]]:
    """The snapshot, and every file of the lake's data."""
    return lake.snapshot(), sorted(
        str(path) for path in Path(lake.config.data_path).rglob("*") if path.is_file()
    )


@pytest.mark.parametrize(
    ("name", "data", "formats", "words"),
    [
        ("empty.csv", b"", {}, "is empty"),
        ("blank.csv", b"\n\n \n", {}, "is empty"),
        ("empty.xlsx", b"", {}, "is empty|not those of xlsx|cannot be read"),
        ("junk.csv", bytes(range(256)) * 40, {}, "not text"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + b"\x00" * 99, {}, "a PNG picture"),
        ("old.xls", b"\xd0\xcf\x11\xe0" + b"\x00" * 99, {}, "save it as .xlsx"),
        ("cut.csv.gz", gzip.compress(PEOPLE.encode() * 999, mtime=0)[:-9], {}, "damaged"),
        ("cut.parquet", b"PAR1" + b"x" * 99, {}, "Parquet"),
        ("zip.xlsx", b"PK\x03\x04" + b"x" * 99, {}, "damaged"),
        ("forced.csv", PEOPLE.encode(), {"encoding": "utf-16"}, "not text in utf-16"),
        ("marked.csv", PEOPLE.encode("utf-16"), {"encoding": "utf-8"}, "not text in utf-8"),
        ("unknown.csv", PEOPLE.encode(), {"encoding": "klingon"}, "klingon"),
        ("sheet.csv", b"one\ntwo\n", {}, "No column of the file"),
    ],
)
def test_what_cannot_be_read_leaves_the_lake_as_it_was(
    looking: Loading, name: str, data: bytes, formats: dict[str, str], words: str
) -> None:
    lake = looking.crm.lake
    before = state(lake)
    with pytest.raises(Exception, match=words) as raised:
        looking.load(data, name=name, formats=Formats(**formats))  # type: ignore[arg-type]
    problem = problem_of(raised.value)
    assert 400 <= problem["status"] < 500 and "\n" not in problem["detail"]
    assert name in problem["detail"] or "No column" in problem["detail"]
    assert state(lake) == before


def test_one_bad_file_of_several_stops_all(loading: Loading) -> None:
    paths = [loading.write(PEOPLE, "good.csv"), loading.write(b"PAR1junk", "bad.parquet")]
    before = state(loading.crm.lake)
    with pytest.raises(Exception, match=r"bad\.parquet"):
        load(loading.crm.lake, paths, module="customers", actor=ADMIN)
    assert state(loading.crm.lake) == before
    assert load(loading.crm.lake, paths[:1], module="customers", actor=ADMIN).inserted == 2


def test_a_lake_that_another_holds_is_waited_for_and_then_said(loading: Loading) -> None:
    lake, path = loading.crm.lake, loading.write(PEOPLE)
    before = state(lake)
    with Lake.open(replace(lake.config, lock_timeout=0.3)) as impatient:
        with lake.door.hold(), pytest.raises(LakeLockedError, match="locked by another process") as raised:
            load(impatient, [path], module="customers", actor=ADMIN)
        assert problem_of(raised.value)["status"] == 503
        assert state(lake) == before
        assert load(impatient, [path], module="customers", actor=ADMIN).inserted == 2


# No file of it may become larger than what the catalog needs: as on a disk that is full.
CROWDED = """
import resource, sys
from pathlib import Path
from crm_core.access import Actor
from crm_core.loading import load
from lake import Lake, LakeConfig
from lake.errors import StorageFullError

catalog, data, large, small, limit = sys.argv[1:]
with Lake.open(LakeConfig(catalog=catalog, data_path=data, threads=2)) as lake:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    for path in (large, small):
        try:
            print(load(lake, [Path(path)], module="customers", actor=Actor.local_admin()).inserted)
        except StorageFullError as error:
            print(error)
"""


@pytest.mark.parametrize("packed", [False, True], ids=["while writing", "while reading"])
def test_a_disk_that_fills_is_said_and_the_next_load_works(loading: Loading, packed: bool) -> None:
    lake = loading.crm.lake
    text = "name,notes\n" + "".join(f"Person {n},{n * 7919**9:x}{n**12:x}\n" for n in range(30_000))
    large = loading.write(gzip.compress(text.encode()) if packed else text, f"large.csv{'.gz' * packed}")
    before = state(lake)
    catalog = Path(lake.config.catalog.removeprefix("sqlite:"))
    limit = max(1_500_000, 2 * catalog.stat().st_size if catalog.exists() else 0)
    paths = [str(large), str(loading.write(PEOPLE, "small.csv"))]
    command = [sys.executable, "-c", CROWDED, lake.config.catalog, lake.config.data_path, *paths, str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    full, small = done.stdout.splitlines() or [done.stderr, ""]
    assert "No space is left" in full and small == "2", done
    assert lake.snapshot() == before[0] + 1
    assert not [path for path in state(lake)[1] if path not in before[1]]
    assert loading.rows("name") == [("Anna",), ("Bob",)]


NASTY = """it's; DROP TABLE "customers"; -- <b>&$1 {{ 7*7 }} %s"""


def test_nasty_names_of_files_headers_and_fields_are_only_names(loading: Loading) -> None:
    quoted = '"' + NASTY.replace('"', '""') + '"'
    text = f"tax id,{quoted},age,More {quoted[1:-1]}\nDE1,{quoted},old,x\n".replace(
        f"More {quoted[1:-1]}", f'"More {quoted[1:]}'
    )
    contract = Contract(source=NASTY, module="customers", key=("tax_id",), columns={NASTY: "name"})
    result = loading.load(text, contract=contract, evolve=True, name=f"{NASTY.replace('/', ' ')}.csv")
    assert (result.inserted, result.values_rejected) == (1, 1)
    assert loading.rows("name, source, age") == [(NASTY, NASTY, None)]
    mended = download_rejects(loading.crm.lake, result.load_id, actor=ADMIN).decode().replace(",old,", ",7,")
    again = loading.load(mended, contract=contract, name="mended.csv")
    assert (again.updated, loading.rows("name, age")) == (1, [(NASTY, 7)])
