"""What a load can refuse as a whole; what is wrong with single rows and values stands among its rejects."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.errors import Conflict, CrmError


class LoadError(CrmError):
    """The base of everything that stops a load; nothing of it was written."""

    status = 422


class ContractInvalid(LoadError):
    """A source's contract names what the module does not have, or contradicts itself; carries every problem."""

    def __init__(self, source: str, module: str, problems: Sequence[str]) -> None:
        self.source = source
        self.module = module
        self.problems = tuple(problems)
        super().__init__(
            f"The contract of “{source}” with {module} cannot be used: {'; '.join(problems)}. Nothing was loaded."
        )


class KeyMissing(LoadError):
    """The mode needs a key, and none was given, or no column of the file brings it."""

    def __init__(self, mode: str, *, key: Sequence[str], columns: Sequence[str]) -> None:
        self.mode = mode
        self.key = tuple(key)
        self.columns = tuple(columns)
        wanted = f"the key {', '.join(key)}" if key else "a key (--key)"
        super().__init__(
            f"The mode {mode} needs {wanted} in the file, whose columns are: {', '.join(columns) or 'none'}. "
            "Name a field that a column is mapped to, or map one."
        )


class NothingMapped(LoadError):
    """Not one column of the file is known to the module."""

    def __init__(self, module: str, *, columns: Sequence[str], fields: Sequence[str]) -> None:
        self.module = module
        self.columns = tuple(columns)
        self.fields = tuple(fields)
        super().__init__(
            f"No column of the file belongs to {module}. The file has: {', '.join(columns)}. "
            f"The module has: {', '.join(fields)}. Map them (--map), or choose another module."
        )


class StrictFailure(LoadError):
    """Under `--strict` every row and value must be taken as it is, and every reference found."""

    def __init__(self, *, rejected: int, values_rejected: int, pending_references: int, first: str) -> None:
        self.rejected = rejected
        self.values_rejected = values_rejected
        self.pending_references = pending_references
        super().__init__(
            f"Nothing was loaded, as asked for: {rejected:,} rows and {values_rejected:,} values would be rejected and "
            f"{pending_references:,} references would be pending. The first: {first.rstrip('.')}. Load without "
            "--strict to take what is right."
        )


class NewColumns(LoadError):
    """The contract freezes the columns, and the file brings others."""

    def __init__(self, source: str, columns: Sequence[str]) -> None:
        self.source = source
        self.columns = tuple(columns)
        super().__init__(
            f"The contract of “{source}” allows no new columns, and the file brings: {', '.join(columns)}. "
            "Add them to the contract, or set new_columns to keep or evolve."
        )


class WouldDeleteAll(LoadError):
    """A mirror load whose file has not one row that can be taken: it would delete every record of the source."""

    def __init__(self, source: str, count: int) -> None:
        self.source = source
        self.count = count
        super().__init__(
            f"The file has no row that can be loaded, and a mirror would delete all {count:,} records of “{source}”. "
            "Nothing was done; if that is meant, delete them by a condition."
        )


class UnknownLoad(LoadError):
    """There is no such load, or none that the actor may know of."""

    status = 404

    def __init__(self, load_id: str) -> None:
        self.load_id = load_id
        super().__init__(f"There is no load {load_id}.")


class UnknownSource(LoadError):
    """Nothing was ever loaded from a source of that name, and it has no contract."""

    status = 404

    def __init__(self, source: str, known: Sequence[str]) -> None:
        self.source = source
        self.known = tuple(known)
        hint = f" There are: {', '.join(known)}." if known else " There is none yet."
        super().__init__(f"There is no source “{source}”.{hint}")


class AlreadyUndone(Conflict):
    """The load was undone before, or never changed anything."""

    def __init__(self, load_id: str, *, state: str) -> None:
        self.load_id = load_id
        self.state = state
        why = "was undone already" if state == "undone" else "changed nothing"
        super().__init__(f"The load {load_id} {why}; there is nothing to undo.")


class FolderUnusable(LoadError):
    """The folder to watch is none, or files cannot be moved in it."""

    status = 400

    def __init__(self, folder: str, *, detail: str) -> None:
        self.folder = folder
        self.detail = detail
        super().__init__(
            f"{folder} cannot be watched: {detail}. Name a folder in which files may be moved to "
            "its subfolders done and failed."
        )


class LoadCancelled(LoadError):
    """The load was cancelled before it was written; there is no trace of it."""

    status = 409

    def __init__(self) -> None:
        super().__init__("The load was cancelled. Nothing was written.")
