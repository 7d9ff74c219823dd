"""Explore: one SELECT over what one may see, as a table and a chart, with the schema beside it."""

from pages._ui import explore

explore.draw()
