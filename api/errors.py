"""What only a request over HTTP can get wrong."""

from collections.abc import Sequence

from crm_core.errors import CrmError


class NotSignedIn(CrmError):
    """No key, or none that is valid."""

    status = 401

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"{reason} Send a key as `Authorization: Bearer …`; `merganser keys add --role agent` makes one."
        )


class BodyTooLarge(CrmError):
    """More bytes than this path takes."""

    status = 413

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        super().__init__(f"The body is larger than the {allowed:,} bytes taken here. Send less at once.")


class BodyInvalid(CrmError):
    """The body is not what this path reads."""

    status = 422

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The body cannot be used: {reason}.")


class HostNotAllowed(CrmError):
    """The request names a host that this server does not answer for (a rebound DNS name, perhaps)."""

    status = 421

    def __init__(self, host: str, allowed: tuple[str, ...]) -> None:
        self.host = host
        super().__init__(f"This server does not answer for {host!r}; it does for {', '.join(allowed)}.")


class TooManyRequests(CrmError):
    """An address asks more often than is allowed."""

    status = 429

    def __init__(self, limit: str, retry_after: int) -> None:
        self.limit = limit
        self.retry_after = retry_after
        super().__init__(f"Allowed are {limit} from one address. Try again in {retry_after} s.")


class ParameterUnknown(CrmError):
    """A parameter of the query that the path does not take."""

    status = 422

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = tuple(known)
        super().__init__(f"There is no parameter “{name}”. There are: {', '.join(known)}.")
