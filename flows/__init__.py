"""Automation: flows on the change feed, their actions, and what leaves the house."""

from importlib import resources


def schema_sql() -> str:
    """The tables of the automation, to be created with those of the domain."""
    return resources.files("flows").joinpath("schema.sql").read_text(encoding="utf-8")
