"""Any module: its table, and with an `id` in the address the record in its workspace."""

from pages._ui import table, workspace
from pages._ui.state import record_id_in_url


def draw(slug: str) -> None:
    """Draw the module's table, or the workspace at the record that the address names."""
    if record_id_in_url():
        workspace.draw(slug)
    else:
        table.draw(slug)
