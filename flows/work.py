"""The runner alone, for a process without pages: what is due now, or until it is told to end."""

import signal
import threading
from dataclasses import dataclass

from crm_core.settings import Settings
from flows.background import Background
from flows.delivery import DeliveryConfig, deliver_once
from flows.ingress import Ingress
from flows.mail_work import mailboxes_of
from flows.runner import DELIVERY_LEASE, Runner, run_until_current
from lake import Lake


@dataclass(frozen=True)
class Worked:
    """What was done: windows of the change feed, runs of flows, messages; `waiting` says why mail stays."""

    windows: int = 0
    runs: int = 0
    failed: int = 0
    sent: int = 0
    waiting: str = ""


def work(lake: Lake, settings: Settings, *, once: bool = False) -> Worked | None:
    """Follow the change feed, deliver mail and take mail in until the process is told to end.

    `once` does what is due, takes no mail in, and ends. Where another process does the work already, nothing is done
    here; mail is taken in by SMTP all the same, when a port is set.

    Raises:
        SettingInvalid: Mail cannot be taken in at the port that is set, such as where a server does it already.
    """
    delivery = DeliveryConfig.from_settings(settings)
    if once:
        return _work_once(lake, delivery)
    runner, ended = Runner(lake, delivery=delivery), threading.Event()
    ingress, mailboxes = Ingress.from_settings(lake, settings), Background(mailboxes_of(lake, settings))
    if ingress is not None:
        ingress.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    runner.start()
    mailboxes.start()
    ended.wait()
    if ingress is not None:
        ingress.stop()
    mailboxes.stop()
    runner.stop()
    return None


def _work_once(lake: Lake, delivery: DeliveryConfig) -> Worked:
    reports = run_until_current(lake)
    sent, waiting = 0, ""
    with lake.lease(DELIVERY_LEASE) as mine:
        if mine:
            report = deliver_once(lake, delivery)
            sent, waiting = report.sent, report.reason
    return Worked(
        windows=len(reports),
        runs=sum(report.runs for report in reports),
        failed=sum(report.failed for report in reports),
        sent=sent,
        waiting=waiting,
    )
