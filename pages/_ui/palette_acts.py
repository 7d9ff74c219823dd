"""What one does for the record that is open, chosen in the palette: a call, a mail, a task, a note, an appointment."""

from __future__ import annotations

from crm_core.conversations import MESSAGES
from crm_core.palette import CALL, MAIL, acts_for
from crm_core.profile import Head, read_head
from pages._ui import call_log, feedback, forms, mailing, nav
from pages._ui.session import Here


def act(here: Here, what: str, *, module: str, record: str) -> None:
    """Begin it where the record is open; what is not offered there does nothing."""
    seen = feedback.run(
        lambda: read_head(here.lake, here.catalog, module=module, record_id=record, actor=here.actor)
    )
    if seen is None or what not in _offered(here, seen):
        return
    if what == CALL:
        call_log.begin_with(seen)
    elif what == MAIL:
        mailing.write(seen)
        nav.go(module, record, section=MESSAGES)
    else:
        forms.ask_new(what, about=(module, record))


def _offered(here: Here, seen: Head) -> set[str]:
    acts = acts_for(here.catalog, seen.module.slug, folder=seen.record["folder"], actor=here.actor)
    return {one.what for one in acts}
