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
