"""Storage: tables, commits, changes and history on DuckLake; knows tables, not customers."""

from lake.config import LakeConfig
from lake.connection import Lake
from lake.door import Change, Committed, Door, Transaction, new_id
from lake.names import ident, table
from lake.session import Session

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
