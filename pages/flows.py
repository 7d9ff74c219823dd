"""Flows: what happens by itself, what it did, and why."""

from pages._ui import flows_page

flows_page.draw()
