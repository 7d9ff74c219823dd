"""What a flow would have done over a span of the past."""

from __future__ import annotations

from flows.model import FlowDefinition
from pages._ui.flows_state import FlowsState
from pages._ui.session import Here


def draw(now: Here, state: FlowsState, flow: FlowDefinition) -> None:
    """Draw the choice of a span and what was found."""
