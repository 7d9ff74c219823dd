"""Everything that the domain can refuse, in one tree. Each says what was received, what is allowed, what to do."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


class CrmError(Exception):
    """The base of all errors of the domain."""

    status = 400
    """The HTTP status that fits, so that faces need no table of their own."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one value: which row (0-based) and field, a stable code, words, what came in."""

    field: str
    code: str
    message: str
    received: Any = None
    row: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The problem as the API shows it: without the row when there is one record only."""
        return {key: value for key, value in asdict(self).items() if key != "row"}


class ValuesInvalid(CrmError):
    """Some values break the rules of their fields; carries every problem of every row."""

    status = 422

    def __init__(self, module: str, problems: Sequence[Problem]) -> None:
        self.module = module
        self.problems = tuple(problems)
        first = self.problems[0]
        more = f" and {len(self.problems) - 1} more" if len(self.problems) > 1 else ""
        super().__init__(
            f"{module}: {first.message}{more}. Nothing was written; mend the values and try again."
        )


class Told(str):
    """A sentence about a definition that knows the place in the document it speaks of: keys and indices from the top.

    `line` and `column`, both from 1, are known where the document was YAML. It is a text like any other to whoever does
    not ask.
    """

    place: tuple[int | str, ...]
    line: int | None
    column: int | None

    def __new__(
        cls,
        sentence: str,
        place: Sequence[int | str] = (),
        *,
        line: int | None = None,
        column: int | None = None,
    ) -> "Told":
        told = super().__new__(cls, sentence)
        told.place, told.line, told.column = tuple(place), line, column
        return told


class DefinitionInvalid(CrmError):
    """A definition contradicts itself or others; carries every problem found."""

    status = 422

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        self.what = what
        self.problems = tuple(problems)
        lines = "; ".join(self.problems)
        super().__init__(f"{what} cannot be used: {lines}. Nothing was changed.")


class ConditionInvalid(CrmError):
    """A condition is no tree, names an unknown field, or compares with a value of the wrong kind."""

    status = 422

    def __init__(self, received: Any, reason: str) -> None:
        self.received = received
        self.reason = reason
        super().__init__(f"The condition cannot be used: {reason}.")


class TemplateInvalid(CrmError):
    """A template cannot be read, names a missing field, or does what none may."""

    status = 422

    def __init__(self, received: Any, reason: str) -> None:
        self.received = received
        self.reason = reason
        super().__init__(f"The template cannot be used: {reason}.")


class UnknownModule(CrmError):
    """No module of that name, or none that the actor may know of."""

    status = 404

    def __init__(self, slug: str, known: Sequence[str] = ()) -> None:
        self.slug = slug
        self.known = tuple(known)
        hint = f" There are: {', '.join(known)}." if known else ""
        super().__init__(f"There is no module “{slug}”.{hint}")


class RecordNotFound(CrmError):
    """No such live record, or none that the actor may see: a stranger cannot tell which."""

    status = 404

    def __init__(self, module: str, record_id: str) -> None:
        self.module = module
        self.record_id = record_id
        super().__init__(f"There is no record {record_id} in {module}.")


class Forbidden(CrmError):
    """The actor may see this but not do it."""

    status = 403

    def __init__(self, actor: str, verb: str, what: str) -> None:
        self.actor = actor
        self.verb = verb
        self.what = what
        super().__init__(f"{actor} may not {verb} {what}. Ask an administrator for the right to.")


class VersionConflict(CrmError):
    """Somebody else changed the same field since; carries base, current and yours of each."""

    status = 412

    def __init__(self, module: str, record_id: str, conflicts: Sequence[dict[str, Any]]) -> None:
        self.module = module
        self.record_id = record_id
        self.conflicts = tuple(conflicts)
        fields = ", ".join(str(conflict["field"]) for conflict in conflicts)
        super().__init__(
            f"{fields} of this record changed since you read it. Look at the current value and decide again."
        )


class Conflict(CrmError):
    """The request contradicts the state of things (a key is taken, a load is already undone)."""

    status = 409


class SettingInvalid(CrmError):
    """A setting stops the start: which one, what was received, what is allowed."""

    def __init__(self, name: str, received: Any, allowed: str) -> None:
        self.name = name
        self.received = received
        self.allowed = allowed
        super().__init__(f"The setting {name} is {received!r}; allowed is {allowed}.")
