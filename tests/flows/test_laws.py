"""Laws of flows: how changes are divided into windows does not matter, nor the order of flows that do not touch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.runner import run_once
from lake import Lake, LakeConfig
from tests.flows.conftest import NewLake
from tests.flows.flows_of import activate, change, flow, inquiry, leaf, rows

CHEAP = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
AMOUNTS = st.one_of(st.none(), st.integers(0, 4))
# What happens to one of three inquiries: it is made, or becomes other than it was.
STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["amount", "status", "channel"]), AMOUNTS),
    min_size=3,
    max_size=10,
)
STATUSES = ("new", "acknowledged", "won", "closed")
CHANNELS = ("form", "api", "email")
FLOWS = (
    flow("created", {"create_task": {"title": "{{ subject }} {{ amount }}"}}, when=leaf("amount", "ge", 2)),
    flow("won", {"set_field": {"tags": {"add": ["won"]}}}, on={"fields": ["status"], "is": "won"}),
    flow(
        "changed",
        {"if": leaf("amount", "is_empty"), "then": [{"set_field": {"note": "none"}}],
         "else": [{"set_field": {"note": "some"}}, {"create_task": {"title": "{{ subject }} changed"}}]},
        on={"fields": ["amount"]},
    ),
)  # fmt: skip


@pytest.fixture
def fresh(tmp_path: Path, new_lake: NewLake) -> Callable[[], LakeConfig]:
    """A new lake with each call."""
    made = 0

    def make() -> LakeConfig:
        nonlocal made
        made += 1
        folder = tmp_path / str(made)
        folder.mkdir()
        return new_lake(folder)

    return make


def happen(lake: Lake, steps: list[tuple[int, str, int | None]]) -> None:
    there: dict[int, str] = {}
    for which, field, number in steps:
        if which not in there:
            there[which] = inquiry(lake, subject=f"s{which}", amount=number)
            continue
        value: Any = number
        if field == "status":
            value = STATUSES[(number or 0) % 4]
        elif field == "channel":
            value = CHANNELS[(number or 0) % 3]
        change(lake, there[which], **{field: value})


def effects(lake: Lake) -> dict[str, Any]:
    return {
        "tasks": rows(lake, "tasks", "title"),
        "inquiries": rows(lake, "inquiries", "subject", "amount", "status", "note", "tags"),
    }


def read_in_parts(lake: Lake, most: int) -> None:
    after = 0
    while (report := run_once(lake, after=after, max_snapshots=most)) is not None:
        after = report.until


@CHEAP
@given(steps=STEPS, most=st.integers(1, 3))
def test_a_window_may_be_split_anywhere(
    fresh: Callable[[], LakeConfig], steps: list[tuple[int, str, int | None]], most: int
) -> None:
    found = []
    for commits in (500, most):
        with Lake.open(fresh()) as lake:
            activate(lake, *FLOWS)
            happen(lake, steps)
            read_in_parts(lake, commits)
            found.append(effects(lake))
    assert found[0] == found[1]


@CHEAP
@given(steps=STEPS, order=st.permutations(["a", "b", "c"]))
def test_the_order_of_flows_with_disjoint_writes_does_not_matter(
    fresh: Callable[[], LakeConfig], steps: list[tuple[int, str, int | None]], order: list[str]
) -> None:
    found = []
    for names in (["a", "b", "c"], order):
        # The order in which flows run is that of their names.
        flows = [one | {"flow": f"{name}-flow"} for name, one in zip(names, FLOWS, strict=True)]
        with Lake.open(fresh()) as lake:
            activate(lake, *flows)
            happen(lake, steps)
            read_in_parts(lake, 500)
            found.append(effects(lake))
    assert found[0] == found[1]
