"""The transaction of a window: effects, runs, messages and the cursor are stored together, or none of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crm_core.access import Actor
from crm_core.records.insert import Ready, check_insert, prepare_insert, write_insert
from crm_core.records.update import Merged, check_update, prepare_update, write_update
from crm_core.records.writer import Writer
from crm_core.values.normalise import PROBLEM_COLUMNS, Typed
from flows.actions.send_email import COMMUNICATIONS
from flows.awaiting import CAME
from flows.meanwhile import begin_kept, keep_later, kept_effects_sql
from flows.merging import claims_table, merge_updates, merged_table, note_changed, updated_effects_sql
from flows.queueing import hold, queue_messages
from flows.runs import FAILURES, RUNS, deepest, fail_runs, leave_unbegun
from flows.sides import SIDES, rows_of
from flows.window import Staged
from flows.windows import CURSOR
from lake import Change, Lake, Session, Transaction, cursors, ident, table

EFFECTS = "flow_effects_staged"
DOOR = "flow"

_RUNS_OF_LAKE = table("ops", "flow_runs")
_EFFECTS_OF_LAKE = table("ops", "flow_effects")
_CHANGES = table("ops", "changes")
_TIMERS = table("ops", "flow_timers")


@dataclass(frozen=True)
class Stored:
    """What a window's transaction stored: runs by state, messages and calls queued or held."""

    done: int = 0
    failed: int = 0
    not_matched: int = 0
    messages: int = 0
    held: int = 0


@dataclass(frozen=True)
class Committed:
    """What the transaction of a window stored, and in which snapshot."""

    stored: Stored
    snapshot: int | None


@dataclass(frozen=True)
class Prepared:
    """A staged window whose new records are whole rows, ready for the checks under the lock."""

    staged: Staged
    writer: Writer
    inserts: dict[str, Ready]
    person: str | None = None
    seen: int = 0
    """The snapshot up to which it was looked at what others changed meanwhile."""


def flow_writer(staged: Staged, actor: Actor | None = None) -> Writer:
    """On whose behalf a window writes: the machinery, or the person who started the runs by hand."""
    return Writer(staged.catalog, staged.directory, actor or Actor.system(), door=DOOR, trusted=True)


def prepare(session: Session | Transaction, staged: Staged, *, person: str | None = None) -> Prepared:
    """Make the new records of a window whole, outside the lock: ids, defaults, folders, and their own rules."""
    writer = flow_writer(staged)
    inserts = {}
    for module, typed in staged.effects.inserts.items():
        inserts[module] = prepare_insert(
            session, writer, module=module, typed=typed, staged=f"flow_inserts__{module}",
            ready=f"flow_ready__{module}",
        )  # fmt: skip
        _note_problems(session, inserts[module].typed.problems, typed.table, "t._skip IS NULL")
    fail_runs(session)
    until = _keep_until_now(session, staged)
    return Prepared(staged, writer, inserts, person, until)


def _keep_until_now(session: Session | Transaction, staged: Staged) -> int:
    """Keep what others changed until now, so that little is left for the time under the lock; returns until when."""
    updates = staged.effects.updates
    for module in updates:
        begin_kept(session, module)
    if not updates or isinstance(session, Transaction):
        return staged.window.until
    until = session.newest_snapshot()
    for module, typed in updates.items():
        keep_later(session, staged.catalog, module, typed, after=0, until=until)
    return until


def commit_window(session: Session, lake: Lake, staged: Staged, cursor: int | None) -> Committed:
    """Store a staged window. A `cursor` is where the window began from: stored, it moves to the window's end."""
    prepared = prepare(session, staged)
    hold_over = staged.catalog.workspace.hold_messages_over

    def work(tx: Transaction) -> Stored | None:
        if cursor is not None:
            if (cursors.read(tx, CURSOR) or 0) != cursor:
                # Somebody else worked through it in the meantime.
                tx.cancel()
                return None
            cursors.put(tx, CURSOR, staged.window.until)
        return store(tx, prepared, hold_over=hold_over)

    # What follows from the runs' effects is recorded under this change, and must not begin a chain anew.
    depth = deepest(session)
    change = Change(
        actor="system", door="flow:window", reason=f"flows up to {staged.window.until}", depth=depth
    )
    done = session.commit(work, change)
    return Committed(done.value or Stored(), done.snapshot if done.wrote else None)


def store(tx: Transaction, prepared: Prepared, *, hold_over: int) -> Stored:
    """Check and write everything of a window, within the transaction that the caller commits.

    What only the lake can tell (a key that is taken, a record that is gone) makes a run fail at that step; the
    others are written.

    Args:
        tx: the transaction; it holds the writer lock.
        prepared: the window.
        hold_over: with more messages and calls than so many, all of them wait for a person.
    """
    _leave_taken(tx)
    for module, typed in prepared.staged.effects.updates.items():
        if tx.touched_since(prepared.seen, "crm", module):
            keep_later(tx, prepared.staged.catalog, module, typed, after=prepared.seen, until=tx.snapshot - 1)
    for kind in prepared.staged.effects.sides:
        if (check := SIDES[kind].check) is not None:
            check(tx, prepared.staged.catalog, rows_of(kind), FAILURES)
    fail_runs(tx)
    pending = _settle(tx, prepared)
    sides, messages = prepared.staged.effects.sides, prepared.inserts.get(COMMUNICATIONS)
    for kind in sides:
        _keep_side(tx, kind)
    leaving = [kept_rows(kind) for kind in sides if SIDES[kind].outcome == "queued"]
    held = hold(tx, messages, leaving, over=hold_over)
    for ready in prepared.inserts.values():
        write_insert(tx, prepared.writer, ready)
    for module, merged in pending.items():
        note_changed(tx, module, merged)
        write_update(tx, prepared.writer, merged)
    _note_effects(tx, prepared, list(pending), held)
    if messages is not None:
        queue_messages(tx, messages, held=held)
    for kind in sides:
        SIDES[kind].write(tx, kept_rows(kind))
    return _write_runs(tx, prepared, held, [merged.table for merged in pending.values()])


def _leave_taken(tx: Transaction) -> None:
    """Leave out the runs that somebody cancelled or went on with since they were staged."""
    there = f"SELECT 1 FROM {_RUNS_OF_LAKE} f WHERE f.id = x.run_id AND f.state = x.expects"
    waits = f"x.timer IS NULL OR x.timer IN (SELECT id FROM {_TIMERS})"
    taken = f"SELECT x.id FROM {ident(RUNS)} x WHERE x.run_id IS NOT NULL AND NOT (EXISTS ({there}) AND ({waits}))"
    if tx.read(f"SELECT count(*) AS n FROM {ident(RUNS)} WHERE run_id IS NOT NULL")["n"][0]:
        tx.execute(f"DELETE FROM {ident(RUNS)} WHERE id IN ({taken})")
        leave_unbegun(tx)


def _settle(tx: Transaction, prepared: Prepared) -> dict[str, Merged]:
    """Leave out what cannot be stored until nothing is left to be said against the rest."""
    pending: dict[str, Merged] = {}
    for _ in range(_ROUNDS):
        found = 0
        for module, ready in prepared.inserts.items():
            _drop_failed(tx, ready.table)
            found += _check_inserts(tx, prepared, module, ready)
        for module, typed in prepared.staged.effects.updates.items():
            merge_updates(tx, prepared.staged.catalog, module, typed)
            pending[module], problems = _check_updates(tx, prepared, module, typed)
            found += problems
        if not found:
            return pending
        fail_runs(tx)
    return pending


_ROUNDS = 50
"""Each round lets at least one more run fail, all that it finds at once; more rounds than steps are not needed."""


def _drop_failed(tx: Transaction, ready: str) -> None:
    tx.execute(
        f"DELETE FROM {ident(ready)} WHERE _skip IS NOT NULL OR _run NOT IN (SELECT id FROM {ident(RUNS)} r "
        f"WHERE {_STANDS.format(step=ident(ready) + '._step')})"
    )


_STANDS = "(r.state = 'done' OR (r.state = 'failed' AND {step} < coalesce(r.failed_step, 0)))"
"""Whether what a run `r` wants written at a step stands: it did not fail before, and was not called off."""


def kept_rows(kind: str) -> str:
    """The temp table of the side rows of a kind that are to be written."""
    return f"{rows_of(kind)}__kept"


def _keep_side(tx: Transaction, kind: str) -> None:
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(kept_rows(kind))} AS SELECT t.*, false AS _held "
        f"FROM {ident(rows_of(kind))} t JOIN {ident(RUNS)} r ON r.id = t._run "
        f"WHERE t._skip IS NULL AND {_STANDS.format(step='t._step')}"
    )


def _check_inserts(tx: Transaction, prepared: Prepared, module: str, ready: Ready) -> int:
    tx.execute(f"DELETE FROM {ident(ready.typed.problems)}")
    found = check_insert(tx, prepared.writer, ready)
    if found:
        _note_problems(tx, ready.typed.problems, ready.table, "true")
    return found


def _note_problems(session: Session | Transaction, problems: str, rows: str, counts: str) -> None:
    session.execute(
        f"INSERT INTO {ident(FAILURES)} SELECT t._run, t._step, p.field || ': ' || p.message "
        f"FROM {ident(problems)} p JOIN {ident(rows)} t ON t._row = p._row WHERE {counts}"
    )


def _check_updates(tx: Transaction, prepared: Prepared, module: str, typed: Typed) -> tuple[Merged, int]:
    """The changed rows as they would be, and how much is to be said against them."""
    rows, problems = merged_table(module), f"{merged_table(module)}__problems"
    tx.execute(f"CREATE OR REPLACE TEMP TABLE {ident(problems)} ({PROBLEM_COLUMNS})")
    staged = Typed(rows, problems, typed.columns, typed.fields)
    merged = prepare_update(
        tx, prepared.writer, module=module, typed=staged, staged=rows, merged=f"{rows}__rows"
    )
    check_update(tx, prepared.writer, merged)
    # What is wrong with a row is wrong with every step that names the field; with all, when none does.
    tx.execute(
        f"INSERT INTO {ident(FAILURES)} SELECT c._run, c._step, p.field || ': ' || p.message "
        f"FROM {ident(problems)} p JOIN {ident(rows)} m ON m._row = p._row "
        f"JOIN {ident(claims_table(module))} c ON c._record = m._id "
        "WHERE list_contains(list_concat(c._set, list_concat(c._add, c._remove)), p.field) "
        "OR NOT list_contains(m._claimed, p.field)"
    )
    found = tx.read(f"SELECT count(*) AS n FROM {ident(problems)}")["n"][0]
    return merged, int(found)


def _note_effects(tx: Transaction, prepared: Prepared, updated: Sequence[str], held: bool) -> None:
    parts = ["SELECT NULL::UUID AS run, 0 AS step, '' AS action, '' AS module, NULL::UUID AS record, '' AS outcome, "
             "NULL::VARCHAR[] AS fields, '' AS detail LIMIT 0"]  # fmt: skip
    parts += [_side_effects_sql(kind, held) for kind in prepared.staged.effects.sides]
    for module, ready in prepared.inserts.items():
        message = f"CASE WHEN _recipient IS NULL THEN 'written' ELSE '{'held' if held else 'queued'}' END"
        parts.append(
            f"SELECT _run, _step, _action, $m_{module}, id, {message}, []::VARCHAR[], _note FROM {ident(ready.table)}"
        )
        parts.append(
            f"SELECT t._run, t._step, t._action, $m_{module}, NULL, 'skipped', []::VARCHAR[], t._skip "
            f"FROM {ident(ready.typed.table)} t JOIN {ident(RUNS)} r ON r.id = t._run WHERE t._skip IS NOT NULL "
            f"AND {_STANDS.format(step='t._step')}"
        )
    for module in updated:
        parts.append(
            f"SELECT run, step, action, $m_{module}, record, outcome, fields, CASE WHEN outcome = 'skipped' "
            f"THEN 'the record is not there any more' ELSE note END FROM ({updated_effects_sql(module)})"
        )
        parts.append(
            f"SELECT k.run, k.step, k.action, $m_{module}, k.record, 'skipped', []::VARCHAR[], k.detail "
            f"FROM ({kept_effects_sql(module)}) k JOIN {ident(RUNS)} r ON r.id = k.run "
            f"WHERE {_STANDS.format(step='k.step')}"
        )
    modules = {*prepared.inserts, *updated}
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(EFFECTS)} AS "
        + " UNION ALL ".join(f"({part})" for part in parts),
        {f"m_{module}": module for module in modules} or None,
    )


def _side_effects_sql(kind: str, held: bool) -> str:
    """A select with what came of the side rows of a kind, those that are left out with the reason."""
    side = SIDES[kind]
    outcome = "held" if held and side.outcome == "queued" else side.outcome
    detail = "t._skip" if side.detail is None else f"coalesce(t._skip, t.{ident(side.detail)})"
    return (
        "SELECT t._run, t._step, t._action, r.module, r.record_id, "
        f"CASE WHEN t._skip IS NULL THEN '{outcome}' ELSE 'skipped' END, []::VARCHAR[], {detail} "
        f"FROM {ident(rows_of(kind))} t JOIN {ident(RUNS)} r ON r.id = t._run "
        f"WHERE {_STANDS.format(step='t._step')}"
    )


def _write_runs(tx: Transaction, prepared: Prepared, held: bool, updated: Sequence[str]) -> Stored:
    """The runs, what they did, and a change for each that wrote anything: its id is the run's.

    `updated` are the temp tables of the changed rows; every run that one is recorded under has a change.
    """
    actor = "'flow:' || flow" if prepared.person is None else "$person"
    named = "".join(f" OR id IN (SELECT CAST(_change_id AS UUID) FROM {ident(rows)})" for rows in updated)
    tx.execute(
        f"INSERT INTO {_CHANGES} BY NAME SELECT id, {actor} AS actor, '{DOOR}' AS door, flow AS reason, load_id, "
        "coalesce(run_id, id) AS flow_run_id, change_id AS cause_id, depth, $now AS occurred_at, "
        f"$snapshot AS snapshot FROM {ident(RUNS)} WHERE id IN (SELECT run FROM {ident(EFFECTS)} "
        f"WHERE outcome IN ('written', 'queued', 'held')){named}",
        {"now": tx.occurred_at, "snapshot": tx.snapshot}
        | ({} if prepared.person is None else {"person": prepared.person}),
    )
    _write_effects(tx, prepared)
    _write_new_runs(tx, prepared)
    _go_on_with_runs(tx)
    if prepared.staged.came:
        tx.execute(
            f"UPDATE {_TIMERS} SET came = true, due_at = $now WHERE id IN (SELECT timer FROM {ident(CAME)})",
            {"now": tx.occurred_at},
        )
    states = dict(
        tx.read(f"SELECT {_STATE} AS state, count(*) AS n FROM {ident(RUNS)} GROUP BY 1").iter_rows()
    )
    messages = int(
        tx.read(f"SELECT count(*) AS n FROM {ident(EFFECTS)} WHERE outcome IN ('queued', 'held')")["n"][0]
    )
    return Stored(
        states.get("done", 0) + states.get("waiting", 0), states.get("failed", 0), states.get("not_matched", 0),
        messages, messages if held else 0,
    )  # fmt: skip


_STATE = f"CASE WHEN state = 'done' AND id IN (SELECT run FROM {EFFECTS} WHERE outcome = 'waiting') " \
         "THEN 'waiting' ELSE state END"  # fmt: skip
"""The state that a run is stored in: one that came to a wait is not done yet."""


def _write_effects(tx: Transaction, prepared: Prepared) -> None:
    seconds = prepared.staged.effects.seconds
    counts = tx.read(f"SELECT r.flow_id, e.step, count(*) AS n FROM {ident(EFFECTS)} e JOIN {ident(RUNS)} r "
                     "ON r.id = e.run GROUP BY ALL")  # fmt: skip
    shares = {f"{flow} {step}": seconds.get((flow, step), 0.0) / n for flow, step, n in counts.iter_rows()}
    tx.execute(
        f"INSERT INTO {_EFFECTS_OF_LAKE} BY NAME SELECT coalesce(r.run_id, e.run) AS run_id, r.flow_id, e.step, "
        "e.action, e.module, e.record AS record_id, e.outcome, e.fields, e.detail, $snapshot AS committed, r.attempt, "
        "list_extract($shares::DOUBLE[], list_position($steps::VARCHAR[], r.flow_id || ' ' || e.step)) AS seconds "
        f"FROM {ident(EFFECTS)} e JOIN {ident(RUNS)} r ON r.id = e.run",
        {"snapshot": tx.snapshot, "steps": list(shares), "shares": list(shares.values())},
    )


def _write_new_runs(tx: Transaction, prepared: Prepared) -> None:
    tx.execute(
        f"INSERT INTO {_RUNS_OF_LAKE} BY NAME SELECT id, flow, flow_id, flow_version, module, record_id, event, "
        f"snapshot, change_id, load_id, $actor AS actor, {_STATE} AS state, depth, chain, $started AS started_at, "
        "$now AS finished_at, error, failed_step, trace, $snapshot AS committed, "
        f"(SELECT coalesce(p.run_id, p.id) FROM {ident(RUNS)} p WHERE p.id = x.parent) AS parent_id, parent_step, "
        f"start FROM {ident(RUNS)} x WHERE run_id IS NULL",
        {
            "actor": prepared.person or "system",
            "started": prepared.staged.started_at,
            "now": datetime.now(UTC),
            "snapshot": tx.snapshot,
        },
    )


def _go_on_with_runs(tx: Transaction) -> None:
    """The runs that were gone on with: their state now, and the timers that are done with."""
    if not tx.read(f"SELECT count(*) AS n FROM {ident(RUNS)} WHERE run_id IS NOT NULL")["n"][0]:
        return
    tx.execute(
        f"UPDATE {_RUNS_OF_LAKE} SET state = r.now_state, finished_at = $now, error = r.error, "
        "failed_step = r.failed_step, committed = $snapshot "
        f"FROM (SELECT run_id, {_STATE} AS now_state, error, failed_step FROM {ident(RUNS)} "
        f"WHERE run_id IS NOT NULL) r WHERE r.run_id = {_RUNS_OF_LAKE}.id",
        {"now": datetime.now(UTC), "snapshot": tx.snapshot},
    )
    tx.execute(f"DELETE FROM {_TIMERS} WHERE id IN (SELECT timer FROM {ident(RUNS)} WHERE timer IS NOT NULL)")
