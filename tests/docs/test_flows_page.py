"""The guide to flows: whatever a flow can be stands in it, and its examples load, activate and act."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from cli import app, flows, outbox
from crm_core import yaml
from crm_core.access import Actor
from crm_core.definitions import save
from crm_core.display import FILTERS
from crm_core.model.condition import Operator
from crm_core.model.documents import STATES
from crm_core.records import create
from crm_core.settings import read_settings
from crm_core.workspace import Workspace, open_workspace
from flows import outbox as messages
from flows import run_history, schema_sql, store
from flows.actions import ACTIONS
from flows.commands import COMMANDS
from flows.cycles import DEPTH_LIMIT
from flows.delivery import MAX_ATTEMPTS, DeliveryConfig
from flows.model import EVENTS
from flows.runner import run_until_current
from flows.runs import TRACED
from flows.steps import CONTROLS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/flows.md").read_text()
BLOCKS = [yaml.load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
EXAMPLES = [block for block in BLOCKS if "flow" in block]
NAMED = [("event", event) for block in BLOCKS for event in block.get("events", [])]
ADMIN = Actor.local_admin()
OFFERED = {
    "operator": get_args(Operator), "action": ACTIONS, "event": EVENTS, "filter": FILTERS, "command": COMMANDS,
    "step": CONTROLS,
    "state of a message": messages.STATES, "state of a run": run_history.STATES, "state of a flow": STATES,
}  # fmt: skip


@pytest.mark.parametrize(
    "word",
    [pytest.param(word, id=f"{kind}-{word}") for kind, words in OFFERED.items() for word in words],
)
def test_whatever_a_flow_can_be_stands_in_the_guide(word: str) -> None:
    assert re.search(rf"`{word}(\W[^`]*)?`", PAGE), f"{word} is not told in docs/flows.md"


def test_no_operator_or_action_is_told_that_there_is_not() -> None:
    cells = re.findall(r"^\| (`[^|]*`) \|", PAGE, re.MULTILINE)
    told = {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}
    assert told <= {word for words in OFFERED.values() for word in words}


def test_the_numbers_in_the_guide_are_those_of_the_code() -> None:
    assert f"after {DEPTH_LIMIT} flows" in PAGE
    assert f"{MAX_ATTEMPTS} attempts failed" in PAGE
    assert f"Up to {TRACED:,} changes" in PAGE
    assert DeliveryConfig("", "").connections == 8 and "one a connection (eight)" in PAGE


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The freight forwarder's workspace, in which the examples stand."""
    home = tmp_path_factory.mktemp("guide")
    with open_workspace(read_settings({}, home=home, threads=1), schemas=[schema_sql()]) as opened:
        yield opened


def test_the_examples_load_and_activate_and_act(workspace: Workspace) -> None:
    lake = workspace.lake
    assert len(save(lake, NAMED, actor=ADMIN).changes) == len(NAMED) >= 1
    applied = store.apply_flows(lake, EXAMPLES, actor=ADMIN)
    assert len(applied.flows) == len(EXAMPLES) >= 5 and set(applied.flows.values()) == {"created"}
    for example in EXAMPLES:
        assert not store.activate(lake, example["flow"], actor=ADMIN).warnings
        assert yaml.load(store.flow_yaml(lake, example["flow"]))["do"] == example["do"]
    values: dict[str, Any] = {"subject": "20 pallets", "service": "sea_freight", "email": "a@b.example"}
    create(lake, module="inquiries", values=values, actor=ADMIN)
    run_until_current(lake)
    [one] = run_history.list_runs(lake, actor=ADMIN, flow="answer-price-requests")
    assert (one.state, one.error) == ("done", None)
    steps = [effect.action for effect in run_history.show_run(lake, one.id, actor=ADMIN).effects]
    assert steps == ["create_task", "send_email", "set_field"]


def test_the_sample_flow_can_be_activated(workspace: Workspace) -> None:
    store.apply_flows(workspace.lake, ROOT / "examples/flows", actor=ADMIN)
    store.activate(workspace.lake, "large-inquiry", actor=ADMIN)


def test_the_commands_are_those_of_the_terminal() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert lines
    for _, *words in lines:
        shown = CliRunner().invoke(app, [*words[:2], "--help"])
        assert shown.exit_code == 0, " ".join(words)
        assert all(option in shown.output for option in words if option.startswith("--")), " ".join(words)


@pytest.mark.parametrize("group", ["flows", "outbox"])
def test_every_verb_stands_in_the_docs(group: str) -> None:
    verbs = {"flows": flows, "outbox": outbox}[group].registered_commands
    pages = PAGE + (ROOT / "docs/terminal.md").read_text()
    for verb in verbs:
        name = verb.name or getattr(verb.callback, "__name__", "")
        assert re.search(rf"\b{group} {name}\b", pages), f"merganser {group} {name}"
