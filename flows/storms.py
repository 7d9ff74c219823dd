"""The limit against a storm: a flow that would act on too many records at once waits for a person."""

from collections.abc import Sequence

from flows.active import ActiveFlow
from flows.runs import RUNS
from lake import Session, ident

HELD = "more records than the flow may act on at once without a person's word"


def hold_storms(session: Session, flows: Sequence[ActiveFlow], *, limit: int) -> int:
    """Hold the staged runs of flows that have more of them than they may; returns how many.

    Args:
        session: where the runs are staged.
        flows: the flows, some of which bring a limit of their own; 0 is none.
        limit: what holds for the others.
    """
    limits = {flow.id: limit if flow.definition.limit is None else flow.definition.limit for flow in flows}
    least = min((one for one in limits.values() if one), default=0)
    if not least or session.read(f"SELECT count(*) AS n FROM {ident(RUNS)}")["n"][0] <= least:
        return 0
    counts = session.read(f"SELECT flow_id, count(*) AS n FROM {ident(RUNS)} WHERE state = 'done' GROUP BY 1")
    over = [flow for flow, n in counts.iter_rows() if limits.get(flow) and n > limits[flow]]
    if not over:
        return 0
    return session.execute(
        f"UPDATE {ident(RUNS)} SET state = 'held', error = $why WHERE state = 'done' AND list_contains($over, flow_id)",
        {"over": over, "why": HELD},
    )
