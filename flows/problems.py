"""What is wrong with a definition: sentences that know the place they speak of."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from crm_core.errors import Told as Told
from crm_core.model import Condition
from crm_core.yaml import Place as Place


class ShapeInvalid(ValueError):
    """A part of a definition has the wrong shape; carries everything that is wrong with it, each with its place."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def place_of(sentence: str) -> Place:
    """The place that a sentence speaks of; the top, when it names none."""
    return sentence.place if isinstance(sentence, Told) else ()


def below(place: Sequence[int | str], problems: Iterable[str], *, said: str = "") -> list[Told]:
    """Problems of a part as problems of the whole: `place` leads to the part, `said` begins each sentence."""
    return [Told(said + problem, (*place, *place_of(problem))) for problem in problems]


def problems_in(error: ValueError, place: Sequence[int | str] = (), *, said: str = "") -> list[Told]:
    """What an error over a part of a document says, as problems of the whole."""
    found = error.problems if isinstance(error, ShapeInvalid) else (str(error),)
    return below(place, found, said=said)


def words_of(found: ErrorDetails) -> str:
    """What pydantic found, as people say it; it follows the name of the part."""
    if found["type"] == "missing":
        return " is missing"
    if found["type"] == "extra_forbidden":
        return " is not known here"
    if found["type"] == "union_tag_not_found":
        return ": a condition is all, any, not, or a field with op and value"
    said = found["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    received = "" if found["type"] == "value_error" else f"; this is {found['input']!r}"
    return f": {said}{received if len(received) < 200 else received[:200] + '…'}"


_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def read_condition(given: Any, place: Place = ()) -> Condition:
    """Read a condition that stands at a place of a document; nothing asked is always true.

    Raises:
        ShapeInvalid: With everything that is wrong with it.
    """
    try:
        return _CONDITION.validate_python({} if given is None else given)
    except ValidationError as error:
        found = [(condition_place(one["loc"]), one) for one in error.errors()]
        raise ShapeInvalid(
            Told(".".join(map(str, (*place, *at))) + words_of(one), (*place, *at)) for at, one in found
        ) from error


def condition_place(location: Sequence[int | str]) -> Place:
    """Where pydantic found something wrong in a condition, without the names of the union's branches."""
    rest, place = list(location), list[int | str]()
    while rest:
        branch = rest.pop(0)
        if branch == "field" or branch not in ("all", "any", "not"):
            return (*place, *(rest if branch == "field" else [branch, *rest]))
        place += rest[:1] if branch == "not" else rest[:2]
        rest = rest[1:] if branch == "not" else rest[2:]
    return tuple(place)
