"""Records: created, changed, deleted, restored and linked, one by one or as sets."""

from crm_core.query import count, read_page, read_record
from crm_core.records.change import Members, update, update_each, update_where
from crm_core.records.create import create, create_in
from crm_core.records.hooks import Event, on_written
from crm_core.records.insert import Ready, check_insert, prepare_insert, write_insert
from crm_core.records.links import link, link_where, unlink, unlink_where
from crm_core.records.outcome import Changed, Created, Sample
from crm_core.records.remove import delete, delete_where, restore
from crm_core.records.together import create_linked, write_together
from crm_core.records.update import Merged, check_update, prepare_update, write_update
from crm_core.records.writer import Writer
from crm_core.values.normalise import read_problems

__all__ = [
    "Changed",
    "Created",
    "Event",
    "Members",
    "Merged",
    "Ready",
    "Sample",
    "Writer",
    "check_insert",
    "check_update",
    "count",
    "create",
    "create_in",
    "create_linked",
    "delete",
    "delete_where",
    "link",
    "link_where",
    "on_written",
    "prepare_insert",
    "prepare_update",
    "read_page",
    "read_problems",
    "read_record",
    "restore",
    "unlink",
    "unlink_where",
    "update",
    "update_each",
    "update_where",
    "write_insert",
    "write_together",
    "write_update",
]
