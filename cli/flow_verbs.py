"""The verbs of flows: read, save, switch, compare, try, run, and what became of their runs."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from cli.base import Module, automation, flows, verb
from crm_core.terminal import Here, crm

Ids = Annotated[list[str], typer.Option("--id", help="A record's id; may be given again.")]
SomeIds = Annotated[list[str] | None, typer.Option("--id", help="A record's id; may be given again.")]
Runs = Annotated[list[str] | None, typer.Option("--run", help="A run's id; may be given again; else all.")]


@verb(flows, "list")
def list_flows(here: Here, module: str | None = None) -> Any:
    """The flows there are, their state, and what keeps one from running."""
    found = automation.store.list_flows(here.lake, module=module)
    facts = "flow id version state live_version draft_version title problems definition.module"
    return crm.telling.pick(found, facts)


@verb(flows)
def show(
    here: Here,
    flow: str,
    version: Annotated[int | None, typer.Option(help="Another than the newest.")] = None,
) -> Any:
    """One flow as YAML, as `apply` reads it."""
    return automation.store.flow_yaml(here.lake, flow, version=version)


@verb(flows)
def apply(
    here: Here,
    path: Annotated[Path, typer.Argument(help="A YAML file, or a folder of them.")],
    draft: Annotated[bool, typer.Option("--draft", help="As drafts beside what is live.")] = False,
) -> Any:
    """Save flows: new ones as drafts, others in the state they are in, unless the file says otherwise."""
    return automation.store.apply_flows(here.lake, path, actor=here.actor, as_draft=draft)


@verb(flows)
def versions(here: Here, flow: str) -> Any:
    """Every version of a flow, the newest first: when, by whom, why."""
    return automation.versions.list_versions(here.lake, flow)


@verb(flows)
def diff(
    here: Here,
    flow: str,
    before: Annotated[int | None, typer.Option("--from", help="A version; else what is live.")] = None,
    after: Annotated[int | None, typer.Option("--to", help="A version; else the newest.")] = None,
) -> Any:
    """What differs between two versions of a flow."""
    found = automation.versions.diff(here.lake, flow, before, after)
    return crm.telling.Printed(
        "\n".join([*found.lines, "", found.text]) if found.lines else "Nothing.", found
    )


@verb(flows)
def activate(
    here: Here,
    flow: str,
    version: Annotated[int | None, typer.Option(help="Another than the newest.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would mean.")] = False,
) -> Any:
    """Let a flow run from now on, or go on after a pause; a draft takes the place of what was live."""
    if dry_run:
        meant = automation.versions.read_version(here.lake, flow, version)
        return automation.activation.preview_activation(here.lake, meant, actor=here.actor)
    return automation.store.activate(here.lake, flow, actor=here.actor, version=version)


@verb(flows)
def pause(
    here: Here,
    flow: str,
    queue: Annotated[bool, typer.Option("--queue", help="Work off later what changes meanwhile.")] = False,
) -> Any:
    """Let a flow rest; what changes meanwhile is passed over, or waits with `--queue`."""
    return automation.store.pause(here.lake, flow, actor=here.actor, queue=queue)


@verb(flows)
def rollback(here: Here, flow: str, version: Annotated[int, typer.Argument(help="Which one.")]) -> Any:
    """Let an earlier version of a flow be the one that counts; a draft stays beside it."""
    return automation.versions.roll_back(here.lake, flow, version, actor=here.actor)


@verb(flows)
def duplicate(here: Here, flow: str, name: Annotated[str, typer.Argument(help="Of the copy.")]) -> Any:
    """Copy a flow as a draft."""
    return {"flow": automation.versions.duplicate(here.lake, flow, name, actor=here.actor)}


@verb(flows)
def discard(here: Here, flow: str) -> Any:
    """Give up the draft beside what is live."""
    return automation.versions.discard_draft(here.lake, flow, actor=here.actor)


@verb(flows)
def test(
    here: Here,
    flow: str,
    ids: SomeIds = None,
    values: Annotated[str | None, typer.Option(help="Or the values of a record, as JSON.")] = None,
) -> Any:
    """Say what each step of a flow would do to some records now; nothing is written."""
    given = None if values is None else _object(values)
    tried = automation.trial.try_flow(here.lake, flow, actor=here.actor, ids=ids or (), values=given)
    lines = [
        f"{one.record_id} {one.state}" + (f": {one.error}" if one.error else "") for one in tried.records
    ]
    return crm.telling.Printed("\n".join(lines), tried)


@verb(flows)
def backtest(
    here: Here,
    flow: str,
    since: Annotated[str | None, typer.Option(help="A day or instant: 2026-10-01, `today - 30d`.")] = None,
    until: Annotated[str | None, typer.Option(help="A day or instant; else now.")] = None,
    sample: Annotated[int, typer.Option(min=0, max=100, help="Matches told one by one.")] = 20,
) -> Any:
    """Say what a flow would have done over a span of the past; nothing is written."""
    zone, now = ZoneInfo(here.catalog.workspace.time_zone), datetime.now(UTC)
    first, last = (one and crm.operands.to_instant(one, now=now, zone=zone) for one in (since, until))
    with crm.telling.progress_bar("Reading the past") as progress:
        work = automation.backtest.backtest
        return work(
            here.lake, flow, actor=here.actor, since=first, until=last, sample=sample, progress=progress
        )


def _object(values: str) -> dict[str, Any]:
    try:
        given = json.loads(values)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise automation.errors.CommandInvalid(
            values, "--values is one JSON object of fields and their values"
        )
    return given


@verb(flows)
def run(here: Here, flow: str, module: Module, ids: Ids) -> Any:
    """Run a flow on some records, whatever its trigger; its condition counts."""
    return automation.manual.run_flow(here.lake, flow, ids=ids, module=module, actor=here.actor)


@verb(flows)
def replay(here: Here, load_id: Annotated[str, typer.Option("--load", help="The load's id.")]) -> Any:
    """Let flows act on the rows of a load that they did not see."""
    return automation.manual.replay_load(here.lake, load_id, actor=here.actor)


@verb(flows)
def runs(here: Here, flow: str | None = None, state: str | None = None, limit: int = 100) -> Any:
    """What ran, the newest first; `--json` also tells what each part of the condition saw."""
    found = automation.run_history.list_runs(here.lake, actor=here.actor, flow=flow, state=state, limit=limit)
    return crm.telling.pick(found, "id flow flow_version state module record_id event started_at error trace")


@verb(flows)
def why(here: Here, flow: str, module: Module, id: Annotated[str, typer.Option("--id")]) -> Any:
    """Which part of a flow's condition holds for a record, and the value it sees."""
    return automation.why.why(here.lake, flow, module=module, record_id=id, actor=here.actor)


@verb(flows)
def retry(here: Here, run_id: Annotated[str, typer.Argument(help="Of a failed run.")]) -> Any:
    """Go on with a failed run at its failed step."""
    return automation.retry.retry_run(here.lake, run_id, actor=here.actor)


@verb(flows)
def cancel(here: Here, run_id: Annotated[str, typer.Argument(help="Of a run, or of a command.")]) -> Any:
    """Take back what has not happened yet: waits end, messages that have not left are dropped."""
    cancelled, dropped = automation.cancelling.cancel_runs(here.lake, run_id, actor=here.actor)
    return {"runs": [one.id for one in cancelled], "messages_dropped": dropped}


@verb(flows)
def release(here: Here, flow: str, runs: Runs = None) -> Any:
    """Let runs go that are held since they would touch too many records at once."""
    return {"released": automation.holding.release_runs(here.lake, flow, actor=here.actor, ids=runs or None)}


@verb(flows)
def drop(here: Here, flow: str, runs: Runs = None) -> Any:
    """Decide against runs that are held."""
    return {"dropped": automation.holding.drop_runs(here.lake, flow, actor=here.actor, ids=runs or None)}


@verb(flows)
def secret(here: Here, flow: str) -> Any:
    """The address and the secret of a flow that waits for a webhook."""
    return automation.hooks.address(here.lake, here.workspace.settings, flow, actor=here.actor)
