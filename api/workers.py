"""The work that a server does in the background, and how often."""

import threading
from functools import partial

from crm_core.access import Actor
from crm_core.intake import forget_old_answers
from crm_core.relations import relations_for
from crm_core.workspace import Workspace
from flows.background import Worker
from flows.delivery import DeliveryConfig
from flows.mail_work import mailboxes_of
from flows.noticing import Noticer
from flows.runner import Runner
from lake import maintenance

MAINTENANCE_SECONDS = 30.0
FORGET_SECONDS = 3600.0
COPY_SECONDS = 2.0
NOTICE_SECONDS = 1.0


def runner_of(workspace: Workspace) -> Runner:
    """The runner of flows, which delivers what waits in the outbox as well."""
    settings = workspace.settings
    return Runner(workspace.lake, delivery=DeliveryConfig.from_settings(settings))


def workers_of(workspace: Workspace) -> tuple[Worker, ...]:
    """The workers of a server; what is done in the lake takes a lease, so that one process at a time does it."""
    return (
        Worker("maintenance", partial(maintain, workspace), every=MAINTENANCE_SECONDS),
        Worker("intake", partial(forget, workspace), every=FORGET_SECONDS),
        Worker("notices", partial(tell_people, Noticer(workspace.lake)), every=NOTICE_SECONDS),
        Worker("serving copy", partial(refresh_copy, workspace), every=COPY_SECONDS),
        *mailboxes_of(workspace.lake, workspace.settings),
    )


def maintain(workspace: Workspace, _: threading.Event) -> None:
    """Flush, merge and rewrite the tables that are due."""
    lake = workspace.lake
    if not maintenance.should_run(lake):
        return
    with lake.lease("maintenance") as mine:
        if mine:
            maintenance.run(lake)


def tell_people(noticer: Noticer, _: threading.Event) -> None:
    """Tell people what happened that concerns them."""
    noticer.run()


def refresh_copy(workspace: Workspace, _: threading.Event) -> None:
    """Bring the serving copy up to date, so that nobody waits for it who comes after a large change."""
    relations_for(workspace.lake, workspace.catalog, Actor.system())


def forget(workspace: Workspace, _: threading.Event) -> None:
    """Forget the answers of the intake whose keys count no more."""
    with workspace.lake.lease("intake") as mine:
        if mine:
            forget_old_answers(workspace.lake)
