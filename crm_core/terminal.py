"""What a command of the terminal works on, and how it ends; which commands there are stands in `cli`.

Nothing is imported here that takes time, so that `--help` is quick: the core is imported when it is first used.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crm_core.access import Actor
    from crm_core.model import Catalog
    from crm_core.workspace import Workspace
    from lake import Lake


class Package:
    """A package whose modules are imported when something of them is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, module: str) -> Any:
        return importlib.import_module(f"{self._name}.{module}")


crm = Package("crm_core")
DOOR = "terminal"


@dataclass(frozen=True)
class Here:
    """What a command works on: the open workspace, and who acts."""

    workspace: "Workspace"
    actor: "Actor"

    @property
    def lake(self) -> "Lake":
        """The lake of the workspace."""
        return self.workspace.lake

    @property
    def catalog(self) -> "Catalog":
        """The definitions as they are now."""
        return self.workspace.catalog

    @property
    def doing(self) -> dict[str, Any]:
        """Who writes and through which door, as every writing function of the core asks for it."""
        return {"actor": self.actor, "door": DOOR}


def command(
    work: Callable[..., Any], *, opens: Callable[[], "Workspace"], added: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    """Make a function of `Here` a command that opens the workspace, says who acts, and tells what comes back.

    A parameter whose default is a function stands for that function's own, and is given what it returns.

    Args:
        work: gets `Here` and its own parameters; returns plain data.
        opens: opens the workspace.
        added: the parameters `as_json` and `as_user`, as the terminal is to read them.

    Returns:
        A function that has the parameters of `work`, as keywords, and those that were added.
    """
    keyword = inspect.Parameter.KEYWORD_ONLY
    asked = dict(list(inspect.signature(work).parameters.items())[1:])
    functions = {name: p.default for name, p in asked.items() if inspect.isfunction(p.default)}
    shared = {name: inspect.signature(one).parameters for name, one in functions.items()}

    def run(*, as_json: bool, as_user: str | None, **given: Any) -> None:
        with failing(as_json=as_json), _opened(opens) as opened:
            named = as_user and crm.people.actor_of(opened.lake, as_user)
            here = Here(opened, named or crm.access.Actor.local_admin())
            for name, inner in shared.items():
                given[name] = functions[name](**{key: given.pop(key) for key in inner})
            crm.telling.tell(work(here, **given), as_json=as_json)

    parts = (shared.get(name, {name: p}).values() for name, p in asked.items())
    own = [p.replace(kind=keyword) for part in parts for p in part]
    run.__name__, run.__doc__ = work.__name__, work.__doc__
    vars(run)["__signature__"] = inspect.Signature([*own, *added])
    run.__annotations__ = {}
    return run


def _opened(opens: Callable[[], "Workspace"]) -> "Workspace":
    crm.logs.write_logs()
    return opens()


@contextmanager
def failing(*, as_json: bool = False) -> Iterator[None]:
    """Say what goes wrong within, and end with 1; what nobody expected goes into the log as well."""
    try:
        yield
    except BrokenPipeError:
        # Whoever read has enough; the terminal's library ends without a word.
        raise
    except Exception as error:
        problem = crm.problems.problem_of(error)
        if problem["status"] == 500:
            crm.logs.log_failure("command failed", error)
        crm.telling.tell_problem(problem, as_json=as_json)
        sys.exit(1)
