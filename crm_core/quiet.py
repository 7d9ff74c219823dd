"""Which changes pages show at once, and which they need not: what is only kept for somebody, or for the server itself.

Somebody who opens a customer marks its messages as read; pages that drew themselves anew for each such mark would do
nothing else where twenty people work.
"""

import threading
import weakref

from lake import Lake

QUIET = frozenset(
    ("ops", name)
    for name in (
        "changes", "counters", "cursors", "drafts", "flow_ticks", "idempotency", "preferences", "read_marks",
    )
)  # fmt: skip
"""Tables that every commit writes, or only those of one person."""

_KNOWN: weakref.WeakKeyDictionary[Lake, tuple[int, int]] = weakref.WeakKeyDictionary()
_guard = threading.Lock()


def shown_since(lake: Lake) -> tuple[int, int]:
    """The snapshot that current reads see, and the newest one up to it that changed more than `QUIET`.

    Each change is looked at once a process; before the first look every snapshot counts as one that pages show.
    """
    snapshot = lake.known_snapshot()
    with _guard:
        looked, loud = _KNOWN.get(lake, (snapshot, snapshot))
        if snapshot > looked and not lake.feed.tables_changed(looked, snapshot) <= QUIET:
            loud = snapshot
        if snapshot >= looked:
            _KNOWN[lake] = (snapshot, loud)
    return snapshot, min(loud, snapshot)
