"""Past loads."""

from pages._ui.load_state import LoadState
from pages._ui.session import Here


def draw(now: Here, state: LoadState) -> None:
    """Draw."""
