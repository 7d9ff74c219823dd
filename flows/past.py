"""What a flow would have matched in the past: its trigger and condition asked of the changes of a span.

The changes are read in stretches of bounded size, with the few columns that are asked for (`flows.past_questions`).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlglot import exp

from crm_core.model import Catalog
from flows.active import ActiveFlow
from flows.link_changes import awaited_links, changed_links, stage_link_changes
from flows.past_questions import Asker, begin_matches, count_matches
from flows.past_span import Found, Progress, Span
from flows.provenance import SILENT_DOORS, feed_table, provenance, told_values
from flows.staging import Window, flows_wrote, rows_view, stage_changes
from flows.statements import temp
from flows.triggers import LINKS
from lake import Lake, Session, ident, table
from lake.catalog import all_snapshots_sql

SILENT_IN_THE_PAST = tuple(door for door in SILENT_DOORS if door != "demo")
"""Doors whose changes set off nothing; the demo's history is there to try flows on."""

MOST_ROWS = 3_000_000
"""Rows of one stretch, unless a single commit has more."""

_ALWAYS = ("deleted_at", "change_id", "updated_at")


def stage_matches(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    flow: ActiveFlow,
    span: Span,
    *,
    progress: Progress | None = None,
) -> Found:
    """Put every change of a span that would have set the flow off into the temp table `MATCHES`.

    Args:
        session: where it is staged; nothing of the lake is written.
        lake: the lake.
        catalog: the definitions as they are now; what was not there yet is NULL.
        flow: the flow, as its id is known: what it did itself does not set it off.
        span: the snapshots.
        progress: told a phase, how many commits are done, and of how many.
    """
    begin_matches(session)
    commits = read_commits(session, lake, catalog, flow, span)
    search = _Search(session, lake, catalog, flow, len(commits))
    changes = done = 0
    for stretch in stretches(commits):
        window = Span(span.after if not done else commits[done - 1][0], stretch[-1][0])
        changes += search.look(window, [snapshot for snapshot, _ in stretch])
        done += len(stretch)
        if progress is not None:
            progress("reading", done, len(commits))
    return Found(changes, count_matches(session), search.asker.notes())


def read_commits(
    session: Session, lake: Lake, catalog: Catalog, flow: ActiveFlow, span: Span
) -> list[tuple[int, int]]:
    """The commits that may have set the flow off, in order, each with the number of rows that it wrote."""
    changed = lake.feed.tables_changed(span.after, span.until)
    links = changed_links(awaited_links(catalog, [flow.definition]).get(flow.definition.module, {}), changed)
    tables = {flow.definition.module, *(str(link.link_table) for link in links.values())}
    counts: dict[int, int] = {}
    for name in tables:
        if ("crm", name) in changed:
            for snapshot, rows in lake.feed.commits(session, "crm", name, after=span.after, until=span.until):
                counts[snapshot] = counts.get(snapshot, 0) + rows
    return sorted(counts.items())


def stage_past(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    flow: ActiveFlow,
    window: Window,
    *,
    only: str | None = None,
) -> int:
    """Stage all that can be told of the changes that a flow waits for, as the prepared view; returns how many."""
    module, silent = flow.definition.module, SILENT_IN_THE_PAST
    links = awaited_links(catalog, [flow.definition]).get(module, {})
    changed = lake.feed.tables_changed(window.after, window.until)
    found = stage_changes(
        session, lake, catalog, module, window, silent=silent, only=only, even_none=bool(links),
        by_flows=flows_wrote(changed),
    )  # fmt: skip
    if links:
        found += stage_link_changes(
            session, lake, catalog, module, window, links=links, changed=changed, silent=silent, only=only
        )  # fmt: skip
    return found


def stretches(commits: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Commits that are read together, so that no more than `MOST_ROWS` rows are."""
    stretch: list[tuple[int, int]] = []
    for commit in commits:
        if stretch and sum(rows for _, rows in stretch) + commit[1] > MOST_ROWS:
            yield stretch
            stretch = []
        stretch.append(commit)
    if stretch:
        yield stretch


class _Search:
    """One flow looked for in one stretch after another."""

    def __init__(
        self, session: Session, lake: Lake, catalog: Catalog, flow: ActiveFlow, commits: int
    ) -> None:
        self._session, self._lake, self._catalog, self._flow = session, lake, catalog, flow
        self._module, self._commits = flow.definition.module, commits
        self._links = flow.definition.trigger.event in LINKS
        self.asker = Asker(session, catalog, flow, key="_snapshot")

    def look(self, window: Span, commits: Sequence[int]) -> int:
        """Add the matches of a stretch; returns the number of changes that were read."""
        moments = self._moments(window)
        now = moments[commits[-1]]
        changes, rows = self._of_links(window, now) if self._links else self._of_records(window)
        if not changes:
            return 0
        self.asker.know({one: moments[one] for one in commits})
        share = len(commits) / max(self._commits, 1)
        self.asker.ask_of(rows, share=share, at=window.until, after=window.after, until=window.until, now=now)
        return changes

    def _of_records(self, window: Span) -> tuple[int, exp.Select]:
        """The changes of records with the few columns that are asked for, and how many they are."""
        feed = feed_table(self._module)
        changes = self._lake.feed.stage(
            self._session, "crm", self._module, after=window.after, until=window.until, into=feed,
            columns={*self.asker.question.columns, *_ALWAYS},
        )  # fmt: skip
        known = self._session.read(f"DESCRIBE {ident(feed)}")["column_name"].to_list()
        kinds = self._catalog.columns(self._module)
        read = {name: kinds[name] for name in kinds if name in self.asker.question.columns}
        by_flows = flows_wrote(self._lake.feed.tables_changed(window.after, window.until))
        told = told_values(read, known)
        return changes, provenance(self._module, *told, silent=SILENT_IN_THE_PAST, by_flows=by_flows)

    def _of_links(self, window: Span, now: datetime) -> tuple[int, exp.Select]:
        """The changes of links beside those of records, which are read in full."""
        staged = Window(window.after, window.until, window.until, now)
        changes = stage_past(self._session, self._lake, self._catalog, self._flow, staged)
        return changes, exp.select("*").from_(temp(rows_view(self._module)))

    def _moments(self, window: Span) -> dict[int, datetime]:
        """When each snapshot of a stretch counts for."""
        rows = self._lake.read(
            f"SELECT s.snapshot_id, coalesce(max(c.occurred_at), any_value(s.snapshot_time)) AS moment "
            f"FROM {all_snapshots_sql(self._lake.config.kind)} s LEFT JOIN {table('ops', 'changes')} c "
            "ON c.snapshot = s.snapshot_id WHERE s.snapshot_id > $after AND s.snapshot_id <= $until "
            "GROUP BY s.snapshot_id ORDER BY s.snapshot_id",
            {"after": window.after, "until": window.until},
        )
        return dict(rows.iter_rows())
