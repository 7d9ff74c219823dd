"""What mail can be refused for."""

from crm_core.errors import CrmError


class MailUnreadable(CrmError):
    """A message that cannot be taken apart; it is kept as it came, among the dead letters."""

    status = 422

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The message cannot be read: {reason}. It is kept as it came.")


class UnknownLetter(CrmError):
    """A dead letter that is not there, or that has been read since."""

    status = 404

    def __init__(self, id: str) -> None:
        self.id = id
        super().__init__(f"There is no dead letter {id!r}; `merganser mail dead` lists those there are.")


class MailboxFailed(CrmError):
    """A mailbox that cannot be read; it is tried again at the next turn."""

    status = 503

    def __init__(self, mailbox: str, reason: str) -> None:
        self.mailbox, self.reason = mailbox, reason
        super().__init__(
            f"The mailbox {mailbox} cannot be read: {reason}. Check MERGANSER_MAIL_IMAP_URLS; it is tried again."
        )
