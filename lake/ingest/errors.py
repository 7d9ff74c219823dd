"""What can go wrong while a file is read: everything here is the input's fault, and says what to do about
it.
"""

from __future__ import annotations

from collections.abc import Sequence

from lake.errors import LakeError


class IngestError(LakeError):
    """The base of everything that stops a file from being read; `path` is the file as it was named."""

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path


class NotFoundError(IngestError):
    """A file, folder or pattern names nothing that can be read."""


class EmptyInputError(IngestError):
    """The file holds not a single line."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is empty: a header line is needed at least.", path=path)


class FormatError(IngestError):
    """The bytes are not what the format says, or no known format at all."""

    def __init__(self, path: str, *, received: str, advice: str) -> None:
        super().__init__(f"{path} cannot be read: {received}. {advice}", path=path)
        self.received = received
        self.advice = advice


class EncodingError(IngestError):
    """The bytes are not text in the encoding that was asked for."""

    def __init__(self, path: str, *, encoding: str, detail: str) -> None:
        super().__init__(
            f"{path} is not text in {encoding}: {detail}. Leave the encoding out to have it found, "
            "or name another: utf-8, utf-16, windows-1252, latin-1 or any other that Python knows.",
            path=path,
        )
        self.encoding = encoding
        self.detail = detail


class OptionError(IngestError):
    """An option of reading cannot be meant."""

    def __init__(
        self, message: str, *, path: str, option: str, received: object, allowed: Sequence[str]
    ) -> None:
        super().__init__(message, path=path)
        self.option = option
        self.received = received
        self.allowed = tuple(allowed)


class ChangedWhileReadError(IngestError):
    """The file was written to while it was read, so that two passes saw different bytes."""

    def __init__(self, path: str, *, expected: int, received: int) -> None:
        super().__init__(
            f"{path} changed while it was read: first it had {expected:,} lines, then {received:,}. "
            "Wait until whoever writes it is done, and try again.",
            path=path,
        )
        self.expected = expected
        self.received = received


class SourceDatabaseError(IngestError):
    """The database or its table cannot be read."""
