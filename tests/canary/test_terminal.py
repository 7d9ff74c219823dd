"""Every verb of the terminal, as the agent and as the viewer: none tells what is forbidden, a viewer writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from typer.testing import CliRunner, Result

import cli
from tests.canary.world import CANARY, World

READING = {
    "rejects", "loads", "sources list", "sources show", "query", "history", "changes", "flows list", "flows show",
    "flows versions", "flows diff", "flows runs", "flows why", "outbox list", "outbox show", "modules list",
    "modules export", "check", "report list", "report run", "search", "records show", "records timeline",
    "records consents", "tags list", "calendar file",
    "preferences list",
}  # fmt: skip
"""What changes nothing. Any other verb must refuse a viewer; `serve` has no actor, it is the server."""
ONLY_ADMINS = {"modules export", "check"}
OWN = {"calendar address", "calendar revoke", "preferences set", "preferences remove"}
"""What is one's own: it is refused to nobody."""
Call = Callable[..., Result]


def verbs() -> list[tuple[str, click.Command]]:
    """Every verb with its name in words, groups walked through."""

    def walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "commands"):
            yield name.strip(), command
            return
        for part, inner in command.commands.items():
            yield from walk(inner, f"{name} {part}")

    return [(name, verb) for name, verb in walk(typer.main.get_command(cli.app), "") if name != "serve"]


def words(verb: click.Command, world: World, folder: Path) -> list[str]:
    """What the verb must be told, about forbidden records wherever it takes one."""
    rows = folder / "rows.csv"
    rows.write_text("name\nSomebody\n")
    (folder / "flow.yaml").write_text("flow: mine\nmodule: customers\ntrigger: {event: created}\ndo: []\n")
    told = {
        "module": "customers", "id": world.hidden["customers"][0], "ids": world.hidden["customers"][0],
        "record_id": world.hidden["customers"][0], "load_id": world.load, "flow": "welcome-by-hand",
        "sql": "SELECT * FROM customers ORDER BY name", "path": str(folder / "flow.yaml"), "files": str(rows),
        "folder": str(folder), "source": "erp", "pack": "logistics",
        "version": "1", "name": "Another", "run_id": world.load, "to": "somebody@forwarder.example",
        "subject": "Another", "slug": "new-customers-by-tag",
        "address": "ida@berg.example", "purpose": "marketing", "state": "granted", "reason": "said so",
        "into": "tasks", "kind": "customers", "entry": world.hidden["customers"][0], "tag": "vip", "color": "red",
        "words": CANARY[:-1], "change_id": world.load, "relationship": "related", "other": world.seen["customers"][0],
        "key": "fold.left", "value": "true",
        "filter": '{"field": "name", "op": "is_empty"}',
    }  # fmt: skip
    found = []
    for one in verb.params:
        if one.required and one.name in told:
            found += [told[one.name]] if one.param_type_name == "argument" else [one.opts[0], told[one.name]]
    return found


@pytest.fixture(scope="module")
def call(world: World) -> Call:
    """Runs a verb as somebody."""
    settings = world.workspace.settings
    env = {"MERGANSER_HOME": str(settings.home), "MERGANSER_CATALOG": settings.catalog}

    def run(name: str, *arguments: str, who: str) -> Result:
        return CliRunner().invoke(cli.app, [*name.split(), *arguments, "--as", who, "--json"], env=env)

    return run


def test_a_verb_that_reads_tells_nothing_that_is_forbidden(
    world: World, call: Call, who: str, tmp_path: Path
) -> None:
    told = []
    for name, verb in verbs():
        if name in READING:
            done = call(name, *words(verb, world, tmp_path), who=who)
            if CANARY in done.output.lower() or done.exit_code == 2:
                told.append((name, done.output[:300]))
    assert told == []


@pytest.mark.parametrize("name", sorted({name for name, _ in verbs()} - READING - OWN | ONLY_ADMINS))
def test_a_verb_that_writes_refuses_a_viewer(world: World, call: Call, name: str, tmp_path: Path) -> None:
    done = call(name, *words(dict(verbs())[name], world, tmp_path), who="vera")
    assert done.exit_code == 1, done.output
    # Whose load it is, a viewer is not told: for him there is none.
    assert json.loads(done.stdout)["status"] == (404 if name == "undo" else 403)
    assert CANARY not in done.output.lower()
