"""Customers: everybody the company knows, and everything about each."""

from pages._ui import workspace

workspace.draw("customers")
