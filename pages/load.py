"""Load: files become records, every row accounted for, and undone when asked for."""

from pages._ui import load_page

load_page.draw()
