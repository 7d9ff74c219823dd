"""Taking mail in, as a process does it in the background: each mailbox by a worker of its own."""

import threading
from functools import partial

from crm_core.settings import Settings
from flows.background import Worker
from flows.imap import Mailbox, poll
from flows.mail_in import MailIn
from lake import Lake


def mailboxes_of(lake: Lake, settings: Settings) -> tuple[Worker, ...]:
    """A worker for each mailbox that is read, so that none waits for another's server."""
    return tuple(
        Worker(
            f"mailbox {number}",
            partial(_read_mailbox, lake, settings, Mailbox.from_url(url)),
            every=settings.mail_poll_seconds,
        )
        for number, url in enumerate(settings.mail_imap_urls, 1)
    )


def _read_mailbox(lake: Lake, settings: Settings, mailbox: Mailbox, ended: threading.Event) -> None:
    """Take in what is new in a mailbox, unless another process does."""
    with lake.lease(mailbox.lease) as mine:
        if mine:
            poll(
                lake, mailbox, MailIn.from_settings(settings), max_bytes=settings.mail_in_max_bytes,
                stopped=ended.is_set,
            )  # fmt: skip
