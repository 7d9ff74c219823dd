"""Storage: tables, commits, changes and history on DuckLake; knows tables, not customers."""

from lake.connection import Lake, LakeConfig, Session
from lake.door import Change, Committed, Door, Transaction, new_id
from lake.names import ident, table

__all__ = [
    "Change",
    "Committed",
    "Door",
    "Lake",
    "LakeConfig",
    "Session",
    "Transaction",
    "ident",
    "new_id",
    "table",
]
