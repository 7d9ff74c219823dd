"""Any module: its table, with `view=board` its board, and with an `id` the record in its workspace."""

from pages._ui import board, table, workspace
from pages._ui.session import here
from pages._ui.state import record_id_in_url, word_in_url
from pages._ui.table_bar import has_board


def draw(slug: str) -> None:
    """Draw the module's table or board, or the workspace at the record that the address names."""
    if record_id_in_url():
        workspace.draw(slug)
    elif word_in_url("view", among=("board",), default="") and has_board(here().catalog.module(slug)):
        board.draw(slug)
    else:
        table.draw(slug)
