"""A kind of field counts when it comes through every way in and out.

Made by the configurator's form, loaded from CSV, met by a flow, filtered and sorted, edited in the browser, read by
API and export, and seen in the history. All kinds take the way together, each is judged by itself.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from api.app import connect, create_api
from crm_core import people, records, serving, shaping, uploads
from crm_core.access import Actor
from crm_core.definitions import save
from crm_core.history import read_history
from crm_core.loading import LoadOptions, load
from crm_core.model import FIELD_KINDS
from crm_core.settings import read_settings
from crm_core.workspace import Workspace, open_workspace
from flows import schema_sql, store
from flows.runner import run_until_current
from tests.kinds.cases import CASES, FILE, Case

ADMIN = Actor.local_admin()
MODULE = "things"
PACK = """
workspace: {country: DE, currency: EUR, time_zone: Europe/Berlin}
modules:
  - {slug: things, title: name, fields: [{slug: name, kind: text}], sections: [{slug: details, fields: [name]}]}
  - slug: files
    title: name
    fields:
      - {slug: name, kind: text}
      - {slug: sha256, kind: text}
      - {slug: size, kind: integer}
      - {slug: media_type, kind: text}
      - {slug: uploader, kind: user}
"""


@dataclass(frozen=True)
class Journey:
    """What was seen on the way: by name of the record, or by slug of the field."""

    loaded: dict[str, dict[str, Any]]
    met: dict[str, list[str]]
    filtered: dict[str, list[str]]
    sorted: dict[str, list[str]]
    widgets: dict[str, Any]
    edited: dict[str, Any]
    csv: dict[str, str]
    parquet: dict[str, Any]
    history: list[dict[str, Any]]
    files: tuple[str, str]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace with a module and two users, which the pages of this process share."""
    home = tmp_path_factory.mktemp("kinds")
    pack = home / "pack.yaml"
    pack.write_text(PACK)
    settings = read_settings({}, home=home / "home", pack=str(pack), threads=1)
    with open_workspace(settings, schemas=[schema_sql()]) as opened:
        users = [people.User(name, name.title(), role="admin") for name in ("ann", "bob")]
        people.save_users(opened.lake, users, actor=ADMIN)
        serving.serve(opened)
        yield opened
        serving.stop()


@pytest.fixture(scope="module")
def journey(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """All kinds on their way."""
    make_fields(workspace)
    file = records.create(workspace.lake, module="files", values={"name": "f1"}, actor=ADMIN).id
    store.apply_flows(workspace.lake, [flow_of(case, file) for case in CASES], actor=ADMIN)
    load_csv(workspace, tmp_path_factory.mktemp("csv") / "things.csv", file)
    run_until_current(workspace.lake)
    with client(workspace) as api:
        loaded = {item["name"]: item for item in listed(api)}
        filtered = {case.slug: names(listed(api, filter=json.dumps(leaf(case, file)))) for case in CASES}
        ordered = {key: names(listed(api, sort=key)) for case in CASES for key in orders(case)}
        widgets = edit_in_the_browser(loaded["one"]["id"])
        edited = api.get(f"/v1/modules/{MODULE}/records/{loaded['one']['id']}").json()
        exports = {form: exported(api, form) for form in ("csv", "parquet")}
    history = read_history(
        workspace.lake, workspace.catalog, module=MODULE, record_id=loaded["one"]["id"], actor=ADMIN
    )
    return Journey(
        loaded, {name: item["tags"] or [] for name, item in loaded.items()}, filtered, ordered, widgets, edited,
        one_of(list(csv.DictReader(io.StringIO(exports["csv"].decode("utf-8-sig"))))),
        one_of(pl.read_parquet(io.BytesIO(exports["parquet"])).to_dicts()),
        history, (file, (edited["the_file"] or [""])[-1]),
    )  # fmt: skip


def make_fields(workspace: Workspace) -> None:
    """As the configurator's form makes them, one by one."""
    for case in CASES:
        document = {"kind": case.kind, "label": f"The {case.kind.replace('_', ' ')}", **case.rules}
        catalog = workspace.catalog
        changed = shaping.with_field(catalog, catalog.module(MODULE), document, section="details")
        save(workspace.lake, [("module", changed)], actor=ADMIN)


def leaf(case: Case, file: str) -> dict[str, Any]:
    op, value = case.ask
    return {"field": case.path, "op": op, "value": file if value is FILE else value}


def flow_of(case: Case, file: str) -> dict[str, Any]:
    """Puts the kind among the tags of a record for which the condition holds."""
    return {
        "flow": case.kind.replace("_", "-"), "module": MODULE, "trigger": {"event": "created"},
        "when": leaf(case, file), "do": [{"set_field": {"tags": {"add": [case.kind]}}}], "state": "active",
    }  # fmt: skip


def load_csv(workspace: Workspace, path: Path, file: str) -> None:
    """Three records, the last one without a value; nothing is rejected."""
    columns = {f"{case.slug}{column}": cells for case in CASES for column, cells in case.cells.items()}
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["name", *columns])
        for place, name in enumerate(("one", "two")):
            cells = [cells[place] for cells in columns.values()]
            writer.writerow([name, *[file if cell is FILE else cell for cell in cells]])
        writer.writerow(["three", *["" for _ in columns]])
    done = load(workspace.lake, [path], module=MODULE, actor=ADMIN, options=LoadOptions(key=("name",)))
    assert (done.read, done.inserted, done.rejected, done.values_rejected) == (3, 3, 0, 0)


def client(workspace: Workspace) -> TestClient:
    api = create_api(workspace.settings)
    connect(api, workspace)
    key = people.add_key(workspace.lake, actor=ADMIN, role="admin", label="kinds")
    return TestClient(api, headers={"Authorization": f"Bearer {key}"})


def listed(api: TestClient, **query: str) -> list[dict[str, Any]]:
    answer = api.get(f"/v1/modules/{MODULE}/records", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


def orders(case: Case) -> tuple[str, ...]:
    return () if case.ordered is None else (case.path, f"-{case.path}")


def exported(api: TestClient, form: str) -> bytes:
    return api.get(f"/v1/modules/{MODULE}/export", params={"format": form}).content


def one_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return next(row for row in rows if row["name"] == "one")


def record_page(module: str, record: str) -> None:
    """The record page with the section opened for editing, as a click on “Edit” opens it."""
    import streamlit as st

    from pages import records as page
    from pages._ui.state import page_state
    from pages._ui.workspace import WorkspaceState

    st.query_params["id"] = record
    page_state(WorkspaceState, page=f"workspace:{module}").editing.add("details")
    page.draw(module)


def edit_in_the_browser(record: str) -> dict[str, Any]:
    """Enter the new values into the widgets of the record page, all at once; gives the widgets by field."""
    app = AppTest.from_function(record_page, args=(MODULE, record), default_timeout=60).run()
    keyed = {str(getattr(element, "key", "")): element for element in app}
    widgets = {
        key: one for key, one in keyed.items() if key.startswith("field:") and not key.endswith(":upload")
    }
    drawn = {key.split(":")[2]: widget for key, widget in widgets.items()}
    for case in CASES:
        start = next(key for key in widgets if f":{case.slug}:" in key).rsplit(f":{case.slug}:", 1)
        key = f"{start[0]}:{case.slug}:{start[1].partition(':')[0]}"
        for part, value in case.entered.items():
            if value is FILE:
                with uploads.receiving(app.session_state[f"{key}:box"], "new.txt") as write:
                    write(b"hello")
            widgets[f"{key}{part}"].set_value([] if value is FILE else value)
    app.run()
    assert not app.exception and not app.error
    return drawn


def with_files(case: Case, files: tuple[str, str]) -> Case:
    """The case with the ids of the file that was there and of the one that took its place."""
    if case.kind != "file":
        return case
    old, new = files
    return replace(
        case, loaded=[old], shown=[new], csv=new, parquet=[new], history=(f"[{old}]", f"[{new}]"),
    )  # fmt: skip


def test_no_kind_is_forgotten() -> None:
    assert {case.kind for case in CASES} == set(FIELD_KINDS) and len(CASES) == len(FIELD_KINDS)


@pytest.mark.parametrize("case", CASES, ids=[case.kind for case in CASES])
def test_a_kind_comes_through_every_way(journey: Journey, case: Case) -> None:
    expected = with_files(case, journey.files)
    assert journey.loaded["one"][case.slug] == expected.loaded
    assert [name for name, tags in journey.met.items() if case.kind in tags] == ["one"]
    assert journey.filtered[case.slug] == ["one"]
    for key in orders(case):
        found = [name for name in journey.sorted[key] if name != "three"]
        assert found == (["two", "one"] if key.startswith("-") else ["one", "two"])
    assert journey.widgets[case.slug].disabled == (case.kind == "auto_number")
    assert journey.edited[case.slug] == expected.shown
    assert journey.csv[case.column] == expected.csv
    assert journey.parquet[case.column] == expected.parquet
    newest = [row for row in journey.history if row["field"] == case.column][-1]
    door = "load" if case.kind == "auto_number" else "browser"
    assert (newest["old"], newest["new"], newest["door"]) == (*expected.history, door)
