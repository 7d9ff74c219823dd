"""What a report can refuse."""

from collections.abc import Sequence

from crm_core.errors import CrmError


class ReportError(CrmError):
    """The base of what reports refuse."""


class ReportInvalid(ReportError):
    """A report asks for what is not there (any more); carries every problem found."""

    status = 422

    def __init__(self, title: str, problems: Sequence[str]) -> None:
        self.title = title
        self.problems = tuple(problems)
        super().__init__(f"The report “{title}” cannot be shown: {'; '.join(self.problems)}.")


class ReportNotFound(ReportError):
    """There is no such report or dashboard, or it is not offered to the actor: he cannot tell which."""

    status = 404

    def __init__(self, slug: str, what: str = "report") -> None:
        self.slug = slug
        super().__init__(f"There is no {what} “{slug}”.")


class RangeInvalid(ReportError):
    """A date range that ends before it begins, or is none of those that have a name."""

    status = 422

    def __init__(self, received: str, allowed: str) -> None:
        self.received = received
        self.allowed = allowed
        super().__init__(f"The date range {received} cannot be used: {allowed}.")
