"""Saved reports and dashboards: who is offered which, and who may save and delete them."""

import secrets
from collections.abc import Iterable
from typing import TypeVar

from crm_core import definitions
from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import DefinitionInvalid
from crm_core.model import Catalog, Dashboard, Offered, Report
from crm_core.reports.errors import ReportNotFound
from crm_core.reports.periods import Range
from crm_core.reports.sql_report import run_statement
from crm_core.views import may_use
from lake import Lake

One = TypeVar("One", Report, Dashboard)


def reports_of(catalog: Catalog, *, actor: Actor) -> tuple[Report, ...]:
    """The reports that the actor is offered, by name: everybody's, his teams' and his own."""
    return _offered(catalog.reports.values(), actor)


def dashboards_of(catalog: Catalog, *, actor: Actor) -> tuple[Dashboard, ...]:
    """The dashboards that the actor is offered, by name."""
    return _offered(catalog.dashboards.values(), actor)


def if_offered(found: One | None, actor: Actor) -> One | None:
    """A report or dashboard where the actor is offered it, else None."""
    return found if found is not None and may_use(found, actor) else None


def report_of(catalog: Catalog, slug: str, *, actor: Actor) -> Report:
    """A report that the actor is offered.

    Raises:
        ReportNotFound: There is none, or it is not offered to him.
    """
    found = if_offered(catalog.reports.get(slug), actor)
    if found is None:
        raise ReportNotFound(slug)
    return found


def dashboard_of(catalog: Catalog, slug: str, *, actor: Actor) -> Dashboard:
    """A dashboard that the actor is offered.

    Raises:
        ReportNotFound: There is none, or it is not offered to him.
    """
    found = if_offered(catalog.dashboards.get(slug), actor)
    if found is None:
        raise ReportNotFound(slug, "dashboard")
    return found


def save_report(lake: Lake, report: Report, *, actor: Actor) -> str:
    """Save a report, with a slug of its own when it has none yet (`new`); a statement is asked once before.

    Raises:
        Forbidden: The actor may only look, it is somebody else's, or he shares what he may not.
        DefinitionInvalid: It has no name, or asks for what is not there.
        ReportInvalid: Its statement has not the columns that it draws.
        QueryRefused: Its statement is not one SELECT over what may be read.
        QueryInvalid: The engine cannot run its statement.
    """
    if report.sql:
        run_statement(lake, read_catalog(lake), report, actor=actor, asked=Range())
    return _save(lake, report, actor)


def save_dashboard(lake: Lake, board: Dashboard, *, actor: Actor) -> str:
    """Save a dashboard, as `save_report` does."""
    return _save(lake, board, actor)


def delete_report(lake: Lake, slug: str, *, actor: Actor) -> None:
    """Delete a report; dashboards that show it say that it is gone.

    Raises:
        Forbidden: It is not the actor's to delete.
        DefinitionInvalid: There is no such report.
    """
    definitions.retire_own(lake, "report", slug, actor=actor)


def delete_dashboard(lake: Lake, slug: str, *, actor: Actor) -> None:
    """Delete a dashboard; its reports stay.

    Raises:
        Forbidden: It is not the actor's to delete.
        DefinitionInvalid: There is no such dashboard.
    """
    definitions.retire_own(lake, "dashboard", slug, actor=actor)


NEW = "new"
"""The slug of what is not saved yet."""


def _save(lake: Lake, made: Offered, actor: Actor) -> str:
    if not made.name.strip():
        raise DefinitionInvalid("It", ["it needs a name"])
    new = made.slug == NEW
    slug = f"{type(made).__name__.lower()}-{secrets.token_hex(6)}" if new else made.slug
    kept = made.model_copy(
        update={
            "slug": slug, "name": made.name.strip(), "owner": actor.user if new else made.owner,
            "team": made.team if made.shared_with == "team" else "",
        }
    )  # fmt: skip
    definitions.save_own(lake, kept, actor=actor)
    return slug


def _offered(every: Iterable[One], actor: Actor) -> tuple[One, ...]:
    found = [one for one in every if may_use(one, actor)]
    return tuple(sorted(found, key=lambda one: (one.title.casefold(), one.slug)))
