"""What the page of flows remembers."""

from __future__ import annotations

from dataclasses import dataclass

DEFINITION, RUNS, WHY, OUTBOX = "definition", "runs", "why", "outbox"
TABS = (DEFINITION, RUNS, WHY, OUTBOX)


@dataclass
class FlowsState:
    """Which flow is looked at, and how.

    Attributes:
        words, only: what the list is narrowed to; `only` is a state.
        as_yaml: whether the definition is shown as YAML.
        tries: how often a switch was thrown; a part of its key.
        warnings: what was to be known when the flow was saved last.
        outcome, shown, run: the runs' state that is asked for, how many are shown, which one is open.
        record: the record that is asked about.
        box: the state of messages that is asked for.
        chosen: the ids of ticked messages.
    """

    flow: str = ""
    tab: str = DEFINITION
    words: str = ""
    only: str = ""
    as_yaml: bool = False
    tries: int = 0
    warnings: tuple[str, ...] = ()
    outcome: str = ""
    shown: int = 50
    run: str = ""
    record: str = ""
    box: str = ""
    chosen: tuple[str, ...] = ()
