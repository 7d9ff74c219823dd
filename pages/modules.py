"""Modules: what kinds of records there are, their fields, sections and relationships, by form."""

from pages._ui import configurator

configurator.draw()
