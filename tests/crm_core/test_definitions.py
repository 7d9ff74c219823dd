"""Definitions are versioned documents; saving them is all or nothing, and every process sees them at once."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm_core import definitions, yaml
from crm_core.access import Actor
from crm_core.definition_rules import list_problems
from crm_core.errors import ConditionInvalid, DefinitionInvalid, Forbidden, SettingInvalid
from crm_core.model import Module, Relationship
from crm_core.pack_files import PackInvalid, read_pack
from crm_core.settings import read_settings
from crm_core.workspace import open_workspace
from lake import Lake
from tests.crm_core.conftest import ADMIN, AGENT, PACK, Crm

VEHICLES = {"slug": "vehicles", "title": "plate", "fields": [{"slug": "plate", "kind": "text"}]}


def document(crm: Crm, slug: str = "customers") -> dict[str, Any]:
    return copy.deepcopy(crm.catalog.stored["module", slug].document)


def problems(crm: Crm, *documents: tuple[str, Any]) -> str:
    before = crm.lake.snapshot()
    with pytest.raises(DefinitionInvalid) as raised:
        definitions.save(crm.lake, documents, actor=ADMIN)
    assert crm.lake.snapshot() == before
    return " | ".join(raised.value.problems)


def test_applying_a_pack_again_changes_nothing(crm: Crm) -> None:
    assert definitions.apply_pack(crm.lake, PACK, actor=ADMIN).changes == ()


def test_an_exported_pack_makes_the_same_workspace(crm: Crm, lake: Lake, tmp_path: Path) -> None:
    definitions.save(
        crm.lake, [("flow", {"flow": "hello", "state": "draft", "module": "tasks"})], actor=ADMIN
    )
    exported = tmp_path / "pack.yaml"
    exported.write_text(definitions.export_pack(crm.lake), encoding="utf-8")
    from crm_core.workspace import prepare

    prepare(lake)
    definitions.apply_pack(lake, exported, actor=ADMIN)
    assert yaml.load(definitions.export_pack(lake)) == yaml.load(exported.read_text(encoding="utf-8"))
    assert definitions.read_catalog(lake).modules == crm.catalog.modules


def test_a_new_module_is_there_for_another_process_at_once(crm: Crm) -> None:
    with Lake.open(crm.lake.config) as elsewhere:
        assert "vehicles" not in definitions.read_catalog(elsewhere).modules
        definitions.save(crm.lake, [("module", VEHICLES)], actor=ADMIN)
        assert "vehicles" in definitions.read_catalog(elsewhere).modules


def test_unchanged_definitions_are_not_read_again(crm: Crm) -> None:
    first = crm.catalog
    crm.create()
    assert crm.catalog is first


def test_a_change_is_a_new_version_with_the_same_id(crm: Crm) -> None:
    changed = document(crm, "tasks") | {"label": "To do"}
    plan = definitions.save(crm.lake, [("module", changed), ("module", document(crm))], actor=ADMIN)
    assert [(change.slug, change.what, change.version) for change in plan.changes] == [
        ("tasks", "changed", 2)
    ]
    newer, older = definitions.read_versions(crm.lake, "module", "tasks")
    assert (newer.id, newer.version, older.version) == (older.id, 2, 1) and len(newer.id) == 21


def test_a_model_can_be_saved_as_well_as_its_document(crm: Crm) -> None:
    definitions.save(crm.lake, [("module", Module.model_validate(VEHICLES))], actor=ADMIN)
    assert crm.catalog.module("vehicles").field("plate") is not None


def test_a_dry_run_tells_what_would_change_and_writes_nothing(crm: Crm) -> None:
    before = crm.lake.snapshot()
    plan = definitions.check_definition(crm.lake, [("module", VEHICLES)], actor=ADMIN)
    assert plan.tables == ("create the table vehicles",)
    assert crm.lake.snapshot() == before and "vehicles" not in crm.catalog.modules


def test_a_retired_module_leaves_the_catalog_and_keeps_its_rows(crm: Crm) -> None:
    definitions.save(crm.lake, [("module", VEHICLES)], actor=ADMIN)
    crm.create("vehicles", plate="B-X 1")
    definitions.save(crm.lake, [], retire=[("module", "vehicles")], actor=ADMIN)
    assert "vehicles" not in crm.catalog.modules
    definitions.save(crm.lake, [("module", VEHICLES)], actor=ADMIN)
    assert crm.lake.read("SELECT plate FROM lake.crm.vehicles").rows() == [("B-X 1",)]


def test_a_draft_is_listed_and_does_not_count(crm: Crm) -> None:
    definitions.save(crm.lake, [("flow", {"flow": "hello", "module": "tasks"})], state="draft", actor=ADMIN)
    assert crm.catalog.flows == {} and crm.catalog.stored["flow", "hello"].state == "draft"


def test_teams_stand_in_a_table_too(crm: Crm) -> None:
    definitions.save(crm.lake, [("team", {"slug": "sales", "name": "Selling"})], actor=ADMIN)
    rows = crm.lake.read("SELECT slug, name FROM lake.access.teams ORDER BY slug").rows()
    assert rows == [("sales", "Selling"), ("service", "Customer service")]


def test_only_administrators_change_definitions(crm: Crm) -> None:
    with pytest.raises(Forbidden):
        definitions.save(crm.lake, [("module", VEHICLES)], actor=AGENT)


def test_everything_wrong_with_every_document_is_told_at_once(crm: Crm) -> None:
    told = problems(
        crm, ("module", {"slug": "X"}), ("flow", {"flow": "a b"}), ("team", {"slug": "t", "nam": "T"})
    )
    assert "slug" in told and "flow" in told and "nam: there is no such key" in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param({"title": "nope"}, "unknown field “nope”", id="title"),
        pytest.param({"sections": [{"slug": "a", "fields": ["nope"]}]}, "unknown field “nope”", id="section"),
        pytest.param(
            {"folders": [{"slug": "a", "parent": "b"}, {"slug": "b", "parent": "a"}]},
            "within itself",
            id="cycle",
        ),
        pytest.param({"folders": [{"slug": "a", "teams": ["nope"]}]}, "unknown team", id="team"),
        pytest.param({"folders": [{"slug": "a"}, {"slug": "a"}]}, "folder “a” twice", id="folder twice"),
        pytest.param({"access": "parent", "parent": "nope"}, "takes its access", id="access"),
        pytest.param({"timeline": {"date": "nope"}}, "timeline", id="timeline"),
        pytest.param(
            {"contact_points": {"module": "nope", "reference": "x"}}, "contact points", id="contacts"
        ),
    ],
)
def test_a_definition_that_contradicts_the_others_is_refused(
    crm: Crm, change: dict[str, Any], told: str
) -> None:
    assert told in problems(crm, ("module", document(crm, "tasks") | change))


@pytest.mark.parametrize(
    ("field", "told"),
    [
        pytest.param({"slug": "x", "kind": "text", "pattern": "["}, "regular expression", id="pattern"),
        pytest.param({"slug": "x", "kind": "nope"}, "fields.", id="kind"),
        pytest.param({"slug": "owner", "kind": "text"}, "system column", id="system column"),
        pytest.param({"slug": "a__b", "kind": "text"}, "__", id="two underscores"),
        pytest.param({"slug": "x", "kind": "select", "options": ["a", "a"]}, "option “a” twice", id="option"),
        pytest.param({"slug": "x", "kind": "integer", "minimum": 2, "maximum": 1}, "nothing is", id="limits"),
        pytest.param({"slug": "x", "kind": "integer", "default": "many"}, "default", id="default"),
        pytest.param({"slug": "title", "kind": "text"}, "“title” twice", id="twice"),
    ],
)
def test_a_field_that_cannot_be_is_refused(crm: Crm, field: dict[str, Any], told: str) -> None:
    changed = document(crm, "tasks")
    changed["fields"].append(field)
    assert told in problems(crm, ("module", changed))


def test_a_field_that_a_view_names_is_taken_away_and_the_export_goes_in_again(
    crm: Crm, tmp_path: Path
) -> None:
    changed = document(crm)
    changed["fields"] = [field for field in changed["fields"] if field["slug"] != "vip"]
    changed["dependencies"] = []
    plan = definitions.save(crm.lake, [("module", changed)], actor=ADMIN)
    assert plan.views == ("the view vips is shown without “vip”",)
    file = tmp_path / "pack.yaml"
    file.write_text(definitions.export_pack(crm.lake))
    definitions.apply_pack(crm.lake, file, actor=ADMIN)


def test_access_over_a_circle_of_parents_is_refused(crm: Crm) -> None:
    tasks = document(crm, "tasks") | {"access": "parent", "parent": "next"}
    link = {"module": "tasks", "slug": "next", "kind": "many_to_one", "to": "tasks"}
    assert "circle" in problems(crm, ("module", tasks), ("relationship", link))


def test_what_another_package_knows_is_asked_too(crm: Crm) -> None:
    def no_vehicles(catalog: Any) -> list[str]:
        return ["no vehicles here"] if "vehicles" in catalog.modules else []

    definitions.register_check(no_vehicles)
    try:
        assert "no vehicles here" in problems(crm, ("module", VEHICLES))
    finally:
        definitions._checks.remove(no_vehicles)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("modul: []", "unknown key “modul”", id="unknown key"),
        pytest.param("- a", "no mapping", id="list"),
        pytest.param("modules: {a: 1}", "no list", id="no list"),
        pytest.param("include: [pack.yaml]", "includes", id="includes itself"),
    ],
)
def test_a_file_that_is_no_pack_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "pack.yaml").write_text(text)
    with pytest.raises(PackInvalid, match=told):
        read_pack(tmp_path / "pack.yaml")


def test_norway_stays_norway(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text("teams: [{slug: no, name: NO}]")
    assert read_pack(tmp_path)[0][1]["name"] == "NO"


def test_an_unknown_pack_stops_the_start_with_the_names_there_are(tmp_path: Path) -> None:
    settings = read_settings({"MERGANSER_HOME": str(tmp_path), "MERGANSER_PACK": "logistic"})
    with pytest.raises(SettingInvalid, match="logistics") as raised:
        open_workspace(settings)
    assert raised.value.name == "MERGANSER_PACK"


def test_a_workspace_is_made_once_and_then_opened(crm: Crm) -> None:
    settings = read_settings(
        {"MERGANSER_CATALOG": crm.lake.config.catalog, "MERGANSER_DATA": crm.lake.config.data_path}
    )
    before = crm.lake.snapshot()
    with open_workspace(settings) as again:
        assert again.catalog.modules.keys() == crm.catalog.modules.keys()
    assert crm.lake.snapshot() == before
    assert Actor.system().sees_all


@pytest.mark.parametrize("inverse", ["tasks", "points", "related_by"])
def test_two_lists_of_the_same_name_are_refused(crm: Crm, inverse: str) -> None:
    twin = {"module": "tasks", "slug": "other", "kind": "many_to_one", "to": "customers", "inverse": inverse}
    told = problems(crm, ("relationship", twin))
    assert f"customers would have two lists “{inverse}”" in told and "tasks.other" in told


def test_two_lists_of_an_old_lake_are_told_where_they_are_named(crm: Crm) -> None:
    twin = {"module": "tasks", "slug": "other", "kind": "many_to_one", "to": "customers", "inverse": "tasks"}
    old = replace(crm.catalog, relationships=(*crm.catalog.relationships, Relationship.model_validate(twin)))
    with pytest.raises(ConditionInvalid, match=r"two lists “tasks”, of tasks\.customer and tasks\.other"):
        old.resolve("customers", "tasks.title")
    assert old.resolve("customers", "about_tasks.title").steps and list(list_problems(old, old)) == []
