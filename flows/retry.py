"""Failed runs tried again from the step at which they failed, on the record as it is now."""

from datetime import UTC, datetime

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import Conflict
from flows.commit import prepare, store
from flows.resume import stage_resumed
from flows.run_history import Run, show_run
from lake import Change, Lake, table

_RUNS_OF_LAKE = table("ops", "flow_runs")
_EFFECTS = table("ops", "flow_effects")


def retry_run(lake: Lake, run_id: str, *, actor: Actor) -> Run:
    """Go on with a failed run at its failed step, under the version of the flow that it began with.

    What its earlier steps did stays and is not done again.

    Returns:
        The run as it is then.

    Raises:
        UnknownRun: There is none, or none of a record that the actor may see.
        Conflict: It did not fail, or has no record.
        Forbidden: The actor is no administrator.
    """
    actor.require_admin("flows")
    run = show_run(lake, run_id, actor=actor)
    if run.state != "failed":
        raise Conflict(f"The run {run_id} is {run.state}; only a failed one can be tried again.")
    if run.record_id is None:
        raise Conflict(f"The run {run_id} has no record: the flow itself could not be used. Mend it instead.")
    with lake.session() as session:
        staged = stage_resumed(
            session,
            lake,
            going="SELECT r.id AS run_id, 'at:' || coalesce(r.failed_step, 0) AS start, NULL::UUID AS timer, "
            "'failed' AS expects, 1 + coalesce((SELECT max(e.attempt) FROM "
            f"{_EFFECTS} e WHERE e.run_id = r.id), 1) AS attempt FROM {_RUNS_OF_LAKE} r "
            "WHERE r.id = CAST($run AS UUID) AND r.state = 'failed'",
            values={"run": run_id},
            now=datetime.now(UTC),
        )
        if staged is not None:
            prepared = prepare(session, staged, person=actor.user)
            hold_over = read_catalog(lake).workspace.hold_messages_over
            change = Change(actor=actor.user, door="flow:retry", reason=f"{run.flow} tried again")
            session.commit(lambda tx: store(tx, prepared, hold_over=hold_over), change)
    return show_run(lake, run_id, actor=actor)
