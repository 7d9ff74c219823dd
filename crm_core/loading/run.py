"""One call of `load`: its session with temp tables, and its passes in order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.loading import links
from crm_core.loading.contracts import read_contract
from crm_core.loading.counting import count_revived, count_rows, known_files, refuse_if_strict
from crm_core.loading.errors import KeyMissing, LoadCancelled, NewColumns
from crm_core.loading.evolve import evolve, propose
from crm_core.loading.job import Job
from crm_core.loading.judge import type_values
from crm_core.loading.mapping import RECORD_ID, Mapped, map_columns, resolve_key
from crm_core.loading.mirror import find_missing
from crm_core.loading.model import Cancel, Contract, LoadOptions, LoadResult, Mode, Preview, Progress
from crm_core.loading.pending import count_pending, resolve_pending, resume_pending
from crm_core.loading.prepare import Prepared, prepare
from crm_core.loading.preview import make_preview
from crm_core.loading.reading import RAW, stage_values
from crm_core.loading.references import referred
from crm_core.loading.rejects import collect
from crm_core.loading.targets import Place, place_of
from crm_core.loading.write import IDS, Outside, Stale, holds, keep_ids, write_all, write_files
from crm_core.records.hooks import Event
from crm_core.records.writer import Writer
from lake import Change, Lake, Session, Transaction, new_id, table
from lake.errors import CancelledError
from lake.ingest import Format, Options, Source, Staged, stage

_ATTEMPTS = 3
"""How often a load is worked out anew outside the lock before it is worked out under it."""

Inputs = Sequence[str | Path | Source]


class Run:
    """One call: the session with its temp tables, and what turns a cancel into words."""

    def __init__(
        self,
        lake: Lake,
        module: str,
        actor: Actor,
        options: LoadOptions | None,
        progress: Progress | None,
        cancel: Cancel | None,
        load_id: str | None,
    ) -> None:
        actor.require_change(f"records of {module}")
        self._lake, self._module, self._actor = lake, module, actor
        self._options = options or LoadOptions()
        self._progress, self._cancel = progress, cancel or Cancel()
        self._load_id = load_id or new_id()
        self._started = time.monotonic()
        self._session = lake.session(bulk=True)

    def __enter__(self) -> Run:
        self._cancel.watch(self._session)
        return self

    def __exit__(self, *_: object) -> None:
        self._cancel.watch(None)
        self._session.close()

    def load(self, inputs: Inputs, stdin: BinaryIO | None) -> LoadResult:
        try:
            resume_pending(self._lake, self._session)
            job = self._open(inputs, stdin)
            return self._commit(job)
        except CancelledError as error:
            if self._cancel.asked:
                raise LoadCancelled from error
            raise

    def preview(self, inputs: Inputs, stdin: BinaryIO | None, rows: int) -> Preview:
        try:
            job = self._open(inputs, stdin, dry_run=True)
            if job.place.relationship is not None:
                links.prepare_links(job, job.s)
            else:
                self._work_out(job, job.s)
            return make_preview(job, self._result(job, snapshot=None), rows=rows)
        except CancelledError as error:
            if self._cancel.asked:
                raise LoadCancelled from error
            raise

    def _open(self, inputs: Inputs, stdin: BinaryIO | None, *, dry_run: bool = False) -> Job:
        """Read, map and type the file: all that does not depend on the records there are."""
        lake, options = self._lake, self._options
        place = place_of(definitions.read_catalog(lake), self._module)
        told = options.contract
        if told is None and options.source is not None:
            told = read_contract(lake, source=options.source, module=place.name)
        staged = stage(
            self._session, inputs, into=RAW, format=cast(Format | None, options.format),
            options=_reading_options(options, told), progress=self._scanned, stdin=stdin,
        )  # fmt: skip
        source = options.source or (told.source if told else "") or _stem(staged)
        if told is None:
            told = read_contract(lake, source=source, module=place.name)
        contract = _contract(told, options, source=source, module=place.name)
        mapped = map_columns(place, staged.columns, contract)
        unknown = [one for one in mapped if one.target is None and not one.known]
        if unknown and contract.new_columns == "freeze":
            raise NewColumns(source, [one.header for one in unknown])
        if unknown and (options.evolve or contract.new_columns == "evolve") and not dry_run:
            place = evolve(lake, place, self._session, unknown, actor=self._actor)
            mapped = map_columns(place, staged.columns, contract)
        return self._job(place, contract, staged, mapped)

    def _job(self, place: Place, contract: Contract, staged: Staged, mapped: tuple[Mapped, ...]) -> Job:
        options, s = self._options, self._session
        names = options.key or contract.key or (("from", "to") if place.relationship else ())
        key = resolve_key(place, names, mapped)
        mode: Mode = options.mode or contract.mode or ("upsert" if names else "insert")
        if (names and not key) or (mode in ("upsert", "update", "mirror") and not key):
            raise KeyMissing(mode, key=names, columns=staged.columns)
        door = "load:silent" if options.silent else "load"
        reason = f"{contract.source}: {', '.join(Path(file.path).name for file in staged.files[:3])}"
        change = Change(actor=self._actor.user, door=door, reason=reason, load_id=self._load_id)
        delimiter = next((file.dialect.delimiter for file in staged.files if file.dialect), "")
        directory = people.read_directory(self._lake)
        job = Job(
            lake=self._lake, s=s, place=place, contract=contract, options=options, mode=mode,
            clear=(options.empty or contract.empty) == "clear",
            writer=Writer(place.catalog, directory, self._actor, door, trusted=True),
            change=change, load_id=self._load_id, staged=staged, mapped=mapped, key=key,
            read=stage_values(s, place, contract, mapped, delimiter=delimiter), refs=referred(mapped),
            progress=self._progress, cancel=self._cancel,
        )  # fmt: skip
        job.change = replace(change, occurred_at=job.started)
        job.notes += [f"{header}: {note}" for header, note in job.read.notes.items()]
        job.notes += staged.notes
        job.forced = any(one.header == RECORD_ID for one in mapped)
        job.known_files = known_files(job, s)
        job.counts.read = staged.rows + staged.rows_dropped
        job.step("type", 0, 1)
        job.typed = type_values(job)
        job.step("type", 1, 1)
        return job

    def _work_out(self, job: Job, s: Session | Transaction) -> Prepared:
        """Everything that depends on the records there are, up to the counts."""
        job.step("match", 0, 2)
        prepared = prepare(job, s)
        job.step("match", 1, 2)
        if job.mode == "mirror":
            job.counts.deleted = find_missing(job, s)
        keep_ids(s)
        job.counts.pending_references = count_pending(job, s, IDS)
        collect(job, s)
        count_rows(job, s)
        count_revived(job, s)
        job.step("match", 2, 2)
        return prepared

    def _commit(self, job: Job) -> LoadResult:
        if job.place.relationship is not None:
            done = links.commit_links(job)
            return self._result(job, snapshot=done)
        for _ in range(_ATTEMPTS):
            prepared = self._work_out(job, job.s)
            refuse_if_strict(job, job.s)
            job.step("write", 0, 3)
            outside = write_files(job, job.s, prepared)
            try:
                return self._result(job, snapshot=self._write(job, prepared, outside))
            except Stale:
                continue
            finally:
                # What a commit took has become part of the lake, and is no file of this load any more.
                if outside is not None:
                    outside.files.discard()
        return self._result(job, snapshot=self._write(job, None, None))

    def _write(self, job: Job, prepared: Prepared | None, outside: Outside | None) -> int | None:
        """Commit what was worked out, or work it out under the lock; None when no record changed."""

        def work(tx: Transaction) -> None:
            ready = prepared
            if ready is None:
                ready = self._work_out(job, tx)
                refuse_if_strict(job, tx)
            elif not holds(job, tx, ready, outside):
                raise Stale
            write_all(job, tx, ready, outside)

        job.step("write", 2, 3)
        self._cancel.watch(None)
        self._cancel.check()
        done = job.s.commit(work, job.change)
        if outside is not None:
            outside.files.files.clear()
        self._resolve_late(job, until=done.snapshot)
        if self._progress:
            self._progress("write", 3, 3)
        counts = job.counts
        return done.snapshot if counts.inserted or counts.updated or counts.deleted else None

    def _resolve_late(self, job: Job, *, until: int) -> None:
        """References whose target came with this very commit, or while it was worked out, find it in one of their own.

        A row is written once in a commit, so the load's own could not do it.
        """
        if not job.counts.pending_references:
            return
        changed = {name for schema, name in job.lake.feed.tables_changed(job.base, until) if schema == "crm"}
        modules = {module for one in job.refs for module in one.reference.targets} & changed
        for module in sorted(modules):
            job.s.execute(
                f"CREATE OR REPLACE TEMP TABLE load_late AS SELECT id FROM {table('crm', module)} "
                f"WHERE version > {int(job.base)} AND deleted_at IS NULL"
            )
            waiting = job.s.read(
                f"SELECT count(*) AS n FROM {table('ops', 'pending_references')} "
                "WHERE resolved_at IS NULL AND load_id = CAST(? AS UUID) AND list_contains(targets, ?)",
                [job.load_id, module],
            )
            if waiting.item():
                found = Event(module, "update", "load_late")
                mine = job.change
                again = Change(actor=mine.actor, door=mine.door, reason=mine.reason, load_id=job.load_id)
                job.s.commit(partial(resolve_pending, catalog=job.place.catalog, event=found), again)

    def _result(self, job: Job, *, snapshot: int | None) -> LoadResult:
        counts = job.counts
        return LoadResult(
            load_id=job.load_id, read=counts.read, inserted=counts.inserted, updated=counts.updated,
            unchanged=counts.unchanged, rejected=counts.rejected, values_rejected=counts.values_rejected,
            pending_references=counts.pending_references, files=len(job.staged.files),
            seconds=time.monotonic() - self._started, snapshot=snapshot, deleted=counts.deleted,
            proposed=propose(job.s, job.mapped), notes=tuple(job.told),
        )  # fmt: skip

    def _scanned(self, phase: str, done: int, total: int) -> None:
        self._cancel.check()
        if self._progress:
            self._progress("scan" if phase == "scan" else "read", done, total)


def _reading_options(options: LoadOptions, contract: Contract | None) -> Options:
    """How the text is cut into cells: as this call says, else as the contract does."""
    told = contract.formats if contract else options.formats
    mine = options.formats
    return Options(
        delimiter=mine.delimiter or told.delimiter,
        quote=mine.quote if mine.quote is not None else told.quote,
        encoding=mine.encoding or told.encoding,
        header=mine.header if mine.header is not None else told.header,
        skip=mine.skip or told.skip,
        sheet=mine.sheet or told.sheet,
    )


def _contract(told: Contract | None, options: LoadOptions, *, source: str, module: str) -> Contract:
    """The contract of this load: what is remembered or given, with this call's formats before it."""
    contract = told or Contract(source=source, module=module)
    formats = contract.formats.model_copy(update=options.formats.model_dump(exclude_defaults=True))
    return contract.model_copy(update={"source": source, "module": module, "formats": formats})


def _stem(staged: Staged) -> str:
    """The name of a source that was given none: its first file's."""
    first = staged.files[0]
    if first.path == "-":
        return "stdin"
    if first.format == "database":
        return first.path.rpartition("table=")[2]
    name = Path(first.path).name
    return name.removesuffix(".gz").rpartition(".")[0] or name
