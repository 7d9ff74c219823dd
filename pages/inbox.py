"""Inbox: what is asked by state and team, answered and closed from here; with `view=table` all of it as a table."""

from crm_core.intake_forms import intake_module
from pages._ui import inbox, table
from pages._ui.session import here
from pages._ui.state import record_id_in_url, word_in_url

asked = intake_module(here().catalog)
if asked is not None and word_in_url("view", among=("table",), default="") and not record_id_in_url():
    table.draw(asked.slug)
else:
    inbox.draw()
