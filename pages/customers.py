"""Customers: everybody the company knows, and everything about each; with `view=table` all of them as a table."""

from pages._ui import table, workspace
from pages._ui.state import record_id_in_url, word_in_url

if word_in_url("view", among=("table",), default="") and not record_id_in_url():
    table.draw("customers", workspace=True)
else:
    workspace.draw("customers")
