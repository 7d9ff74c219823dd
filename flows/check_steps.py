"""Whether the steps of a flow can be done, said in sentences with the number of the step."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_leaf
from crm_core.errors import ConditionInvalid, CrmError, DefinitionInvalid, UnknownModule
from crm_core.model import Condition, Leaf, Path, Reference, ToMany
from crm_core.model.condition import leaves
from crm_core.params import Params
from crm_core.relations import Relations
from flows.checks import Checks
from flows.steps import Branch, Call, ForEach, Place, Step, Stop, Wait, children, key_of, size

Problem = tuple[Place, str]


def step_problems(checks: Checks, steps: Sequence[Step], *, place: Place = ("do",)) -> list[Problem]:
    """Everything that keeps steps from being done, each with its place in the document."""
    return list(_walk(checks, steps, place, 0, within=False))


def condition_problems(checks: Checks, condition: Condition, *, changes: bool) -> Iterator[str]:
    """What is wrong with a condition over records of a module; `changes` says whether `changed` can be asked."""
    relations = Relations(checks.catalog, Actor.system(), Params())
    scope = Scope(checks.module, "f", relations, old_alias="f" if changes else None)
    for leaf in leaves(condition):
        yield from _leaf_problems(leaf, scope)


def _leaf_problems(leaf: Leaf, scope: Scope) -> Iterator[str]:
    try:
        compile_leaf(leaf, scope)
    except (ConditionInvalid, UnknownModule) as error:
        yield f"the condition: {_reason(error)}"


def _walk(
    checks: Checks, steps: Sequence[Step], place: Place, number: int, *, within: bool
) -> Iterator[Problem]:
    for index, step in enumerate(steps):
        here = (*place, index)
        said = f"step {number + 1} ({key_of(step)})"
        yield from ((here, f"{said}: {problem}") for problem in _own(checks, step, within=within))
        first, inner = number + 1, _within(checks, step)
        for keys, some in children(step):
            if inner is not None:
                around = within or isinstance(step, ForEach)
                yield from _walk(inner, some, (*here, *keys), first, within=around)
            first += sum(map(size, some))
        number += size(step)


def _within(checks: Checks, step: Step) -> Checks | None:
    """What the steps within a step are checked against; None when nobody can say."""
    if not isinstance(step, ForEach):
        return checks
    found = _many(checks, step.path)
    return None if isinstance(found, str) else replace(checks, module=found.module)


def _own(checks: Checks, step: Step, *, within: bool) -> Iterator[str]:
    match step:
        case Branch(arms=arms):
            for arm in arms:
                yield from condition_problems(checks, arm.when, changes=True)
        case Wait():
            if within:
                yield "a wait cannot stand within for_each; call a flow that waits"
            yield from _wait_problems(checks, step)
        case ForEach(path=path, when=when):
            found = _many(checks, path)
            if isinstance(found, str):
                yield found
            else:
                yield from condition_problems(replace(checks, module=found.module), when, changes=False)
        case Call():
            yield from _call_problems(checks, step)
        case Stop():
            pass
        case _:
            yield from step.problems(checks)


def _wait_problems(checks: Checks, wait: Wait) -> Iterator[str]:
    if wait.until is not None:
        path = _path(checks, wait.until)
        if isinstance(path, str):
            yield path
        elif path.column_type not in ("DATE", "TIMESTAMPTZ") or any(
            isinstance(s, ToMany) for s in path.steps
        ):
            yield f"“{wait.until}” is no date or time of the record or of one that it links to"
    if wait.event is None:
        return
    watched = checks
    if wait.of is not None:
        found = _many(checks, wait.of)
        if isinstance(found, str):
            yield found
            return
        if found.reference is None or "." in wait.of:
            yield f"“{wait.of}” cannot be waited for: only records that link to this one can be, one link away"
            return
        watched = replace(checks, module=found.module)
    for slug in wait.fields:
        path = _path(watched, slug)
        if isinstance(path, str):
            yield path
        elif path.steps:
            yield f"the wait can watch fields of {watched.module} itself, not “{slug}”"
    yield from condition_problems(watched, wait.when, changes=True)


def _call_problems(checks: Checks, call: Call) -> Iterator[str]:
    known = {slug for kind, slug in checks.catalog.stored if kind == "flow"} | set(checks.catalog.flows)
    if call.flow not in known:
        yield f"there is no flow “{call.flow}” to call; there are {', '.join(sorted(known)) or 'none'}"
        return
    document = checks.catalog.flows.get(call.flow)
    stored = checks.catalog.stored.get(("flow", call.flow))
    document = document or (stored.document if stored else {})
    try:
        module = called_module(checks, call)
    except (ConditionInvalid, DefinitionInvalid) as error:
        yield _reason(error)
        return
    if str(document.get("module")) not in module:
        wanted = " or ".join(module)
        yield f"the flow {call.flow} is for {document.get('module')}, and is called on {wanted}"


def called_module(checks: Checks, call: Call) -> tuple[str, ...]:
    """The modules of which the record may be that a call is made on.

    Raises:
        ConditionInvalid: The path leads to no single record.
    """
    if call.on is None:
        return (checks.module,)
    path = checks.catalog.resolve(checks.module, call.on)
    if not isinstance(path.field, Reference) or any(isinstance(step, ToMany) for step in path.steps):
        raise ConditionInvalid(call.on, f"“{call.on}” is no link to one record; for several write for_each")
    return path.field.targets


def _many(checks: Checks, text: str) -> ToMany | str:
    """The list that a path leads to, or what is wrong with it."""
    path = _path(checks, text)
    if isinstance(path, str):
        return path
    lists = [step for step in path.steps if isinstance(step, ToMany)]
    if len(lists) != 1 or path.steps[-1] is not lists[0] or text.endswith(".id"):
        has = ", ".join(sorted(link.slug for link in checks.catalog.to_many(checks.module))) or "none"
        return f"“{text}” is no list of related records; {checks.module} has {has}"
    return lists[0]


def _path(checks: Checks, text: str) -> Path | str:
    try:
        return checks.catalog.resolve(checks.module, text)
    except (ConditionInvalid, UnknownModule) as error:
        return _reason(error)


def _reason(error: CrmError) -> str:
    return str(getattr(error, "reason", error))
