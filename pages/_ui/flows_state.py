"""What the page of flows remembers."""

from __future__ import annotations

from dataclasses import dataclass

from pages._ui.flow_draft import FlowDraft

DEFINITION, TEST, RUNS, WHY, OUTBOX = "definition", "test", "runs", "why", "outbox"
TABS = (DEFINITION, TEST, RUNS, WHY, OUTBOX)


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
        draft: the flow that is being edited, with all that is not saved yet.
        open: the id of the step whose form is open.
        sample: the record that previews and tests are made with; empty for the newest.
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
    draft: FlowDraft | None = None
    open: str = ""
    sample: str = ""
