"""What an answer does to the request that it is about: put off, it is awake; closed, it is open again."""

from collections.abc import Iterable
from datetime import datetime

import polars as pl

from crm_core.intake_forms import MODULES as REQUESTS
from crm_core.model.modules import Folder
from crm_core.records.rows import write_rows
from crm_core.records.writer import Writer
from lake import Transaction, table

SNOOZE = "snoozed_until"
AGAIN = ("in_progress", "open")
"""The status of a request that is open again: the first of these that its folder has, else the one it starts with."""


def wake(tx: Transaction, writer: Writer, answered: Iterable[tuple[str, str]]) -> None:
    """Bring back the requests (module and id) that somebody wrote to again, within the commit of what he wrote.

    What counts as spam is not opened again by more of it.
    """
    wanted = set(answered)
    for module in REQUESTS:
        ids = sorted(record for of, record in wanted if of == module)
        if ids and module in writer.catalog.modules:
            _wake(tx, writer, module, ids)


def _wake(tx: Transaction, writer: Writer, module: str, ids: list[str]) -> None:
    own = writer.catalog.module(module)
    sleeps = SNOOZE if own.field(SNOOZE) is not None else "NULL"
    rows = tx.read(
        f"SELECT CAST(id AS VARCHAR) AS id, folder, status, {sleeps} AS until FROM {table('crm', module)} "
        "WHERE deleted_at IS NULL AND CAST(id AS VARCHAR) IN (SELECT unnest($ids))",
        {"ids": ids},
    )
    awake: list[str] = []
    opened: list[tuple[str, str]] = []
    both: list[tuple[str, str]] = []
    for row in rows.to_dicts():
        folder = own.folder(row["folder"] or "") or own.default_folder
        closed = row["status"] in folder.end_statuses and row["status"] != "spam"
        asleep = row["until"] is not None and row["until"] > tx.occurred_at
        status = _open_status(folder) if closed else None
        if asleep and status:
            both.append((row["id"], status))
        elif status:
            opened.append((row["id"], status))
        elif asleep:
            awake.append(row["id"])
    # The minute that has begun: what is put off until then is awake at once.
    now = tx.occurred_at.replace(second=0, microsecond=0)
    _write(tx, writer, module, [{"id": one, SNOOZE: now} for one in awake])
    _write(tx, writer, module, [{"id": one, "status": status} for one, status in opened])
    _write(tx, writer, module, [{"id": one, "status": status, SNOOZE: now} for one, status in both])


def _open_status(folder: Folder) -> str | None:
    open_ = [status.slug for status in folder.statuses if not status.end]
    start = next((status.slug for status in folder.statuses if status.start), None)
    return next((slug for slug in AGAIN if slug in open_), start)


def _write(tx: Transaction, writer: Writer, module: str, rows: list[dict[str, str | datetime]]) -> None:
    if rows:
        write_rows(tx, writer, module=module, rows=pl.DataFrame(rows))
