"""Mail as it comes in, by whichever way: who we are, what it may answer, and what a bounce says of the outbox."""

from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import unquote, urlsplit

import polars as pl

from crm_core.mail import reports, threads
from crm_core.mail.arrivals import Arrival
from crm_core.mail.store import Taken, store
from crm_core.settings import Settings
from flows.outbox_tables import OUTBOX
from lake import Lake, Transaction

# A message is answered, or comes back, before the server's answer to it is recorded: its id is known from its attempt.
threads.also_known(
    f"SELECT message_id, communication_id FROM {OUTBOX} WHERE state IN ('sending', 'unknown') "
    "AND message_id IS NOT NULL"
)


@reports.on_bounced
def note_in_outbox(tx: Transaction, failed: dict[str, str]) -> None:
    """Say in the outbox that messages came back."""
    tx.register("mail_failed", _frame(failed))
    tx.execute(
        f"UPDATE {OUTBOX} SET reason = 'came back: ' || f.words, updated_at = $now FROM mail_failed f "
        f"WHERE f.id = CAST({OUTBOX}.communication_id AS VARCHAR)",
        {"now": tx.occurred_at},
    )


def _frame(failed: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame(list(failed.items()), schema={"id": pl.String, "words": pl.String}, orient="row")


@dataclass(frozen=True)
class MailIn:
    """How mail is taken in: where its bytes lie, and which addresses are our own (in small letters)."""

    files: Path
    own: frozenset[str] = frozenset()

    @classmethod
    def from_settings(cls, settings: Settings) -> "MailIn":
        """As the settings of a workspace say."""
        given = [parseaddr(settings.mail_from)[1], *settings.mail_in_addresses]
        given += [unquote(urlsplit(one).username or "") for one in settings.mail_imap_urls]
        return cls(settings.files_path, frozenset(one.lower() for one in given if "@" in one))

    def take(self, lake: Lake, arrival: Arrival) -> Taken:
        """Take in one message; durable on return. See `crm_core.mail.store.store`."""
        return store(lake, arrival, files=self.files, own=self.own)
