"""Figures of a record's sections: what a person wants to know first, each worked out by one statement.

Every file beside this one has a `read` that asks one module (or a few) about one record, now or as of a snapshot, and
only of what the actor may see.
"""

from crm_core.figures.base import Figure

__all__ = ["Figure"]
