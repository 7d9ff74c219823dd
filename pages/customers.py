"""Customers: everybody the company knows, and everything about each; with `view` all of them as a table or a board."""

from pages._ui import board, table, workspace
from pages._ui.session import here
from pages._ui.state import record_id_in_url, word_in_url
from pages._ui.table_bar import has_board

view = "" if record_id_in_url() else word_in_url("view", among=("table", "board"), default="")
if view == "board" and has_board(here().catalog.module("customers")):
    board.draw("customers", workspace=True)
elif view:
    table.draw("customers", workspace=True)
else:
    workspace.draw("customers")
