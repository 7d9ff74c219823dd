"""What the page of flows remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pages._ui.flow_draft import FlowDraft

DEFINITION, TEST, RUNS, WHY, VERSIONS, OUTBOX = "definition", "test", "runs", "why", "versions", "outbox"
TABS = (DEFINITION, TEST, RUNS, WHY, VERSIONS, OUTBOX)


@dataclass
class FlowsState:
    """Which flow is looked at, and how.

    Attributes:
        words, only: what the list is narrowed to; `only` is a state.
        as_yaml: whether the definition is shown as YAML.
        warnings: what was to be known when the flow was saved last.
        outcome, shown, run: the runs' state that is asked for, how many are shown, which one is open.
        record: the record that is asked about.
        box: the state of messages that is asked for.
        chosen: the ids of ticked messages.
        draft: the flow that is being edited, with all that is not saved yet.
        open: the id of the step whose form is open.
        sample: the record that previews and tests are made with; empty for the newest.
        span: how many days are looked back over; 0 for all.
        past: the document that was looked back with, and what was found.
        asked, preview: which question is open (whether to activate, or to pause), and what activating would mean.
        version: the version that is compared with the one before it.
    """

    flow: str = ""
    tab: str = DEFINITION
    words: str = ""
    only: str = ""
    as_yaml: bool = False
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
    span: int = 30
    past: Any = None
    asked: str = ""
    preview: Any = None
    version: int = 0
