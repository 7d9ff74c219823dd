"""What can go wrong in the lake: one tree, so that a caller catches as much or as little as it means to."""

from __future__ import annotations


class LakeError(Exception):
    """The base of everything that the lake raises; facts about the failure are attributes."""


class SettingError(LakeError):
    """The lake cannot be opened with these settings."""

    def __init__(self, message: str, *, setting: str, received: str) -> None:
        super().__init__(message)
        self.setting = setting
        self.received = received


class InvalidNameError(LakeError):
    """A name cannot be an identifier of the lake."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} cannot be an identifier: 1 to 128 characters without control characters are allowed."
        )
        self.name = name


class NulCharacterError(LakeError):
    """A text holds the character U+0000, which catalogs store wrongly or not at all."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where} holds the character U+0000. The lake stores any text without it: remove it first."
        )
        self.where = where


class StatementError(LakeError):
    """A statement failed and would fail again: bad SQL, a bad value, a missing table."""

    def __init__(self, message: str, *, sql: str) -> None:
        super().__init__(message)
        self.sql = sql


class SnapshotMissingError(StatementError):
    """A statement asks for a snapshot that the catalog does not have."""

    def __init__(self, message: str, *, sql: str, snapshot: int) -> None:
        super().__init__(message, sql=sql)
        self.snapshot = snapshot


class CancelledError(LakeError):
    """The statement was interrupted, or ran out of its time, by the caller's own wish."""

    def __init__(self, message: str, *, sql: str) -> None:
        super().__init__(message)
        self.sql = sql


class TransientError(LakeError):
    """The same call may succeed when it is made again: the catalog was busy or another writer won."""


class CatalogBusyError(TransientError):
    """The catalog itself was locked when a statement wanted it."""


class StaleCatalogError(TransientError):
    """What this engine remembers of the catalog was changed by another; it must read the catalog afresh."""


class LakeLockedError(TransientError):
    """The writer lock, or the catalog itself, was not free within the time allowed."""

    def __init__(self, catalog: str, *, waited: float, holder: str = "another process") -> None:
        super().__init__(
            f"The catalog {catalog} is locked by {holder}: it was not free within {waited:.1f} s. "
            "Wait for the other writer to finish, or end it, and try again."
        )
        self.catalog = catalog
        self.waited = waited
        self.holder = holder


class ConflictError(TransientError):
    """Another writer changed the same data between this transaction's begin and its commit."""

    def __init__(self, message: str, *, sql: str) -> None:
        super().__init__(message)
        self.sql = sql


class StorageFullError(LakeError):
    """The disk is full; nothing of the transaction was written and the lake stays readable."""

    def __init__(self, *, detail: str, file: str | None = None) -> None:
        super().__init__(
            f"No space is left for the lake: {detail} Nothing was written and the lake can still be read. "
            "Make room and try again."
        )
        self.detail = detail
        self.file = file


class TransactionAbortedError(LakeError):
    """A statement of the transaction had failed, so nothing of it was stored, though its work went on."""

    def __init__(self, change_id: str, *, detail: str) -> None:
        super().__init__(
            f"Nothing of the change {change_id} was stored: {detail} "
            "Let the error of a statement end the work; there are no savepoints."
        )
        self.change_id = change_id
        self.detail = detail


class RetentionError(LakeError):
    """Snapshots that something still needs would be expired."""

    def __init__(self, message: str, *, needed_by: tuple[str, ...], oldest_needed: int) -> None:
        super().__init__(message)
        self.needed_by = needed_by
        self.oldest_needed = oldest_needed


class QueryRefused(LakeError):
    """A query holds something that the SQL door does not let through."""

    def __init__(self, received: str, *, allowed: str, hint: str = "") -> None:
        super().__init__(
            f"The query was refused: it holds {received}. Allowed: {allowed}.{' ' + hint if hint else ''}"
        )
        self.received = received
        self.allowed = allowed
        self.hint = hint


class QueryInvalid(LakeError):
    """A query that is allowed but cannot be run; the message is the engine's own."""


class QueryTooLarge(QueryInvalid):
    """A query that needs more memory than queries have."""

    def __init__(self, memory_limit: str) -> None:
        super().__init__(
            f"The query needs more memory than the {memory_limit} that a query has. "
            "Read fewer rows or columns, or aggregate earlier."
        )
        self.memory_limit = memory_limit


class QueryTimeout(LakeError):
    """A query was stopped because it took too long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The query was stopped after {seconds:g} s. Read fewer rows: filter by a date or an id, or aggregate."
        )
        self.seconds = seconds


class FeedError(LakeError):
    """The change feed cannot be read over this window of this table."""


class FeedExpiredError(FeedError):
    """The feed starts at snapshots that were expired."""

    def __init__(self, *, after: int, oldest: int) -> None:
        super().__init__(
            f"What changed after snapshot {after} cannot be told any more: the oldest snapshot kept is {oldest}. "
            f"Start at {oldest} or later; field changes before it stand in ops.history."
        )
        self.after = after
        self.oldest = oldest
