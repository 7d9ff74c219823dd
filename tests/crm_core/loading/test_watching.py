"""A watched folder: what arrives is loaded once and moved aside, whatever happens to the process."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from crm_core.access import Actor
from crm_core.errors import Forbidden
from crm_core.loading import Arrived, LoadOptions, Watching, load, read_loads, undo, watch
from crm_core.loading.errors import FolderUnusable
from lake import Change, Lake
from tests.crm_core.conftest import ADMIN, PACK, VIEWER
from tests.crm_core.loading.conftest import Loading

ROOT = Path(__file__).resolve().parents[3]
BY_TAX_ID = LoadOptions(key=("tax_id",))


@pytest.fixture
def inbox(loading: Loading) -> Path:
    (loading.folder / "inbox").mkdir(parents=True)
    return loading.folder / "inbox"


def drop(inbox: Path, text: str, name: str = "a.csv", *, age: float = 60.0) -> Path:
    """A file that was written some seconds ago."""
    path = inbox / name
    path.write_text(text)
    os.utime(path, (time.time() - age,) * 2)
    return path


def look(loading: Loading, inbox: Path, options: LoadOptions = BY_TAX_ID, **more: object) -> list[Arrived]:
    found = watch(
        loading.crm.lake, inbox, module="customers", actor=ADMIN, options=options, once=True, **more
    )  # type: ignore[arg-type]
    return list(found)


def lying(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_what_lies_there_is_loaded_the_oldest_first_and_moved(loading: Loading, inbox: Path) -> None:
    drop(inbox, "tax id,name\nDE1,New\n", "a.csv", age=10)
    drop(inbox, "tax id,name\nDE1,Old\nDE2,Bob\n", "b.csv", age=100)
    drop(inbox, "what is this", "notes.docx")
    drop(inbox, "tax id,name\nDE3,Hidden\n", ".c.csv")
    found = look(loading, inbox)
    assert [(one.file, one.became) for one in found] == [("b.csv", "loaded"), ("a.csv", "loaded")]
    assert loading.rows("tax_id, name, source") == [("DE1", "New", "inbox"), ("DE2", "Bob", "inbox")]
    assert lying(inbox) == [".c.csv", "done/a.csv", "done/b.csv", "notes.docx"]


def test_what_cannot_be_loaded_is_set_aside_with_the_reason(loading: Loading, inbox: Path) -> None:
    drop(inbox, "foo,bar\n1,2\n", "a.csv", age=100)
    drop(inbox, "", "b.csv", age=90)
    drop(inbox, "tax id,name\nDE1,Anna\n", "c.csv", age=80)
    found = look(loading, inbox)
    assert [one.became for one in found] == ["failed", "failed", "loaded"]
    assert (inbox / "failed/a.csv.reason.txt").read_text().startswith("No column of the file belongs to")
    assert "empty" in (inbox / "failed/b.csv.reason.txt").read_text()
    assert loading.rows("name") == [("Anna",)]


def test_a_file_that_was_loaded_and_not_moved_is_not_loaded_twice(loading: Loading, inbox: Path) -> None:
    path = drop(inbox, "name\nAnna\n")
    done = load(
        loading.crm.lake, [path], module="customers", actor=ADMIN, options=LoadOptions(source="inbox")
    )
    [found] = look(loading, inbox, LoadOptions())
    assert (found.became, found.load_id, lying(inbox)) == ("known", done.load_id, ["done/a.csv"])
    assert len(read_loads(loading.crm.lake, actor=ADMIN)) == 1


def test_a_file_that_comes_back_later_counts_again(loading: Loading, inbox: Path) -> None:
    texts = ("tax id,name\nDE1,Anna\n", "tax id,name\nDE1,Anne\n", "tax id,name\nDE1,Anna\n")
    for text in texts:
        drop(inbox, text)
        assert [one.became for one in look(loading, inbox)] == ["loaded"]
    assert loading.rows("name") == [("Anna",)]
    assert lying(inbox) == ["done/a.2.csv", "done/a.3.csv", "done/a.csv"]
    last = read_loads(loading.crm.lake, actor=ADMIN)[0]
    undo(loading.crm.lake, last.load_id, actor=ADMIN)
    drop(inbox, texts[-1])
    assert [one.became for one in look(loading, inbox)] == ["loaded"]


def test_a_file_that_grows_is_left_alone_until_it_is_whole(loading: Loading, inbox: Path) -> None:
    watching, found = Watching(), list[Arrived]()

    def follow() -> None:
        found.extend(
            watch(
                loading.crm.lake, inbox, module="customers", actor=ADMIN, watching=watching, settle=0.6,
                options=BY_TAX_ID,
            )
        )  # fmt: skip

    thread = threading.Thread(target=follow)
    thread.start()
    with (inbox / "a.csv").open("w") as file:
        for line in ("tax id,name\n", "DE1,Anna\n", "DE2,Bob\n"):
            file.write(line)
            file.flush()
            time.sleep(0.3)
            assert not found
    until(lambda: (inbox / "done/a.csv").exists())
    watching.end()
    thread.join(10)
    assert [(one.became, one.result and one.result.inserted) for one in found] == [("loaded", 2)]


def test_a_lake_that_cannot_be_written_is_tried_again(loading: Loading, inbox: Path) -> None:
    drop(inbox, "tax id,name\nDE1,Anna\n")
    release, held = threading.Event(), threading.Event()
    other = threading.Thread(target=hold_the_lock, args=(loading, held, release))
    other.start()
    held.wait(20)
    with Lake.open(replace(loading.crm.lake.config, lock_timeout=0.2)) as impatient:
        found = watch(impatient, inbox, module="customers", actor=ADMIN, options=BY_TAX_ID)
        with closing(found):
            assert next(found).became == "waiting"
            release.set()
            other.join(20)
            assert next(found).became == "loaded"


def hold_the_lock(loading: Loading, held: threading.Event, release: threading.Event) -> None:
    def work(tx: object) -> None:
        held.set()
        release.wait(20)

    loading.crm.lake.commit(work, Change(actor="other", door="test"))


@pytest.mark.parametrize("actor", [VIEWER, Actor("x", "viewer")], ids=["viewer", "nobody"])
def test_who_only_looks_does_not_watch(looking: Loading, tmp_path: Path, actor: Actor) -> None:
    with pytest.raises(Forbidden):
        watch(looking.crm.lake, tmp_path, module="customers", actor=actor)


def test_a_folder_that_is_none_is_refused(looking: Loading, tmp_path: Path) -> None:
    with pytest.raises(FolderUnusable, match="cannot be watched"):
        watch(looking.crm.lake, tmp_path / "nowhere", module="customers", actor=ADMIN)


def until(holds: object, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def start(started: list[subprocess.Popen[str]], lake: Lake, inbox: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-c",
        "from cli import app; app()",
        "watch",
        str(inbox),
        "--module",
        "customers",
    ]
    place = {"MERGANSER_CATALOG": lake.config.catalog, "MERGANSER_DATA": lake.config.data_path}
    env = os.environ | place | {"MERGANSER_HOME": str(inbox.parent), "MERGANSER_PACK": str(PACK)}
    process = subprocess.Popen(
        [*command, "--json"], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    started.append(process)
    return process


def test_the_terminal_watches_survives_a_kill_and_ends_with_ctrl_c(
    terminal: list[subprocess.Popen[str]], loading: Loading, inbox: Path
) -> None:
    drop(inbox, "name\nAnna\n")
    first = start(terminal, loading.crm.lake, inbox)
    until(lambda: (inbox / "done/a.csv").exists())
    drop(inbox, "name\n" + "".join(f"Person {n}\n" for n in range(5000)), "many.csv")
    time.sleep(random.uniform(0.1, 1.0))
    first.send_signal(signal.SIGKILL)
    first.wait()
    # The first may have come to its end before it was killed: only a file that came since shows the second at work.
    drop(inbox, "name\nBerta\n", "last.csv")
    second = start(terminal, loading.crm.lake, inbox)
    until(lambda: all((inbox / "done" / name).exists() for name in ("many.csv", "last.csv")))
    second.send_signal(signal.SIGINT)
    out, err = second.communicate(timeout=60)
    assert (second.returncode, out.startswith("[")) == (0, True), err
    assert loading.crm.lake.read("SELECT count(*) AS n FROM lake.crm.customers").item() == 5002
